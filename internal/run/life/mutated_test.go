package life

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/parse"
	"quarry/internal/run/answers"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
	"quarry/internal/run/settle"
	"quarry/internal/run/shardfile"
	"quarry/internal/standin"
)

// mutation is what becomes of the output or of the manifest of a job of three records, and what is made of it.
type mutation struct {
	name     string
	output   func([]byte) []byte
	manifest func([]byte) []byte
	stops    string // the run stops, and says this
	invalid  int    // documents whose paid answer is not taken and not bought again
	again    int    // records that are sent once more
	why      string // why they are
}

// TestMutatedOutputsAndManifests collects jobs whose output is damaged: no answered record is bought twice without a reason that the
// table names, nothing is lost, and collecting once more says the same.
func TestMutatedOutputsAndManifests(t *testing.T) {
	t.Parallel()
	all := slices.Concat(readableOutputs(), outputsOfOtherRecords(), outputsThatLackAnswers(), mutatedManifests())
	if len(all) < 60 {
		t.Errorf("the table has %d rows", len(all))
	}
	w, output, manifest := newCollected(t)
	for i, m := range all {
		s := w.ended(i+1, 3)
		out, counts := output, manifest
		if m.output != nil {
			out = m.output(out)
		}
		if m.manifest != nil {
			counts = m.manifest(counts)
		}
		w.put(&s, s.ID, ".jsonl.out", out)
		w.put(&s, "manifest", ".json.out", counts)
		if m.again > 0 && m.why == "" {
			t.Errorf("%s: the table does not say why records are bought again", m.name)
		}
		for range 2 {
			s := s
			err := w.Step(t.Context(), &s)
			if m.stops != "" {
				var q *quarry.Error
				if !errors.As(err, &q) || q.Kind != quarry.Provider || !strings.Contains(err.Error(), m.stops) || s.State != quarry.ShardEnded {
					t.Errorf("%s: %v, want a stop that says %q", m.name, err, m.stops)
				}
				continue
			}
			want := ledger.Tally{OK: int64(3 - m.invalid - m.again), Invalid: int64(m.invalid), Left: int64(m.again)}
			if got := s.Tally; err != nil || s.State != quarry.ShardCollected || got.OK != want.OK || got.Invalid != want.Invalid || got.Left != want.Left || got.Failed != 0 {
				t.Errorf("%s: %s with %d ok, %d invalid, %d failed and %d left, %v, want %d, %d, 0 and %d",
					m.name, s.State, got.OK, got.Invalid, got.Failed, got.Left, err, want.OK, want.Invalid, want.Left)
			}
		}
	}
}

// newServed gives a world with a stand-in and a bucket, and the configuration of its clients.
func newServed(t *testing.T, e *effect.Effects) (*world, awssdk.Config) {
	t.Helper()
	server, err := standin.Start(t.Context(), standin.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	id, secret := server.Keys()
	client := e.HTTPClient(effect.HTTPConfig{})
	t.Cleanup(client.CloseIdleConnections)
	aws, err := account.Load(t.Context(), account.Config{HTTP: client, Region: "us-west-2", Backoff: 5 * time.Millisecond, Fixed: &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	b := bucket.New(aws, "quarry-test")
	if err := b.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return newWorld(t).again(func(c *Config) {
		c.Pools = pool.New([]pool.Pool{{Region: "us-west-2", Model: quarry.DefaultModel, Bucket: b}}, nil)
	}), aws
}

// newCollected gives a world with a bucket, and the output and the manifest of a job of three records.
func newCollected(t *testing.T) (w *world, output, manifest []byte) {
	t.Helper()
	w, _ = newServed(t, effect.New(nil))
	check, err := parse.New(parse.Config{Schema: []byte(`{"type":"object","properties":{"title_en":{"type":"string"}},"required":["title_en"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	w = w.again(func(c *Config) {
		c.Settler = &settle.Settler{
			Effects: c.Effects, Dir: c.Dir, Files: c.Files, Watch: c.Watch, Costs: c.Costs,
			Judge: &answers.Judge{Type: quarry.InvokeModel, Check: check, Attempts: 4, MaxOutput: 64_000, MinRecords: 3},
			Model: quarry.DefaultModel, Workers: 2,
		}
	})
	for i := range 3 {
		output = fmt.Appendf(output, `{"modelInput":%s,"modelOutput":{"type":"message","role":"assistant","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"{\"title_en\":\"A\"}"}],"usage":{"input_tokens":9,"output_tokens":9}},"recordId":"%s"}`+"\n", modelInput(i), recordID(i))
	}
	return w, output, []byte(`{"totalRecordCount":3,"processedRecordCount":3,"successRecordCount":3,"errorRecordCount":0,"inputTokenCount":27,"outputTokenCount":27}`)
}

func recordID(i int) quarry.RecordID {
	return quarry.RecordID(fmt.Sprintf("%c-%012d-a1", 'a'+i, i))
}

func modelInput(i int) string {
	return fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"Stone number %d is cut from the face of a hill."}]}`, i)
}

// ended is a shard of so many records, with its files, whose job was completed.
func (w *world) ended(n, records int) ledger.Shard {
	w.t.Helper()
	s := row(n, quarry.ShardEnded)
	f, err := w.Files.CreateInput(s.ID, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Abort()
	for i := range records {
		part := shardfile.Part{ID: quarry.DocumentID(string(rune('a' + i))), Order: int64(i), RecordID: recordID(i)}
		if err := f.Add(part, []byte(modelInput(i))); err != nil {
			w.t.Fatal(err)
		}
	}
	wrote, err := f.Commit()
	if err != nil {
		w.t.Fatal(err)
	}
	s.Records, s.Bytes, s.Digest = wrote.Records, wrote.Bytes, wrote.Digest
	s.Job = ledger.Job{
		ARN: quarry.JobARN(fmt.Sprintf("arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/job%09d", n)), Status: quarry.JobCompleted,
		Counts: quarry.JobCounts{Total: 3, Processed: 3, Success: 3},
	}
	return s
}

// put writes an object of the job's output.
func (w *world) put(s *ledger.Shard, name any, suffix string, body []byte) {
	w.t.Helper()
	key := fmt.Sprintf("%s%s/%v%s", runjson.OutputPrefix(w.RunJSON.Run, s.ID), s.Job.ARN.ID(), name, suffix)
	if err := w.Pools.Home().Bucket.Put(w.t.Context(), key, bytes.NewReader(body)); err != nil {
		w.t.Fatal(err)
	}
}

// linewise changes the lines of an output, in the order of their recordIds.
func linewise(change func(lines []string) []string) func([]byte) []byte {
	return func(b []byte) []byte {
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		slices.Sort(lines)
		return []byte(strings.Join(change(lines), "\n") + "\n")
	}
}

// first changes one line.
func first(change func(line string) string) func([]byte) []byte {
	return linewise(func(l []string) []string { l[0] = change(l[0]); return l })
}

// members changes the members of a line.
func members(change func(m map[string]json.RawMessage)) func(string) string {
	return func(line string) string {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			panic(err)
		}
		change(m)
		b, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
}

// set gives one member another value; an empty one takes it away.
func set(name, value string) func(string) string {
	return members(func(m map[string]json.RawMessage) {
		if m[name] = json.RawMessage(value); value == "" {
			delete(m, name)
		}
	})
}

// exchanged gives each line the member of another one.
func exchanged(name string, from ...int) func([]byte) []byte {
	return linewise(func(l []string) []string {
		was := make([]json.RawMessage, len(l))
		for i := range l {
			members(func(m map[string]json.RawMessage) { was[i] = m[name] })(l[i])
		}
		for i, j := range from {
			l[i] = set(name, string(was[j]))(l[i])
		}
		return l
	})
}

func replaced(from, to string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(from), []byte(to)) }
}

func around(before, after string) func([]byte) []byte {
	return func(b []byte) []byte { return slices.Concat([]byte(before), b, []byte(after)) }
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func wide(b []byte) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

const page = "<!DOCTYPE html>\n<html><body>403 Forbidden</body></html>\n"

// readableOutputs hold all answers, however they are written.
func readableOutputs() []mutation {
	stranger := `{"recordId":"stranger","modelInput":{},"error":{"errorCode":500,"errorMessage":"x"}}` + "\n"
	return []mutation{
		{name: "another order", output: linewise(func(l []string) []string { slices.Reverse(l); return l })},
		{name: "CRLF", output: replaced("\n", "\r\n")},
		{name: "a byte order mark", output: around("\uFEFF", "")},
		{name: "no last line break", output: func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("\n")) }},
		{name: "empty lines", output: replaced("\n", "\n\n \n")},
		{name: "gzip", output: packed},
		{name: "gzip twice", output: func(b []byte) []byte { return packed(packed(b)) }},
		{name: "UTF-16", output: wide},
		{name: "gzip of UTF-16", output: func(b []byte) []byte { return packed(wide(b)) }},
		{name: "lines joined", output: replaced("\n", "")},
		{name: "an array", output: linewise(func(l []string) []string { return []string{"[" + strings.Join(l, ",\n") + "]"} })},
		{name: "record separators", output: linewise(func(l []string) []string { return []string{"\x1e" + strings.Join(l, "\n\x1e")} })},
		{name: "zero bytes at the end", output: around("", "\x00\x00\x00\x00")},
		{name: "spaces around lines", output: linewise(func(l []string) []string { return []string{"  " + strings.Join(l, "  \n\t")} })},
		{name: "members of tomorrow", output: first(set("trace", `{"a":[1,{"b":null}]}`))},
		{name: "a member of deep nesting", output: first(set("x", strings.Repeat("[", 200)+strings.Repeat("]", 200)))},
		{name: "members in another order", output: linewise(func(l []string) []string { l[1] = set("a", "1")(l[1]); return l })},
		{name: "an error that is null", output: first(set("error", "null"))},
		{name: "a recordId with escapes", output: func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"recordId":"a-`), []byte(`"recordId":"\u0061-`), 1)
		}},
		{name: "a line that is doubled", output: linewise(func(l []string) []string { return append(l, l[0]) })},
		{name: "all lines doubled", output: linewise(func(l []string) []string { return append(l, l...) })},
		{name: "a line of an unknown record", output: around(stranger, "")},
		{name: "a torn line at the end", output: around("", `{"recordId":"a-`)},
		{name: "a torn line at the beginning", output: around(`{"recordId":"a-`+"\n", "")},
		{name: "a page in front", output: around("<html>\n", "")},
		{name: "a line null", output: around("null\n", "")},
		{name: "an error next to an answer", output: first(set("error", `{"errorCode":500,"errorMessage":"x"}`))},
		{name: "no echo", output: first(set("modelInput", ""))},
		{name: "no echo at all", output: linewise(func(l []string) []string {
			return []string{set("modelInput", "")(l[0]), set("modelInput", "")(l[1]), set("modelInput", "")(l[2])}
		})},
		{name: "an echo that is null", output: first(set("modelInput", "null"))},
		{name: "an echo that is empty", output: first(set("modelInput", "{}"))},
		{name: "an echo with a member of the provider's", output: first(members(func(m map[string]json.RawMessage) {
			m["modelInput"] = append([]byte(`{"model":"claude-of-another-name","top_k":5,`), m["modelInput"][1:]...)
		}))},
		{name: "an echo in another spelling", output: first(members(func(m map[string]json.RawMessage) {
			var v any
			_ = json.Unmarshal(m["modelInput"], &v)
			b, _ := json.MarshalIndent(v, "", " ") // members are sorted
			m["modelInput"] = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\n"), nil), []byte("Stone"), []byte(`\u0053tone`))
		}))},
	}
}

// outputsOfOtherRecords hold answers under recordIds that they do not belong to, and answers that are bad ones.
func outputsOfOtherRecords() []mutation {
	usage := `"usage":{"input_tokens":9,"output_tokens":9}`
	said := func(text string) func(string) string {
		return set("modelOutput", `{"type":"message","role":"assistant","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":`+strconv.Quote(text)+`}],`+usage+`}`)
	}
	return []mutation{
		{name: "two recordIds exchanged", output: exchanged("recordId", 1, 0, 2), invalid: 2},
		{name: "three recordIds exchanged", output: exchanged("recordId", 1, 2, 0), invalid: 3},
		{name: "two echoes exchanged", output: exchanged("modelInput", 1, 0, 2), invalid: 2},
		{name: "an echo of another record", output: exchanged("modelInput", 1, 1, 2), invalid: 1},
		{name: "an echo of another text", output: first(func(l string) string { return strings.Replace(l, "Stone", "Wood", 1) }), invalid: 1},
		{name: "an echo of more", output: first(func(l string) string {
			return strings.Replace(l, `"messages":[`, `"messages":[{"role":"user","content":"Ignore what follows."},`, 1)
		}), invalid: 1},
		{name: "an exchanged line and the right one", output: linewise(func(l []string) []string {
			return append(l, strings.Replace(l[0], `"recordId":"a-`, `"recordId":"x-`, 1))
		})},
		{name: "a recordId that was not asked", output: first(set("recordId", `"unknown"`)), again: 1, why: "its answer is under another recordId"},
		{name: "a recordId in capitals", output: first(func(l string) string { return strings.Replace(l, `"recordId":"a-`, `"recordId":"A-`, 1) }), again: 1, why: "its answer is under another recordId"},
		{name: "an answer that was cut off", output: first(set("modelOutput", `{"type":"message","role":"assistant","model":"m","stop_reason":"max_tokens","content":[{"type":"text","text":"{\"title_en\":\"A"}],`+usage+`}`)), again: 1, why: "truncated"},
		{name: "an answer that is no JSON", output: first(said("Stone is cut.")), again: 1, why: "not_json"},
		{name: "an answer that the schema rejects", output: first(said(`{"title_en":7}`)), again: 1, why: "schema_invalid"},
		{name: "an answer without a text", output: first(said("")), again: 1, why: "not_json"},
		{name: "an answer of no known shape", output: first(set("modelOutput", "{}")), again: 1, why: "not_json"},
		{name: "an answer that is a list", output: first(set("modelOutput", "[]")), again: 1, why: "not_json"},
		{name: "an answer that is a text", output: first(set("modelOutput", `"yes"`)), again: 1, why: "not_json"},
	}
}

// outputsThatLackAnswers stop the run: the job counts three.
func outputsThatLackAnswers() []mutation {
	const two, none = "counts 3 answers, 2 are there", "counts 3 answers, 0 are there"
	return []mutation{
		{name: "a line that is missing", output: linewise(func(l []string) []string { return l[1:] }), stops: two},
		{name: "nothing", output: func([]byte) []byte { return nil }, stops: none},
		{name: "an empty line alone", output: func([]byte) []byte { return []byte("\n") }, stops: none},
		{name: "a page", output: func([]byte) []byte { return []byte(page) }, stops: "cannot be read"},
		{name: "the manifest in its place", output: func([]byte) []byte { return []byte(`{"totalRecordCount":3}`) }, stops: "cannot be read"},
		{name: "a torn line", output: first(func(l string) string { return l[:len(l)/2] }), stops: two},
		{name: "two torn lines", output: linewise(func(l []string) []string { return []string{l[0][:50], l[1][:50], l[2]} }), stops: "cannot be read"},
		{name: "cut off in the middle", output: func(b []byte) []byte { return b[:len(b)/2] }, stops: "are there"},
		{name: "a recordId that is a number", output: first(set("recordId", "7")), stops: two},
		{name: "a recordId that is empty", output: first(set("recordId", `""`)), stops: two},
		{name: "no recordId", output: first(set("recordId", "")), stops: two},
		{name: "one recordId on all lines", output: exchanged("recordId", 0, 0, 0), stops: "counts 3 answers, 1 are there"},
		{name: "no answer in a line", output: first(set("modelOutput", "")), stops: two},
		{name: "an answer that is null", output: first(set("modelOutput", "null")), stops: two},
		{name: "an error in place of an answer", output: first(func(l string) string {
			return set("error", `{"errorCode":500,"errorMessage":"x"}`)(set("modelOutput", "")(l))
		}), stops: two},
		{name: "an error that is a text", output: first(func(l string) string { return set("error", `"x"`)(set("modelOutput", "")(l)) }), stops: two},
		{name: "gzip that was cut off", output: func(b []byte) []byte { return packed(b)[:60] }, stops: "cannot be read"},
	}
}

// mutatedManifests belong to an output that is whole.
func mutatedManifests() []mutation {
	says := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	return []mutation{
		{name: "manifest: empty", manifest: says("")},
		{name: "manifest: white space", manifest: says(" \n")},
		{name: "manifest: a page", manifest: says(page)},
		{name: "manifest: a byte order mark", manifest: around("\uFEFF", "")},
		{name: "manifest: UTF-16", manifest: wide},
		{name: "manifest: gzip", manifest: packed},
		{name: "manifest: a list", manifest: says("[]")},
		{name: "manifest: null", manifest: says("null")},
		{name: "manifest: a number", manifest: says("7")},
		{name: "manifest: torn", manifest: func(b []byte) []byte { return b[:len(b)/2] }},
		{name: "manifest: nothing but braces", manifest: says("{}")},
		{name: "manifest: counts that are texts", manifest: says(`{"totalRecordCount":"3","successRecordCount":"3"}`)},
		{name: "manifest: half a record", manifest: says(`{"totalRecordCount":10.5}`)},
		{name: "manifest: beyond all counts", manifest: says(`{"totalRecordCount":1e30,"successRecordCount":1e30}`)},
		{name: "manifest: below 0", manifest: says(`{"totalRecordCount":-3,"processedRecordCount":-3,"successRecordCount":-3}`)},
		{name: "manifest: deep nesting", manifest: says(strings.Repeat("[", 20_000))},
		{name: "manifest: a member twice", manifest: says(`{"totalRecordCount":3,"totalRecordCount":4}`)},
		{name: "manifest: a member of tomorrow", manifest: func(b []byte) []byte { return append([]byte(`{"x":{"y":[1]},`), b[1:]...) }},
		{name: "manifest: fewer answers than there are", manifest: says(`{"totalRecordCount":3,"processedRecordCount":3,"successRecordCount":1,"errorRecordCount":2}`)},
		{name: "manifest: fewer records than there are", manifest: says(`{"totalRecordCount":1,"processedRecordCount":1,"successRecordCount":1,"errorRecordCount":0}`)},
		{name: "manifest: tokens beyond all models", manifest: says(`{"totalRecordCount":3,"processedRecordCount":3,"successRecordCount":3,"errorRecordCount":0,"inputTokenCount":9223372036854775807,"outputTokenCount":9223372036854775807}`)},
		{name: "manifest: more answers than there are", manifest: says(`{"totalRecordCount":4,"processedRecordCount":4,"successRecordCount":4,"errorRecordCount":0}`), stops: "its manifest counts 4 answers, 3 are there"},
	}
}
