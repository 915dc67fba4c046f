package history_test

import (
	"slices"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/book"
	"quarry/internal/run/history"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
)

var began = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// row is a shard whose job has ended: so many records ok, so many handed on.
func row(id quarry.ShardID, pass int, ok, left int64) ledger.Shard {
	return ledger.Shard{ID: id, Kind: id.Kind(), State: quarry.ShardDone, Mode: quarry.ModeJob, Detail: ledger.Detail{
		Pass: pass, Records: ok + left,
		Tally: ledger.Tally{
			OK: ok, Left: left, Classes: map[quarry.Class]int64{quarry.ClassOK: ok, quarry.ClassNotJSON: left},
			Usage: quarry.Usage{InputTokens: 1000 * (ok + left), OutputTokens: 100 * (ok + left)},
		},
		Job:   ledger.Job{ARN: "arn", Submitted: began, Ended: began.Add(time.Minute)},
		Times: ledger.Times{Collected: began.Add(time.Hour)},
	}}
}

func pass(n, before int) book.Pass {
	return book.Pass{Plan: &plan.Plan{Pass: n, Asked: 10, Documents: 10, Mode: quarry.ModeJob}, Before: &before, Began: began}
}

// three is a run whose second pass was given up.
func three() *history.Run {
	paid := false
	return &history.Run{
		ID: "abcdefghij", Passes: []book.Pass{pass(1, 0), pass(2, 1), pass(3, 1)}, Pass: 3, Finished: 3, StandIn: &paid,
		Rows: []ledger.Shard{
			row("p00001", 1, 3, 0), row("s00001", 1, 5, 2), row("r00001", 1, 2, 0),
			row("s00002", 2, 4, 1), row("s00003", 3, 1, 0),
		},
		Home: ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel}, Prices: cost.Default(),
	}
}

func count(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

func TestTheWholeIsTheSumOfThePasses(t *testing.T) {
	t.Parallel()
	h := history.Of(three())
	var states []report.PassState
	var sum report.Account
	var documents, answered int64
	var paid quarry.USD
	for _, p := range h.Passes {
		states = append(states, p.State)
		documents, answered, paid = documents+count(p.Documents), answered+count(p.Answered), paid+*p.Cost.Actual
		sum.Tokens.Add(&p.Tokens)
		sum.Records, sum.Jobs = sum.Records+p.Records, sum.Jobs+p.Jobs
	}
	if want := []report.PassState{report.PassFinished, report.PassGivenUp, report.PassFinished}; !slices.Equal(states, want) {
		t.Errorf("states = %v, want %v", states, want)
	}
	w := h.Whole
	if w.Passes != 3 || count(w.Documents) != documents || count(w.Answered) != answered || w.Tokens != sum.Tokens ||
		w.Records != sum.Records || w.Jobs != sum.Jobs || *w.Cost.Actual != paid {
		t.Errorf("the whole is %+v, the passes come to %d documents, %d answered, %v, %+v", w, documents, answered, paid, sum)
	}
	first := h.Passes[0]
	if count(first.Documents) != 10 || count(first.Answered) != 10 || first.Records != 12 || first.Jobs != 3 ||
		first.Tokens.Input != 12_000 || first.Provider != 60 {
		t.Errorf("the first pass = %+v, want 10 documents in 12 records by 3 jobs", first)
	}
	if *first.Cost.Actual == 0 || *first.Cost.Actual != *first.Cost.List {
		t.Errorf("cost = %v, want the list price", first.Cost)
	}
	if !first.Ended.Equal(began.Add(time.Hour)) || first.Seconds != nil {
		t.Errorf("ended %v after %v, want when its last shard was collected, and an unknown time of work", first.Ended, first.Seconds)
	}
	if count(h.Passes[1].Answered) != 5 || count(h.Passes[1].Documents) != 5 {
		t.Errorf("the pass that was given up = %+v, want 5 of 5 answered, one of them badly", h.Passes[1])
	}
}

func TestWhatWasKeptAtTheEndGoesBeforeTheRows(t *testing.T) {
	t.Parallel()
	r := three()
	answered, usd := int64(9), quarry.USD(77)
	r.Passes[0].Ended = &book.Ended{
		At: began.Add(2 * time.Hour), Answered: &answered, List: &usd, Time: &report.Time{Total: 8}, Estimated: true,
	}
	p := history.Of(r).Passes[0]
	if !p.Ended.Equal(began.Add(2*time.Hour)) || count(p.Answered) != 9 ||
		*p.Cost.List != 77 || *p.Cost.Actual != 77 || *p.Seconds != 8 || !p.Tokens.Estimated {
		t.Errorf("pass = %+v, want what was kept when it ended", p)
	}
	free := true
	r.StandIn = &free
	if p := history.Of(r).Passes[0]; *p.Cost.Actual != 0 || *p.Cost.List != 77 {
		t.Errorf("cost = %v, want nothing paid on a stand-in, and the list price", p.Cost)
	}
}

func TestWhatWasNotRecordedIsUnknown(t *testing.T) {
	t.Parallel()
	r := three()
	r.StandIn = nil
	r.Home.Model = "nobody.knows-it-v1:0"
	r.Rows[3].Parted = 5
	h := history.Of(r)
	for _, p := range h.Passes {
		if p.Cost.Actual != nil || p.Cost.List != nil {
			t.Errorf("pass %d cost %v of a model without a price", p.Number, p.Cost)
		}
	}
	if p := h.Passes[1]; p.Answered != nil || p.New != nil || p.Settings == nil {
		t.Errorf("pass 2 = %+v, want unknown answers of long documents, unknown changes", p)
	}
	if h.Whole.Answered != nil || h.Whole.Cost.Actual != nil {
		t.Errorf("whole = %+v: a sum with something unknown in it is unknown", h.Whole)
	}
}

func TestOneThatWorksHasNotEnded(t *testing.T) {
	t.Parallel()
	r := three()
	r.Finished = 1
	r.Rows[4].State, r.Rows[4].Times.Collected, r.Rows[4].Tally = quarry.ShardSubmitted, time.Time{}, ledger.Tally{}
	unsent := ledger.Shard{ID: "s00004", Kind: quarry.MainShard, State: quarry.ShardPlanned, Detail: ledger.Detail{Pass: 3, Records: 50}}
	r.Rows = append(r.Rows, unsent)
	p := history.Of(r).Passes[2]
	if p.Uncollected != 1 {
		t.Errorf("%d records are not collected yet, want 1", p.Uncollected)
	}
	if p.State != report.PassUnderWay || !p.Ended.IsZero() || count(p.Documents) != 1 || count(p.Answered) != 0 || *p.Cost.Actual != 0 {
		t.Errorf("pass = %+v, want one that is under way and sent 1 document", p)
	}
}

func TestRecordsThatWereNotSentAreNotCounted(t *testing.T) {
	t.Parallel()
	r := three()
	r.Rows[4].Unasked = quarry.KindBelowMinimum
	r.Rows[3].Tally.Classes = map[quarry.Class]int64{quarry.ClassUnsent: 2}
	h := history.Of(r)
	if p := h.Passes[2]; p.Records != 0 || count(p.Documents) != 0 {
		t.Errorf("pass 3 = %+v, want nothing sent", p)
	}
	if p := h.Passes[1]; p.Records != 3 {
		t.Errorf("pass 2 sent %d records, want 3 of 5", p.Records)
	}
}

func TestChangesOfSettingsAreSaidInWords(t *testing.T) {
	t.Parallel()
	asked := func(model, settings string, sources ...string) *runjson.Run {
		return &runjson.Run{Sources: sources, Asked: runjson.Asked{Model: model, Settings: settings}}
	}
	for _, c := range []struct {
		name        string
		before, now book.Pass
		want        []string
	}{
		{"nothing", book.Pass{Choices: map[string]string{"model": "a"}}, book.Pass{Choices: map[string]string{"model": "a"}}, nil},
		{
			"values and texts",
			book.Pass{Choices: map[string]string{"model": "a", "limit": "", "prompt.user": "sha256:1", "prompt.top_p": "null"}},
			book.Pass{Choices: map[string]string{"model": "b", "limit": "5", "prompt.user": "sha256:2", "prompt.top_p": "0.5"}},
			[]string{"limit: default → 5", "model: a → b", "prompt.top_p: default → 0.5", "prompt.user"},
		},
		{"sources", book.Pass{Asked: asked("a", "1", "x")}, book.Pass{Asked: asked("a", "1", "y", "z")}, []string{"sources: y z"}},
		{"an earlier version", book.Pass{Asked: asked("a", "1")}, book.Pass{Asked: asked("b", "2")}, []string{"model: a → b"}},
		{
			"an earlier version that kept no more",
			book.Pass{Asked: asked("a", "1")},
			book.Pass{Asked: asked("a", "2")},
			[]string{"unknown which"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := three()
			none, first := 0, 1
			c.before.Plan, c.before.Before = &plan.Plan{Pass: 1}, &none
			c.now.Plan, c.now.Before = &plan.Plan{Pass: 2}, &first
			r.Passes = []book.Pass{c.before, c.now}
			if got := history.Of(r).Passes[1].Settings; !slices.Equal(got, c.want) {
				t.Errorf("settings = %q, want %q", got, c.want)
			}
		})
	}
}
