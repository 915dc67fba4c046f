package compose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/preflight"
	"quarry/internal/aws/quotas"
	"quarry/internal/base/catalog"
	"quarry/internal/config"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Preflight checks every pool, one after the other; with names the pool of each check where there are several.
func (p *Provider) Preflight(
	ctx context.Context, s *config.Settings, with func(*preflight.Config, *preflight.Services, *Provider),
) (preflight.Report, error) {
	var checks []preflight.Check
	for _, pool := range p.Pools {
		cfg, services := pool.checks(s)
		with(&cfg, &services, pool)
		found, err := preflight.Run(ctx, pool.hurried(), cfg, services)
		if err != nil {
			return preflight.Report{}, err
		}
		if len(p.Pools) > 1 {
			for i := range found.Checks {
				found.Checks[i].Pool = pool.AWS.Region + " " + pool.ModelIn(s)
			}
		}
		checks = append(checks, found.Checks...)
	}
	return preflight.Of(checks...), nil
}

// hurried are the provider's settings with the patience of someone who waits for the answer.
func (p *Provider) hurried() aws.Config {
	c := p.AWS.Copy()
	c.Retryer = func() aws.Retryer { return retry.NewStandard() }
	return c
}

// checks gives the calls to S3, Bedrock and Service Quotas that preflight needs.
func (p *Provider) checks(s *config.Settings) (preflight.Config, preflight.Services) {
	c := p.hurried()
	b, control := bucket.New(c, p.Bucket.Name()), bedrock.New(c)
	cfg := preflight.Config{
		Account: p.Identity.Account, Partition: p.Identity.Partition, Region: p.AWS.Region, Caller: p.Identity.ARN, Model: p.ModelIn(s),
		Bucket: p.Bucket.Name(),
		Role:   p.RoleARN, KMSKey: s.KMSKey, Tagged: len(s.Tags) > 0, State: s.Ledger != "" || s.Files == "bucket",
		Calls: quarry.Mode(s.Mode) == quarry.ModeOnDemand || quarry.Mode(s.Mode) == quarry.ModeFlex, Now: time.Now(),
	}
	return cfg, preflight.Services{
		BucketRegion: func(ctx context.Context) (string, error) {
			region, err := b.Region(ctx)
			return region, asked(err)
		},
		BucketEncryption: func(ctx context.Context) (preflight.Encryption, error) {
			algorithm, key, err := b.Encryption(ctx)
			return preflight.Encryption{Algorithm: algorithm, Key: key}, asked(err)
		},
		BucketPolicy: func(ctx context.Context) (string, error) {
			text, err := b.Policy(ctx)
			return text, asked(err)
		},
		Objects: func(ctx context.Context, prefix string) ([]string, error) {
			objects, err := b.Head(ctx, prefix, 3)
			keys := make([]string, len(objects))
			for i := range objects {
				keys[i] = objects[i].Key
			}
			return keys, asked(err)
		},
		Write: b.PutProbe,
		Model: func(ctx context.Context, region, id string) (preflight.Model, error) {
			there := c.Copy()
			there.Region = region
			m, err := bedrock.New(there).Model(ctx, id)
			return preflight.Model(m), asked(err)
		},
		Models: func(ctx context.Context, region string) ([]string, error) {
			there := c.Copy()
			there.Region = region
			return bedrock.New(there).Models(ctx)
		},
		Availability: func(ctx context.Context, id string) (preflight.Availability, error) {
			v, err := control.Availability(ctx, id)
			return preflight.Availability(v), asked(err)
		},
		UseCase: func(ctx context.Context) error { return asked(control.UseCase(ctx)) },
		Profile: func(ctx context.Context, id string) (preflight.Profile, error) {
			v, err := control.Profile(ctx, id)
			return preflight.Profile(v), asked(err)
		},
		OpenJobs: func(ctx context.Context) ([]string, error) {
			var models []string
			for _, status := range []quarry.JobStatus{quarry.JobSubmitted, quarry.JobValidating, quarry.JobScheduled, quarry.JobInProgress} {
				for job, err := range control.Jobs(ctx, bedrock.Filter{Status: status}) {
					if err != nil {
						return nil, asked(err)
					}
					models = append(models, job.ModelID)
				}
			}
			return models, nil
		},
		Quotas: p.readRows(c),
	}
}

// readRows gives the rows of Service Quotas: those that were read for the packing, where they were.
func (p *Provider) readRows(c aws.Config) func(context.Context) ([]catalog.QuotaRow, error) {
	return func(ctx context.Context) ([]catalog.QuotaRow, error) {
		if p.quotas != nil {
			return p.quotas.rows, p.quotas.err
		}
		return quotas.Read(ctx, c)
	}
}

// asked marks what is not there in the word that preflight knows.
func asked(err error) error {
	if errors.Is(err, bucket.ErrNoBucket) || bedrock.CauseOf(err) == bedrock.CauseNotFound {
		return fmt.Errorf("%w: %w", preflight.ErrAbsent, err)
	}
	return err
}

// Probe sends one record of the shape that a run would send.
func (p *Provider) Probe(s *config.Settings, req *Request) func(context.Context) error {
	return func(ctx context.Context) error {
		body, err := req.Renderer.Append(nil, &quarry.Document{
			ID: "preflight", Title: "A quarry",
			Body: []byte("A quarry is a place where stone is cut from the ground. Masons take the blocks to build with them."),
		})
		if err != nil {
			return &quarry.Error{Kind: quarry.BadUsage, Op: "write a record", Err: err}
		}
		_, err = p.Bedrock.Invoke(ctx,
			bedrock.Call{RecordID: "preflight", ModelID: p.ModelIn(s), Type: req.Prompt.Invocation(), ModelInput: body})
		return err
	}
}
