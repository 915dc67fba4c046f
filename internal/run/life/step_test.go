package life

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/outcome/report"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/book"
	"quarry/internal/run/input"
	"quarry/internal/run/limits"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/verdict"
)

// world is a ledger with rows and the life of its shards. Nothing here reaches a provider.
type world struct {
	*Life
	t    *testing.T
	cfg  Config
	done []string // what life had done by the run
}

func newWorld(t *testing.T, rows ...ledger.Shard) *world {
	t.Helper()
	effects, dir := effect.New(nil), t.TempDir()
	kept, err := ledger.Open(t.Context(), effects, filepath.Join(dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	w := &world{t: t}
	home := pool.Pool{Region: "us-west-2", Model: quarry.DefaultModel, Quotas: quarry.Quotas{OpenJobs: 2}, Bucket: bucket.New(awssdk.Config{Region: "us-west-2"}, "b")}
	w.cfg = Config{
		RunJSON: runjson.Run{Run: "r"}, Ledger: kept, Book: book.Of(kept), Effects: effects, Dir: dir, Files: shardfile.In(effects, dir, ""), Pools: pool.New([]pool.Pool{home}, nil),
		Costs: &limits.Costs{
			Prices: cost.Default(), Pools: []ledger.Pool{home.Ref()}, MaxTokens: 1000, MinRecords: 1,
			CallsBegan: func(quarry.ShardID) bool { return false }, Merges: func(quarry.ShardID) bool { return false },
		},
		Deadline: &Deadline{Ledger: kept, Work: func() *limits.Work { return &limits.Work{} }}, Poll: time.Second,
		Build: func(_ context.Context, s *ledger.Shard) (input.Built, error) {
			w.done = append(w.done, "build "+string(s.ID))
			return input.Built{Written: shardfile.Written{Records: s.Records, Bytes: s.Bytes, Digest: "d"}}, nil
		},
		Answer: func(_ context.Context, _ shardfile.Dir, s *ledger.Shard, _ func(int64)) (collect.Output, ledger.Calls, error) {
			w.done = append(w.done, "call "+string(s.ID))
			return collect.Output{}, ledger.Calls{}, errCalled
		},
	}
	if err := kept.AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := kept.Save(t.Context(), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	w.Life = New(w.cfg)
	return w
}

var errCalled = errors.New("the calls were made")

// again makes a new life with a changed configuration.
func (w *world) again(change func(*Config)) *world {
	change(&w.cfg)
	rows, err := w.cfg.Ledger.Shards(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if w.cfg.Cap != nil {
		if err := w.cfg.Ledger.Account(w.t.Context(), w.cfg.Costs.Account(rows, 1)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.Life = New(w.cfg)
	return w
}

func (w *world) requestStop() {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.Dir, StopRequest), nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func row(n int, state quarry.ShardState, change ...func(*ledger.Shard)) ledger.Shard {
	s := ledger.Shard{ID: quarry.NewShardID(quarry.MainShard, n), Seq: int64(n), Kind: quarry.MainShard, State: state, Mode: quarry.ModeJob}
	s.Pass, s.Attempt, s.Records, s.Bytes = 1, 1, 10, 10_000
	for _, c := range change {
		c(&s)
	}
	return s
}

func called(s *ledger.Shard) { s.Mode, s.Late = quarry.ModeOnDemand, true }

func TestEveryStateButTheLastHasAStage(t *testing.T) {
	t.Parallel()
	states := []quarry.ShardState{
		quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded, quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardCalling, quarry.ShardEnded, quarry.ShardCollected,
	}
	for _, s := range states {
		if life[s].act == nil {
			t.Errorf("nothing is done in state %s", s)
		}
	}
	if len(life) != len(states) {
		t.Errorf("%d stages, want %d", len(life), len(states))
	}
	s := row(1, quarry.ShardDone)
	if err := newWorld(t).Step(t.Context(), &s); err == nil {
		t.Error("a shard that is done has no next step")
	}
}

func TestAShardGetsOn(t *testing.T) {
	t.Parallel()
	planned, waiting := row(1, quarry.ShardPlanned), row(2, quarry.ShardBuilt, func(s *ledger.Shard) { s.Unasked = quarry.KindWaiting })
	late, uploaded := row(3, quarry.ShardBuilt, called), row(4, quarry.ShardUploaded)
	w := newWorld(t, planned, waiting, late, uploaded)
	for _, tt := range []struct {
		s    *ledger.Shard
		want quarry.ShardState
	}{{&planned, quarry.ShardBuilt}, {&waiting, quarry.ShardCalling}, {&late, quarry.ShardCalling}, {&uploaded, quarry.ShardIntended}} {
		if err := w.Step(t.Context(), tt.s); err != nil || tt.s.State != tt.want {
			t.Errorf("shard %s is %s, %v, want %s", tt.s.ID, tt.s.State, err, tt.want)
		}
	}
	if uploaded.Intent.JobName != quarry.JobName("r", uploaded.ID, 1) || uploaded.Intent.Token == "" || !strings.Contains(string(uploaded.Intent.Body), "s3://b/") {
		t.Errorf("intent %+v, want the whole request", uploaded.Intent)
	}
	if len(w.done) != 1 {
		t.Errorf("done: %q, want one file built", w.done)
	}
}

func TestARequestToStopIsObeyed(t *testing.T) {
	t.Parallel()
	requested := ErrStopRequested
	stopping := func(s *ledger.Shard) { s.Job.Status = quarry.JobStopping }
	for name, tt := range map[string]struct {
		s     ledger.Shard
		other quarry.ShardState
		want  any
	}{
		"nothing is under way":                  {row(1, quarry.ShardPlanned), quarry.ShardDone, requested},
		"calls end too":                         {row(1, quarry.ShardCalling, called), quarry.ShardUploaded, requested},
		"an open job is followed first":         {row(1, quarry.ShardBuilt), quarry.ShardSubmitted, verdict.Wait{Why: "a request to stop", For: time.Second}},
		"what ended is collected first":         {row(1, quarry.ShardUploaded), quarry.ShardEnded, verdict.Wait{Why: "a request to stop", For: time.Second}},
		"an open job is stopped":                {row(1, quarry.ShardSubmitted), quarry.ShardPlanned, verdict.StopJob{}},
		"a job that is being stopped is polled": {row(1, quarry.ShardSubmitted, stopping), quarry.ShardPlanned, verdict.Go{}},
	} {
		w := newWorld(t, tt.s, row(2, tt.other))
		w.requestStop()
		v, err := stop(t.Context(), w.Life, &tt.s)
		if wantErr, ok := tt.want.(error); ok && !errors.Is(err, wantErr) || !ok && v != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", name, v, err, tt.want)
		}
	}
	for _, state := range []quarry.ShardState{quarry.ShardIntended, quarry.ShardEnded, quarry.ShardCollected} {
		for _, gate := range life[state].gates {
			s := row(1, state)
			w := newWorld(t, s)
			w.requestStop()
			if _, err := gate(t.Context(), w.Life, &s); err != nil {
				t.Errorf("%s: %v: what may be at the provider is followed to its end", state, err)
			}
		}
	}
}

func TestTheCapHoldsAShardBack(t *testing.T) {
	t.Parallel()
	first, second := row(1, quarry.ShardSubmitted), row(2, quarry.ShardUploaded)
	w := newWorld(t, first, second).again(func(c *Config) { c.Cap = limits.NewCap(40_000_000_000) }) // 4 cents; each may cost 3
	if err := w.Step(t.Context(), &second); err != nil || second.State != quarry.ShardUploaded || !strings.HasPrefix(second.Waits, "the cap of $0.04") || !second.Due.After(time.Now()) {
		t.Fatalf("the shard is %s, waits for %q, %v, want it to wait for the cap", second.State, second.Waits, err)
	}
}

func TestTwoRunnersOnOneLedgerHoldTheLimitOfOpenJobs(t *testing.T) {
	t.Parallel()
	var rows []ledger.Shard
	for n := range 6 {
		rows = append(rows, row(n+1, quarry.ShardUploaded))
	}
	one := newWorld(t, rows...)
	other, err := ledger.Open(t.Context(), one.Effects, filepath.Join(one.Dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	home := *one.Pools.Home()
	home.Quotas.OpenJobs = 1
	var taken atomic.Int64
	var runners sync.WaitGroup
	for i, on := range []*ledger.Ledger{one.cfg.Ledger, other} {
		cfg := one.cfg
		cfg.Ledger, cfg.Pools = on, pool.New([]pool.Pool{home}, nil)
		l := New(cfg)
		for n := i; n < len(rows); n += 2 {
			runners.Go(func() {
				s := rows[n]
				if err := l.Step(t.Context(), &s); err != nil {
					t.Errorf("shard %s: %v", s.ID, err)
				}
				if s.State == quarry.ShardIntended {
					taken.Add(1)
				} else if s.Waits != "1 job is open, the quota allows 1" {
					t.Errorf("shard %s waits for %q, want the slot", s.ID, s.Waits)
				}
			})
		}
	}
	runners.Wait()
	counts, err := other.Count(t.Context(), "")
	if err != nil || taken.Load() != 1 || counts.States[quarry.ShardIntended] != 1 {
		t.Errorf("%d shards took a slot, rows %v, %v, want 1 with an intent", taken.Load(), counts.States, err)
	}
}

func TestAShardIsCutToFitTheCap(t *testing.T) {
	t.Parallel()
	retry := func(s *ledger.Shard) { s.Kind, s.Sources, s.Last = quarry.RetryShard, []quarry.ShardID{"s00009"}, 9 }
	queued := func([]quarry.ShardID) iter.Seq2[pack.Item, error] {
		return func(yield func(pack.Item, error) bool) {
			for i := range int64(10) {
				if !yield(pack.Item{Order: i, Bytes: 1000}, nil) {
					return
				}
			}
		}
	}
	s := row(1, quarry.ShardPlanned, retry)
	w := newWorld(t, s).again(func(c *Config) { c.Cap, c.Queue = limits.NewCap(20_000_000_000), queued })
	if err := w.Step(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	rows, err := w.Ledger.Shards(t.Context())
	if err != nil || len(rows) < 2 || s.State != quarry.ShardPlanned || s.Records != rows[0].Records {
		t.Fatalf("%d rows, %v, the first %+v, want more than one, and the shard planned", len(rows), err, s)
	}
	next := int64(0)
	for i, piece := range rows {
		if piece.First != next || piece.Last != piece.First+piece.Records-1 || piece.Seq != int64(i)+1 {
			t.Errorf("row %d has places %d to %d, place %d among the rows, want them one after another", i, piece.First, piece.Last, piece.Seq)
		}
		if i > 0 && piece.ID != quarry.NewShardID(quarry.RetryShard, i+1) {
			t.Errorf("row %d is %s, want the next number", i, piece.ID)
		}
		next = piece.Last + 1
	}
	if next != 10 {
		t.Errorf("the rows have %d records, want 10", next)
	}
	whole := row(1, quarry.ShardPlanned, retry)
	w = newWorld(t, whole).again(func(c *Config) {
		c.Cap, c.Queue = limits.NewCap(20_000_000_000), queued
		c.Costs.MinRecords = 6
	})
	var q *quarry.Error
	if err := w.Step(t.Context(), &whole); !errors.As(err, &q) || q.Kind != quarry.OverLimit {
		t.Errorf("a shard that cannot be cut: %v, want the cap", err)
	}
}

func TestAShardThatIsLateTurnsToCalls(t *testing.T) {
	t.Parallel()
	intent := func(s *ledger.Shard) {
		s.Intent, s.Pool = ledger.Intent{JobName: "j"}, ledger.Pool{Region: "us-west-2"}
	}
	for state, attempt := range map[quarry.ShardState]int{quarry.ShardPlanned: 1, quarry.ShardBuilt: 1, quarry.ShardUploaded: 1, quarry.ShardIntended: 2} {
		s := row(1, state)
		if state == quarry.ShardIntended {
			intent(&s)
		}
		w := newWorld(t, s)
		w.Deadline.Hold(&limits.Deadline{Unsent: &report.Move{Mode: quarry.ModeFlex}})
		w.fresh.Store(s.ID, 1)
		want := quarry.ShardBuilt
		if state == quarry.ShardPlanned {
			want = quarry.ShardPlanned
		}
		if err := w.Step(t.Context(), &s); err != nil || s.State != want || s.Mode != quarry.ModeFlex || !s.Late || s.Pool != (ledger.Pool{}) || s.Attempt != attempt || s.Intent.JobName != "" {
			t.Errorf("from %s: %+v, %v, want %s, late, attempt %d, with neither pool nor intent", state, s, err, want, attempt)
		}
	}
}

func TestTwoShardsAreCalledAtOnce(t *testing.T) {
	t.Parallel()
	rows := []ledger.Shard{row(1, quarry.ShardCalling, called), row(2, quarry.ShardCalling, called), row(3, quarry.ShardCalling, called)}
	w := newWorld(t, rows...)
	for i, want := range []verdict.Verdict{verdict.Go{}, verdict.Go{}, verdict.Wait{Why: "the calls of other shards", For: time.Second}} {
		if v, err := turn(t.Context(), w.Life, &rows[i]); v != want || err != nil {
			t.Errorf("shard %d: %+v, %v, want %+v", i+1, v, err, want)
		}
	}
	w.turns.end(rows[0].ID)
	for range 2 { // a step gives its turn back, whatever comes of it
		if err := w.Step(t.Context(), &rows[2]); !errors.Is(err, errCalled) {
			t.Errorf("Step = %v, want the calls", err)
		}
	}
	alone := row(4, quarry.ShardCalling, func(s *ledger.Shard) { s.Mode = quarry.ModeOnDemand })
	w.turns.begin("s00005")
	if v, _ := turn(t.Context(), w.Life, &alone); v != (verdict.Go{}) {
		t.Errorf("a shard of a pass of calls: %+v, want Go", v)
	}
}

func TestAShardWaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), row(1, quarry.ShardSubmitted)
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if err := w.waitOr(&s, bucket.ErrLater); err != nil {
			t.Fatal(err)
		}
		if in := time.Until(s.Due); in < want*8/10 || in > want*12/10 {
			t.Errorf("it waits %s, want about %s", in, want)
		}
	}
	if err := w.waitOr(&s, errCalled); !errors.Is(err, errCalled) {
		t.Errorf("waitOr = %v for an error that waiting does not help, want it back", err)
	}
}

func TestAShardThatShrinks(t *testing.T) {
	t.Parallel()
	pilot := func(s *ledger.Shard) { s.Kind = quarry.PilotShard }
	for name, tt := range map[string]struct {
		records, changed int64 // of ten planned
		mayCall          bool
		s                ledger.Shard
		mode             quarry.Mode
		unasked          string
		fails            string
	}{
		"enough are left":                          {8, 2, false, row(1, quarry.ShardPlanned), quarry.ModeJob, "", ""},
		"too few are left for a job":               {2, 8, false, row(1, quarry.ShardPlanned), quarry.ModeJob, quarry.KindBelowMinimum, ""},
		"they may be sent as calls":                {2, 8, true, row(1, quarry.ShardPlanned), quarry.ModeOnDemand, "", ""},
		"none is left":                             {0, 10, true, row(1, quarry.ShardPlanned), quarry.ModeJob, string(quarry.ClassSourceChanged), ""},
		"calls have no minimum":                    {2, 8, false, row(1, quarry.ShardPlanned, called), quarry.ModeOnDemand, "", ""},
		"some are lost":                            {8, 1, false, row(1, quarry.ShardPlanned), "", "", "8 records and 1 that changed, of 10 planned"},
		"a pilot without enough is planned again":  {2, 8, false, row(1, quarry.ShardPlanned, pilot), "", "", "left of the pilot's 10"},
		"a pilot that may be sent as calls is not": {2, 8, true, row(1, quarry.ShardPlanned, pilot), quarry.ModeOnDemand, "", ""},
	} {
		w := newWorld(t, tt.s).again(func(c *Config) {
			c.Costs.MinRecords, c.MayCall = 3, tt.mayCall
			c.Build = func(context.Context, *ledger.Shard) (input.Built, error) {
				return input.Built{Written: shardfile.Written{Records: tt.records, Digest: "d"}, Changed: input.Changed{Records: tt.changed, Documents: tt.changed, First: []string{"a"}}}, nil
			}
		})
		err := w.Step(t.Context(), &tt.s)
		if tt.fails != "" {
			if err == nil || !strings.Contains(err.Error(), tt.fails) || tt.s.State != quarry.ShardPlanned {
				t.Errorf("%s: %s, %v, want %q", name, tt.s.State, err, tt.fails)
			}
			continue
		}
		if s := &tt.s; err != nil || s.State != quarry.ShardBuilt || s.Mode != tt.mode || s.Unasked != tt.unasked || s.Records != tt.records || s.Unbuilt != tt.changed {
			t.Errorf("%s: %+v, %v, want mode %s and %q", name, s, err, tt.mode, tt.unasked)
		}
	}
	one, sent := row(1, quarry.ShardPlanned, pilot), row(2, quarry.ShardSubmitted)
	w := newWorld(t, one, sent).again(func(c *Config) {
		c.Costs.MinRecords = 3
		c.Build = func(context.Context, *ledger.Shard) (input.Built, error) {
			return input.Built{Changed: input.Changed{Records: 10, Documents: 10}}, nil
		}
	})
	if err := w.Step(t.Context(), &one); err != nil || one.Unasked == "" {
		t.Errorf("a pilot of a pass that has sent something: %q, %v, want it left unsent", one.Unasked, err)
	}
}

func TestCollectSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, row(1, quarry.ShardPlanned), row(2, quarry.ShardBuilt), row(3, quarry.ShardUploaded), row(4, quarry.ShardCalling, called), row(5, quarry.ShardCollected))
	rows, err := w.cfg.Ledger.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []*ledger.Shard
	for i := range rows {
		all = append(all, &rows[i])
	}
	failed, err := w.Collect(t.Context(), all, true)
	if err != nil || len(failed) > 0 || len(w.done) > 0 {
		t.Fatalf("Collect() = %v, %v after %q, want nothing built and nothing called", failed, err, w.done)
	}
	kept, err := w.cfg.Ledger.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []quarry.ShardState{quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded, quarry.ShardCalling, quarry.ShardDone}
	for i := range kept {
		if kept[i].State != want[i] {
			t.Errorf("shard %s is %s, want %s", kept[i].ID, kept[i].State, want[i])
		}
	}
}

func TestWhatBlocksOneShardKeepsNoOtherFromBeingCollected(t *testing.T) {
	t.Parallel()
	elsewhere := func(s *ledger.Shard) {
		s.Pool = ledger.Pool{Region: "eu-west-1", Bucket: "other", Model: quarry.DefaultModel}
	}
	blocked, fine := row(1, quarry.ShardSubmitted, elsewhere), row(2, quarry.ShardCollected)
	w := newWorld(t, blocked, fine)
	failed, err := w.Collect(t.Context(), []*ledger.Shard{&blocked, &fine}, true)
	if err != nil || len(failed) != 1 || fine.State != quarry.ShardDone || blocked.State != quarry.ShardSubmitted {
		t.Errorf("Collect() = %v, %v; the shards are %s and %s, want one error, the first unchanged and the second done", failed, err, blocked.State, fine.State)
	}
}

func TestAGateMayNameAnyTimeToWait(t *testing.T) {
	for _, d := range []time.Duration{-time.Hour, 0, 1, time.Minute} {
		var l Life
		s := ledger.Shard{}
		s.Waits = "hold"
		before := time.Now()
		if err := l.wait(&s, "hold", d); err != nil || !s.Due.After(before) {
			t.Errorf("wait %s: due %s after %s, %v", d, s.Due, before, err)
		}
	}
}
