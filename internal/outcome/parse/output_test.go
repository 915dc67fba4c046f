package parse_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/outcome/parse"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestEveryFamilysAnswerIsRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/output/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no answers to read: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := parse.Output(in, quarry.InvokeModel, "m")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(a, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			goldenFile := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(goldenFile, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(goldenFile)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), string(got)+"\n"); d != "" {
				t.Errorf("%s (-want +got):\n%s", goldenFile, d)
			}
		})
	}
}

func TestOutputThatIsNoAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing":                      "",
		"no object":                    `["x"]`,
		"an object of no shape":        `{"message":"Internal error"}`,
		"an object cut off":            `{"content":[{"type":"text","text":"a`,
		"two members of one name":      `{"generation":"a","generation":"b"}`,
		"something after the object":   `{"generation":"a"}{}`,
		"invalid UTF-8":                "{\"generation\":\"\xff\"}",
		"choices without one":          `{"choices":[]}`,
		"a choice without text":        `{"choices":[{"index":0}]}`,
		"a generation that is no text": `{"generation":3}`,
		"output without a message":     `{"output":{}}`,
		"content that is no list":      `{"content":"a"}`,
	} {
		a, err := parse.Output([]byte(in), quarry.Converse, "some.model")
		if err == nil {
			t.Errorf("%s: Output = %+v, want an error", name, a)
		} else if !strings.Contains(err.Error(), "some.model") {
			t.Errorf("%s: %v does not name the model", name, err)
		}
	}
}

func FuzzOutput(f *testing.F) {
	files, err := filepath.Glob("testdata/output/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := parse.Output(in, quarry.InvokeModel, "m")
		if err == nil && !utf8.ValidString(a.Text) {
			t.Errorf("text is no valid UTF-8: %q", a.Text)
		}
		if a.Usage.InputTokens < 0 || a.Usage.OutputTokens < 0 {
			t.Errorf("negative usage: %+v", a.Usage)
		}
	})
}

func TestAnUnreadableAnswerNamesWhatIsKnownOfItsModel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind  quarry.InvocationType
		model string
		want  string
	}{
		{quarry.InvokeModel, "some.model", "read modelOutput of some.model (InvokeModel): "},
		{quarry.InvokeModel, "", "read modelOutput (InvokeModel): "},
		{"", "some.model", "read modelOutput of some.model: "},
		{"", "", "read modelOutput: "},
	} {
		for _, output := range []string{`7`, `{}`, `{"a":`} {
			if _, err := parse.Output([]byte(output), tt.kind, tt.model); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Output(%s, %q, %q) says %v, want %s…", output, tt.kind, tt.model, err, tt.want)
			}
		}
	}
}
