package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"quarry/internal/aws/cost"
	"quarry/internal/cli/board"
	"quarry/internal/config"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

// states gives the states of runs to the pages of quarry ui.
type states struct {
	app    *App
	prices *cost.Table
	mu     sync.Mutex
	seen   map[string]*seenRun // by directory
}

// seenRun is what is remembered of a run from one look to the next.
type seenRun struct {
	pace   board.Pace
	stamp  stamp
	report *report.Report
}

// stamp tells whether a file is another one than before.
type stamp struct {
	at   time.Time
	size int64
}

func (a *App) newStates(prices *cost.Table) *states {
	return &states{app: a, prices: prices, seen: map[string]*seenRun{}}
}

func (s *states) look(ctx context.Context, dir string) (*view.State, error) {
	app, in, err := s.app.of(ctx, dir)
	if err != nil {
		return nil, err
	}
	o, err := app.look(ctx, in, s.prices)
	if err != nil {
		return nil, err
	}
	failed, err := app.failuresNow(ctx, in, o.shards)
	if err != nil {
		return nil, err
	}
	if app.shared != nil {
		if err := app.shared.Copy(ctx, only("report.json", review.QuestionFile)); err != nil {
			return nil, err
		}
	}
	c := o.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen[dir]
	if seen == nil {
		seen = &seenRun{}
		s.seen[dir] = seen
	}
	seen.pace.See(o.at, c.done)
	if err := seen.readReport(filepath.Join(in, "report.json")); err != nil {
		return nil, err
	}
	pace := &seen.pace
	if o.head.Ended() {
		pace = nil // the pace of the whole pass, which time does not change
	}
	b := o.board(pace)
	b.Jobs = o.jobs(true)
	return &view.State{
		Run: string(o.head.Run), Ended: o.head.Ended(), Planned: o.history.Last() != nil, Board: b, Records: c.records, Processed: c.done,
		Cost: o.costText(), Changed: app.changed(in, o), Failures: failed, Report: seen.report,
		Waits: o.waits,
	}, nil
}

// openRecords opens the index of a run's records. ready says that its sources are ready records.
func (a *App) openRecords(ctx context.Context, s *config.Settings, dir string, pass int, ready bool) (*records.Store, error) {
	app, in, err := a.of(ctx, dir)
	if err != nil {
		return nil, err
	}
	if sh := app.shared; sh != nil { // the names of its sources come from the ledger, so nothing is read by them
		return records.Open(ctx, records.Config{Dir: in, Pass: pass, Ledger: sh.FollowedLedger, Fetch: sh.Fetch})
	}
	sources, err := a.parts().RecordSources(s, dir, ready)
	if err != nil {
		return nil, err
	}
	return records.Open(ctx, records.Config{Dir: dir, Pass: pass, Sources: sources})
}

// readReport reads a report that is not the one from before.
func (r *seenRun) readReport(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.stamp, r.report = stamp{}, nil
		return nil
	}
	if err != nil {
		return err
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == r.stamp {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rep := &report.Report{}
	if json.Unmarshal(text, rep) != nil {
		rep = nil // it was changed by hand; quarry report says so
	}
	r.stamp, r.report = now, rep
	return nil
}

// changed is when the ledger of a run was last written, or as far as it says, when something last came of the run; zero: not known.
func (a *App) changed(dir string, o *overview) time.Time {
	var last time.Time
	if a.shared != nil {
		last = o.count().last
		if e := o.pass.Ended; e != nil && e.At.After(last) {
			last = e.At
		}
		return last
	}
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
