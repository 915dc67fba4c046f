package parse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/outcome/parse"
)

const schema = `{
  "type": "object",
  "properties": {
    "title_en": {"type": ["string", "null"]},
    "summary_ja": {"type": ["string", "null"]},
    "summary_en": {"type": ["string", "null"]}
  },
  "required": ["title_en", "summary_ja", "summary_en"],
  "additionalProperties": false
}`

const claude = "claude-haiku-4-5-20251001"

func checker(t testing.TB, cfg parse.Config) *parse.Checker {
	t.Helper()
	c, err := parse.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

const good = `{"title_en":"Batch inference","summary_ja":"バッチ推論の説明です。","summary_en":"It explains batch inference."}`

func TestAnswersAreClassed(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	for _, tt := range []struct {
		name     string
		text     string
		stop     string
		class    quarry.Class
		salvaged bool
		output   string // good where empty and the class is ok
		message  string
	}{
		{name: "the JSON alone", text: good, class: quarry.ClassOK},
		{name: "the JSON among white space", text: "\n\n " + good + "\n", class: quarry.ClassOK},
		{
			name: "the JSON laid out, in the model's order", class: quarry.ClassOK,
			text:   "{\n  \"summary_en\": \"It is.\",\n  \"title_en\": \"A\",\n  \"summary_ja\": \"\\u3042です\\/\"\n}",
			output: `{"summary_en":"It is.","title_en":"A","summary_ja":"あです/"}`,
		},
		{name: "a code fence", text: "```json\n" + good + "\n```", class: quarry.ClassOK, salvaged: true},
		{name: "a code fence without a language", text: "```\n" + good + "\n```\n", class: quarry.ClassOK, salvaged: true},
		{name: "a code fence that does not end", text: "```json\n" + good, class: quarry.ClassOK, salvaged: true},
		{name: "prose before and after", text: "Here is the JSON:\n\n" + good + "\n\nLet me know!", class: quarry.ClassOK, salvaged: true},
		{name: "a byte order mark", text: "\ufeff" + good, class: quarry.ClassOK, salvaged: true},
		{name: "braces in the prose", text: "For {name} and {} and { \"x\" }: " + good, class: quarry.ClassOK, salvaged: true},
		{name: "braces doubled as in a template", text: "{" + good + "}", class: quarry.ClassOK, salvaged: true},
		{name: "the same JSON twice", text: good + "\n\nAgain:\n" + strings.ReplaceAll(good, ",", ", "), class: quarry.ClassOK, salvaged: true},
		{name: "a draft of another form before it", text: `{"draft":"x"}` + "\n" + good, class: quarry.ClassOK, salvaged: true},
		{name: "a trailing comma", text: strings.Replace(good, `."}`, `.", }`, 1), class: quarry.ClassOK, salvaged: true},
		{
			name: "line breaks and tabs inside a string", class: quarry.ClassOK, salvaged: true,
			text:   "{\"title_en\":\"A\",\"summary_ja\":\"一つ\r\n\tです。\",\"summary_en\":\"It is.\n\"}",
			output: `{"title_en":"A","summary_ja":"一つ\r\n\tです。","summary_en":"It is.\n"}`,
		},
		{name: "cut off by max_tokens, but whole", text: good, stop: "max_tokens", class: quarry.ClassOK},
		{name: "cut off in the prose after it", text: good + "\n\nI hope", stop: "max_tokens", class: quarry.ClassOK, salvaged: true},

		{name: "two answers that both pass", text: good + "\n" + strings.Replace(good, "It ", "This ", 1), class: quarry.ClassNotJSON, message: "2 JSON values"},
		{name: "two answers of which none passes", text: `{"a":1} {"b":2}`, class: quarry.ClassNotJSON, message: "2 JSON values"},
		{name: "a good answer and one that was cut off", text: good + "\nBetter: {\"title_en\":\"B", class: quarry.ClassNotJSON},
		{name: "a good answer inside of a broken one", text: `{"answer": "the "best" one", "value": ` + good + `}`, class: quarry.ClassNotJSON},
		{name: "a missing closing bracket", text: good[:len(good)-1], class: quarry.ClassNotJSON},
		{name: "a missing closing bracket and quote", text: good[:len(good)-2], class: quarry.ClassNotJSON},
		{name: "quotes inside a string", text: strings.Replace(good, "batch inference", `"batch" inference`, 1), class: quarry.ClassNotJSON},
		{name: "a missing comma", text: strings.Replace(good, `","`, `" "`, 1), class: quarry.ClassNotJSON},
		{name: "two commas", text: strings.Replace(good, `","`, `",,"`, 1), class: quarry.ClassNotJSON},
		{name: "one name twice", text: strings.Replace(good, `{`, `{"title_en":"B",`, 1), class: quarry.ClassNotJSON, message: "duplicate"},
		{name: "one name twice in a fence", text: "```\n" + strings.Replace(good, `{`, `{"title_en":"B",`, 1) + "```", class: quarry.ClassNotJSON},
		{name: "single quotes", text: strings.ReplaceAll(good, `"`, `'`), class: quarry.ClassNotJSON},
		{name: "a comment", text: strings.Replace(good, `{`, "{ // here\n", 1), class: quarry.ClassNotJSON},
		{
			name: "half a surrogate pair", text: strings.Replace(good, "Batch", `\ud83d`, 1), class: quarry.ClassOK, salvaged: true,
			output: strings.Replace(good, "Batch", "\uFFFD", 1),
		},
		{
			name: "two second halves", text: strings.Replace(good, "Batch", `\udc12\udc34`, 1), class: quarry.ClassOK, salvaged: true,
			output: strings.Replace(good, "Batch", "\uFFFD\uFFFD", 1),
		},
		{
			name: "escapes that have one reading", text: strings.Replace(good, "Batch", `It\'s a \_50\%\_ \$ \#1`, 1), class: quarry.ClassOK, salvaged: true,
			output: strings.Replace(good, "Batch", `It's a _50%_ $ #1`, 1),
		},
		{name: "an escape that has two", text: strings.Replace(good, "Batch", `\(x\)`, 1), class: quarry.ClassNotJSON},
		{name: "a bracket in the prose after it", text: good + "\nIn C, { opens a block.", class: quarry.ClassOK, salvaged: true, output: good},
		{name: "a bracket that ends the prose after it", text: good + "\nThe block opens with {", class: quarry.ClassOK, salvaged: true, output: good},
		{name: "a second object that was cut off", text: good + `{"title_en":"B`, class: quarry.ClassNotJSON},
		{name: "a second object that was cut off in its first name", text: good + `{"tit`, class: quarry.ClassNotJSON},
		{name: "a NUL inside a string", text: strings.Replace(good, "Batch", "\x00", 1), class: quarry.ClassNotJSON},
		{name: "prose alone", text: "I summarized the article.", class: quarry.ClassNotJSON},
		{name: "nothing", text: " \n", class: quarry.ClassNotJSON, message: "empty"},

		{name: "cut off inside the JSON", text: good[:60], stop: "max_tokens", class: quarry.ClassTruncated},
		{name: "cut off, in OpenAI's word", text: good[:60], stop: "length", class: quarry.ClassTruncated},
		{name: "cut off, in capitals", text: good[:60], stop: "MAX_TOKENS", class: quarry.ClassTruncated},
		{name: "cut off before the JSON", text: "Here is", stop: "length", class: quarry.ClassTruncated, message: "cut off after 4,096 tokens"},
		{name: "cut off inside the reasoning", text: "", stop: "length", class: quarry.ClassTruncated},

		{name: "a refusal", text: "I can't.", stop: "refusal", class: quarry.ClassRefused, message: "refusal"},
		{name: "a refusal by a guardrail, with JSON", text: good, stop: "guardrail_intervened", class: quarry.ClassRefused},
		{name: "a refusal by OpenAI's filter", text: "", stop: "content_filter", class: quarry.ClassRefused},

		{name: "a member missing", text: `{"title_en":"A","summary_ja":"です"}`, class: quarry.ClassSchema, message: "summary_en"},
		{name: "a member too many", text: strings.Replace(good, `{`, `{"z":1,"tags":[],`, 1), class: quarry.ClassSchema, message: `["tags" "z"]`},
		{name: "a member of another type", text: strings.Replace(good, `"Batch inference"`, `[1]`, 1), class: quarry.ClassSchema, message: "title_en: got array, want"},
		{name: "a list", text: "[" + good + "]", class: quarry.ClassSchema, message: "want object"},
		{name: "a string that holds JSON", text: `"{\"title_en\":1}"`, class: quarry.ClassSchema},
		{name: "the answer wrapped once more", text: `{"result":` + good + `}`, class: quarry.ClassSchema},
		{name: "a number that no machine wants", text: `{"title_en":1e999999999}`, class: quarry.ClassSchema, message: "out of range"},

		{name: "a null", text: strings.Replace(good, `"Batch inference"`, `null`, 1), class: quarry.ClassWrongLanguage, message: "title_en: is null"},
		{name: "an empty string", text: strings.Replace(good, "Batch inference", " ", 1), class: quarry.ClassWrongLanguage, message: "title_en: is empty"},
		{name: "English for Japanese", text: strings.Replace(good, "バッチ推論の説明です。", "It explains it.", 1), class: quarry.ClassWrongLanguage, message: "summary_ja: is not in Japanese"},
		{
			name: "both the wrong way round", class: quarry.ClassWrongLanguage, message: "summary_en: is not in English; summary_ja: is not in Japanese",
			text: `{"title_en":"A","summary_en":"バッチ推論の説明です。","summary_ja":"It explains it."}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := parse.Answer{Text: tt.text, StopReason: tt.stop, Model: claude, Usage: quarry.Usage{OutputTokens: 4096}}
			got := c.Check(a)
			if got.Class != tt.class || got.Salvaged != tt.salvaged || !strings.Contains(got.Message, tt.message) {
				t.Fatalf("Check = %s, salvaged %v, %q; want %s, %v, %q", got.Class, got.Salvaged, got.Message, tt.class, tt.salvaged, tt.message)
			}
			if tt.class != quarry.ClassOK {
				if got.Output != nil || got.Message == "" || got.Text != tt.text {
					t.Errorf("Check = %+v, want no output, the text, and a message", got)
				}
				return
			}
			if tt.output == "" {
				tt.output = good
			}
			if d := cmp.Diff(tt.output, string(got.Output)); d != "" {
				t.Errorf("output (-want +got):\n%s", d)
			}
			if got.Text != "" || got.Message != "" {
				t.Errorf("Check = %+v, want neither text nor message beside the output", got)
			}
		})
	}
}

func TestTheStandInsModelsHaveTheirOwnRules(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	half := `{"title_en":null,"summary_ja":"バッチ推論です。","summary_en":null}`
	swapped := `{"title_en":"あああ","summary_ja":"English","summary_en":"あああ"}`
	for name, tt := range map[string]struct {
		text, model string
		want        quarry.Class
	}{
		"nulls of the extractive model pass":               {half, "quarry.extractive-v1", quarry.ClassOK},
		"its wrong languages do not":                       {swapped, "quarry.extractive-v1", quarry.ClassWrongLanguage},
		"the echo's languages are not looked at":           {swapped, "quarry.echo-v1", quarry.ClassOK},
		"a null of an answer that names no model":          {half, "", quarry.ClassWrongLanguage},
		"a model whose name only begins like the stand-in": {half, "quarry.extractive-v1:x", quarry.ClassWrongLanguage},
	} {
		if got := c.Check(parse.Answer{Text: tt.text, Model: tt.model}); got.Class != tt.want {
			t.Errorf("%s: %s (%s), want %s", name, got.Class, got.Message, tt.want)
		}
	}
}

func TestFreeTextIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{})
	for _, tt := range []struct {
		text, stop string
		want       quarry.Class
	}{
		{"Some text {", "end_turn", quarry.ClassOK},
		{"Some te", "max_tokens", quarry.ClassTruncated},
		{" \n", "end_turn", quarry.ClassRefused},
		{"", "length", quarry.ClassTruncated},
		{"no", "refusal", quarry.ClassRefused},
	} {
		got := c.Check(parse.Answer{Text: tt.text, StopReason: tt.stop})
		if got.Class != tt.want || got.Text != tt.text || got.Output != nil {
			t.Errorf("Check(%q, %s) = %+v, want %s", tt.text, tt.stop, got, tt.want)
		}
	}
}

func TestOtherSchemasAndLanguages(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg  parse.Config
		text string
		want quarry.Class
	}{
		"a list in prose, where the schema has a list": {parse.Config{Schema: []byte(`{"type":"array"}`)}, "Here: [1, 2,]", quarry.ClassOK},
		"a reference in brackets before the list":      {parse.Config{Schema: []byte(`{"type":"array","minItems":2}`)}, "[1] says: [1, 2]", quarry.ClassOK},
		"a string":                                         {parse.Config{Schema: []byte(`{"type":"string"}`)}, `"yes"`, quarry.ClassOK},
		"a string in prose":                                {parse.Config{Schema: []byte(`{"type":"string"}`)}, `It is "yes".`, quarry.ClassNotJSON},
		"a schema without a type":                          {parse.Config{Schema: []byte(`{"required":["a"]}`)}, `ok {"a":1}`, quarry.ClassOK},
		"any object, two of them":                          {parse.Config{Schema: []byte(`{}`)}, `{"a":1} {"a":2}`, quarry.ClassNotJSON},
		"a null in a member of no language":                {parse.Config{Schema: []byte(`{}`)}, `{"author":null}`, quarry.ClassOK},
		"a null where languages are not looked at":         {parse.Config{Schema: []byte(`{}`), AnyLanguage: true}, `{"a_en":null}`, quarry.ClassOK},
		"languages by own names":                           {parse.Config{Schema: []byte(`{}`), Languages: map[string]string{"日本語": "ja"}}, `{"日本語":"No."}`, quarry.ClassWrongLanguage},
		"own names leave the others alone":                 {parse.Config{Schema: []byte(`{}`), Languages: map[string]string{"日本語": "ja"}}, `{"x_ja":"No."}`, quarry.ClassOK},
		"a pattern":                                        {parse.Config{Schema: []byte(`{"properties":{"k":{"pattern":"^[a-z]+$"}}}`)}, `{"k":"A"}`, quarry.ClassSchema},
		"a large whole number, exact":                      {parse.Config{Schema: []byte(`{"properties":{"k":{"const":9007199254740993}}}`)}, `{"k":9007199254740992}`, quarry.ClassSchema},
		"a small number the library would take hours over": {parse.Config{Schema: []byte(`{"properties":{"k":{"minimum":0}}}`)}, `{"k":1e-999999999}`, quarry.ClassSchema},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := checker(t, tt.cfg).Check(parse.Answer{Text: tt.text}); got.Class != tt.want {
				t.Errorf("Check(%s) = %s (%s), want %s", tt.text, got.Class, got.Message, tt.want)
			}
		})
	}
}

func TestConfigsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]parse.Config{
		"no JSON":                        {Schema: []byte(`{`)},
		"no schema":                      {Schema: []byte(`{"type":"strnig"}`)},
		"one name twice":                 {Schema: []byte(`{"type":"object","type":"array"}`)},
		"a reference to a file":          {Schema: []byte(`{"$ref":"file:///etc/hostname"}`)},
		"a reference to another machine": {Schema: []byte(`{"$ref":"https://example.com/schema.json"}`)},
		"a dialect from elsewhere":       {Schema: []byte(`{"$schema":"https://example.com/dialect"}`)},
		"an unknown language":            {Schema: []byte(`{}`), Languages: map[string]string{"a": "fr"}},
	} {
		if err := cfg.Validate(); err == nil {
			t.Errorf("%s: Validate accepts it", name)
		}
	}
	if err := (parse.Config{Schema: []byte(`{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","definitions":{"a":{}}}`)}).Validate(); err != nil {
		t.Errorf("an older dialect with an inner reference: %v", err)
	}
}

func TestMessagesAreTheSameEveryTime(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	a := parse.Answer{Text: `{"title_en":1,"summary_ja":2,"summary_en":3,"a":1,"b":2,"c":3}`}
	want := c.Check(a).Message
	for range 50 {
		if got := c.Check(a).Message; got != want {
			t.Fatalf("message %q, then %q", want, got)
		}
	}
}

func TestMessagesAreShort(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(`{"properties":{"k":{"const":1}},"additionalProperties":false}`)})
	for _, text := range []string{
		`{"` + strings.Repeat("長", 1<<16) + `":1}`, strings.Repeat("x", 1<<16), `{"k":"` + strings.Repeat("長", 1<<16) + `"}`,
	} {
		if n := len(c.Check(parse.Answer{Text: text}).Message); n == 0 || n > 600 {
			t.Errorf("message of %d bytes", n)
		}
	}
}

func TestErrorCodesAreClassed(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]quarry.Class{
		400: quarry.ClassRecordError, 401: quarry.ClassRecordError, 403: quarry.ClassRecordError, 404: quarry.ClassRecordError, 413: quarry.ClassRecordError,
		429: quarry.ClassThrottled, 503: quarry.ClassThrottled,
		408: quarry.ClassDown, 424: quarry.ClassDown, 500: quarry.ClassDown, 502: quarry.ClassDown, 504: quarry.ClassDown, 529: quarry.ClassDown, 0: quarry.ClassDown,
	} {
		if got := parse.ErrorClass(code, "too busy"); got != want {
			t.Errorf("ErrorClass(%d) = %s, want %s", code, got, want)
		}
	}
	for message, want := range map[string]quarry.Class{
		"back end http://127.0.0.1:9 cannot be reached: connection refused": quarry.ClassDown,
		"<html><head><title>503 Service Unavailable</title></head></html>":  quarry.ClassDown,
		"Too many connections, please wait before trying again.":            quarry.ClassThrottled,
	} {
		if got := parse.ErrorClass(503, message); got != want {
			t.Errorf("ErrorClass(503, %q) = %s, want %s", message, got, want)
		}
	}
}

func TestCheckIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if got := c.Check(parse.Answer{Text: good, Model: claude}); got.Class != quarry.ClassOK {
					t.Errorf("Check = %+v", got)
					return
				}
				c.Check(parse.Answer{Text: `{"a":1}`})
			}
		})
	}
	wg.Wait()
}

// Whatever damage a text takes, what comes out of it was in it: no string is changed except by its line breaks, and
// nothing is added.
func TestSalvageNeverInvents(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(`{"type":"object"}`), AnyLanguage: true})
	value := rapid.MapOf(rapid.StringN(1, 8, -1), rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny(), rapid.SliceOf(rapid.String()).AsAny()))
	rapid.Check(t, func(t *rapid.T) {
		v := value.Draw(t, "value")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		whole := cut == len(text)
		text = rapid.StringMatching(`[a-z .:]{0,9}`).Draw(t, "before") + text[:cut] + rapid.StringMatching("[a-z .`]{0,9}").Draw(t, "after")
		got := c.Check(parse.Answer{Text: text})
		if got.Class != quarry.ClassOK {
			if whole {
				t.Fatalf("Check(%q) = %s %s", text, got.Class, got.Message)
			}
			return
		}
		if !whole {
			t.Fatalf("Check(%q) gives %s out of a text that was cut off", text, got.Output)
		}
		want, have := jsontext.Value(b), jsontext.Value(bytes.Clone(got.Output))
		if want.Canonicalize() != nil || have.Canonicalize() != nil || !bytes.Equal(want, have) {
			t.Fatalf("Check(%q) gives %s, want %s", text, have, want)
		}
	})
}

func FuzzCheck(f *testing.F) {
	c := checker(f, parse.Config{Schema: []byte(schema)})
	loose := checker(f, parse.Config{Schema: []byte(`{"type":["object","array"],"properties":{"n":{"multipleOf":0.5,"maximum":9}}}`)})
	for _, s := range []string{good, "```json\n" + good + "\n```", good[:50], `{"n":1e400}`, `{"n":-1.5,}`, "{\"a\":\"\n\"}", "[[[[{", "{{{{", `{"a":[1,],}`} {
		f.Add(s, "end_turn")
		f.Add(s, "max_tokens")
	}
	f.Fuzz(func(t *testing.T, text, stop string) {
		for _, c := range []*parse.Checker{c, loose} {
			got := c.Check(parse.Answer{Text: text, StopReason: stop, Model: claude})
			if (got.Class == quarry.ClassOK) != (got.Output != nil) || (got.Class == quarry.ClassOK) != (got.Message == "") {
				t.Errorf("Check(%q) = %+v", text, got)
			}
			if got.Output != nil && !jsontext.Value(got.Output).IsValid() {
				t.Errorf("Check(%q) gives %q, which is no strict JSON", text, got.Output)
			}
		}
	})
}

func TestHostileTextsTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine with much work: nothing for the race detector")
	}
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	for _, s := range []string{"{", "[", `{"a":`, `{"a":{`, "{\"", "{}", "{ ", `{"a":1}`, "\"", "\\", "{[", `{"a":[`, "```json\n"} {
		c.Check(parse.Answer{Text: strings.Repeat(s, 1<<20/len(s))})
	}
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, `{"a":%d} `, i)
	}
	c.Check(parse.Answer{Text: many.String()})
}

func kilobyte() string {
	return `{"title_en":"How batch inference on Bedrock works","summary_ja":"` + strings.Repeat("この記事はバッチ推論を説明します。", 10) +
		`","summary_en":"` + strings.Repeat("The article explains batch inference. ", 12) + `"}`
}

func BenchmarkCheck(b *testing.B) {
	c := checker(b, parse.Config{Schema: []byte(schema)})
	for name, text := range map[string]string{"whole": kilobyte(), "fenced": "```json\n" + kilobyte() + "\n```"} {
		b.Run(name, func(b *testing.B) {
			a := parse.Answer{Text: text, Model: claude}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if got := c.Check(a); got.Class != quarry.ClassOK {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkOutputAndCheck(b *testing.B) {
	c := checker(b, parse.Config{Schema: []byte(schema)})
	text, err := json.Marshal(kilobyte())
	if err != nil {
		b.Fatal(err)
	}
	out := []byte(`{"model":"` + claude + `","id":"msg","type":"message","role":"assistant","content":[{"type":"text","text":` + string(text) +
		`}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":2012,"output_tokens":570}}`)
	b.SetBytes(int64(len(out)))
	for b.Loop() {
		a, err := parse.Output(out, quarry.InvokeModel, "m")
		if err != nil {
			b.Fatal(err)
		}
		if got := c.Check(a); got.Class != quarry.ClassOK {
			b.Fatal(got)
		}
	}
}

func TestAnswersInReasoningThatNeverEnds(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	for name, tt := range map[string]struct {
		text  string
		class quarry.Class
	}{
		"the answer is the last thing in it": {"<think>The article is short.\n" + good, quarry.ClassOK},
		"in a fence":                         {"<think>Short.\n```json\n" + good + "\n```", quarry.ClassOK},
		"in the second of two":               {"<think>a</think><reasoning>b " + good, quarry.ClassOK},
		"a draft, and more reasoning":        {"<think>Perhaps " + good + " but", quarry.ClassNotJSON},
		"two drafts":                         {"<think>" + good + " or " + strings.Replace(good, "Batch", "Bulk", 1), quarry.ClassNotJSON},
		"a draft of another shape":           {`<think>{"q":1}`, quarry.ClassNotJSON},
		"no draft":                           {"<think>Hm.", quarry.ClassNotJSON},
		"an answer after its end":            {"<think>" + good + "</think>", quarry.ClassNotJSON},
	} {
		text, err := json.Marshal(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parse.Output([]byte(`{"model":"`+claude+`","content":[{"type":"text","text":`+string(text)+`}]}`), quarry.InvokeModel, "m")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Check(a); got.Class != tt.class || (got.Class == quarry.ClassOK) != (string(got.Output) == good && got.Salvaged) {
			t.Errorf("%s: Check = %s %s (%s), want %s", name, got.Class, got.Output, got.Message, tt.class)
		}
	}
}

func TestToolInputsAreAnswers(t *testing.T) {
	t.Parallel()
	c := checker(t, parse.Config{Schema: []byte(schema)})
	free := checker(t, parse.Config{})
	quoted, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(good, "Batch", "Bulk", 1)
	anthropic := func(blocks ...string) string {
		return `{"content":[` + strings.Join(blocks, ",") + `],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}`
	}
	said := `{"type":"text","text":"I will call the tool."}`
	call := func(input string) string { return `{"type":"tool_use","id":"t","name":"answer","input":` + input + `}` }
	for name, tt := range map[string]struct {
		output string
		class  quarry.Class
		text   string // of the free-text check
	}{
		"one call":                       {anthropic(call(good)), quarry.ClassOK, good},
		"a sentence before the call":     {anthropic(said, call(good)), quarry.ClassOK, "I will call the tool.\n" + good},
		"the same call twice":            {anthropic(call(good), call(good)), quarry.ClassOK, good + "\n" + good},
		"two calls of which one fits":    {anthropic(call(`{"q":1}`), call(good)), quarry.ClassOK, `{"q":1}` + "\n" + good},
		"two calls that fit":             {anthropic(call(good), call(other)), quarry.ClassNotJSON, good + "\n" + other},
		"a call that does not fit":       {anthropic(said, call(`{"q":1}`)), quarry.ClassSchema, "I will call the tool.\n" + `{"q":1}`},
		"the answer in the text":         {anthropic(`{"type":"text","text":`+string(quoted)+`}`, call(`{"q":1}`)), quarry.ClassOK, good + "\n" + `{"q":1}`},
		"a call without an input":        {anthropic(`{"type":"tool_use","id":"t","name":"answer"}`), quarry.ClassNotJSON, ""},
		"Converse":                       {`{"output":{"message":{"content":[{"text":"Now."},{"toolUse":{"toolUseId":"t","name":"answer","input":` + good + `}}]}},"stopReason":"tool_use"}`, quarry.ClassOK, "Now.\n" + good},
		"chat":                           {`{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"type":"function","function":{"name":"answer","arguments":` + string(quoted) + `}}]}}]}`, quarry.ClassOK, good},
		"chat with arguments as objects": {`{"choices":[{"message":{"content":"","tool_calls":[{"function":{"arguments":` + good + `}}]}}]}`, quarry.ClassOK, good},
		"chat's older call":              {`{"choices":[{"message":{"content":null,"function_call":{"name":"answer","arguments":` + string(quoted) + `}}}]}`, quarry.ClassOK, good},
		"chat with arguments cut off":    {`{"choices":[{"finish_reason":"length","message":{"content":null,"tool_calls":[{"function":{"arguments":"{\"title_en\":"}}]}}]}`, quarry.ClassTruncated, `{"title_en":`},
	} {
		a, err := parse.Output([]byte(tt.output), quarry.InvokeModel, "m")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.Model = claude
		if got := c.Check(a); got.Class != tt.class || (got.Class == quarry.ClassOK && string(got.Output) != good) {
			t.Errorf("%s: Check = %s %s (%s), want %s", name, got.Class, got.Output, got.Message, tt.class)
		}
		if got := free.Check(a); got.Text != tt.text {
			t.Errorf("%s: the text is %q, want %q", name, got.Text, tt.text)
		}
	}
}

func TestUsageThatCannotBeIsUnknown(t *testing.T) {
	t.Parallel()
	none := quarry.Usage{Unknown: 1}
	for usage, want := range map[string]quarry.Usage{
		`{"input_tokens":3,"output_tokens":2}`:                                {InputTokens: 3, OutputTokens: 2},
		`{"input_tokens":3.0,"output_tokens":2e0}`:                            {InputTokens: 3, OutputTokens: 2},
		`{"input_tokens":0,"output_tokens":0}`:                                {},
		`{"input_tokens":3,"output_tokens":2,"cache_read_input_tokens":null}`: {InputTokens: 3, OutputTokens: 2},
		`{"input_tokens":3,"output_tokens":2,"cache_read_input_tokens":4}`:    {InputTokens: 7, OutputTokens: 2, CacheReadTokens: 4},
		`{"input_tokens":3,"output_tokens":2,"cache_read_input_tokens":-4}`:   none,
		`{"input_tokens":3}`:                     none,
		`{"output_tokens":3}`:                    none,
		`{}`:                                     none,
		`null`:                                   none,
		`[]`:                                     none,
		`{"input_tokens":-3,"output_tokens":2}`:  none,
		`{"input_tokens":3,"output_tokens":-2}`:  none,
		`{"input_tokens":"3","output_tokens":2}`: none,
		`{"input_tokens":10.5,"output_tokens":2}`:                             none,
		`{"input_tokens":1e30,"output_tokens":2}`:                             none,
		`{"input_tokens":9223372036854775807,"output_tokens":2}`:              none,
		`{"input_tokens":` + strings.Repeat("9", 400) + `,"output_tokens":2}`: none,
		`{"input_tokens":1e999,"output_tokens":2}`:                            none,
	} {
		a, err := parse.Output([]byte(`{"content":[{"type":"text","text":"x"}],"usage":`+usage+`}`), quarry.InvokeModel, "m")
		if err != nil || a.Usage != want {
			t.Errorf("usage %.60s is %+v (%v), want %+v", usage, a.Usage, err, want)
		}
	}
	a, err := parse.Output([]byte(`{"content":[{"type":"text","text":"x"}]}`), quarry.InvokeModel, "m")
	if err != nil || a.Usage != none {
		t.Errorf("without usage it is %+v (%v), want %+v", a.Usage, err, none)
	}
}
