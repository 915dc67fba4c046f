package run_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
	"quarry/internal/run/cut"
	"quarry/internal/run/lines"
	"quarry/internal/run/prepare"
	"quarry/internal/run/shardfile"
)

// answeredOnce holds the provider's bill against the rule that what was answered is not asked again, under any number of an attempt.
// It is for faults that leave a record without an answer: a bad answer is asked again, and rightly so.
func (w *world) answeredOnce(t *testing.T, what string) {
	t.Helper()
	by := map[string]string{}
	for id, n := range w.bill(t) {
		if n == 0 {
			continue
		}
		asks := id[:strings.LastIndex(id, "-a")]
		if other, twice := by[asks]; twice || n > 1 {
			t.Errorf("%s: %s was answered %d times, and %s was answered as well", what, id, n, other)
		}
		by[asks] = id
	}
}

func TestAnAnsweredPartIsNotAskedAgainWhenAnotherFailed(t *testing.T) {
	t.Parallel()
	for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeOnDemand} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: longDocs(10), quotas: partQuotas, fault: "record-error=0.4,seed=2", cfg: func(c *run.Config) {
				inParts(t)(c)
				c.Attempts, c.NoPilot, c.Mode = 1, true, mode
			}})
			carried := int64(0)
			for pass := 1; ; pass++ {
				out, _, err := w.run(t, nil)
				if err != nil {
					t.Fatal(err)
				}
				w.auditClean(t)
				carried += out.Planned.KnownParts
				if out.Totals.OK == 11 {
					break
				}
				if pass == 40 {
					t.Fatalf("after %d passes %d of 11 documents are answered", pass, out.Totals.OK)
				}
			}
			w.answeredOnce(t, "over all passes")
			if carried == 0 {
				t.Error("no answer to a part was carried from one pass to the next: nothing was tested")
			}
		})
	}
}

// TestOnlyTheMergeIsAskedOfAnsweredParts leaves merges that are too few for a job, and lets a later command send them.
func TestOnlyTheMergeIsAskedOfAnsweredParts(t *testing.T) {
	t.Parallel()
	below, asked := cut.Hold, 0
	w := newWorld(t, worldConfig{docs: longDocs(3), quotas: partQuotas, cfg: func(c *run.Config) {
		inParts(t)(c)
		c.Local, c.NoPilot, c.BelowMinimum = false, true, below
	}})
	w.deps = func(d *run.Deps) {
		d.Confirm = func(context.Context, string) error {
			asked++
			return nil
		}
	}
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.Totals.Waiting != 3 || asked != 1 {
		t.Fatalf("%d documents wait for their merge and a question was asked %d times, want 3 and 1", out.Totals.Waiting, asked)
	}
	w.auditClean(t)
	first := len(w.bill(t))
	if out, _, err = w.run(t, nil); err != nil || out.Totals.Waiting != 3 {
		t.Fatalf("the same again: %d wait, %v; want 3 still", out.Totals.Waiting, err)
	}
	w.auditClean(t)
	if n := len(w.bill(t)); n != first {
		t.Errorf("the same again asked %d records, want none", n-first)
	}
	below, asked = cut.OnDemand, 0
	if out, _, err = w.run(t, nil); err != nil || out.Totals.OK != 4 {
		t.Fatalf("with on-demand calls %d documents are ok, %v; want 4", out.Totals.OK, err)
	}
	if p := out.Planned; p.Asked != 2 || p.Records() != 0 || p.Stages() != 2 || p.KnownParts != 5 || asked != 1 {
		t.Errorf("planned %d documents in %d records, %d with the merges, %d parts known, %d questions; want 2, 0, 2, 5 and 1", p.Asked, p.Records(), p.Stages(), p.KnownParts, asked)
	}
	if out.Totals.Usage.InputTokens == 0 || len(w.bill(t)) != first+2 {
		t.Errorf("%d records were asked for %+v, want the 2 merges", len(w.bill(t))-first, out.Totals.Usage)
	}
	w.auditClean(t)
	w.answeredOnce(t, "over all passes")

	// An answer that is carried is compared with the journal that it comes from.
	path := filepath.Join(w.dir, "index", fmt.Sprintf("%04d", out.Planned.Pass), "earlier.jsonl.zst")
	changed := carriedAs(t, path, func(o *shardfile.Outcome) { o.Result.Model = "another" })
	if rep := w.auditedAsChanged(t); !slices.Contains(rep.Altered, changed) {
		t.Errorf("audit finds %+v, want that an answer about a part of %s was altered", rep.Found, changed)
	}
}

// carriedAs changes the first of the outcomes that a pass carries, and names its document.
func carriedAs(t *testing.T, path string, change func(*shardfile.Outcome)) quarry.DocumentID {
	t.Helper()
	var all []shardfile.Outcome
	for o, err := range lines.Read[shardfile.Outcome](path) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
	change(&all[0])
	out, err := atomicfile.CreateZstd(effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := lines.Write(out, &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return all[0].Result.ID
}

// oneOrSix lets a job have one record, and as many as those of partQuotas.
const oneOrSix = `{"*":{"min_records":1,"records_per_job":6,"records_per_file":6}}`

// TestPartsAreKnownAfterAnotherPromptWasAsked dies after each job, asks with another prompt for the merge, and comes back.
func TestPartsAreKnownAfterAnotherPromptWasAsked(t *testing.T) {
	t.Parallel()
	other, err := prompt.New(prompt.Config{}.ForMerge("Make one of these:\n\nArticle:\n{{.Text}}"))
	if err != nil {
		t.Fatal(err)
	}
	carried := int64(0)
	for jobs := 1; ; jobs++ {
		second := false
		w := newWorld(t, worldConfig{docs: longDocs(4), quotas: oneOrSix, cfg: oneIsEnough(func(c *run.Config) {
			inParts(t)(c)
			c.NoPilot = true
			if second {
				c.Long, c.Settings = &prepare.Long{Part: c.Long.Part, Merge: other}, "other"
			}
		})})
		_, _, err := w.run(t, dieAfterJob(jobs))
		second = true
		if _, _, err := w.run(t, nil); err != nil {
			t.Fatalf("job %d: another prompt: %v", jobs, err)
		}
		w.auditClean(t)
		second = false
		out, _, backErr := w.run(t, nil)
		if backErr != nil || out.Totals.OK != 5 {
			t.Fatalf("job %d: the first prompt again: %d documents are ok, %v; want 5", jobs, out.Totals.OK, backErr)
		}
		w.auditClean(t)
		carried += out.Planned.KnownParts
		w.answeredOnce(t, "with the first prompt again")
		if err == nil {
			break
		}
	}
	if carried == 0 {
		t.Error("no answer to a part was carried: nothing was tested")
	}
}

// dieAfterJob gives a hook that dies as soon as so many jobs are made.
func dieAfterJob(jobs int) effect.Hook {
	made, dead := atomic.Int64{}, atomic.Bool{}
	return func(p effect.Point) error {
		if p.When == effect.After && strings.HasPrefix(p.What, "POST ") && strings.HasSuffix(p.What, "/model-invocation-job") && made.Add(1) == int64(jobs) {
			dead.Store(true)
		}
		if dead.Load() {
			return errDied
		}
		return nil
	}
}
