package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/outcome/audit"
)

const (
	resultsFile = "results.jsonl"
	mainJournal = "journal/s00001.jsonl.zst"
	mainRaw     = "raw/s00001-a1/s00001.jsonl.out.zst"
	mainPart    = "index/parts/s00001.jsonl.zst"
	pilotRaw    = "raw/p00001-a1/p00001.jsonl.out.zst"
	callsFile   = "journal/r00001.calls.jsonl.zst"
	callsRaw    = "raw/r00001-a1/calls.jsonl.out.zst"
	rightly     = `"class":"ok"`
)

func TestAnUntouchedRunIsClean(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code, r := b.audit()
	if code != 0 || !r.Clean() || !r.Ended || !r.Checked.SourcesRead {
		t.Fatalf("audit gave code %d and %+v\n%s", code, r, base.log)
	}
	// The base run must be a hard one, or it proves nothing.
	c := r.Checked
	if c.Shards != 3 || c.Records <= 257 || c.Calls == 0 || c.InputFiles != 3 || r.Documents != 259 || c.Skipped != 1 || c.SourceIDs != 260 || len(r.Differs) == 0 {
		t.Errorf("the run is not what the tests need: %+v", r)
	}
	code, out := quarryMain("audit", "--dir", b.dir)
	if code != 0 || !strings.Contains(out, "missing 0 · answered twice 0 · paid twice 0") {
		t.Errorf("audit for people gave code %d and\n%s", code, out)
	}
}

// victim is a document of the main shard that was answered well at its first attempt, by one line, and whose answer
// no one shares.
func (b *bundle) victim() (id quarry.DocumentID, record string) {
	b.t.Helper()
	raw := b.lines(mainRaw)
	for _, line := range b.lines(mainJournal) {
		_, rest, _ := strings.Cut(line, `"record_id":"`)
		record, _, _ = strings.Cut(rest, `"`)
		_, rest, _ = strings.Cut(line, `"result":{"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		n := 0
		for _, l := range raw {
			if strings.Contains(l, record) {
				n++
			}
		}
		if n == 1 && strings.Contains(line, rightly) && id != "art/40" {
			return quarry.DocumentID(id), record
		}
	}
	b.t.Fatal("the run has no plain document")
	return "", ""
}

func TestEveryDamagedLineIsNamed(t *testing.T) {
	t.Parallel()
	type want struct{ missing, twice, paid, altered bool }
	for _, c := range []struct {
		name  string
		file  string
		edit  func(t *testing.T, lines []string, i int) []string
		want  want
		clean bool
	}{
		{name: "a result is taken out", file: resultsFile, edit: cut, want: want{missing: true}},
		{name: "a result stands twice", file: resultsFile, edit: double, want: want{twice: true}},
		{name: "a result stands twice, far from the first", file: resultsFile, edit: func(_ *testing.T, l []string, i int) []string { return append(slices.Clone(l), l[i]) }, want: want{twice: true}},
		{name: "a result's answer is another", file: resultsFile, edit: swap(`Article number`, `Article nomber`), want: want{altered: true}},
		{name: "a result's status is another", file: resultsFile, edit: swap(`"status":"ok"`, `"status":"skipped"`), want: want{altered: true}},
		{name: "a result's tokens are more", file: resultsFile, edit: swap(`"output_tokens":1`, `"output_tokens":2`), want: want{altered: true}},
		{name: "a result's model is another", file: resultsFile, edit: swap(`"model":"quarry.echo-v1"`, `"model":"better"`), want: want{altered: true}},
		{name: "a result's title is another", file: resultsFile, edit: swap(`"title":"Title`, `"title":"Tittle`), want: want{altered: true}},
		{name: "a result has another record", file: resultsFile, edit: swap(`-a1"`, `-a3"`), want: want{altered: true}},
		{name: "a result is broken", file: resultsFile, edit: swap(`{"id":`, `{"id":`+"\xff"), want: want{missing: true}},
		{name: "a result has a member twice", file: resultsFile, edit: swap(`{"id":`, `{"status":"ok","id":`), want: want{missing: true}},
		{name: "a result is out of order", file: resultsFile, edit: last, want: want{altered: true}},

		{name: "a journal's line is taken out", file: mainJournal, edit: cut, want: want{altered: true}},
		{name: "a journal's line stands twice", file: mainJournal, edit: double, want: want{altered: true}},
		{name: "a journal's answer is another", file: mainJournal, edit: swap(`Article number`, `Article nomber`), want: want{altered: true}},
		{name: "a journal's tokens are fewer", file: mainJournal, edit: swap(`"output_tokens":1`, `"output_tokens":0`), want: want{altered: true}},
		{name: "a journal calls an answer missing", file: mainJournal, edit: func(t *testing.T, l []string, i int) []string {
			l = replaced(t, l, i, rightly, `"class":"missing"`)
			return replaced(t, l, i, `"status":"ok"`, `"error":{"kind":"missing","message":"no line"},"status":"failed"`)
		}, want: want{missing: true, altered: true}},
		{name: "a journal's line is broken", file: mainJournal, edit: swap(`{"order"`, `{order`), want: want{altered: true}},

		{name: "a raw answer is taken out", file: mainRaw, edit: cut, want: want{altered: true}},
		{name: "a raw answer stands twice", file: mainRaw, edit: double, want: want{twice: true}},
		{name: "a raw answer stands twice and differs", file: mainRaw, edit: func(t *testing.T, l []string, i int) []string {
			return replaced(t, doubled(l, i), i+1, `Article number`, `Article nomber`)
		}, want: want{twice: true}},
		{name: "a raw answer is another", file: mainRaw, edit: swapOutput(`Article number`, `Article nomber`), want: want{altered: true}},
		{name: "a raw answer took more tokens", file: mainRaw, edit: swapOutput(`"output_tokens":1`, `"output_tokens":21`), want: want{altered: true}},
		{name: "a raw answer has another stop reason", file: mainRaw, edit: swapOutput(`"end_turn"`, `"stop_sequence"`), want: want{altered: true}},
		{name: "a raw answer is an error", file: mainRaw, edit: swapOutput(`"modelOutput"`, `"error":{"errorCode":500,"errorMessage":"x"},"was"`), want: want{altered: true}},
		{name: "a raw line echoes another request", file: mainRaw, edit: swap(`Article number`, `Article nomber`), want: want{altered: true}},
		{name: "a raw line is broken", file: mainRaw, edit: swap(`}`, ``), want: want{altered: true}},
		{name: "a raw line is of another record", file: mainRaw, edit: swap(`"recordId":"`, `"recordId":"x`), want: want{altered: true}},
		{name: "a raw line is not changed in what it says", file: mainRaw, edit: swap(`{"recordId"`, ` { "strange" : [1] , "recordId"`), clean: true},

		{name: "a part of the index is without the record", file: mainPart, edit: cut, want: want{altered: true}},
		{name: "a part of the index has the record twice", file: mainPart, edit: double, want: want{paid: true}},
		{name: "a part of the index names another document", file: mainPart, edit: swap(`{"id":"art/`, `{"id":"art/9`), want: want{altered: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, record := b.victim()
			lines := b.lines(c.file)
			b.write(c.file, c.edit(t, lines, with(t, lines, record)))
			code, r := b.audit()
			if c.clean {
				if code != 0 || !r.Clean() {
					t.Fatalf("audit gave code %d and %+v", code, r)
				}
				return
			}
			if code != 8 || r.Clean() {
				t.Fatalf("audit gave code %d and %+v", code, r)
			}
			named := func(yes bool) []quarry.DocumentID {
				if yes {
					return []quarry.DocumentID{id}
				}
				return []quarry.DocumentID{}
			}
			if c.want.twice && c.file == mainRaw {
				// The journal only has the number of doubled lines: each of the doubled may be the one too many.
				r.AnsweredTwice = slices.DeleteFunc(r.AnsweredTwice, func(other quarry.DocumentID) bool { return other != id && b.isDoubled(other) })
			}
			for _, list := range []struct {
				name string
				got  []quarry.DocumentID
				want bool
			}{
				{"missing", r.Missing, c.want.missing}, {"answered_twice", r.AnsweredTwice, c.want.twice}, {"paid_twice", r.PaidTwice, c.want.paid}, {"altered", r.Altered, c.want.altered},
			} {
				if c.file == mainPart && list.name == "altered" { // the document by its own name and by the wrong one
					continue
				}
				if diff := cmp.Diff(named(list.want), list.got); diff != "" {
					t.Errorf("%s (-want +got):\n%s%+v\n%q", list.name, diff, r.Found, r.Faults)
				}
			}
			if c.file == mainPart && c.want.altered && len(r.Altered) == 0 {
				t.Errorf("altered is empty: %+v", r)
			}
		})
	}
}

// isDoubled reports whether the provider doubled a document's line in the main shard.
func (b *bundle) isDoubled(id quarry.DocumentID) bool {
	n := 0
	for _, line := range b.lines(mainRaw) {
		if strings.HasPrefix(line, `{"recordId":"`+strings.ReplaceAll(string(id), "/", "_")+"-") {
			n++
		}
	}
	return n > 1
}

func TestAJournalThatNamesTheDoubledRecordsLeavesNoDoubt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, record := b.victim()
	raw, journal := b.lines(mainRaw), b.lines(mainJournal)
	for i, line := range journal {
		_, rest, _ := strings.Cut(line, `"record_id":"`)
		own, _, _ := strings.Cut(rest, `"`)
		n := 0
		for _, l := range raw {
			if strings.Contains(l, own) {
				n++
			}
		}
		if n > 1 && !strings.Contains(line, `"doubled"`) {
			journal = replaced(t, journal, i, `"class"`, `"doubled":1,"class"`)
		}
	}
	b.write(mainJournal, journal)
	if code, r := b.audit(); code != 0 {
		t.Fatalf("audit gave code %d and %+v", code, r)
	}
	b.write(mainRaw, doubled(raw, with(t, raw, record)))
	if code, r := b.audit(); code != 8 || !slices.Equal(r.AnsweredTwice, []quarry.DocumentID{id}) {
		t.Errorf("audit gave code %d, answered twice %q", code, r.AnsweredTwice)
	}
}

func cut(_ *testing.T, lines []string, i int) []string    { return gone(lines, i) }
func double(_ *testing.T, lines []string, i int) []string { return doubled(lines, i) }
func last(_ *testing.T, lines []string, i int) []string   { return append(gone(lines, i), lines[i]) }

func swap(from, to string) func(*testing.T, []string, int) []string {
	return func(t *testing.T, lines []string, i int) []string { return replaced(t, lines, i, from, to) }
}

// swapOutput changes a line after the echo of its input, which nothing is made from.
func swapOutput(from, to string) func(*testing.T, []string, int) []string {
	return func(t *testing.T, lines []string, i int) []string {
		out := slices.Clone(lines)
		at := strings.Index(out[i], `"modelOutput"`)
		tail := strings.Replace(out[i][at:], from, to, 1)
		if tail == out[i][at:] {
			t.Fatalf("no %q in %s", from, tail)
		}
		out[i] = out[i][:at] + tail
		return out
	}
}

func TestASecondLineThatTheJournalKnowsIsNoFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// One of the doubled lines is gone: now the journal knows of one too many.
	lines := b.lines(mainRaw)
	for i, line := range lines {
		head, _, _ := strings.Cut(line, ",")
		if n := with(t, lines, head); n != i {
			b.write(mainRaw, gone(lines, i))
			code, r := b.audit()
			if code != 8 || len(r.Faults) == 0 || len(r.Missing)+len(r.PaidTwice) != 0 {
				t.Fatalf("audit gave code %d and %+v", code, r)
			}
			return
		}
	}
	t.Fatal("the run has no doubled line")
}

func TestAnAnswerInTwoJobsIsPaidTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, to string }{
		{"a second job of the shard", "raw/s00001-a2/s00001.jsonl.out.zst"},
		{"another shard's job", pilotRaw},
		{"a job of no shard", "raw/s00009-a1/s00009.jsonl.out.zst"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, record := b.victim()
			lines := b.lines(mainRaw)
			var there []string
			if _, err := os.Stat(filepath.Join(b.dir, c.to)); err == nil {
				there = b.lines(c.to)
			}
			b.write(c.to, append(there, lines[with(t, lines, record)]))
			code, r := b.audit()
			if code != 8 || !slices.Equal(r.PaidTwice, []quarry.DocumentID{id}) {
				t.Errorf("audit gave code %d, %q: %+v", code, r.PaidTwice, r)
			}
		})
	}
}

func TestTwoJobsForOneShardArePaidTwiceUnlessTheFirstAnsweredNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		past ledger.Job
		paid int
	}{
		{"the first failed before any answer", ledger.Job{ARN: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/aaaaaaaaaaaa", Status: quarry.JobFailed}, 0},
		{"the first failed and had answers", ledger.Job{ARN: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/aaaaaaaaaaaa", Status: quarry.JobFailed, Counts: quarry.JobCounts{Success: 3}}, 157},
		{"the first was still under way", ledger.Job{ARN: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/aaaaaaaaaaaa", Status: quarry.JobInProgress}, 157},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.change("s00001", func(s *ledger.Shard) { s.Past = append(s.Past, c.past) })
			code, r := b.audit()
			if len(r.PaidTwice) != c.paid || (code == 8) != (c.paid > 0) {
				t.Errorf("audit gave code %d and %d paid twice: %q", code, len(r.PaidTwice), r.Faults)
			}
		})
	}
}

// change changes one row of the ledger.
func (b *bundle) change(id quarry.ShardID, change func(*ledger.Shard)) {
	b.t.Helper()
	book, err := ledger.Open(b.t.Context(), effect.New(nil), filepath.Join(b.dir, "ledger.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := book.Shard(b.t.Context(), id)
	if err == nil {
		change(&s)
		err = book.Save(b.t.Context(), &s)
	}
	if err := errors.Join(err, book.Close()); err != nil {
		b.t.Fatal(err)
	}
}

func TestOnDemandCalls(t *testing.T) {
	t.Parallel()
	first := func(t *testing.T, lines []string) (line, record string) {
		i := with(t, lines, `"modelOutput"`)
		_, rest, _ := strings.Cut(lines[i], `"recordId":"`)
		record, _, _ = strings.Cut(rest, `"`)
		return lines[i], record
	}
	t.Run("sent again after no reply, it may have been paid twice, which is no fault", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lines := b.lines(callsFile)
		_, record := first(t, lines)
		b.write(callsFile, append(lines, `{"recordId":"`+record+`","intent":2}`+"\n"))
		code, r := b.audit()
		if code != 0 || len(r.MaybePaidTwice) != 1 || r.Found[0].RecordID != quarry.RecordID(record) {
			t.Errorf("audit gave code %d and %+v", code, r)
		}
	})
	t.Run("sent again after a throttle, nothing was paid", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lines := b.lines(callsFile)
		_, record := first(t, lines)
		b.write(callsFile, append(lines, `{"recordId":"`+record+`","intent":1}`+"\n"))
		if code, r := b.audit(); code != 0 || len(r.MaybePaidTwice) != 0 {
			t.Errorf("audit gave code %d and %+v", code, r)
		}
	})
	t.Run("two answers were paid twice", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lines := b.lines(callsFile)
		line, record := first(t, lines)
		b.write(callsFile, append(lines, line))
		b.write(callsRaw, append(b.lines(callsRaw), line))
		code, r := b.audit()
		if code != 8 || len(r.PaidTwice) != 1 || !slices.ContainsFunc(r.Found, func(f audit.Finding) bool { return f.List == "paid_twice" && f.RecordID == quarry.RecordID(record) }) {
			t.Errorf("audit gave code %d and %+v", code, r)
		}
	})
	t.Run("a call that was made before it was recorded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lines := b.lines(callsFile)
		_, record := first(t, lines)
		b.write(callsFile, gone(lines, with(t, lines, record, `"intent"`)))
		if code, r := b.audit(); code != 8 || len(r.Altered) != 1 {
			t.Errorf("audit gave code %d and %+v", code, r)
		}
	})
	t.Run("while it is under way, a torn last line and a second call", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lines := b.lines(callsFile)
		_, record := first(t, lines)
		b.change("r00001", func(s *ledger.Shard) { s.State, s.Times.Collected = quarry.ShardCalling, time.Time{} })
		b.facts(map[string]string{"finished": ""})
		b.write("journal/r00001.calls.jsonl", append(lines, `{"recordId":"`+record+`","intent":2}`+"\n", `{"recordId":"`+record))
		code, r := b.audit()
		if code != 0 || len(r.MaybePaidTwice) != 1 || r.Ended || r.Checked.Underway != 1 {
			t.Errorf("audit gave code %d and %+v", code, r)
		}
	})
}

func TestFilesThatDoNotAddUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file string
		edit       func(t *testing.T, lines []string) []string
	}{
		{"report.json counts other tokens", "report.json", func(t *testing.T, l []string) []string {
			return replaced(t, l, with(t, l, `"input": `), `"input": `, `"input": 1`)
		}},
		{"report.json counts other tokens of the whole run", "report.json", func(t *testing.T, l []string) []string {
			at := with(t, l, `"whole_run": `)
			return replaced(t, l, at+with(t, l[at:], `"input": `), `"input": `, `"input": 1`)
		}},
		{"report.json counts other documents", "report.json", func(t *testing.T, l []string) []string {
			return replaced(t, l, with(t, l, `"total": `), `"total": `, `"total": 1`)
		}},
		{"failed.jsonl has a line too many", "failed.jsonl", func(*testing.T, []string) []string { return []string{`{"id":"x"}` + "\n"} }},
		{"an input file is not what was built", "shards/s00001.jsonl", func(t *testing.T, l []string) []string { return gone(l, 0) }},
		{"results.jsonl has a document that nobody knows", resultsFile, func(t *testing.T, l []string) []string {
			return append(l, `{"id":"nobody","status":"ok","attempts":1,"usage":{"input_tokens":1,"output_tokens":1},"cost_usd":0,"document":{}}`+"\n")
		}},
		{"results.jsonl ends in the middle of a line", resultsFile, func(t *testing.T, l []string) []string {
			l[len(l)-1] = l[len(l)-1][:100]
			return l
		}},
		{"results.jsonl is empty", resultsFile, func(*testing.T, []string) []string { return nil }},
		{"the index marks another document as skipped", "index/0001/takes", func(t *testing.T, l []string) []string {
			return replaced(t, l, 0, "m", "e")
		}},
		{"the index is short", "index/0001/entries", func(t *testing.T, l []string) []string { return l[1:] }},
		{"the skipped document has an answer", resultsFile, func(t *testing.T, l []string) []string {
			return replaced(t, l, with(t, l, `"status":"skipped"`), `"status":"skipped"`, `"status":"skipped","text":"an answer"`)
		}},
		{"a shared answer is another", resultsFile, func(t *testing.T, l []string) []string {
			return replaced(t, l, with(t, l, `"same_as"`), "These two", "Those two")
		}},
		{"a shared answer counts tokens again", resultsFile, func(t *testing.T, l []string) []string {
			return replaced(t, l, with(t, l, `"same_as"`), `"input_tokens":0`, `"input_tokens":7`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.write(c.file, c.edit(t, b.lines(c.file)))
			if code, r := b.audit(); code != 8 || r.Clean() {
				t.Errorf("audit gave code %d and %+v", code, r)
			}
		})
	}
	for _, name := range []string{resultsFile, mainJournal, mainRaw, mainPart, "index/0001/entries", "index/0001/skipped.jsonl.zst", "index/0001/same.jsonl.zst", callsFile, "failed.jsonl"} {
		t.Run(name+" is gone, cut or overwritten", func(t *testing.T) {
			t.Parallel()
			for _, damage := range []func(string) error{
				os.Remove,
				func(path string) error {
					info, err := os.Stat(path)
					return errors.Join(err, os.Truncate(path, info.Size()/2))
				},
				func(path string) error {
					return os.WriteFile(path, []byte("\x28\xb5\x2f\xfd no file of ours \x00\xff"), 0o600)
				},
			} {
				b := setup(t)
				path := filepath.Join(b.dir, name)
				if info, err := os.Stat(path); err == nil && info.Size() == 0 {
					continue
				}
				if err := damage(path); err != nil {
					t.Fatal(err)
				}
				if code, r := b.audit(); code != 8 || r.Clean() {
					t.Errorf("audit gave code %d and %+v", code, r)
				}
			}
		})
	}
}

func TestSourcesAreReadAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		edit    func(lines string) string
		touched bool
		args    []string
		code    int
		missing []quarry.DocumentID
		differs string
	}{
		{
			name: "a document that the run does not know is missing", code: 8, missing: []quarry.DocumentID{"art/new"},
			edit: func(s string) string { return s + `{"id":"art/new","title":"t","content":"c"}` + "\n" },
		},
		{
			name: "a source that changed since is reported, and is no fault of the run", touched: true, differs: "was changed after the run read it",
			edit: func(s string) string { return s + `{"id":"art/new","title":"t","content":"c"}` + "\n" },
		},
		{
			name: "a document that the sources do not have", code: 8,
			edit: func(s string) string { _, rest, _ := strings.Cut(s, "\n"); return rest },
		},
		{
			name: "other settings are reported", differs: "the settings of this command differ from the run's", args: []string{"--limit", "100"},
			edit: func(s string) string { return s },
		},
		{
			name: "a source that is gone is reported", differs: "the sources were not read again",
			edit: func(string) string { return "" },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.moveSource(c.edit, c.touched)
			code, r := b.audit(c.args...)
			reported := c.differs == "" || slices.ContainsFunc(r.Differs, func(s string) bool { return strings.Contains(s, c.differs) })
			if code != c.code || !reported || !slices.Equal(r.Missing, c.missing) {
				t.Errorf("audit gave code %d, missing %q, faults %q, differs %q", code, r.Missing, r.Faults, r.Differs)
			}
		})
	}
}

// moveSource makes the run one over another file. An empty one is none.
func (b *bundle) moveSource(edit func(string) string, touched bool) {
	b.t.Helper()
	text, err := os.ReadFile(b.source)
	if err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join(b.t.TempDir(), "articles.jsonl")
	if out := edit(string(text)); out != "" {
		if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
			b.t.Fatal(err)
		}
		when := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		if touched {
			when = time.Now().Add(time.Hour)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			b.t.Fatal(err)
		}
	}
	facts := map[string]string{"sources": `["` + filepath.ToSlash(path) + `"]`}
	if info, err := os.Stat(path); err == nil && !touched {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\n", path, info.Size(), info.ModTime().UnixNano()))
		facts["seen"] = hex.EncodeToString(sum[:16])
	}
	b.facts(facts)
}

// facts sets facts of the ledger.
func (b *bundle) facts(facts map[string]string) {
	b.t.Helper()
	book, err := ledger.Open(b.t.Context(), effect.New(nil), filepath.Join(b.dir, "ledger.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := errors.Join(book.SetFacts(b.t.Context(), facts), book.Close()); err != nil {
		b.t.Fatal(err)
	}
}

func TestARunThatHasNotEndedHasNothingMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change("r00001", func(s *ledger.Shard) { s.State, s.Times.Collected = quarry.ShardCalling, time.Time{} })
	b.facts(map[string]string{"finished": ""})
	for _, name := range []string{resultsFile, "journal/r00001.jsonl.zst", callsRaw, "report.json"} {
		if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	code, r := b.audit()
	if code != 0 || r.Ended || r.Checked.Underway != 1 || r.Checked.Shards != 2 {
		t.Errorf("audit gave code %d and %+v", code, r)
	}
}

func TestADirectoryWithoutARun(t *testing.T) {
	t.Parallel()
	if code, out := quarryMain("audit", "--dir", t.TempDir()); code != 2 || !strings.Contains(out, "--dir") {
		t.Errorf("audit of an empty directory gave code %d and %q", code, out)
	}
}

func TestAuditStopsWithItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	book, err := ledger.OpenReadOnly(t.Context(), effect.New(nil), filepath.Join(b.dir, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	cfg, _, err := compose.Audit(t.Context(), b.dir, book)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	read := false
	cfg.Sources = func(yield func(quarry.DocumentID, error) bool) {
		read = true
		cancel()
		yield("art/0", nil)
	}
	_, err = audit.Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || !read {
		t.Errorf("a cancelled audit gave %v", err)
	}
}
