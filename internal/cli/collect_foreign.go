package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/outfile"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/event"
	"quarry/internal/run/foreign"
)

// collectForeign makes results of a job that someone else submitted, or of its output in a folder.
func (a *App) collectForeign(ctx context.Context, s *config.Loaded, what string, watch bool) (err error) {
	isJob := strings.HasPrefix(what, "arn:")
	if info, statErr := os.Stat(what); !isJob && (statErr != nil || !info.IsDir()) {
		problem := errors.New("it is neither the ARN of a job nor a folder")
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
		s.Model = "" // its price is not known, and no one's guess
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	show := a.newProgress(ctx, &s.Settings)
	defer show.close()
	cfg, err := a.parts().ForeignConfig(&s.Settings)
	if err != nil {
		return err
	}
	began := time.Now()
	cfg.Progress = func(step string, done, total int64) {
		show.event(event.Event{Kind: event.Progress, Step: step, Done: done, Total: total, Since: began})
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
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "collect", Subject: s.Dir, Err: errors.New("it holds a run, whose results would be lost"),
			Hint: "name another directory with --dir",
		}
	}
	if !isJob {
		if err := outfile.Remember(e, cfg.Dir, what, s.File); err != nil {
			return err
		}
	}
	job, from := quarry.Job{}, what
	if isJob {
		if job, from, err = a.parts().FetchJob(ctx, &s.Settings, e, &cfg, quarry.JobARN(what), watch, &open); err != nil {
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
			Hint: fmt.Sprintf("collect each job's folder by itself: quarry collect %s; quarry collect %s", strings.TrimSuffix(two.Jobs[0], "__"),
				strings.TrimSuffix(two.Jobs[1], "__")),
		}
	}
	if err != nil {
		return err
	}
	return a.foreignOutcome(&out, &job, s.Dir)
}
