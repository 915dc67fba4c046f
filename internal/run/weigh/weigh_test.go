package weigh_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/clean"
	"quarry/internal/run/weigh"
)

func TestWhatIsWrittenIsReadInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weights")
	docs := []weigh.Doc{
		{Classes: clean.Classes([]byte("Stone is cut from a hill."))},
		{},
		{Classes: clean.Classes([]byte("石は丘から切り出されます。")), Japanese: true},
		{Classes: quarry.CharClasses{Letters: 1 << 60, Symbols: 3}, About: 1 << 58, Most: 1 << 59},
	}
	w, err := weigh.Create(effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for i := range docs {
		if err := w.Add(&docs[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := weigh.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	for i, want := range docs {
		got, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("document %d (-want +got):\n%s", i, diff)
		}
	}
	if _, err := r.Next(); err == nil {
		t.Error("Next gives a document that was not written")
	}
}

func TestSumsOfWhatIsSentLessThePilot(t *testing.T) {
	t.Parallel()
	english := weigh.Doc{Classes: clean.Classes([]byte("Stone is cut from a hill."))}
	japanese := weigh.Doc{Classes: clean.Classes([]byte("石は丘から切り出されます。")), Japanese: true}
	var all, pilot weigh.Sums
	for range 10 {
		all.Add(&english, 1)
		all.Add(&japanese, 2)
	}
	if all.Documents != 20 || all.Records != 30 || all.Japanese != 20 || all.InJapanese.Kana != 80 || all.Classes.Letters != 190 {
		t.Errorf("Sums = %+v", all)
	}
	pilot.Add(&english, 1)
	pilot.Add(&japanese, 2)
	rest := all
	rest.Sub(&pilot)
	if rest.Documents != 18 || rest.Records != 27 || rest.Japanese != 18 || rest.Classes.Letters != 171 || rest.InJapanese.Kana != 72 {
		t.Errorf("Sub = %+v", rest)
	}
	if got := rest.Uneven(); got < 1.0/28 || got > 1.0/18 {
		t.Errorf("Uneven = %g, want about one over the number of records", got)
	}
	all = pilot
	all.Sub(&rest)
	if all.Records != 0 || all.Classes != (quarry.CharClasses{}) || all.Uneven() != 0 {
		t.Errorf("Sub of more than there is = %+v, want nothing", all)
	}
}

func TestTheTextThatAModelReads(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"Anthropic": {
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"A \"hill\"\n石"}]}]}`,
			"Be brief.\nA \"hill\"\n石\n",
		},
		"a message that is a string": {`{"messages":[{"role":"user","content":"Stone"}]}`, "Stone\n"},
		"Converse":                   {`{"system":[{"text":"S"}],"messages":[{"role":"user","content":[{"text":"T"}]}],"inferenceConfig":{"maxTokens":9}}`, "S\nT\n"},
		"an image is no text":        {`{"messages":[{"content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"text":"T"}]}]}`, "T\n"},
		"base64 of Anthropic":        {`{"messages":[{"content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}`, ""},
		"a tool with its schema":     {`{"tools":[{"name":"n","description":"d","input_schema":{"type":"object"}}]}`, "n\nd\n{\"type\":\"object\"}\n"},
		"a structured answer":        {`{"output_config":{"format":{"type":"json_schema","schema":{"a":1}}}}`, "{\"a\":1}\n"},
		"nothing":                    {`{}`, ""},
	} {
		if got := string(weigh.Text(nil, []byte(tt.in))); got != tt.want {
			t.Errorf("%s: Text = %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheTextAroundADocumentIsCountedOnce(t *testing.T) {
	t.Parallel()
	text := "Stone is cut from a hill."
	var a weigh.Around
	for order := range int64(200) {
		a.Look(order, []byte(`{"system":"Sum up what you read.","messages":[{"role":"user","content":"`+text+`"}]}`), clean.Classes([]byte(text)))
	}
	if a.Records < 16 || a.Records > 25 {
		t.Errorf("%d requests of 200 were looked at", a.Records)
	}
	want := clean.Classes([]byte("Sum up what you read.\n\n"))
	if diff := cmp.Diff(want, a.For(1)); diff != "" {
		t.Errorf("For(1) (-want +got):\n%s", diff)
	}
	if got := a.For(100); got.Letters != 100*want.Letters {
		t.Errorf("For(100) has %d letters, want %d", got.Letters, 100*want.Letters)
	}
	var none weigh.Around
	if got := none.For(5); got != (quarry.CharClasses{}) {
		t.Errorf("For of nothing = %+v", got)
	}
}
