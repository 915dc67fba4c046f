package state_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/state"
	"quarry/internal/standin"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres of Debian's package, and test the files of runs whose ledger is in it")

var started = sync.OnceValues(pgcluster.New)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *withPostgres {
		if c, _ := started(); c != nil {
			_ = c.Remove()
		}
	}
	os.Exit(code)
}

var runs atomic.Int64

// place is where the processes of a run meet.
type place struct {
	address string
	run     quarry.RunID
	bucket  *bucket.Bucket
}

func newPlace(t *testing.T) *place {
	t.Helper()
	if !*withPostgres {
		t.Skip("needs -postgres")
	}
	c, err := started()
	if err != nil {
		t.Fatal(err)
	}
	p := newLocalPlace(t)
	p.address = pgcluster.Address(c.Dir)
	return p
}

// newLocalPlace gives a bucket alone.
func newLocalPlace(t *testing.T) *place {
	t.Helper()
	server, err := standin.Start(t.Context(), standin.Config{Dir: filepath.Join(t.TempDir(), "standin"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.WithoutCancel(t.Context())) })
	id, secret := server.Keys()
	aws, err := account.Load(t.Context(), account.Config{HTTP: http.DefaultClient, Fixed: &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{"", quarry.RunID("f" + strconv.FormatInt(runs.Add(1), 10)), bucket.New(aws, "quarry-test")}
	if err := p.bucket.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// process is one that has taken the run over.
type process struct {
	*state.Files
	effects *effect.Effects
	dir     string
	ledger  *ledger.Ledger
}

func (p *place) open(t *testing.T, dir string) (*process, error) {
	t.Helper()
	e := effect.New(nil)
	l, err := ledger.OpenPostgres(t.Context(), e, p.address, p.run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f, err := state.Open(t.Context(), p.config(e, dir, l))
	return &process{f, e, dir, l}, err
}

func (p *place) config(e *effect.Effects, dir string, l *ledger.Ledger) state.Config {
	return state.Config{Effects: e, Dir: dir, Run: p.run, Bucket: p.bucket, Ledger: l}
}

func (p *place) mustOpen(t *testing.T, dir string) *process {
	t.Helper()
	o, err := p.open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *process) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(o.dir, filepath.FromSlash(name))
	if err := errors.Join(o.effects.MkdirAll(filepath.Dir(path)), atomicfile.Write(o.effects, path, []byte(text))); err != nil {
		t.Fatal(err)
	}
}

// elsewhere gives the files as a machine gets them that has never seen the run.
func (p *place) elsewhere(t *testing.T, l *ledger.Ledger) map[string]string {
	t.Helper()
	dir := t.TempDir()
	cfg := p.config(effect.New(nil), dir, l)
	if err := state.Copy(t.Context(), &cfg, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	if folders, _ := filepath.Glob(filepath.Join(dir, "raw", "*")); len(folders) > 0 {
		all["folders"] = filepath.Base(folders[0])
	}
	return all
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// objects counts what is in the bucket for the run.
func (p *place) objects(t *testing.T) (n int) {
	t.Helper()
	for _, err := range p.bucket.Objects(t.Context(), state.Prefix+string(p.run)+"/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func (o *process) commit(t *testing.T) {
	t.Helper()
	if err := o.ledger.SetFacts(t.Context(), map[string]string{"a": fmt.Sprint(runs.Add(1))}); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeOfTheLedgerTakesTheFilesWithIt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	o := p.mustOpen(t, t.TempDir())
	o.write(t, "index/0001/entries", "one")
	o.write(t, "journal/s1.jsonl.zst", "two")
	o.write(t, "quarry.yaml", "a record of this machine")
	if err := o.effects.MkdirAll(filepath.Join(o.dir, "raw", "s1-a1")); err != nil {
		t.Fatal(err)
	}
	if got := p.elsewhere(t, o.ledger); len(got) != 0 {
		t.Errorf("before a change of the ledger another machine has %v", got)
	}
	o.commit(t)
	want := map[string]string{"index/0001/entries": "one", "journal/s1.jsonl.zst": "two", "folders": "s1-a1"}
	if got := p.elsewhere(t, o.ledger); !maps.Equal(got, want) {
		t.Errorf("another machine has %v, want %v", got, want)
	}
	o.write(t, "index/0001/entries", "three")
	if err := o.effects.Remove(filepath.Join(o.dir, "journal", "s1.jsonl.zst")); err != nil {
		t.Fatal(err)
	}
	o.commit(t)
	want = map[string]string{"index/0001/entries": "three", "folders": "s1-a1"}
	if got := p.elsewhere(t, o.ledger); !maps.Equal(got, want) {
		t.Errorf("after changes, another machine has %v, want %v", got, want)
	}
	if n := p.objects(t); n != 1 {
		t.Errorf("%d objects are in the bucket, want the one that is named", n)
	}
}

// TestAFileOfAProcessThatWasFencedOffIsNeverRead lets the process whose run was taken over write the same names.
func TestAFileOfAProcessThatWasFencedOffIsNeverRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	old := p.mustOpen(t, t.TempDir())
	old.write(t, "journal/s1.jsonl.zst", "first")
	old.commit(t)
	taken := p.mustOpen(t, t.TempDir())
	if got := files(t, taken.dir)["journal/s1.jsonl.zst"]; got != "first" {
		t.Errorf("the process that took over reads %q, want what the other one committed", got)
	}
	old.write(t, "journal/s1.jsonl.zst", "stale")
	old.write(t, "journal/s2.jsonl.zst", "stale")
	if err := old.ledger.SaveFiles(t.Context()); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the process that was fenced off saves files: %v", err)
	}
	taken.write(t, "journal/s1.jsonl.zst", "second")
	taken.commit(t)
	if got, want := p.elsewhere(t, taken.ledger), map[string]string{"journal/s1.jsonl.zst": "second"}; !maps.Equal(got, want) {
		t.Errorf("another machine has %v, want %v", got, want)
	}
	if n := p.objects(t); n != 3 {
		t.Errorf("%d objects, want one that is named and two of the process that was fenced off", n)
	}
	p.mustOpen(t, t.TempDir())
	if n := p.objects(t); n != 1 {
		t.Errorf("%d objects are left when the run is opened again, want those that are named", n)
	}
}

func TestACopyIsUsedAgainIfNoOtherProcessHasWorkedOnTheRunSince(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first, second := t.TempDir(), t.TempDir()
	o := p.mustOpen(t, first)
	o.write(t, "index/0001/entries", "one")
	o.commit(t)
	o.write(t, "index/answered", "written last")
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(first, "index", "local")
	if err := os.WriteFile(local, nil, 0o600); err != nil { // a copy that is made again has it not
		t.Fatal(err)
	}
	o = p.mustOpen(t, first)
	if _, err := os.Stat(local); err != nil {
		t.Errorf("the copy was made again: %v", err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := p.mustOpen(t, second)
	if got := files(t, second)["index/answered"]; got != "written last" {
		t.Errorf("another machine reads %q, want what the first one wrote before it ended", got)
	}
	other.write(t, "index/answered", "by another")
	other.commit(t)
	p.mustOpen(t, first) // the other one did not end in order
	if got := files(t, first); got["index/answered"] != "by another" || got["index/local"] != "" {
		t.Errorf("the first machine has %v, want what the other one committed", got)
	}
	if _, err := os.Stat(local); err == nil {
		t.Error("the first machine has a file that is not the run's")
	}
	p.mustOpen(t, first) // this one did not either
	p.mustOpen(t, second)
	if got := files(t, second)["index/answered"]; got != "by another" {
		t.Errorf("the second machine reads %q", got)
	}
	p2 := *p
	p2.run += "x"
	var q *quarry.Error
	if _, err := p2.open(t, second); !errors.As(err, &q) || q.Kind != quarry.BadUsage {
		t.Errorf("another run in the same directory: %v, want a usage error", err)
	}
}

func TestADirectoryThatHoldsSomethingElseIsRefused(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, name := range []string{"ledger.db", "index/0001/entries", "results.jsonl"} {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("precious"), 0o600)); err != nil {
			t.Fatal(err)
		}
		_, err := p.open(t, dir)
		var q *quarry.Error
		if !errors.As(err, &q) || q.Kind != quarry.BadUsage || q.Hint == "" {
			t.Errorf("a directory with %s: %v, want a usage error", name, err)
		}
		if got := files(t, dir); len(got) != 1 || got[name] != "precious" {
			t.Errorf("the directory with %s holds %v then", name, got)
		}
	}
}

// TestCallsAreDurableElsewhereBeforeTheyAreMade follows the calls of a shard to another machine.
func TestCallsAreDurableElsewhereBeforeTheyAreMade(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	o := p.mustOpen(t, t.TempDir())
	in := shardfile.In(o.effects, o.dir, "").Committing(o.ledger.SaveFiles)
	log, _, _, err := in.OpenCalls(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	for n := range 40 {
		id := quarry.RecordID(fmt.Sprintf("r%02d", n))
		callers.Go(func() {
			err := log.Begin(&shardfile.Call{RecordID: id, Intent: 1}, 100)
			if err == nil && n%2 == 0 {
				err = log.Append(&shardfile.Call{RecordID: id, ModelOutput: []byte(`{"a":1}`)})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	dir := t.TempDir()
	other := p.mustOpen(t, dir) // the first process is not closed: it died
	if err := log.Begin(&shardfile.Call{RecordID: "late", Intent: 1}, 100); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("the process that was fenced off begins a call: %v", err)
	}
	_ = log.Close()
	again, answered, begun, err := shardfile.In(other.effects, dir, "").Committing(other.ledger.SaveFiles).OpenCalls(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if len(begun) != 40 || len(answered) != 20 {
		t.Errorf("another machine knows of %d calls and %d answers, want 40 and 20", len(begun), len(answered))
	}
	if err := errors.Join(again.Append(&shardfile.Call{RecordID: "r01", ModelOutput: []byte(`{}`)}), again.Close()); err != nil {
		t.Fatal(err)
	}
	parts := slices.Sorted(maps.Keys(files(t, in.CallParts("s1"))))
	if len(parts) == 0 || len(parts) > 60 {
		t.Errorf("the lines are in files %v", parts)
	}
	p.mustOpen(t, t.TempDir())
	if got := p.elsewhere(t, p.mustOpen(t, t.TempDir()).ledger); len(got) != len(parts)+2 { // one part more, and the calls joined
		t.Errorf("a third machine has %v, want %d parts and the calls", slices.Sorted(maps.Keys(got)), len(parts)+1)
	}
}
