package faults_test

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"quarry/internal/standin/faults"
)

func TestParseGivesBackWhatItRead(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"",
		"lost-reply=0.25",
		"throttle=1,server-error=0.5,slow=50ms,seed=7",
		"record-error=0.1,bad-json=0.2,truncate=0.3,drop-record=0.4,duplicate-record=0.5,fail-job=1,partial=0,expire=1,shuffle=1",
	} {
		set, err := faults.Parse(in)
		if err != nil {
			t.Fatalf("Parse(%q): %v", in, err)
		}
		if got := set.String(); got != in {
			t.Errorf("Parse(%q) gives %q back", in, got)
		}
	}
}

func TestParseTakesBlanksAndBareNames(t *testing.T) {
	t.Parallel()
	set, err := faults.Parse(" shuffle  drop-record=0.5\n,seed=3,")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := set.String(), "drop-record=0.5,shuffle=1,seed=3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !set.Hits(faults.Shuffle, faults.JobKey(1)) {
		t.Error("a name without a value does not mean always")
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"a name that does not exist": "explode=1",
		"a rate above one":           "throttle=1.5",
		"a rate below zero":          "throttle=-0.1",
		"a rate that is no number":   "throttle=NaN",
		"words for a rate":           "throttle=often",
		"a bare slow":                "slow",
		"a negative delay":           "slow=-1s",
		"a broken seed":              "seed=x",
		"the same name twice":        "seed=1,seed=2",
		"an empty name":              "=1",
	} {
		if set, err := faults.Parse(in); err == nil {
			t.Errorf("%s: Parse(%q) = %v, want an error", name, in, set)
		}
	}
}

func TestDrawsDependOnSeedKindAndKeyAlone(t *testing.T) {
	t.Parallel()
	draws := func(set faults.Set, k faults.Kind) string {
		var b strings.Builder
		for i := range 2000 {
			b.WriteByte("01"[btoi(set.Hits(k, "doc-"+strconv.Itoa(i)+"-a1"))])
		}
		return b.String()
	}
	one := mustParse(t, "record-error=0.3,truncate=0.3,seed=1")
	if draws(one, faults.RecordError) != draws(mustParse(t, "record-error=0.3,seed=1"), faults.RecordError) {
		t.Error("the same seed draws differently")
	}
	if draws(one, faults.RecordError) == draws(one, faults.Truncate) {
		t.Error("two kinds fall on the same records")
	}
	if draws(one, faults.RecordError) == draws(mustParse(t, "record-error=0.3,seed=2"), faults.RecordError) {
		t.Error("another seed draws the same")
	}
	if rate := float64(strings.Count(draws(one, faults.RecordError), "1")) / 2000; math.Abs(rate-0.3) > 0.05 {
		t.Errorf("rate 0.3 hits %v", rate)
	}
}

func TestOverKeepsWhatTheUpperSetDoesNotName(t *testing.T) {
	t.Parallel()
	base := mustParse(t, "throttle=0.5,truncate=1,slow=1s,seed=4")
	got := mustParse(t, "truncate=0,slow=2ms").Over(base)
	if got.Rate(faults.Throttle) != 0.5 || got.Rate(faults.Truncate) != 0 || got.Slow() != 2*time.Millisecond {
		t.Errorf("got %v", got)
	}
	if got.Fraction(faults.Partial, "x") != base.Fraction(faults.Partial, "x") {
		t.Error("the seed was lost")
	}
}

var answers = map[string]string{
	"anthropic": `{"id":"m","content":[{"type":"text","text":"{\"title_en\":\"Élan\",\"summary_ja\":\"要約です\"}"}],"stop_reason":"end_turn","usage":{"input_tokens":12345678901234567,"output_tokens":2}}`,
	"converse":  `{"output":{"message":{"role":"assistant","content":[{"text":"{\"title_en\":\"Élan\",\"summary_ja\":\"要約です\"}"}]}},"stopReason":"end_turn","usage":{"inputTokens":1}}`,
	"llama":     `{"generation":"{\"title_en\":\"Élan\",\"summary_ja\":\"要約です\"}","stop_reason":"stop","prompt_token_count":1}`,
	"openai":    `{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"title_en\":\"Élan\",\"summary_ja\":\"要約です\"}"}}]}`,
}

func TestBrokenAnswersAreJSONAroundATextThatIsNot(t *testing.T) {
	t.Parallel()
	for family, answer := range answers {
		for _, pick := range []float64{0, 0.4, 0.9} {
			got, err := faults.Break([]byte(answer), pick)
			if err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			if !json.Valid(got) {
				t.Errorf("%s, pick %v: the answer itself is no JSON: %s", family, pick, got)
			}
			if json.Valid([]byte(textOf(t, got))) {
				t.Errorf("%s, pick %v: the text is still JSON: %s", family, pick, got)
			}
			if strings.Contains(string(got), "max_tokens") || strings.Contains(string(got), `"length"`) {
				t.Errorf("%s, pick %v: says it was cut: %s", family, pick, got)
			}
		}
	}
}

func TestCutAnswersSayThatTheLimitWasReached(t *testing.T) {
	t.Parallel()
	for family, answer := range answers {
		got, err := faults.Cut([]byte(answer))
		if err != nil {
			t.Fatalf("%s: %v", family, err)
		}
		if text := textOf(t, got); json.Valid([]byte(text)) || !strings.HasPrefix(text, `{"title_en":"Élan`) {
			t.Errorf("%s: text %q", family, text)
		}
		if s := string(got); !strings.Contains(s, `"max_tokens"`) && !strings.Contains(s, `"length"`) {
			t.Errorf("%s: no reason: %s", family, s)
		}
		if family == "anthropic" && !strings.Contains(string(got), "12345678901234567") {
			t.Errorf("a token count lost its digits: %s", got)
		}
	}
}

func TestDamageRefusesAnAnswerWithoutText(t *testing.T) {
	t.Parallel()
	for _, in := range []string{``, `{`, `[]`, `{"content":[]}`, `{"embedding":[1,2]}`, `{"choices":{"0":1}}`} {
		if got, err := faults.Cut([]byte(in)); err == nil {
			t.Errorf("Cut(%s) = %s", in, got)
		}
		if got, err := faults.Break([]byte(in), 0); err == nil {
			t.Errorf("Break(%s) = %s", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("throttle=0.5,slow=1s seed=3")
	f.Add("=,=")
	f.Fuzz(func(t *testing.T, in string) {
		set, err := faults.Parse(in)
		if err != nil {
			return
		}
		again, err := faults.Parse(set.String())
		if err != nil || again != set {
			t.Errorf("Parse(%q) = %q, which reads back as %q (%v)", in, set, again, err)
		}
	})
}

func FuzzDamage(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a), 0.5)
	}
	f.Fuzz(func(t *testing.T, in []byte, pick float64) {
		if pick < 0 || pick >= 1 {
			return
		}
		if got, err := faults.Break(in, pick); err == nil && !json.Valid(got) {
			t.Errorf("Break(%q) = %q", in, got)
		}
		if got, err := faults.Cut(in); err == nil && !json.Valid(got) {
			t.Errorf("Cut(%q) = %q", in, got)
		}
	})
}

func mustParse(t *testing.T, s string) faults.Set {
	t.Helper()
	set, err := faults.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func textOf(t *testing.T, answer []byte) string {
	t.Helper()
	var a struct {
		Content []struct{ Text string }
		Output  struct {
			Message struct{ Content []struct{ Text string } }
		}
		Generation string
		Choices    []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	switch {
	case len(a.Content) > 0:
		return a.Content[0].Text
	case len(a.Output.Message.Content) > 0:
		return a.Output.Message.Content[0].Text
	case len(a.Choices) > 0:
		return a.Choices[0].Message.Content
	}
	return a.Generation
}
