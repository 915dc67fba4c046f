package shardfile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func in(t *testing.T) (shardfile.Dir, string) {
	dir := t.TempDir()
	return shardfile.In(effect.New(nil), dir, ""), dir
}

func TestThePathsOfAShardsFiles(t *testing.T) {
	t.Parallel()
	d, built := shardfile.In(nil, "run", ""), shardfile.In(nil, "run", "out")
	for got, want := range map[string]string{
		d.Input("s00001"): "run/shards/s00001.jsonl", built.Input("s00001"): "out/s00001.jsonl", d.Base("r00002"): "run/shards/r00002.base.jsonl.zst",
		d.Part("p00001"): "run/index/parts/p00001.jsonl.zst", d.Journal("s1"): "run/journal/s1.jsonl.zst", d.Queue("s1"): "run/journal/s1.left.jsonl.zst",
		d.Calls("s1"): "run/journal/s1.calls.jsonl", d.Raw("s1", 2): "run/raw/s1-a2",
	} {
		if got != filepath.FromSlash(want) {
			t.Errorf("a file lies at %s, want %s", got, want)
		}
	}
}

// input writes the input file of a shard with these bodies.
func input(t *testing.T, d shardfile.Dir, id quarry.ShardID, bodies ...string) shardfile.Written {
	t.Helper()
	f, err := d.CreateInput(id, func(body []byte) int64 { return int64(len(body)) })
	must(t, err)
	defer f.Abort()
	for i, body := range bodies {
		p := shardfile.Part{ID: quarry.DocumentID(fmt.Sprintf("doc%d", i)), Order: int64(i), RecordID: quarry.RecordID(fmt.Sprintf("doc%d-0-a1", i)), Parts: i % 2}
		must(t, f.Add(p, []byte(body)))
		if f.Count() != int64(i)+1 {
			t.Errorf("Count() = %d, want %d", f.Count(), i+1)
		}
	}
	w, err := f.Commit()
	must(t, err)
	return w
}

func TestAnInputFileIsWhatItSays(t *testing.T) {
	t.Parallel()
	d, _ := in(t)
	w := input(t, d, "s1", `{"a":1}`, `{"b":"x"}`)
	got, err := os.ReadFile(d.Input("s1"))
	must(t, err)
	want := "{\"recordId\":\"doc0-0-a1\",\"modelInput\":{\"a\":1}}\n{\"recordId\":\"doc1-0-a1\",\"modelInput\":{\"b\":\"x\"}}\n"
	if string(got) != want {
		t.Errorf("the input file is %q, want %q", got, want)
	}
	sum := sha256.Sum256([]byte(want))
	if expected := (shardfile.Written{Records: 2, Bytes: int64(len(want)), Parted: 1, Tokens: 16, Digest: hex.EncodeToString(sum[:])}); w != expected {
		t.Errorf("Commit = %+v, want %+v", w, expected)
	}
	var ids []quarry.DocumentID
	for p, err := range lines.Read[shardfile.Part](d.Part("s1")) {
		must(t, err)
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []quarry.DocumentID{"doc0", "doc1"}) {
		t.Errorf("the part of the index names %v", ids)
	}
	if n := shardfile.LineBytes("doc0-0-a1", []byte(`{"a":1}`)); n != int64(strings.Index(want, "\n"))+1 {
		t.Errorf("LineBytes = %d, want the length of the line, %d", n, strings.Index(want, "\n")+1)
	}
}

func TestAnInputFileThatIsNotWholeIsNotThere(t *testing.T) {
	t.Parallel()
	d, _ := in(t)
	f, err := d.CreateInput("s1", nil)
	must(t, err)
	must(t, f.Add(shardfile.Part{RecordID: "a-b-a1"}, []byte("{}")))
	f.Abort()
	for _, path := range []string{d.Input("s1"), d.Part("s1")} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s after Abort: %v, want that it is not there", path, err)
		}
	}
}

func TestBodiesAreFoundByTheirPlace(t *testing.T) {
	t.Parallel()
	d, _ := in(t)
	long := `{"text":"` + strings.Repeat("x", 3<<20) + `"}` // longer than the reader's buffer
	input(t, d, "s1", `{"n":0}`, long, `{"n":2}`, `{"n":3}`)
	first := d.Bodies("s1", false)
	defer first.Close()
	for _, place := range []int{1, 3} {
		got, err := first.At(place)
		must(t, err)
		if want := []string{"", long, "", `{"n":3}`}[place]; string(got) != want {
			t.Errorf("At(%d) = %.40s…, want %.40s…", place, got, want)
		}
	}
	if _, err := first.At(4); err == nil {
		t.Error("At(after the last) gave no error")
	}
	none := d.Bodies("s2", false)
	none.Close() // never asked: no file was opened
	if _, err := d.Bodies("r1", true).At(0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("At in a file that is not there: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestCallsAreRememberedAcrossLives(t *testing.T) {
	t.Parallel()
	d, _ := in(t)
	log, answered, begun, err := d.OpenCalls(t.Context(), "s1")
	must(t, err)
	if len(answered)+len(begun) != 0 {
		t.Errorf("a new log knows of %d answers and %d calls", len(answered), len(begun))
	}
	var callers sync.WaitGroup
	for i := range 50 { // they share syncs
		callers.Go(func() {
			id := quarry.RecordID(fmt.Sprintf("r%d", i))
			must(t, log.Begin(&shardfile.Call{RecordID: id, Intent: 1}, 100))
			if i%2 == 0 {
				must(t, log.Append(&shardfile.Call{RecordID: id, ModelOutput: json.RawMessage(`{"ok":true}`)}))
			}
		})
	}
	callers.Wait()
	must(t, log.Begin(&shardfile.Call{RecordID: "r1", Intent: 2}, 100))
	must(t, log.Close())
	whole, err := os.ReadFile(d.Calls("s1"))
	must(t, err)
	must(t, os.WriteFile(d.Calls("s1"), append(slices.Clone(whole), `{"recordId":"r3","modelOut`...), 0o644)) // it died while it wrote

	log, answered, begun, err = d.OpenCalls(t.Context(), "s1")
	must(t, err)
	if len(answered) != 25 || answered["r3"] || !answered["r48"] || len(begun) != 50 || begun["r1"] != 2 || begun["r2"] != 1 {
		t.Errorf("after a crash %d are answered and %d begun (r1 %d times), want 25, 50 and 2", len(answered), len(begun), begun["r1"])
	}
	must(t, log.Append(&shardfile.Call{RecordID: "r3", Error: &shardfile.CallError{Code: 408, Message: "gone"}}))
	must(t, log.Close())
	got, err := os.ReadFile(d.Calls("s1"))
	must(t, err)
	if want := string(whole) + `{"recordId":"r3","error":{"errorCode":408,"errorMessage":"gone"}}` + "\n"; string(got) != want {
		t.Errorf("after the torn line comes %q", got[len(whole):])
	}
}

func TestSealedCallsAreAJobsOutput(t *testing.T) {
	t.Parallel()
	d, _ := in(t)
	log, _, _, err := d.OpenCalls(t.Context(), "s1")
	must(t, err)
	must(t, log.Begin(&shardfile.Call{RecordID: "a-b-a1", Intent: 1}, 100))
	must(t, log.Append(&shardfile.Call{RecordID: "a-b-a1", ModelOutput: json.RawMessage(`{"x":1}`)}))
	must(t, log.Begin(&shardfile.Call{RecordID: "c-d-a1", Intent: 1}, 100))
	must(t, log.Close())
	out, err := d.SealCalls("s1", 3)
	must(t, err)
	var checker jsonl.Checker
	ids := map[quarry.RecordID]int{}
	for _, path := range out.Files {
		if filepath.Dir(path) != d.Raw("s1", 3) {
			t.Errorf("the output lies at %s, want it in %s", path, d.Raw("s1", 3))
		}
		for c, err := range collect.Chunks(t.Context(), path) {
			must(t, err)
			for l := range c.Lines() {
				line, err := collect.Parse(&checker, l.Text)
				must(t, err)
				ids[line.RecordID]++
			}
		}
	}
	if !maps.Equal(ids, map[quarry.RecordID]int{"a-b-a1": 1}) {
		t.Errorf("the raw output has %v, want the one answer and no intent", ids)
	}
	n := 0
	for _, err := range lines.Read[shardfile.Call](d.Calls("s1") + ".zst") {
		must(t, err)
		n++
	}
	if n != 3 {
		t.Errorf("the sealed calls have %d lines, want all 3", n)
	}
}

func found(place int, class quarry.Class, text string) *shardfile.Found {
	return &shardfile.Found{At: place, Outcome: shardfile.Outcome{Class: class, Result: quarry.Result{Text: text}}}
}

func TestOfTwoLinesForARecordTheBetterOneStays(t *testing.T) {
	t.Parallel()
	const ok, bad = quarry.ClassOK, quarry.ClassNotJSON
	for name, tt := range map[string]struct {
		lines   []*shardfile.Found
		text    string
		doubled int64
	}{
		"one line":                   {[]*shardfile.Found{found(1, bad, "first")}, "first", 0},
		"the good one after":         {[]*shardfile.Found{found(1, bad, "first"), found(1, ok, "second")}, "second", 1},
		"the good one before":        {[]*shardfile.Found{found(1, ok, "first"), found(1, bad, "second")}, "first", 1},
		"two good ones":              {[]*shardfile.Found{found(1, ok, "first"), found(1, ok, "second")}, "first", 1},
		"two bad ones":               {[]*shardfile.Found{found(1, bad, "first"), found(1, bad, "second")}, "first", 1},
		"three, with others between": {[]*shardfile.Found{found(1, bad, "first"), found(0, ok, "other"), found(1, bad, "second"), found(1, ok, "third")}, "third", 2},
	} {
		d, _ := in(t)
		l, err := d.CreateLoose("s1", 3)
		must(t, err)
		var doubled int64
		for _, f := range tt.lines {
			again, err := l.Keep(f)
			must(t, err)
			if again {
				doubled++
			}
		}
		got, came, err := l.Read(1)
		must(t, err)
		if !came || got.Outcome.Result.Text != tt.text || got.Outcome.Doubled != tt.doubled || doubled != tt.doubled {
			t.Errorf("%s: Read = %q after %d doubled lines (%d told), want %q after %d", name, got.Outcome.Result.Text, got.Outcome.Doubled, doubled, tt.text, tt.doubled)
		}
		if _, came, err := l.Read(2); came || err != nil {
			t.Errorf("%s: Read(no line) = %t, %v, want none", name, came, err)
		}
		l.Remove()
		if left, err := os.ReadDir(filepath.Dir(d.Journal("s1"))); len(left) != 0 || err != nil {
			t.Errorf("%s: %d files are left after Remove, %v", name, len(left), err)
		}
	}
}
