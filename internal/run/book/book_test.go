package book_test

import (
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
)

func setup(t *testing.T, facts map[string]string) (*book.Book, *ledger.Ledger) {
	t.Helper()
	l, err := ledger.Open(t.Context(), effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := l.SetFacts(t.Context(), facts); err != nil {
		t.Fatal(err)
	}
	return book.Of(l), l
}

func kept(t *testing.T, l *ledger.Ledger, names ...string) map[string]string {
	t.Helper()
	facts, err := l.Facts(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestFactsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	yes, three := true, 3
	head := book.Head{
		Run: "abcdefghij", Created: "2026-11-30T10:00:00.000Z", Version: "1.2.3", Target: "aws", StandIn: &yes,
		Region: "us-west-2", Bucket: "b", Model: "m",
		Pools: []ledger.Pool{{Region: "us-west-2"}}, Sources: []string{"a", "b"}, Seen: "s", Settings: "d", Known: "k", Carried: &book.Carried{Settings: "model: m", Own: map[string]string{"role": "r"}, Records: true}, Pass: 4, Finished: 3,
		FinishedSettings: "e", Open: 5, Adopted: 2, Abandoned: 4, SetAside: true, Active: 90 * time.Second,
		Halted:   &book.Halted{Class: book.AtCap, At: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)},
		Numbered: map[quarry.ShardKind]int{quarry.MainShard: 7},
		Piloted:  []string{"x"}, Structured: map[string]book.Finding{"x": book.SchemaRefused},
	}
	pass := book.Pass{
		Plan: &plan.Plan{Pass: 4, Documents: 9}, Before: &three, Asked: &runjson.Run{Run: "abcdefghij"}, Choices: map[string]string{"model": "m"},
		Flags: "f",
		Began: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC), Worked: time.Minute, Judged: "j", Confirmed: "c", Unanswered: true, Forecast: &book.Forecast{},
		Ended: &book.Ended{At: time.Date(2026, 11, 30, 11, 0, 0, 0, time.UTC)},
	}
	b, l := setup(t, nil)
	if err := b.Change(t.Context(), 4, func(h *book.Head, p *book.Pass) { *h, *p = head, pass }); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Head(t.Context()); err != nil || !reflect.DeepEqual(got, head) {
		t.Errorf("Head = %+v, %v, want %+v", got, err, head)
	}
	if got, err := b.Pass(t.Context(), 4); err != nil || !reflect.DeepEqual(got, pass) {
		t.Errorf("Pass = %+v, %v, want %+v", got, err, pass)
	}
	want := map[string]string{
		"run": "abcdefghij", "standin": "true", "pass": "4", "open": "5", "active": "1m30s", "sources": `["a","b"]`, "before.4": "3",
		"began.4": "2026-11-30T10:00:00.000Z", "worked.4": "1m0s", "unanswered.4": "yes",
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	if got := kept(t, l, names...); !maps.Equal(got, want) {
		t.Errorf("the ledger has %v, want %v", got, want)
	}
}

func TestAChangeWritesWhatItTouchedAndNothingElse(t *testing.T) {
	t.Parallel()
	of := map[string]string{
		"pass": "2", "sources": `[ "a" ]`, "learned": `{"asks":"x","of_a_later_version":1}`, "later": "1",
		"seen": "s", "judged.2": "j", "judged.1": "i",
	}
	b, l := setup(t, of)
	changes := 0
	err := b.Change(t.Context(), 2, func(h *book.Head, p *book.Pass) {
		changes++
		h.Target, h.Seen, p.Judged = "aws", "", ""
	})
	if err != nil || changes != 1 {
		t.Fatalf("Change = %v after %d calls", err, changes)
	}
	delete(of, "seen")
	delete(of, "judged.2")
	of["target"] = "aws"
	if got := kept(t, l, "pass", "sources", "learned", "later", "seen", "judged.1", "judged.2", "target"); !maps.Equal(got, of) {
		t.Errorf("the ledger has %v, want %v", got, of)
	}
}

func TestRowsAndFactsChangeTogether(t *testing.T) {
	t.Parallel()
	b, l := setup(t, nil)
	row := ledger.Shard{ID: "s00001", Kind: quarry.MainShard, State: quarry.ShardPlanned, Mode: quarry.ModeJob}
	planned := func(_ *book.Head, p *book.Pass) { p.Plan, p.Flags = &plan.Plan{Pass: 1}, "f" }
	if err := b.AddShards(t.Context(), 1, []ledger.Shard{row, row}, planned); err == nil {
		t.Error("a number was given twice")
	}
	if p, err := b.Pass(t.Context(), 1); err != nil || p.Plan != nil {
		t.Errorf("Pass = %+v, %v after a plan that failed, want none", p, err)
	}
	if err := b.AddShards(t.Context(), 1, []ledger.Shard{row}, planned); err != nil {
		t.Fatal(err)
	}
	if p, err := b.Pass(t.Context(), 1); err != nil || p.Plan == nil || *p.Before != 0 {
		t.Errorf("Pass = %+v, %v, want its plan", p, err)
	}
	if err := b.Drop(t.Context(), 1, []ledger.Shard{row}, func(_ *book.Head, p *book.Pass) { *p = book.Pass{} }); err != nil {
		t.Fatal(err)
	}
	if rows, err := l.Shards(t.Context()); err != nil || len(rows) != 0 || len(kept(t, l, "planned.1", "flags.1")) != 0 {
		t.Errorf("%d rows and %v are left, %v", len(rows), kept(t, l, "planned.1", "flags.1"), err)
	}
	next := []ledger.Shard{{Kind: quarry.MainShard}, {Kind: quarry.RetryShard}, {Kind: quarry.MainShard}}
	if err := b.Number(t.Context(), next); err != nil || next[0].ID != "s00002" || next[1].ID != "r00001" || next[2].ID != "s00003" {
		t.Errorf("Number gave %s, %s and %s, %v, want no number of the row that was dropped", next[0].ID, next[1].ID, next[2].ID, err)
	}
}

func TestChangesFromManyGoroutinesAllStay(t *testing.T) {
	t.Parallel()
	b, _ := setup(t, nil)
	const n = 20
	errs := make(chan error, n)
	for range n {
		go func() {
			errs <- b.Change(context.WithoutCancel(t.Context()), 1, func(h *book.Head, _ *book.Pass) { h.Open++ })
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if h, err := b.Head(t.Context()); err != nil || h.Open != n {
		t.Errorf("Open = %d, %v, want %d", h.Open, err, n)
	}
}

func TestWhatAnEarlierVersionDidNotKeep(t *testing.T) {
	t.Parallel()
	b, _ := setup(t, map[string]string{"run": "abcdefghij", "planned.2": `{"documents":3}`, "sources": "null", "open": ""})
	p, err := b.Pass(t.Context(), 2)
	if err != nil || p.Plan == nil || p.Plan.Pass != 2 || p.Before == nil || *p.Before != 1 {
		t.Errorf("Pass = %+v, %v, want pass 2, joined with pass 1", p, err)
	}
	h, err := b.Head(t.Context())
	if err != nil || h.StandIn != nil || h.Sources != nil || h.Open != 0 || h.Ended() || h.WithoutSources() {
		t.Errorf("Head = %+v, %v", h, err)
	}
}

func TestAFactThatCannotBeReadIsNamed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pass", "sources", "active", "standin"} {
		b, _ := setup(t, map[string]string{name: "?"})
		if _, err := b.Head(t.Context()); err == nil || err.Error()[:len("read fact "+name)] != "read fact "+name {
			t.Errorf("Head with %s %q = %v", name, "?", err)
		}
	}
}
