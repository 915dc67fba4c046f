package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run"
	"quarry/internal/run/cut"
	"quarry/internal/run/life"
)

// doc is one line of a source.
func doc(id, text string) string {
	return fmt.Sprintf(`{"id":%q,"title":"Article","content":%q}`+"\n", id, text)
}

func longText(n int) string {
	return fmt.Sprintf("Number %d tells how a quarry works. Stone is cut from the face of a hill. Blocks number %d go down to the valley by rail, and masons take them there.", n, n)
}

// ended runs the world to its end and holds that every document of want has the status it should have.
func (w *world) ended(t *testing.T, want map[string]quarry.Status) run.Outcome {
	t.Helper()
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	results, _ := w.results(t)
	for id, status := range want {
		if got, ok := results[id]; !ok || got.Status != status {
			t.Errorf("document %s ended %q (there: %v), want %q", id, got.Status, ok, status)
		}
	}
	if len(results) != len(want) {
		t.Errorf("%d results, want %d", len(results), len(want))
	}
	return out
}

func TestRepeatedIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		docs string
		want map[string]quarry.Status
	}{
		"the later of two documents with one id is empty": {
			doc("a", longText(1)) + doc("a", "<p> </p>") + doc("b", longText(2)) + doc("c", longText(3)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok"},
		},
		"a document asks what one asks that was left out for its id": {
			doc("a", longText(1)) + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok"},
		},
		"and two more ask the same": {
			doc("a", longText(1)) + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)) + doc("d", longText(2)) + doc("e", longText(2)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok", "d": "ok", "e": "ok"},
		},
		"an id comes again with the same text": {
			doc("a", longText(1)) + doc("a", longText(1)) + doc("b", longText(1)) + doc("c", longText(3)) + doc("d", longText(4)),
			map[string]quarry.Status{"a": "ok", "b": "ok", "c": "ok", "d": "ok"},
		},
		"an empty document comes first and its id again": {
			doc("a", "<p> </p>") + doc("a", longText(2)) + doc("b", longText(2)) + doc("c", longText(3)) + doc("d", longText(4)),
			map[string]quarry.Status{"a": "skipped", "b": "ok", "c": "ok", "d": "ok"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{docs: c.docs})
			w.ended(t, c.want)
		})
	}
}

func TestPilotWhoseJobAnsweredNothingIsAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9)})
	w.cfg = func(c *run.Config) { c.Tags = map[string]string{"quarry-fault": "expire=1"} }
	if _, _, err := w.run(t, dieAtNth(t, "rename "+filepath.Join(w.dir, "journal", "p00001.jsonl.zst"), 1)); err == nil {
		t.Fatal("it did not die")
	}
	w.cfg = nil
	out, _, err := w.run(t, nil)
	if err != nil {
		t.Fatalf("second: %v", err)
	}
	if out.Totals.OK != 10 {
		t.Errorf("%d ok, want 10: %+v", out.Totals.OK, out.Totals)
	}
}

// dieAtNth gives a hook that dies before the nth effect of that name.
func dieAtNth(t *testing.T, what string, n int) effect.Hook {
	t.Helper()
	var mu sync.Mutex
	dead := false
	return func(p effect.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if p.When == effect.Before && p.What == what {
			n--
		}
		if dead = dead || n == 0; dead {
			return errDied
		}
		return nil
	}
}

func TestTooFewForAJob(t *testing.T) {
	t.Parallel()
	few := doc("a", longText(1)) + doc("b", longText(2))
	t.Run("rescue asks them on demand", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: few, cfg: func(c *run.Config) { c.Local, c.BelowMinimum = false, cut.OnDemand }})
		w.ended(t, map[string]quarry.Status{"a": "ok", "b": "ok"})
	})
	t.Run("the hint can be followed in the same directory", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, worldConfig{docs: few, cfg: func(c *run.Config) { c.Local = false }})
		_, _, err := w.run(t, nil)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Hint, "--mode ondemand") {
			t.Fatalf("got %v, want a limit and the way on demand", err)
		}
		w.cfg = func(c *run.Config) { c.Local, c.Mode, c.Settings = false, quarry.ModeOnDemand, "y" }
		w.ended(t, map[string]quarry.Status{"a": "ok", "b": "ok"})
	})
}

func TestTruncatedAnswerOfACallGetsMoreRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(4), fault: "truncate=0.7,seed=1", cfg: func(c *run.Config) {
		c.Mode, c.KeepShards, c.MaxOutput, c.PilotMinValid = quarry.ModeOnDemand, true, 64000, 0.01
	}})
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(w.dir, "shards", "r00001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(`"max_tokens":8192`)) {
		t.Errorf("no record of the second attempt has more room: %.300s", b)
	}
}

func TestEndingWaitsForCallsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), fault: "slow=200ms", cfg: func(c *run.Config) { c.Mode, c.NoPilot = quarry.ModeOnDemand, true }})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	var mu sync.Mutex
	hook := func(p effect.Point) error {
		mu.Lock()
		defer mu.Unlock()
		if p.When == effect.Before && strings.HasSuffix(p.What, "/invoke") {
			if calls++; calls == 4 {
				cancel()
			}
		}
		return nil
	}
	if _, err := w.live(ctx, t, effect.New(hook)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want it canceled", err)
	}
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	for id, n := range w.bill(t) {
		if n != 1 {
			t.Errorf("record %s was answered and billed %d times", id, n)
		}
	}
	if again := w.audited(t).MaybePaidTwice; len(again) > 0 {
		t.Errorf("asked again: %v", again)
	}
}

func TestCallsStopWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9), fault: "slow=300ms", cfg: func(c *run.Config) {
		c.Mode, c.NoPilot, c.Concurrency = quarry.ModeOnDemand, true, 1
	}})
	var once sync.Once
	_, _, err := w.run(t, func(p effect.Point) error {
		if strings.HasSuffix(p.What, "/invoke") {
			once.Do(func() { write(t, filepath.Join(w.dir, life.StopRequest), "") })
		}
		return nil
	})
	if !errors.Is(err, life.ErrStopRequested) {
		t.Errorf("got %v, want %v", err, life.ErrStopRequested)
	}
	if n := len(w.bill(t)); n == 0 || n > 6 {
		t.Errorf("%d calls were made before the request was heard", n)
	}
}

func TestAPlaceThatCannotBeReachedIsNotLeftWithJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9)})
	w.deps = func(d *run.Deps) { d.PoolAt = nil }
	if _, _, err := w.run(t, dieAtNth(t, "rename "+filepath.Join(w.dir, "raw", "p00001-a1", "manifest.json.out.zst"), 1)); err == nil {
		t.Fatal("it did not die")
	}
	w.cfg = func(c *run.Config) { c.Region = "eu-central-1" }
	_, _, err := w.run(t, nil)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "--region us-west-2") {
		t.Fatalf("got %v, want a refusal that names the Region", err)
	}
	w.cfg = nil
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	w.cfg = func(c *run.Config) { c.Region = "eu-central-1" }
	if _, _, err := w.run(t, nil); err != nil {
		t.Errorf("nothing is at the provider any more, and still: %v", err)
	}
}

func TestOutputThatIsGoneIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{docs: someDocs(9)})
	if _, _, err := w.run(t, dieAtNth(t, "rename "+filepath.Join(w.dir, "raw", "p00001-a1", "manifest.json.out.zst"), 1)); err == nil {
		t.Fatal("it did not die")
	}
	before := len(w.bill(t))
	w.bucket = "quarry-empty" // as if nothing were left in the one there was
	book, err := ledger.Open(t.Context(), effect.New(nil), filepath.Join(w.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	shards, err := book.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range shards {
		if shards[i].Pool.Bucket == "" {
			continue
		}
		shards[i].Pool.Bucket = w.bucket
		if err := book.Save(t.Context(), &shards[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(book.SetFacts(t.Context(), map[string]string{"bucket": w.bucket}), book.Close()); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.run(t, nil)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.Provider || !strings.Contains(err.Error(), "there is no output under s3://") {
		t.Fatalf("got %v, want a refusal", err)
	}
	if now := len(w.bill(t)); now != before {
		t.Errorf("%d records were billed, %d before the output went", now, before)
	}
}

func TestCapReservesRoomForFurtherAttempts(t *testing.T) {
	t.Parallel()
	docs := doc("a", longText(1)) + doc("b", longText(2)) + doc("c", longText(3))
	w := newWorld(t, worldConfig{docs: docs, fault: "truncate=1", cfg: func(c *run.Config) {
		// The first attempts may cost 3 × 4,096 tokens, the second ones twice that.
		limit := quarry.USD(45_000_000_000)
		c.NoPilot, c.MaxOutput, c.MaxUSD = true, 64000, &limit
	}})
	_, _, err := w.run(t, nil)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.OverLimit || !strings.Contains(q.Hint, "--max-usd") {
		t.Fatalf("got %v, want the cap", err)
	}
	if n := len(w.bill(t)); n != 3 {
		t.Errorf("%d records were asked, want the 3 first attempts", n)
	}
}

func TestRecordAsLargeAsAFileIsLeftOut(t *testing.T) {
	t.Parallel()
	docs := doc("a", longText(1)) + doc("big", strings.Repeat(longText(5)+"\n\n", 32)) + doc("b", longText(2)) + doc("c", longText(3))
	quotas := `{"*":{"min_records":1,"records_per_job":4,"records_per_file":4}}`
	for size := int64(5600); size < 6200; size += 100 { // some of them are between the file's limit and its margin
		w := newWorld(t, worldConfig{docs: docs, quotas: quotas, cfg: func(c *run.Config) { c.Quotas.FileBytes, c.Quotas.MinRecords, c.NoPilot = size, 1, true }})
		results, err := func() (map[string]quarry.Result, error) {
			if _, _, err := w.run(t, nil); err != nil {
				return nil, err
			}
			r, _ := w.results(t)
			return r, nil
		}()
		if err != nil {
			t.Fatalf("files of %d bytes: %v", size, err)
		}
		if results["a"].Status != quarry.StatusOK {
			t.Errorf("files of %d bytes: a ended %v", size, results["a"].Error)
		}
	}
}
