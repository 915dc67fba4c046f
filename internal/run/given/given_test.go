package given_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/outcome/parse"
	"quarry/internal/run/answers"
	"quarry/internal/run/given"
)

const schema = `{"type":"object","required":["title"],
	"properties":{"title":{"type":"string"},"n":{"type":"integer"},"tags":{"type":["array","null"]}}}`

// read reads a file's content, whatever its name is, and gives answers as "ID|RECORD|OUTPUT|TEXT" and faults as "LINE: reason".
func read(t *testing.T, content string) (got, faults []string, counts given.Counts) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "answers.data")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	check, err := parse.New(parse.Config{Schema: []byte(schema)})
	if err != nil {
		t.Fatal(err)
	}
	judges := []answers.Judge{{Type: quarry.InvokeModel, Check: check}, {Type: quarry.Converse, Check: check}}
	cfg := given.Config{Path: path, Schema: []byte(schema), Judges: judges}
	for a, err := range given.Read(t.Context(), cfg, &counts) {
		var item *quarry.ItemError
		if errors.As(err, &item) {
			faults = append(faults, strings.TrimPrefix(item.Error(), path+":"))
			continue
		}
		if err != nil {
			return got, append(faults, err.Error()), counts
		}
		got = append(got, strings.Join([]string{string(a.ID), string(a.Record), string(a.Output), a.Text}, "|"))
	}
	return got, faults, counts
}

func claude(record, text string) string {
	return `{"modelInput":{"x":1},"modelOutput":{"model":"m","type":"message","role":"assistant","content":[{"type":"text","text":` + text +
		`}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}},"recordId":"` + record + `"}` + "\n"
}

func TestFilesOfAnswersAreRecognizedByTheirContent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, content string
		want, faults  []string
		counts        given.Counts
	}{
		{
			name: "JSON lines",
			content: "\n" + `{"id":"a","output":{"title":"x"}}` + "\r\n\n" +
				`{"output":["y"],"id":17}` + "\n" + `{"id":"c","text":"plain","output":null}`,
			want: []string{`a||{"title":"x"}|`, `17||["y"]|`, "c|||plain"},
		},
		{
			name: "results of a run: only good ones are answers",
			content: `{"id":"a","status":"ok","output":{"title":"x"},"attempts":1}` + "\n" +
				`{"id":"b","status":"invalid","text":"no"}` + "\n" + `{"id":"c","status":"skipped"}` + "\n",
			want: []string{`a||{"title":"x"}|`}, counts: given.Counts{Bad: 2},
		},
		{
			name: "Bedrock's output, in either body",
			content: claude("doc-1", `"{\"title\":\"x\"}"`) + claude("doc-2", `"{\"n\":1}"`) +
				`{"recordId":"doc-3","error":{"errorCode":400,"errorMessage":"no"}}` + "\n" +
				`{"recordId":"doc-4","modelOutput":{"output":{"message":{"role":"assistant","content":[{"text":"{\"title\":\"y\"}"}]}},` +
				`"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1}}}` + "\n" +
				claude("doc-0123456789ab-p0002-a1", `"{\"title\":\"x\"}"`),
			want: []string{`|doc-1|{"title":"x"}|`, `|doc-4|{"title":"y"}|`}, counts: given.Counts{Bad: 2, Parts: 1},
		},
		{
			name:    "a table",
			content: "\ufeffID, Output\r\na,\"{\"\"title\"\":\"\"x\"\"}\"\r\nb,\"plain, of\ntwo lines\"\r\n=c,5\r\n",
			want:    []string{`a||{"title":"x"}|`, "b|||plain, of\ntwo lines", "=c|||5"},
		},
		{
			name:    "semicolons and other columns",
			content: "url;text;id\nhttp://x;hello;7\n",
			want:    []string{"7|||hello"},
		},
		{
			name: "a table of quarry export",
			content: "id,status,title,n,tags,text,title_2,url,lang,model,requested_model\n" +
				"=a,ok,'-x,5,\"[\"\"t\"\"]\",,T,,,m,m\n" + "b,failed,,,,,,,,m,m\n" + "c,ok,'tis,,,,,,,m,m\n" + "'=e,ok,''=x,,,,,,,m,m\n" + "d,ok,,,,said,,,,m,m\n",
			want:   []string{`=a||{"title":"-x","n":5,"tags":["t"]}|`, `c||{"title":"'tis","n":null,"tags":null}|`, `'=e||{"title":"'=x","n":null,"tags":null}|`, "d|||said"},
			counts: given.Counts{Bad: 1},
		},
		{
			name: "lines that are none",
			content: `{"id":"a"}` + "\n" + `{"output":1}` + "\n" + `{"id":true,"output":1}` + "\n" +
				`{"id":"b","output":{}` + "\n" + `{"id":"","output":1}` + "\n" + `{"id":"c","output":1}`,
			want: []string{"c||1|"},
			faults: []string{
				"1: it has an id but neither output nor text", "2: it has no id", "3: its id is not a string or a number",
				"4: unexpected end at byte 21", "5: its id is empty",
			},
		},
		{
			name:    "rows that are none",
			content: "id,output\na\n,x\nb,\nc,\xff\nd,y\n",
			want:    []string{"d|||y"},
			faults:  []string{"2: wrong number of fields", "3: its id is empty", "4: it has an id and no answer", "5: it is not UTF-8"},
		},
		{name: "no such columns", content: "name,answer\na,b\n", faults: []string{"1: no column is named id; the columns are name, answer"}},
		{name: "no answers", content: "id,title\na,b\n", faults: []string{"1: no column is named output or text; the columns are id, title"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var z, g bytes.Buffer
			zw, err := zstd.NewWriter(&z)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = zw.Write([]byte(c.content))
			_ = zw.Close()
			gw := gzip.NewWriter(&g)
			_, _ = gw.Write([]byte(c.content))
			_ = gw.Close()
			for packed, content := range map[string]string{"plain": c.content, "zstd": z.String(), "gzip": g.String()} {
				got, faults, counts := read(t, content)
				if !slices.Equal(got, c.want) || counts != c.counts {
					t.Errorf("%s: answers %q, %+v\nwant %q, %+v", packed, got, counts, c.want, c.counts)
				}
				if !slices.Equal(faults, c.faults) {
					t.Errorf("%s: faults %q\nwant %q", packed, faults, c.faults)
				}
			}
		})
	}
}

func TestAFileWithoutAnswers(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", " \n\n"} {
		if _, faults, _ := read(t, content); len(faults) != 1 || !strings.Contains(faults[0], "it is empty") {
			t.Errorf("Read(%q): %q, want an error that says that it is empty", content, faults)
		}
	}
	for content, want := range map[string]string{`[{"id":"a"}]`: "one JSON array", "PAR1\x00\x01": "not UTF-8 text", "caf\xe9,id\n": "not UTF-8 text"} {
		if _, faults, _ := read(t, content); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("Read(%q): %q, want %q", content, faults, want)
		}
	}
	for range given.Read(t.Context(), given.Config{Path: filepath.Join(t.TempDir(), "none")}, &given.Counts{}) {
		return
	}
	t.Error("a file that does not exist is no error")
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","output":{}}`, `{"id":1,"text":"x"}` + "\n{", "id,output\na,\"b\nc\"\n", "id,status,n,text,requested_model\n'=a,ok,5,,m\n", "\x28\xb5\x2f\xfd", "\x1f\x8b",
		claude("doc_a-0123456789ab-a1", `"{\"title\":\"x\"}"`), `{"recordId":"a","modelOutput":null}`, "\xff\xfei\x00d\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		got, _, _ := read(t, content)
		for _, line := range got {
			parts := strings.SplitN(line, "|", 4)
			if parts[0] == "" && parts[1] == "" || parts[2] == "" && parts[3] == "" && !strings.Contains(content, "|") {
				t.Errorf("Read(%q) has an answer to nothing, or none: %q", content, line)
			}
		}
	})
}

// TestAStatusOfAnotherProgram: only a result's own status says that there is no good answer; a mark before the text is no part of it.
func TestAStatusOfAnotherProgram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, content string
		want, faults  []string
		bad           int64
	}{
		{"posts", `{"id":1,"status":"publish","body":"x"}` + "\n" + `{"id":2,"status":"draft","content":"x"}`, nil, []string{"1: it has an id but neither output nor text", "2: it has an id but neither output nor text"}, 0},
		{"posts with answers", `{"id":1,"status":"publish","output":{"title":"x"}}`, []string{`1||{"title":"x"}|`}, nil, 0},
		{"results", `{"id":1,"status":"failed"}` + "\n" + `{"id":2,"status":"skipped"}` + "\n" + `{"id":3,"status":"invalid","text":"x"}`, nil, nil, 3},
		{"a table of posts", "id,status,text\n1,publish,\n2,draft,x\n3,failed,x\n", []string{"2|||x"}, []string{"2: it has an id and no answer"}, 1},
		{"a mark and semicolons", "\ufeffid;output\r\n1;\"{\"\"title\"\":\"\"x\"\"}\"\r\n", []string{`1||{"title":"x"}|`}, nil, 0},
		{"a mark and quotes", "\ufeff\"id\";\"text\"\n\"1\";\"x;y\"\n", []string{"1|||x;y"}, nil, 0},
		{"a mark and JSON", "\ufeff" + `{"id":1,"text":"x"}`, []string{"1|||x"}, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, faults, counts := read(t, c.content)
			if !slices.Equal(got, c.want) || !slices.Equal(faults, c.faults) || counts.Bad != c.bad {
				t.Errorf("%q, %q, %d bad", got, faults, counts.Bad)
			}
		})
	}
}
