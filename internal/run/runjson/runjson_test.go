package runjson_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
)

const id = quarry.RunID("k3v9q2mx7d")

func made() runjson.Run {
	return runjson.Run{
		Format: runjson.Format, Run: id, Created: "2026-11-01T09:00:00Z", Version: "1.2.3", Region: "us-west-2", Bucket: "b", Mode: quarry.ModeJob,
		Sources: []string{"articles.jsonl"}, Planned: plan.Plan{Pass: 2, Asked: 7}, PilotMinValid: 0.7,
		Asked: runjson.Asked{Model: "m", Type: quarry.InvokeModel, Schema: json.RawMessage(`{"type":"object"}`), Settings: "s", Attempts: 3},
	}
}

func note() runjson.Note {
	return runjson.Note{
		Format: runjson.Format, Run: id, Shard: "s00001", Kind: quarry.MainShard, Pass: 2, Attempt: 1, JobName: quarry.JobName(id, "s00001", 1), Token: "t",
		Records: 9, Bytes: 900, Digest: "d", Uploaded: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC), Asked: made().Asked,
	}
}

func encoded[T runjson.Run | runjson.Note](t *testing.T, v T) string {
	t.Helper()
	b, err := runjson.Bytes(&v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every run that was begun relies on these names.
func TestTheFieldsAreSideBySide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"run.json": {encoded(t, made()), `format run created version region bucket mode sources planned pilot_min_valid model modelInvocationType schema settings attempts`},
		"note": {
			encoded(t, note()),
			`format run shard kind pass attempt jobName clientRequestToken records bytes sha256 uploaded model modelInvocationType schema settings attempts`,
		},
	} {
		var names []string
		for line := range strings.Lines(c.text) {
			if field, ok := strings.CutPrefix(line, `  "`); ok {
				field, _, _ = strings.Cut(field, `"`)
				names = append(names, field)
			}
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s has %s, want %s", name, got, c.want)
		}
		if !strings.HasSuffix(c.text, "}\n") {
			t.Errorf("%s does not end with a line end", name)
		}
	}
}

func TestWhatWasWrittenIsReadAgain(t *testing.T) {
	t.Parallel()
	m, err := runjson.Read(id, strings.NewReader(encoded(t, made())))
	if err != nil {
		t.Fatal(err)
	}
	squeeze := cmp.Transformer("squeeze", func(b json.RawMessage) string { return strings.Join(strings.Fields(string(b)), "") })
	plans := cmp.Comparer(func(a, b plan.Plan) bool { return a.Pass == b.Pass && a.Asked == b.Asked })
	if diff := cmp.Diff(made(), m, squeeze, plans); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	n, err := m.ReadNote("s00001", strings.NewReader(encoded(t, note())))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(note(), n, squeeze); diff != "" {
		t.Errorf("ReadNote (-want +got):\n%s", diff)
	}
}

func TestARunOfFormatOneHadFourAttempts(t *testing.T) {
	t.Parallel()
	m, err := runjson.Read(id, strings.NewReader(`{"format":1,"run":"`+string(id)+`"}`))
	if err != nil || m.Attempts != 4 {
		t.Errorf("attempts = %d (%v), want 4", m.Attempts, err)
	}
}

func TestWhatIsNotTheRunsIsRefused(t *testing.T) {
	t.Parallel()
	newer, other := made(), made()
	newer.Format++
	other.Run = "aaaaaaaaaa"
	newerNote, otherNote := note(), note()
	newerNote.Format++
	otherNote.Shard = "s00002"
	m := made()
	for name, c := range map[string]struct {
		err   error
		want  string
		newer bool
	}{
		"a newer run.json": {second(runjson.Read(id, strings.NewReader(encoded(t, newer)))), "format 3", true},
		"a newer note":     {second(m.ReadNote("s00001", strings.NewReader(encoded(t, newerNote)))), "format 3", true},
		"another run's":    {second(runjson.Read(id, strings.NewReader(encoded(t, other)))), `of run "aaaaaaaaaa"`, false},
		"another shard's":  {second(m.ReadNote("s00001", strings.NewReader(encoded(t, otherNote)))), `of shard "s00002"`, false},
		"no JSON":          {second(runjson.Read(id, strings.NewReader("<html>"))), "run.json", false},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, c.err, c.want)
			continue
		}
		var q *quarry.Error
		if errors.As(c.err, &q) != c.newer || errors.Is(c.err, ledger.ErrNewerFormat) != c.newer {
			t.Errorf("%s: %v, want an error about a newer version: %v", name, c.err, c.newer)
		} else if c.newer && (q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "Quarry 1.2.3")) {
			t.Errorf("%s: hint = %q, want the version that wrote it", name, q.Hint)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Objects of existing runs have these keys.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := id.Prefix()
	for got, want := range map[string]string{
		runjson.Key(id):                    p + "run.json",
		runjson.InputKey(id, "s00001"):     p + "in/s00001/s00001.jsonl",
		runjson.OutputPrefix(id, "s00001"): p + "out/s00001/",
		runjson.PartKey(id, "s00001"):      p + "index/s00001.jsonl.zst",
		runjson.NoteKey(id, "s00001"):      p + "index/s00001.json",
	} {
		if got != want {
			t.Errorf("key = %s, want %s", got, want)
		}
	}
	if a, b := runjson.Token("n", "d"), runjson.Token("n", "e"); a == b || a != runjson.Token("n", "d") || len(a) != 64 {
		t.Errorf("tokens of two files are %s and %s", a, b)
	}
}
