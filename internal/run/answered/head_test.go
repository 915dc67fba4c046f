package answered

import (
	"encoding/json"
	"testing"

	"quarry"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// TestTheHeadOfALineSaysWhatTheLineSays reads lines of a journal by their heads and as a whole.
func TestTheHeadOfALineSaysWhatTheLineSays(t *testing.T) {
	t.Parallel()
	text := json.RawMessage(`{"id":"x","result":{"id":"y"},"class":"z"}`)
	for name, tt := range map[string]struct {
		outcome shardfile.Outcome
		head    bool
	}{
		"plain": {shardfile.Outcome{Order: 7, RecordID: "a-0-a1", Class: quarry.ClassOK, Result: quarry.Result{ID: "a", Output: text}}, true},
		"with all members": {shardfile.Outcome{
			Order: 7, RecordID: "日-0-a1", Class: quarry.ClassSchema, Left: true, Parts: 3, Doubled: 2, Earlier: true,
			Result: quarry.Result{ID: "日", Text: string(text)},
		}, true},
		"an id with a quote":     {shardfile.Outcome{RecordID: "a-0-a1", Class: quarry.ClassOK, Result: quarry.Result{ID: `a","b`}}, false},
		"a record with a slash":  {shardfile.Outcome{RecordID: `a\`, Class: quarry.ClassOK, Result: quarry.Result{ID: "a"}}, false},
		"a document not planned": {shardfile.Outcome{Order: 1, Result: quarry.Result{ID: "a"}}, false},
	} {
		line, err := tt.outcome.AppendLine(nil)
		if err != nil {
			t.Fatal(err)
		}
		line = append(line, '\n')
		var head, whole attempt
		if err := new(lines.Reader).Read(line, &whole); err != nil {
			t.Fatal(err)
		}
		if ok := head.ReadHead(line); ok != tt.head || ok && head != whole {
			t.Errorf("%s: ReadHead = %t, %+v, want %t and %+v", name, ok, head, tt.head, whole)
		}
	}
	var a attempt
	for _, line := range []string{
		`{"order":7,"record_id":"a-0-a1","class":"ok","result":{"id":"a","status":"ok"`, "\n",
		`{"order":7.5,"record_id":"a","class":"ok","result":{"id":"a"}}` + "\n",
		`{"class":"ok","order":7,"record_id":"a","class":"ok","result":{"id":"a"}}` + "\n",
	} {
		if a.ReadHead([]byte(line)) {
			t.Errorf("ReadHead takes %q", line)
		}
	}
}
