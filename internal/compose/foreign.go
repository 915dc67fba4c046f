package compose

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/run/foreign"
	"quarry/internal/run/life"
)

// ForeignConfig is how the answers of a job of another program are read and checked.
func (pr *Program) ForeignConfig(s *config.Settings) (foreign.Config, error) {
	settings := *s
	if settings.Model == "" {
		settings.Model = quarry.DefaultModel
	}
	// The requests of another submitter are not known. An answer that passes the default schema is JSON all the same.
	var cfg foreign.Config
	if len(s.Prompt.Schema) == 0 && !s.Prompt.FreeText {
		guess, err := pr.Request(&settings)
		if err != nil {
			return cfg, err
		}
		cfg.Guess = guess.Checker
	}
	if len(s.Prompt.Schema) == 0 {
		s.Prompt.FreeText, settings.Prompt.FreeText = true, true
	}
	req, err := pr.Request(&settings)
	if err != nil {
		return foreign.Config{}, err
	}
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg.Version, cfg.Model, cfg.Type, cfg.Check, cfg.Prices, cfg.Workers = pr.Version, s.Model, req.Prompt.Invocation(), req.Checker, cost.Default(), workers
	if cfg.Model != "" { // a price needs a Region; a job's own replaces it
		cfg.Region = account.DefaultRegion
		if len(s.Regions) > 0 {
			cfg.Region = s.Regions[0]
		}
	}
	return cfg, nil
}

// FetchJob reads a job and downloads its output, once it has ended.
func (pr *Program) FetchJob(
	ctx context.Context, s *config.Settings, e *effect.Effects, cfg *foreign.Config, arn quarry.JobARN, watch bool, c *Closers,
) (quarry.Job, string, error) {
	if len(s.Regions) == 0 && arn.Region() != "" {
		s.Regions = []string{arn.Region()}
	}
	where, err := pr.OpenProvider(ctx, s, e, cfg.Dir, c)
	if err != nil {
		return quarry.Job{}, "", err
	}
	cfg.Region = where.AWS.Region
	job, err := where.Bedrock.Get(ctx, arn)
	for wait := time.Second; err == nil && !job.Status.Terminal(); wait = min(2*wait, time.Minute) {
		if !watch {
			return job, "", &quarry.Error{
				Kind: quarry.Provider, Op: "collect", Subject: string(arn), Err: fmt.Errorf("it is %s, %s of %s processed", job.Status,
					figure.Thousands(job.Counts.Processed), figure.Count(job.Counts.Total, "record")),
				Hint: "its output is complete only when it has ended; wait for it with --watch",
			}
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return job, "", context.Cause(ctx)
		}
		job, err = where.Bedrock.Get(ctx, arn)
	}
	if err != nil {
		return job, "", err
	}
	if cfg.Model == "" {
		cfg.Model = modelOf(job.ModelID)
	}
	if id, _, _, ok := quarry.ParseJobName(job.Name); ok {
		pr.Say("this job belongs to run %s: quarry adopt --run %s keeps the ids of its documents", id, id)
	}
	name, prefix, ok := strings.Cut(strings.TrimPrefix(job.OutputURI, "s3://"), "/")
	if !ok && name == "" {
		return job, "", fmt.Errorf("job %s has no output in S3: %q", arn, job.OutputURI)
	}
	raw := filepath.Join(cfg.Dir, "raw", arn.ID())
	return job, raw, life.FetchOutput(ctx, e, bucket.New(where.AWS, name), prefix, arn, raw)
}

// modelOf is a model's id as price lists and people have it: an ARN of Amazon's own model ends with it.
func modelOf(id string) string {
	if _, tail, ok := strings.Cut(id, "::foundation-model/"); ok {
		return tail
	}
	if _, tail, ok := strings.Cut(id, ":inference-profile/"); ok {
		return tail
	}
	return id
}
