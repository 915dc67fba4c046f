package adopt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/adopt"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
	"quarry/internal/run/shardfile"
)

const id = quarry.RunID("k3v9q2mx7d")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a bucket and a provider's list of jobs.
type world struct {
	objects map[string][]byte
	jobs    []quarry.Job
	shown   time.Time // from when on the list shows the jobs
	asked   int       // how often it was asked for
	run     runjson.Run
}

func newWorld() *world {
	return &world{objects: map[string][]byte{}, run: runjson.Run{
		Format: runjson.Format, Run: id, Planned: plan.Plan{Pass: 2}, Asked: runjson.Asked{Model: "now", Attempts: 4},
	}}
}

func (w *world) place(lag time.Duration) adopt.Place {
	return adopt.Place{
		URI: func(key string) string { return "s3://b/" + key }, Lag: lag,
		Bucket: collect.Store{
			Objects: func(_ context.Context, prefix string) iter.Seq2[collect.Object, error] {
				return func(yield func(collect.Object, error) bool) {
					for _, key := range slices.Sorted(maps.Keys(w.objects)) {
						if strings.HasPrefix(key, prefix) && !yield(collect.Object{Key: key, Size: int64(len(w.objects[key]))}, nil) {
							return
						}
					}
				}
			},
			Get: func(_ context.Context, key string) (io.ReadCloser, error) {
				b, ok := w.objects[key]
				if !ok {
					return nil, fs.ErrNotExist
				}
				return io.NopCloser(bytes.NewReader(b)), nil
			},
		},
		Jobs: func(_ context.Context, text string) iter.Seq2[quarry.Job, error] {
			return func(yield func(quarry.Job, error) bool) {
				w.asked++
				for _, j := range w.jobs {
					if time.Now().Before(w.shown) {
						return
					}
					if strings.Contains(j.Name, text) && !yield(j, nil) {
						return
					}
				}
			}
		},
	}
}

// put puts a shard into the bucket: its part of the index, and its note where it has a pass.
func (w *world) put(t *testing.T, shard quarry.ShardID, pass int, parts ...shardfile.Part) {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	must(t, err)
	for _, p := range parts {
		must(t, json.NewEncoder(z).Encode(p))
	}
	must(t, z.Close())
	w.objects[runjson.PartKey(id, shard)] = b.Bytes()
	if pass == 0 {
		return
	}
	n := runjson.Note{
		Format: runjson.Format, Run: id, Shard: shard, Kind: shard.Kind(), Pass: pass, Records: int64(len(parts)), Bytes: 100, Digest: "of " + string(shard),
		Uploaded: time.Now(), Asked: runjson.Asked{Model: fmt.Sprint("of pass ", pass)},
	}
	b2, err := runjson.Bytes(&n)
	must(t, err)
	w.objects[runjson.NoteKey(id, shard)] = b2
}

// job is a shard's nth job as the run makes it.
func job(shard quarry.ShardID, attempt int) quarry.Job {
	name := quarry.JobName(id, shard, attempt)
	return quarry.Job{ARN: quarry.JobARN("arn:" + name), Name: name, Token: runjson.Token(name, "of "+string(shard)), Status: quarry.JobCompleted}
}

func part(doc string, order int64) shardfile.Part {
	key := quarry.DocumentKey{1, 2, 3, 4, 5, 6, byte(order)}
	return shardfile.Part{ID: quarry.DocumentID(doc), Order: order, RecordID: quarry.NewRecordID(quarry.DocumentID(doc), key, 1)}
}

// rows finds the run and makes its rows in a directory.
func (w *world) rows(t *testing.T, dir string) (*adopt.Found, []ledger.Shard) {
	t.Helper()
	found, err := adopt.Find(t.Context(), w.run, w.place(0))
	must(t, err)
	e := effect.New(nil)
	rows, err := found.Rows(t.Context(), e, shardfile.In(e, dir, ""))
	must(t, err)
	return found, rows
}

func TestRowsOfWhatHasAJob(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(t, "r00001", 2, part("d", 3), part("a", 0))
	w.put(t, "s00001", 2, part("b", 1), part("c", 2))
	w.put(t, "p00001", 2, part("a", 0))
	w.put(t, "s00001x", 2, part("odd", 9))
	w.put(t, "s00007", 2, part("e", 4))
	w.put(t, "s00002", 1, part("z", 5))
	late := job("s00001", 2)
	late.Status = quarry.JobInProgress
	stranger := job("s00007", 1)
	stranger.Token = "another's"
	w.jobs = []quarry.Job{
		late, job("s00002", 1), job("r00001", 1), job("p00001", 1), job("s00001", 1), stranger, {Name: quarry.JobName(id, "s00001", 1) + "-copy"}, {Name: "quarry-aaaaaaaaaa-s00001-a1"},
	}
	dir := t.TempDir()
	found, rows := w.rows(t, dir)
	var order []string
	for i := range rows {
		s := &rows[i]
		order = append(order, fmt.Sprintf("%d:%s:pass %d", s.Seq, s.ID, s.Pass))
		if s.State != quarry.ShardSubmitted || s.Mode != quarry.ModeJob || s.Digest != "of "+string(s.ID) {
			t.Errorf("row %+v", s)
		}
		if _, err := os.Stat(filepath.Join(dir, "index", "parts", string(s.ID)+".jsonl.zst")); err != nil {
			t.Error(err)
		}
	}
	if got, want := strings.Join(order, " "), "1:s00002:pass 1 2:p00001:pass 2 3:s00001:pass 2 4:r00001:pass 2"; got != want {
		t.Errorf("rows = %s, want %s", got, want)
	}
	if s := rows[2]; s.Attempt != 2 || s.Job.Status != quarry.JobInProgress || len(s.Past) != 1 || s.First != 1 || s.Last != 2 || s.Records != 2 {
		t.Errorf("row of two jobs = %+v, want the second and the first after it, over orders 1 to 2", s)
	}
	if s := rows[3]; s.First != 0 || s.Last != 1 { // its records come from everywhere
		t.Errorf("a retry shard has places %d to %d, want 0 to 1", s.First, s.Last)
	}
	if rows[1].Marks != "mp" || rows[2].Marks != "m" {
		t.Errorf("marks are %s and %s, want mp and m", rows[1].Marks, rows[2].Marks)
	}
	if len(found.Others) != 1 || found.Others[0].Token != "another's" || found.Jobs() != 5 {
		t.Errorf("%d jobs, and of others %v, want 5 and the one with another token", found.Jobs(), found.Others)
	}
	if got := found.Unsent(); !slices.Equal(got, []quarry.ShardID{"s00001x", "s00007"}) {
		t.Errorf("Unsent() = %v", got)
	}
	if n := found.Numbers(rows); n[quarry.MainShard] != 7 || n[quarry.PilotShard] != 1 || n[quarry.RetryShard] != 1 {
		t.Errorf("Numbers = %v, want main 7, pilot 1, retry 1", n)
	}
	last, asked := found.Passes(rows)
	if last != 2 || len(asked) != 2 || asked[1].Model != "of pass 1" || asked[1].Planned.Pass != 1 || asked[2].Model != "of pass 2" {
		t.Errorf("Passes = %d, %+v", last, asked)
	}
}

func TestShardsOfFormatOneHaveNoNotes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(t, "p00001", 0, part("a", 0))
	w.jobs = []quarry.Job{job("p00001", 1)}
	_, rows := w.rows(t, t.TempDir())
	if len(rows) != 1 || rows[0].Kind != quarry.PilotShard || rows[0].Pass != 2 || rows[0].Records != 1 {
		t.Errorf("rows = %+v, want one of the pilot in the run's pass", rows)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world)
		want  string
	}{
		"the part of the index": {func(_ *testing.T, w *world) { delete(w.objects, runjson.PartKey(id, "s00001")) }, "s3://b/" + runjson.PartKey(id, "s00001")},
		"a record of it": {func(t *testing.T, w *world) {
			was := w.objects[runjson.NoteKey(id, "s00001")]
			w.put(t, "s00001", 2, part("a", 0))
			w.objects[runjson.NoteKey(id, "s00001")] = was
		}, "has 1 record instead of 2"},
	} {
		w := newWorld()
		w.put(t, "s00001", 2, part("a", 0), part("b", 1))
		w.jobs = []quarry.Job{job("s00001", 1)}
		c.spoil(t, w)
		found, err := adopt.Find(t.Context(), w.run, w.place(0))
		must(t, err)
		e := effect.New(nil)
		if _, err := found.Rows(t.Context(), e, shardfile.In(e, t.TempDir(), "")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("without %s: Rows = %v, want %q", name, err, c.want)
		}
	}
}

func TestAJobThatTheListShowsLateIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.put(t, "s00001", 2, part("a", 0))
		w.jobs, w.shown = []quarry.Job{job("s00001", 1)}, time.Now().Add(5*time.Second)
		began := time.Now()
		found, err := adopt.Find(t.Context(), w.run, w.place(10*time.Second))
		must(t, err)
		if found.Jobs() != 1 || w.asked != 2 || time.Since(began) != 10*time.Second {
			t.Errorf("%d jobs after %s and %d questions, want 1 after 10s and 2", found.Jobs(), time.Since(began), w.asked)
		}
		// A shard that was uploaded long ago is not waited for.
		time.Sleep(time.Hour)
		w.jobs, began = nil, time.Now()
		if _, err := adopt.Find(t.Context(), w.run, w.place(10*time.Second)); err != nil || time.Since(began) != 0 {
			t.Errorf("waited %s for a shard of an hour ago (%v)", time.Since(began), err)
		}
	})
}

// pass makes the index of a pass of the rows, and gives its plan and what becomes of each order.
func pass(t *testing.T, dir string, n int, rows []ledger.Shard, before *index.Known) (plan.Plan, string) {
	t.Helper()
	e := effect.New(nil)
	ix := index.Of(e, dir, n)
	p, err := adopt.Index(t.Context(), e, ix, adopt.Parts(shardfile.In(e, dir, ""), rows, n), before)
	must(t, err)
	b, err := os.ReadFile(ix.Path("takes"))
	must(t, err)
	return p, string(b)
}

func TestTheIndexHoldsWhatWasAskedAtItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld()
	long := part("long", 4)
	long.Parts = 3
	w.put(t, "s00001", 1, part("a", 0), part("b", 1))
	w.put(t, "s00002", 1, long)
	w.put(t, "r00001", 1, part("a", 0))
	w.jobs = []quarry.Job{job("s00001", 1), job("s00002", 1), job("r00001", 1)}
	dir := t.TempDir()
	_, rows := w.rows(t, dir)
	p, takes := pass(t, dir, 1, rows, nil)
	if takes != "mmxxm" || p.Asked != 3 || p.Documents != 3 || p.Items != 3 || p.Orders != 5 || p.Long != 1 || p.Parts != 3 {
		t.Errorf("takes = %s, plan %+v, want mmxxm and 3 of 5 orders asked, one in 3 parts", takes, p)
	}
	for e, err := range index.Of(nil, dir, 1).Entries() {
		must(t, err)
		if want := index.HashOf("a"); e.Hash != want || !bytes.Equal(e.Key[:6], []byte{1, 2, 3, 4, 5, 6}) {
			t.Errorf("the first entry is %+v, want a's, with the key that stands in its recordId", e)
		}
		break
	}
}

func TestAnswersOfThePassBeforeAreTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.put(t, "s00001", 1, part("a", 0), part("b", 1), part("lost", 2), part("c", 3))
	w.put(t, "s00002", 2, part("b", 1), part("new", 6))
	w.jobs = []quarry.Job{job("s00001", 1), job("s00002", 1)}
	dir := t.TempDir()
	_, rows := w.rows(t, dir)
	first, _ := pass(t, dir, 1, rows, nil)
	ends, err := index.Of(effect.New(nil), dir, 1).CreateEnds()
	must(t, err)
	for order, how := range []index.Ended{index.EndedOK, index.EndedOK, index.EndedNone, index.EndedOK} {
		must(t, ends.Add(int64(order), how, 1, 1))
	}
	must(t, ends.Commit(first.Orders))
	before := index.Of(effect.New(nil), dir, 1).Known(first.Orders)
	defer before.Close()
	p, takes := pass(t, dir, 2, rows, before)
	// a keeps its slot; b was sent again; lost has no answer; c has a slot that was empty.
	if takes != "umxuxxm" || p.Unchanged != 2 || p.Asked != 2 || p.Documents != 4 {
		t.Errorf("takes = %s, plan %+v, want umxuxxm", takes, p)
	}
}

func TestAFaultOfTheBucketIsReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("access denied")
	at := newWorld().place(0)
	at.Bucket.Objects = func(context.Context, string) iter.Seq2[collect.Object, error] {
		return func(yield func(collect.Object, error) bool) { yield(collect.Object{}, broken) }
	}
	if _, err := adopt.Find(t.Context(), newWorld().run, at); !errors.Is(err, broken) {
		t.Errorf("Find = %v, want %v", err, broken)
	}
}
