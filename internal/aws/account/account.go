// Package account knows on whose behalf calls are made: AWS settings and identity.
//
// It owns the SDK's configuration (profiles, SSO, environment, endpoint) and STS, and nothing of what is done with
// them. It is their only importer. What always holds: with fixed keys nothing is read from the environment.
package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"quarry"
	"quarry/internal/base/effect"
)

// DefaultRegion is used where neither a flag nor the SDK's own settings name a Region.
const DefaultRegion = "us-west-2"

// Config says whose account it is.
type Config struct {
	Region  string // empty: as the SDK finds it, else DefaultRegion
	Profile string // of the shared configuration; empty: as the SDK finds it
	// Fixed, where set, is the whole answer: the environment is not looked at.
	Fixed *FixedKeys
	HTTP  aws.HTTPClient // of Fixed
	// Backoff is the longest wait between two tries of a call. Zero: 20 s.
	Backoff time.Duration
	// Effects count the requests to AWS.
	Effects *effect.Effects
}

// FixedKeys are an endpoint with its own key, such as a stand-in's.
type FixedKeys struct {
	Endpoint, KeyID, Secret string
}

// Load gives the SDK's settings. It makes no call; that there are no credentials is found by the first one.
func Load(ctx context.Context, cfg Config) (aws.Config, error) {
	// More patience than the SDK's three attempts in seconds: a run lasts hours, and these are its few control calls.
	if cfg.Backoff == 0 {
		cfg.Backoff = 20 * time.Second
	}
	attempts := 8
	patient := func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.MaxBackoff = cfg.Backoff
			o.RateLimiter = unlimited{}
			// A hook that ended the process is no error of the network.
			o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
				if errors.Is(err, effect.ErrHook) {
					return aws.FalseTernary
				}
				return aws.UnknownTernary
			})}, o.Retryables...)
		})
	}
	if cfg.Fixed != nil {
		region := cfg.Region
		if region == "" {
			region = DefaultRegion
		}
		return aws.Config{
			Region:       region,
			BaseEndpoint: aws.String(cfg.Fixed.Endpoint),
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: cfg.Fixed.KeyID, SecretAccessKey: cfg.Fixed.Secret, Source: "fixed"}, nil
			}),
			HTTPClient: cfg.HTTP,
			Retryer:    patient,
			Logger:     logging.Nop{},
			// A bearer token in the environment is for AWS; a fixed key is used as it is.
			AuthSchemePreference: []string{"sigv4"},
		}, nil
	}
	// The patience is not for the providers of credentials: a machine without the metadata service of EC2 would wait for it
	// through all attempts. The SDK writes to stderr unless it has a logger, past --quiet.
	opts := []func(*config.LoadOptions) error{
		// Of this type alone the SDK takes AWS_CA_BUNDLE.
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(effect.Tune)), config.WithLogger(logging.Nop{}),
		config.WithRetryer(func() aws.Retryer { return notSilence{retry.NewStandard()} }),
	}
	if cfg.Region != "" {
		opts = append(opts, config.WithRegion(cfg.Region))
	}
	if cfg.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(cfg.Profile))
	}
	c, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read AWS settings", Err: err,
			Hint: "check --profile, ~/.aws/config and the AWS_* variables; `aws configure list` shows what is set",
		}
	}
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	c.Retryer = patient
	// The SDK passes over AWS_MAX_ATTEMPTS and max_attempts where a retryer is given.
	for _, source := range c.ConfigSources {
		if s, ok := source.(interface {
			GetRetryMaxAttempts(context.Context) (int, bool, error)
		}); ok {
			if n, found, err := s.GetRetryMaxAttempts(ctx); err == nil && found {
				attempts = n
				break
			}
		}
	}
	c.HTTPClient = cfg.Effects.Count(c.HTTPClient)
	return c, nil
}

// unlimited lifts the SDK's own retry budget, which a long throttle would use up for good.
type unlimited struct{}

func (unlimited) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (unlimited) AddTokens(uint) error { return nil }

// Identity is who the credentials belong to.
type Identity struct {
	Account   string // 12 digits
	ARN       string
	Partition string // "aws", "aws-us-gov", …
}

// RoleARN turns a role's name into its ARN; an ARN is given back as it is.
func (id Identity) RoleARN(role string) string {
	if strings.HasPrefix(role, "arn:") {
		return role
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", id.Partition, id.Account, role)
}
