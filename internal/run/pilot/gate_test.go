package pilot_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/outcome/report"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/book"
	"quarry/internal/run/forecast"
	"quarry/internal/run/pilot"
	"quarry/internal/run/weigh"
)

var gate = pilot.Gate{MinValid: 0.7, Attempts: 4}

func TestTheVerdictOnAPilot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                string
		records, judged, ok int64
		want                pilot.Verdict
		enough              bool
	}{
		{"as many as needed are good", 10, 10, 7, pilot.Pass, true},
		{"one too few is good", 10, 10, 6, pilot.TooFewGood, true},
		{"only those that were judged count", 10, 5, 4, pilot.Pass, true},
		{"fewer than half are judged", 10, 4, 4, pilot.Pass, false},
		{"none is judged", 10, 0, 0, pilot.Unanswered, false},
		{"a pilot without records", 0, 0, 0, pilot.Pass, true},
	} {
		p := pilot.Outcome{Records: c.records, Judged: c.judged, OK: c.ok}
		if got := gate.Judge(&p); got != c.want {
			t.Errorf("%s: Judge() = %d, want %d", c.name, got, c.want)
		}
		if got := p.Enough(); got != c.enough {
			t.Errorf("%s: Enough() = %t", c.name, got)
		}
	}
}

func TestABlockedPilotSaysWhyAndWhatHelps(t *testing.T) {
	t.Parallel()
	p := pilot.Outcome{Records: 10, Judged: 10, OK: 2, Classes: map[quarry.Class]int64{quarry.ClassOK: 2, quarry.ClassNotJSON: 8}}
	failed := []report.Failure{
		{Kind: "not_json", Message: "no JSON", Count: 8, Hint: "look at the answers."}, {Kind: "truncated", Message: "cut off", Count: 1},
	}
	for v, want := range map[pilot.Verdict][]string{
		pilot.TooFewGood: {
			"2 of 10 answers are good (8 not_json, 2 ok); at least 70 % are needed", "8 × not_json: no JSON", "1 × truncated: cut off",
			"hint: look at the answers. Change the prompt, the schema or the model, or correct the sources, then rerun", "All failures: failed.jsonl",
		},
		pilot.Unanswered: {"no record was answered in 4 attempts (8 not_json, 2 ok)", "`quarry status` shows the jobs of the pilot"},
	} {
		err := gate.Blocked(v, &p, failed, "correct the sources", "failed.jsonl")
		text := err.Error() + "\nhint: " + err.Hint
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("Blocked(%d) = %s, want %q in it", v, text, part)
			}
		}
		if err.Kind != quarry.OverLimit {
			t.Errorf("Blocked(%d) is of kind %v, want %v", v, err.Kind, quarry.OverLimit)
		}
	}
}

func TestThePilotDecidesOnTheAnswerSchema(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    pilot.Outcome
		want book.Finding
	}{
		"answers came":             {pilot.Outcome{Judged: 3}, book.SchemaSent},
		"nothing came":             {pilot.Outcome{}, ""},
		"one record was refused":   {pilot.Outcome{Judged: 3, Classes: map[quarry.Class]int64{quarry.ClassUnstructured: 1}}, book.SchemaRefused},
		"the job was refused":      {pilot.Outcome{JobRefused: true}, book.SchemaRefused},
		"all records were refused": {pilot.Outcome{Classes: map[quarry.Class]int64{quarry.ClassUnstructured: 3}}, book.SchemaRefused},
	} {
		if got := c.p.Schema(); got != c.want {
			t.Errorf("%s: Schema() = %q, want %q", name, got, c.want)
		}
	}
	for _, c := range []struct {
		found   book.Finding
		piloted bool
		send    bool
		why     string
	}{
		{book.SchemaSent, false, true, "accepted the pilot's requests with it"},
		{book.SchemaRefused, true, false, "refused the pilot's requests"},
		{"", true, true, ""},
		{"", false, false, "there was no pilot to try it"},
	} {
		if send, why := pilot.SendSchema(c.found, c.piloted); send != c.send || !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("SendSchema(%q, %t) = %t, %q; want %t, %q", c.found, c.piloted, send, why, c.send, c.why)
		}
	}
}

func TestTheQuestionNamesWhatIsStillToBePaid(t *testing.T) {
	t.Parallel()
	usd := func(n int64) *quarry.USD { u := quarry.USD(n * 1_000_000_000_000); return &u }
	p := pilot.Outcome{Records: 100, OK: 97}
	after := &report.Expected{Cost: usd(10), CostLow: usd(2), CostHigh: usd(20)}
	for _, c := range []struct {
		after *report.Expected
		spent *quarry.USD
		want  string
	}{
		{after, usd(3), "for about $7"},
		{after, nil, "at a price that is not known (" + cost.UnknownHelp + ")"},
		{nil, usd(3), "at a price that is not known"},
		{&report.Expected{}, usd(3), "at a price that is not known"},
	} {
		got := p.Question("the model", "batch", 900, c.after, c.spent).Text
		if !strings.HasPrefix(got, "Good answers in the pilot: 97 of 100. Send the other 900 documents to the model, mode batch, "+c.want) {
			t.Errorf("Question() = %s, want %q", got, c.want)
		}
	}
	if got := p.Question("m", "batch", 900, after, usd(3)).Text; !strings.Contains(got, "($0") {
		t.Errorf("Question() = %s; less than was spent cannot be left to pay", got)
	}
}

// The forecast after the pilot is what the pilot used and what is learned of the other texts.
func TestTheForecastAfterThePilotCountsItOnce(t *testing.T) {
	t.Parallel()
	text := weigh.Doc{Classes: quarry.CharClasses{Letters: 1000, Words: 200}}
	var all, first weigh.Sums
	all.Add(&text, 1)
	for range 9 {
		all.Add(&text, 1)
	}
	first.Add(&text, 1)
	first.Add(&text, 1)
	l := pilot.Learned{Samples: 2, First: first, Learned: forecast.Learned{Weights: tokens.Default("")}}
	l.Other.Add(300, 50)
	l.Other.Add(300, 50)
	p := pilot.Outcome{Usage: quarry.Usage{InputTokens: 600, OutputTokens: 100}}
	basis := forecast.Basis{Model: forecast.Model{MaxTokens: 1000}, Texts: forecast.Texts{Sums: all}}
	got := p.Expected(&l, basis, quarry.ModeJob, 10)
	rest := basis
	rest.Learned = &l.Learned
	rest.Texts.Sub(&first)
	if want := 600 + rest.Expected(quarry.ModeJob, 10).Input.Estimate; got.Samples != 2 || got.Input.Estimate != want {
		t.Errorf("Expected() = %+v, want %d input tokens: the pilot's 600 and those of 8 further texts", got, want)
	}
	if basis.Texts.Records != 10 {
		t.Errorf("the basis has %d records now, want the 10 it had", basis.Texts.Records)
	}
}
