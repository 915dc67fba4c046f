package bedrock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/base/effect"
)

// Cause says what a failed call means for the one who made it.
type Cause int

// The causes.
const (
	CauseUnknown   Cause = iota // it may have been done: look before doing it again
	CauseThrottled              // not done; later
	CauseNoSlot                 // not done; when another job has ended
	CauseDenied                 // not done; a person has to grant something
	CauseRejected               // not done; the request itself is wrong
	CauseConflict               // not done; it contradicts what is there
	CauseNotFound               // the resource does not exist, or not yet
	CauseModel                  // an on-demand call failed at the model: 408, 424, 5xx
)

// Fault is a call's failure with its cause. It wraps a *quarry.Error.
type Fault struct {
	Cause   Cause
	Code    string // of the error, as Bedrock names it; empty when there was no answer
	Status  int    // of HTTP; 0 when there was no answer
	Message string // verbatim
	Unsent  bool   // the request never left: no one could be reached
	err     error
}

// Error gives what was done to what, and why it failed.
func (f *Fault) Error() string { return f.err.Error() }

// Unwrap gives the *quarry.Error.
func (f *Fault) Unwrap() error { return f.err }

// CauseOf gives the cause of an error of this package; CauseUnknown for any other.
func CauseOf(err error) Cause {
	var f *Fault
	if errors.As(err, &f) {
		return f.Cause
	}
	return CauseUnknown
}

func (c *Client) fault(ctx context.Context, op, subject string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := &Fault{Cause: CauseUnknown}
	var reply *http.ResponseError
	if errors.As(err, &reply) {
		f.Status = reply.HTTPStatusCode()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		err = effect.Unanswered(err)
		f.Message, f.Unsent = err.Error(), unsent(err)
		f.err = &quarry.Error{
			Kind: quarry.Provider, Op: op, Subject: subject, Err: err,
			Hint: "check the network, the Region and AWS_ENDPOINT_URL, then rerun the same command; it resumes where it stopped",
		}
		return f
	}
	f.Code, f.Message = api.ErrorCode(), api.ErrorMessage()
	kind, hint := quarry.Provider, "rerun the same command; it resumes where it stopped"
	switch f.Code {
	case "ThrottlingException", "TooManyRequestsException":
		f.Cause = CauseThrottled
	case "ServiceQuotaExceededException":
		f.Cause, kind = CauseNoSlot, quarry.OverLimit
		hint = "see the quotas of this model in this Region: aws service-quotas list-service-quotas --service-code bedrock"
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
		"InvalidAccessKeyId", "SignatureDoesNotMatch", "MissingAuthenticationTokenException":
		f.Cause, kind = CauseDenied, quarry.Denied
		hint = "grant the caller this action, and iam:PassRole on the service role with iam:PassedToService = bedrock.amazonaws.com"
	case "ValidationException":
		f.Cause, kind = CauseRejected, quarry.BadUsage
		hint = "the message says which member of the request is wrong; model, role, bucket and names come from flags and quarry.yaml"
	case "ConflictException":
		f.Cause = CauseConflict
	case "ResourceNotFoundException":
		f.Cause, hint = CauseNotFound, "it does not exist in this account and Region: check its name, --region and the account (aws sts get-caller-identity)"
		if strings.Contains(f.Message, "end of its life") {
			kind, hint = quarry.BadUsage, "name an available model with --model and rerun the command: the new model gets all documents, because its answers differ; "+
				"the answers of the old model are kept, and jobs that are still running are collected first"
		}
	case "ModelTimeoutException", "ModelErrorException", "ModelNotReadyException", "ServiceUnavailableException", "InternalServerException", "ModelStreamErrorException":
		f.Cause = CauseModel
	}
	f.err = &quarry.Error{Kind: kind, Op: op, Subject: subject, Err: fmt.Errorf("%s: %s", f.Code, f.Message), Hint: hint}
	return f
}

// unsent tells a connection that was never made from one that broke.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
