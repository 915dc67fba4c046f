package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/book"
	"quarry/internal/run/life"
)

func (a *App) stopCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the jobs of a run and keep what they finished",
		Long: `Stop asks the process that works on the run to stop its jobs. That process reacts within one poll,
collects what the jobs have finished, and ends. If no process works on the run, stop stops the jobs
itself. To continue later, rerun quarry run: it collects what the stopped jobs had finished and
sends the rest.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider · 130 interrupted`,
		Example: `  quarry stop --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.stop(cmd.Context(), &s.Settings)
		},
	}
	bind(cmd, "dir", "target", "region", "profile")
	bindLedger(cmd)
	return cmd
}

func (a *App) stop(ctx context.Context, s *config.Settings) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, s, nil, &open); err != nil {
		return err
	}
	l, err := a.openLedger(ctx, s.Dir)
	if err != nil {
		return err
	}
	open.Add(l.Close)
	e := effect.New(nil)
	dir, asked, err := a.askToStop(ctx, e, s, &open)
	if err != nil {
		return err
	}
	if asked {
		a.say("asked the process that works on %s to stop; it first collects what is finished", a.place(s.Dir))
		return a.stopped(true, nil)
	}
	head, err := book.Of(l).Head(ctx)
	if err != nil {
		return err
	}
	shards, err := l.Shards(ctx)
	if err != nil {
		return err
	}
	var jobs []quarry.JobARN
	for i := range shards {
		if shards[i].State == quarry.ShardSubmitted {
			jobs = append(jobs, shards[i].Job.ARN)
		}
	}
	if len(jobs) == 0 || head.Target == "local" { // a stand-in inside a process ends with it
		a.say("no process works on %s and no job is open: nothing to stop", a.place(s.Dir))
		return a.stopped(false, nil)
	}
	s.Target = "aws"
	if s.Models = nil; len(s.Regions) == 0 {
		s.Regions = []string{jobs[0].Region()}
	}
	s.Regions = s.Regions[:1] // each job says in which Region it is
	where, err := a.parts().OpenProvider(ctx, s, e, dir, &open)
	if err != nil {
		return err
	}
	for _, arn := range jobs {
		if err := where.InRegion(arn.Region()).Stop(ctx, arn); err != nil {
			return err
		}
		a.say("asked AWS to stop %s", arn)
	}
	return a.stopped(false, jobs)
}

// askToStop asks the process that works on the run, if there is one. Without one it gives the directory of the run, locked unless it is a copy.
func (a *App) askToStop(ctx context.Context, e *effect.Effects, s *config.Settings, open *compose.Closers) (dir string, asked bool, err error) {
	if a.shared != nil {
		if asked, err = a.shared.Held(ctx); asked {
			err = a.shared.AskToStop(ctx)
		}
		return s.Dir, asked, err
	}
	dir, err = compose.OpenDir(e, s, open)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.Locked {
		return dir, false, err
	}
	f, err := e.Create(filepath.Join(s.Dir, life.StopRequest))
	if err != nil {
		return dir, false, err
	}
	return dir, true, f.Close()
}

// stopped is the output for programs.
func (a *App) stopped(process bool, jobs []quarry.JobARN) error {
	if !a.json {
		return nil
	}
	return a.writeJSON(map[string]any{"process": process, "jobs": append([]quarry.JobARN{}, jobs...)})
}
