package account

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithytime "github.com/aws/smithy-go/time"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"quarry"
	"quarry/internal/base/effect"
)

// ErrClock says that this machine's clock is so far from AWS's that signed requests are refused.
var ErrClock = errors.New("the clock is wrong")

// maxSkew is the difference of clocks beyond which S3 refuses a request
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed). The SDK corrects the time of
// its signatures by the answers it gets, but not where an answer has no body, as that to HeadBucket.
const maxSkew = 15 * time.Minute

const (
	operation = "identify the credentials"
	subject   = "(sts:GetCallerIdentity)"
	checkWith = "; then check with: aws sts get-caller-identity"
)

// WhoAmI asks STS. It needs no right, so a failure means that there are no working credentials
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html), that nothing answers, or that the clock
// is wrong ([ErrClock]). An address that refuses the connection is not asked again: the first call finds a wrong one.
func WhoAmI(ctx context.Context, c aws.Config) (Identity, error) {
	if c.Credentials != nil {
		if _, err := c.Credentials.Retrieve(ctx); err != nil {
			return Identity{}, noCredentials(ctx, err)
		}
	}
	client := sts.NewFromConfig(c, func(o *sts.Options) { o.Retryer = onceRefused{o.Retryer} })
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, unknownCaller(ctx, err)
	}
	if there, ok := middleware.GetServerTime(out.ResultMetadata); ok {
		here, _ := middleware.GetResponseAt(out.ResultMetadata)
		if err := checkClock(here, there); err != nil {
			return Identity{}, err
		}
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	parts := strings.Split(id.ARN, ":")
	if len(parts) < 6 || id.Account == "" {
		return Identity{}, &quarry.Error{
			Kind: quarry.Provider, Op: operation, Subject: subject, Err: fmt.Errorf("the answer has no account or ARN: %q", id.ARN),
			Hint: "check the server at AWS_ENDPOINT_URL",
		}
	}
	id.Partition = parts[1]
	return id, nil
}

// noCredentials says that there is nothing to sign a request with.
func noCredentials(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// The last provider that the SDK asks is the role of an EC2 machine: that it fails means that none had any.
	var op *smithy.OperationError
	if errors.As(err, &op) && op.Service() == "ec2imds" {
		err = errors.New("no AWS credentials are set: none in the environment, none in ~/.aws, no role of this machine")
	}
	return denied(err)
}

func denied(err error) error {
	return &quarry.Error{
		Kind: quarry.Denied, Op: operation, Subject: subject, Err: err,
		Hint: "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in again (`aws sso login`)" + checkWith,
	}
}

// unknownCaller says why STS did not tell.
func unknownCaller(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var reply *smithyhttp.ResponseError
	if errors.As(err, &reply) && reply.Response != nil {
		if there, bad := smithytime.ParseHTTPDate(reply.Response.Header.Get("Date")); bad == nil {
			if err := checkClock(time.Now(), there); err != nil {
				return err
			}
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) { // the SDK wraps it in three layers of its own
		return denied(fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage()))
	}
	var sent *url.Error
	if !errors.As(err, &sent) {
		return denied(err)
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: operation, Subject: subject, Err: effect.Unanswered(err),
		Hint: "check AWS_ENDPOINT_URL (unset it to use AWS itself), the Region and the network" + checkWith,
	}
}

// checkClock compares this machine's time with that in an answer.
func checkClock(here, there time.Time) error {
	off, where := here.Sub(there).Round(time.Minute), "later than"
	if off < 0 {
		off, where = -off, "earlier than"
	}
	if off <= maxSkew {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.Denied, Op: "check the clock", Err: fmt.Errorf("%w: it is %s %s AWS's (here %s, there %s), and S3 refuses requests signed more than %d minutes off",
			ErrClock, shortly(off), where, here.UTC().Format(time.RFC3339), there.UTC().Format(time.RFC3339), int(maxSkew.Minutes())),
		Hint: "set this machine's clock (Linux: timedatectl set-ntp true; macOS: sntp -sS time.apple.com; Windows: w32tm /resync), then rerun the same command",
	}
}

// shortly writes a duration without its seconds.
func shortly(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// onceRefused does not retry a connection that was refused or has no address: waiting seldom helps, and a wrong address is
// the most frequent cause.
type onceRefused struct{ aws.Retryer }

// IsErrorRetryable leaves all other errors to the retryer that it has.
func (r onceRefused) IsErrorRetryable(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return dns.Temporary() && r.Retryer.IsErrorRetryable(err)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" && !op.Timeout() {
		return false
	}
	return r.Retryer.IsErrorRetryable(err)
}

// notSilence does not retry the metadata service of EC2 where it is silent: it answers from within the machine or not at all,
// and the AWS CLI does not ask it twice either (https://docs.aws.amazon.com/cli/latest/topic/config-vars.html,
// metadata_service_num_attempts).
type notSilence struct{ aws.Retryer }

// IsErrorRetryable leaves all other errors to the retryer that it has.
func (r notSilence) IsErrorRetryable(err error) bool {
	var sent *url.Error
	if errors.As(err, &sent) {
		if to, bad := url.Parse(sent.URL); bad == nil && strings.HasPrefix(to.Path, "/latest/") {
			return false
		}
	}
	return r.Retryer.IsErrorRetryable(err)
}
