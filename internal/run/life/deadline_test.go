package life

import (
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
)

// deadline is that of pass 1 of a world, in a process of its own.
func (w *world) deadline(notes *[]string) *Deadline {
	work := func() *limits.Work {
		return &limits.Work{
			Records: 10, Usage: quarry.Usage{InputTokens: 1000, OutputTokens: 1000}, Quotas: quarry.Quotas{}, Concurrency: 1, Margin: time.Hour,
			Prices: forecast.Prices{Table: cost.Default(), Model: quarry.DefaultModel, Region: "us-west-2"}, Costs: w.cfg.Costs,
		}
	}
	watch := func(e event.Event) { *notes = append(*notes, e.Text) }
	return &Deadline{Pass: 1, Book: w.cfg.Book, Ledger: w.cfg.Ledger, Work: work, Watch: watch}
}

func TestADeadlineIsKeptUntilAnotherIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	began := time.Now().Truncate(time.Second)
	var notes []string
	open := func(said string, mode quarry.Mode, began time.Time) *limits.Deadline {
		t.Helper()
		d := w.deadline(&notes)
		if err := d.Open(t.Context(), said, mode, began); err != nil {
			t.Fatal(err)
		}
		return d.Held()
	}
	if d := open("", quarry.ModeAuto, began); d != nil {
		t.Errorf("without --by: %+v", d)
	}
	if d := open("5h", quarry.ModeAuto, began); d == nil || !d.By.Equal(began.Add(5*time.Hour)) {
		t.Errorf("--by 5h: %+v, want 5 hours from %s", d, began)
	}
	if d := open("", quarry.ModeAuto, began.Add(time.Hour)); d == nil || d.Said != "5h" || !d.By.Equal(began.Add(5*time.Hour)) {
		t.Errorf("the next command without --by: %+v, want the one that is kept", d)
	}
	if d := open("3h", quarry.ModeAuto, began.Add(time.Hour)); d == nil || !d.By.Equal(began.Add(3*time.Hour)) {
		t.Errorf("--by 3h an hour later: %+v, want it to count from where the pass began", d)
	}
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	if d := open("", quarry.ModeJob, began); d != nil || len(notes) != 1 {
		t.Errorf("without mode auto: %+v, notes %q, want it ignored with a note", d, notes)
	}
	if err := w.cfg.Book.Change(t.Context(), 1, func(h *book.Head, _ *book.Pass) { h.Finished = 1 }); err != nil {
		t.Fatal(err)
	}
	if d := open("9h", quarry.ModeAuto, began); d == nil || d.Said != "3h" {
		t.Errorf("--by 9h for a pass that is finished: %+v, want that of the pass", d)
	}
	again := w.deadline(&notes)
	if err := again.Open(t.Context(), "yesterday", quarry.ModeAuto, began); err != nil {
		t.Errorf("a finished pass reads no deadline: %v", err)
	}
}

func TestADecisionIsDurableBeforeItIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, row(1, quarry.ShardUploaded, func(s *ledger.Shard) { s.Records = 10 }))
	var notes []string
	d := w.deadline(&notes)
	if err := d.Open(t.Context(), "1h1m", quarry.ModeAuto, time.Now()); err != nil {
		t.Fatal(err)
	}
	if mode, late, err := d.Retries(t.Context()); err != nil || late || mode != quarry.ModeJob {
		t.Fatalf("Retries = %s, %v, %v while there is time, want jobs", mode, late, err)
	}
	late := *d.Held()
	late.By = time.Now().Add(30 * time.Minute) // less than the margin
	d.Hold(&late)
	mode, isLate, err := d.Retries(t.Context())
	if err != nil || !isLate || mode == quarry.ModeJob || d.Held().Unsent == nil || len(notes) != 1 {
		t.Fatalf("Retries = %s, %v, %v, held %+v, notes %q, want calls, and a note", mode, isLate, err, d.Held(), notes)
	}
	kept, err := w.cfg.Book.Pass(t.Context(), 1)
	if err != nil || kept.Deadline == nil || kept.Deadline.Unsent == nil || kept.Deadline.Unsent.Records != 10 {
		t.Errorf("the ledger has %+v, %v, want the decision", kept.Deadline, err)
	}
	next := w.deadline(&notes)
	if err := next.Open(t.Context(), "", quarry.ModeAuto, time.Now()); err != nil || next.Held().Unsent == nil {
		t.Errorf("the next process holds %+v, %v, want the decision", next.Held(), err)
	}
}
