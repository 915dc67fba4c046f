package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/bucket"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/outfile"
	"quarry/internal/report"
	"quarry/internal/run"
	"quarry/internal/run/foreign"
)

// foreignJSON is what collect tells programs of somebody else's job.
type foreignJSON struct {
	Dir       string           `json:"dir"`
	Job       quarry.JobARN    `json:"job,omitempty"`
	Status    quarry.JobStatus `json:"status,omitempty"`
	Documents report.Documents `json:"documents"`
	Missing   int64            `json:"missing"` // counted by the job or its manifest, and without a line
	Tokens    report.Tokens    `json:"tokens"`
	CostUSD   *quarry.USD      `json:"cost_usd"`
	Lines     int64            `json:"lines"`
	Doubled   int64            `json:"doubled"`
	Broken    int64            `json:"broken"`
	Manifest  *quarry.Manifest `json:"manifest"`
	Differs   []string         `json:"differs"`
}

// collectForeign makes results of a job that somebody else submitted, or of its output in a folder.
func (a *App) collectForeign(ctx context.Context, s *config.Loaded, what string, watch bool) (err error) {
	isJob := strings.HasPrefix(what, "arn:")
	if info, statErr := os.Stat(what); !isJob && (statErr != nil || !info.IsDir()) {
		problem := errors.New("neither the ARN of a job nor a folder")
		if errors.Is(statErr, fs.ErrNotExist) {
			problem = errors.New("there is no such file, and it is neither the ARN of a job nor a folder")
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "collect", Subject: what, Err: problem,
			Hint: "name a folder with *.jsonl.out, or arn:aws:bedrock:REGION:ACCOUNT:model-invocation-job/ID; a run is collected with: quarry collect --dir DIR",
		}
	}
	if isJob && !quarry.JobARN(what).Valid() {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "collect", Subject: what, Err: errors.New("it is not the ARN of a job"),
			Hint: "want arn:aws:bedrock:REGION:ACCOUNT:model-invocation-job/ID; `aws bedrock list-model-invocation-jobs` lists them",
		}
	}
	if isJob {
		if err := notLocal(s, "collect", what, "quarry collect "+what); err != nil {
			return err
		}
	}
	if s.Origins()["dir"] == "default" {
		s.Dir = "quarry-" + filepath.Base(filepath.Clean(what))
		if isJob {
			s.Dir = "quarry-" + quarry.JobARN(what).ID()
		}
	}
	if s.Origins()["model"] == "default" {
		s.Model = "" // its price is not known, and nobody's guess
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	show := a.newProgress()
	defer show.close()
	cfg, err := a.foreignConfig(&s.Settings)
	if err != nil {
		return err
	}
	began := time.Now()
	cfg.Progress = func(step string, done, total int64) {
		show.event(run.Event{Kind: run.Progress, Step: step, Done: done, Total: total, Since: began})
	}
	cfg.Unreadable = func(where string) {
		show.close()
		a.say("%s", where)
	}
	e := effect.New(nil)
	if cfg.Dir, err = compose.OpenDir(e, &s.Settings, &open); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, "ledger.db")); err == nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "collect", Subject: s.Dir, Err: errors.New("it holds a run, whose results would be lost"), Hint: "name another directory with --dir"}
	}
	if !isJob {
		if err := outfile.Remember(e, cfg.Dir, what, s.File); err != nil {
			return err
		}
	}
	job, from := quarry.Job{}, what
	if isJob {
		if job, from, err = a.fetchJob(ctx, &s.Settings, e, &cfg, quarry.JobARN(what), watch, &open); err != nil {
			return err
		}
	}
	out, err := foreign.Collect(ctx, e, cfg, job, from)
	show.close()
	if errors.Is(err, foreign.ErrNoOutput) {
		return noOutput(what, &job)
	}
	var two *foreign.TwoJobsError
	if errors.As(err, &two) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "collect", Subject: what, Err: err,
			Hint: fmt.Sprintf("collect each job's folder by itself: quarry collect %s; quarry collect %s", strings.TrimSuffix(two.Jobs[0], "__"), strings.TrimSuffix(two.Jobs[1], "__")),
		}
	}
	if err != nil {
		return err
	}
	return a.foreignOutcome(&out, &job, s.Dir)
}

// foreignConfig is what the answers are held against.
func (a *App) foreignConfig(s *config.Settings) (foreign.Config, error) {
	asks := *s
	if asks.Model == "" {
		asks.Model = quarry.DefaultModel
	}
	// What the records of another submitter ask for is not known. An answer that passes the default schema is JSON all the same.
	var cfg foreign.Config
	if len(s.Prompt.Schema) == 0 && !s.Prompt.FreeText {
		guess, err := a.parts().Asking(&asks)
		if err != nil {
			return cfg, err
		}
		cfg.Guess = guess.Checker
	}
	if len(s.Prompt.Schema) == 0 {
		s.Prompt.FreeText, asks.Prompt.FreeText = true, true
	}
	ask, err := a.parts().Asking(&asks)
	if err != nil {
		return foreign.Config{}, err
	}
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg.Version, cfg.Model, cfg.Type, cfg.Check, cfg.Prices, cfg.Workers = a.Version, s.Model, ask.Prompt.Invocation(), ask.Checker, cost.Default(), workers
	if cfg.Model != "" { // a price needs a Region; a job's own replaces it
		cfg.Region = account.DefaultRegion
		if len(s.Regions) > 0 {
			cfg.Region = s.Regions[0]
		}
	}
	return cfg, nil
}

// fetchJob reads a job and downloads its output, once it has ended.
func (a *App) fetchJob(ctx context.Context, s *config.Settings, e *effect.Effects, cfg *foreign.Config, arn quarry.JobARN, watch bool, c *compose.Closers) (quarry.Job, string, error) {
	if len(s.Regions) == 0 && arn.Region() != "" {
		s.Regions = []string{arn.Region()}
	}
	where, err := a.parts().OpenProvider(ctx, s, e, cfg.Dir, c)
	if err != nil {
		return quarry.Job{}, "", err
	}
	cfg.Region = where.AWS.Region
	job, err := where.Bedrock.Get(ctx, arn)
	for wait := time.Second; err == nil && !job.Status.Terminal(); wait = min(2*wait, time.Minute) {
		if !watch {
			return job, "", &quarry.Error{
				Kind: quarry.Provider, Op: "collect", Subject: string(arn), Err: fmt.Errorf("it is %s, %s of %s processed", job.Status, figure.Thousands(job.Counts.Processed), figure.Count(job.Counts.Total, "record")),
				Hint: "its output is whole only when it has ended; wait for it with --watch",
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
		a.say("it is a job of run %s: quarry adopt --run %s knows its documents by their ids", id, id)
	}
	name, prefix, ok := strings.Cut(strings.TrimPrefix(job.OutputURI, "s3://"), "/")
	if !ok && name == "" {
		return job, "", fmt.Errorf("job %s has no output in S3: %q", arn, job.OutputURI)
	}
	raw := filepath.Join(cfg.Dir, "raw", arn.ID())
	return job, raw, run.FetchOutput(ctx, e, bucket.New(where.AWS, name), prefix, arn, raw)
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

// noOutput says why there is nothing to collect.
func noOutput(what string, job *quarry.Job) error {
	if job.ARN == "" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "collect", Subject: what, Err: errors.New("it has no *.jsonl.out file"), Hint: "download everything under the job's output prefix: aws s3 cp --recursive s3://…/ FOLDER"}
	}
	why := fmt.Sprintf("it ended %s and left no output", job.Status)
	if job.Message != "" {
		why += ": " + job.Message
	}
	return &quarry.Error{Kind: quarry.Provider, Op: "collect", Subject: what, Err: errors.New(why), Hint: "its output location is " + job.OutputURI}
}

func (a *App) foreignOutcome(out *foreign.Outcome, job *quarry.Job, dir string) error {
	rep, o := &out.Report, &out.Output
	if a.json {
		err := a.writeJSON(&foreignJSON{
			Dir: dir, Job: job.ARN, Status: job.Status, Documents: rep.Documents, Missing: out.Missing, Tokens: rep.Tokens, CostUSD: rep.Cost.Actual,
			Lines: o.Lines, Doubled: o.Doubled, Broken: o.Broken, Manifest: o.Manifest, Differs: append([]string{}, o.Differs...),
		})
		if err != nil {
			return err
		}
	}
	if job.Status != "" {
		a.say("%s", strings.TrimSpace(fmt.Sprintf("job %s ended %s %s", job.ARN, job.Status, job.Message)))
	}
	a.say("%s of output", figure.Count(o.Lines+o.Broken, "line"))
	for _, d := range o.Differs {
		if !slices.Contains(o.Unreadable, d) { // it was said when it was read
			a.say("  %s", d)
		}
	}
	if len(o.Differs) == 0 {
		a.say("lines, manifest and counters say the same")
	}
	a.printOutcome(&run.Outcome{Report: *rep}, dir)
	unread := max(out.Missing, o.Broken) // a line that cannot be read is of a record that has none
	if n := rep.Documents.Invalid + rep.Documents.Failed + unread; n > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Err: fmt.Errorf("%s without a good answer (%s of them without a line that can be read)", figure.Count(n, "record"), figure.Thousands(unread)), Hint: "failed.jsonl names each that has a line, and why",
		}
	}
	return nil
}
