package records_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/run/shardfile"
)

// raw writes the output of a shard's job.
func (w *world) raw(id quarry.ShardID, lines ...string) {
	dir := shardfile.In(w.e, w.dir, "").Raw(id, 1)
	w.must(w.e.MkdirAll(dir))
	f, err := atomicfile.CreateZstd(w.e, filepath.Join(dir, string(id)+".jsonl.out.zst"))
	w.must(err)
	_, err = f.Write([]byte(strings.Join(lines, "\n") + "\n"))
	w.must(err)
	w.must(f.Commit())
}

func TestAllAttemptsAtADocumentAreShown(t *testing.T) {
	t.Parallel()
	docs := numbered(3)
	each := func(i int) *doc { return &docs[i] }
	w := newWorld(t)
	w.writeSource(len(docs), each)
	orders := w.plan(1)
	bad := outcome(1, &docs[1], 1)
	bad.Class, bad.Left, bad.Result.Status, bad.Result.Output = quarry.ClassNotJSON, true, quarry.StatusInvalid, nil
	bad.Result.Error = &quarry.ResultError{Kind: "not_json", Message: "no JSON"}
	w.seal("s00001", 1, outcome(0, &docs[0], 1), bad, outcome(2, &docs[2], 1))
	w.seal("r00001", 2, outcome(1, &docs[1], 2))
	line := func(id quarry.RecordID, answer string) string {
		return fmt.Sprintf(`{"recordId":%q,"modelInput":{"n":%q},"modelOutput":{"answer":%q}}`, id, id, answer)
	}
	first, second := bad.RecordID, outcome(1, &docs[1], 2).RecordID
	// Output comes in any order, and a line may be torn.
	w.raw("s00001", line(outcome(2, &docs[2], 1).RecordID, "other"), `{"recordId":"`+string(first)+`","modelOut`, line(first, "no JSON here"))
	w.raw("r00001", line(second, "fine"))
	last := outcome(1, &docs[1], 2)
	docs[1].result = last.Result
	w.finish(1, orders, each)
	s := w.store(w.config())
	all, err := s.Attempts(t.Context(), "d1")
	if err != nil || len(all) != 2 {
		t.Fatalf("%d attempts, %v", len(all), err)
	}
	for i, want := range []struct {
		id     quarry.RecordID
		shard  quarry.ShardID
		class  quarry.Class
		output string
		end    string
	}{{first, "s00001", quarry.ClassNotJSON, `{"answer":"no JSON here"}`, ":3"}, {second, "r00001", quarry.ClassOK, `{"answer":"fine"}`, ":1"}} {
		a := &all[i]
		if a.RecordID != want.id || a.Shard != want.shard || a.Class != want.class || string(a.ModelOutput) != want.output ||
			!strings.Contains(string(a.ModelInput), string(want.id)) || !strings.HasSuffix(a.Raw, want.end) {
			t.Errorf("attempt %d is %+v", i+1, a)
		}
	}
	if all, err = s.Attempts(t.Context(), "d0"); err != nil || len(all) != 1 || all[0].Raw != "" {
		t.Errorf("attempts at a document without raw output: %+v, %v", all, err)
	}
}
