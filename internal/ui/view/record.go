package view

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/report"
	"quarry/internal/ui/difference"
	"quarry/internal/ui/records"
)

// How much of a text a page shows, in characters, and how many members of an answer.
const (
	maxDocument = 200_000
	maxMembers  = 100
)

// recordView is the page of one record.
type recordView struct {
	recordRow
	URL                       string // of the article, if a browser may be sent there
	Earlier, Later, List      string // addresses
	Details                   []fact
	Kind, Message, Advice     string // of its error
	Members                   []member
	Text                      string // of an answer that has no members
	NotKept                   string
	Place, Cleaned            string
	Body                      []span
	Removed                   bool
	Dropped, Prompts          []fact
	Attempts                  string // address
	Review                    *reviewView
	Same, SameAddress, Output string // Output is what came in place of an answer
}

// fact is a name with its value.
type fact struct {
	Name, Text string
	Code       bool
}

// member is a member of an answer.
type member struct {
	Name, Text, Lang string
	Missing, Code    bool
}

// span is a piece of a text; Class is empty for one that is as it should be.
type span struct{ Text, Class string }

// RecordPage shows one record. Earlier and later are the ids of the records before and after it in the selection; empty: there is none.
func RecordPage(run *Run, a *Asked, rec *records.Record, earlier, later quarry.DocumentID, of *Said, forms *Forms) (*Page, error) {
	v := newRecordView(run, a, rec)
	for to, id := range map[*string]quarry.DocumentID{&v.Earlier: earlier, &v.Later: later} {
		if id != "" {
			*to = run.Record(a, id)
		}
	}
	if err := v.review(run, a, rec, of, forms); err != nil {
		return nil, err
	}
	return run.page("record", v.Title, v, 0), nil
}

// Record is the address of the page of a record.
func (r *Run) Record(a *Asked, id quarry.DocumentID) string {
	return a.Address(r.Address()+"record", "id", string(id))
}

func newRecordView(run *Run, a *Asked, rec *records.Record) *recordView {
	res := &rec.Result
	v := &recordView{
		recordRow: newRecordRow(run, a, &rec.Row), URL: shown.Address(res.Document.URL), List: a.Address(run.Address() + "records"),
		NotKept: shown.Line(rec.NotKept, maxMessage), Attempts: run.Address() + "attempts?" + url.Values{"id": {string(rec.ID)}}.Encode(),
	}
	v.details(res, rec)
	if res.Error != nil {
		v.Kind, v.Message = shown.Line(res.Error.Kind, 80), shown.Lines(res.Error.Message, maxMessage)
		v.Advice = shown.Line(report.Hint(res.Error.Kind, res.Error.Message), maxMessage)
	}
	if v.Members = members(res.Output); v.Members == nil {
		v.Text = shown.Lines(res.Text, maxDocument)
		if v.Text == "" && len(res.Output) > 0 {
			v.Text = indented(res.Output)
		}
	}
	if len(res.ModelOutput) > 0 {
		v.Output = indented(res.ModelOutput)
	}
	if res.SameAs != "" {
		v.Same = shown.Line(string(res.SameAs), 200)
		v.SameAddress = (&Asked{Pass: a.Pass}).Address(run.Address()+"record", "id", string(res.SameAs))
	}
	if src := rec.Source; src != nil {
		v.Place, v.Cleaned = shown.Line(src.Place, 500), shown.Lines(src.Text, maxDocument)
		v.Body = spans(src.Body, "removed")
		for _, s := range v.Body {
			v.Removed = v.Removed || s.Class != ""
		}
		for _, d := range src.Dropped {
			v.Dropped = append(v.Dropped, fact{
				Name: shown.Line(d.Rule, 80), Text: figure.Count(d.Times, "time") + ", " + figure.Count(d.Bytes, "byte"),
			})
		}
		for _, p := range src.Prompts {
			v.Prompts = append(v.Prompts, fact{Name: shown.Line(string(p.RecordID), 80), Text: indented(p.ModelInput)})
		}
	}
	return v
}

// details are what is known of the record in figures and names.
func (v *recordView) details(res *quarry.Result, rec *records.Record) {
	add := func(name, text string, code bool) {
		if text = shown.Line(text, 500); text != "" {
			v.Details = append(v.Details, fact{name, text, code})
		}
	}
	add("document", string(rec.ID), true)
	add("number", v.recordRow.Place+" in the sources", false)
	add("language", rec.Language, false)
	add("model", res.RequestedModel, true)
	if res.Model != res.RequestedModel {
		add("answered by", res.Model, true)
	}
	add("Region", res.Region, false)
	add("mode", string(res.Mode), false)
	add("attempts", figure.Thousands(res.Attempts), false)
	add("tokens", figure.Thousands(res.Usage.InputTokens)+" in, "+figure.Thousands(res.Usage.OutputTokens)+" out", false)
	if res.CostUSD == nil {
		add("cost", "unknown", false)
	} else {
		add("cost", res.CostUSD.String(), false)
	}
	add("stop reason", res.StopReason, false)
	add("job", res.Job, true)
	add("recordId", string(res.RecordID), true)
}

// spans are the pieces of a text, those that the other text does not have with a class.
func spans(of []difference.Span, class string) []span {
	var list []span
	left := maxDocument
	for _, s := range of {
		text := s.Text
		if len(text) > left {
			text = strings.ToValidUTF8(text[:left], "") + "…"
		}
		left -= len(text)
		one := span{Text: shown.Piece(text)}
		if !s.Same && strings.TrimSpace(text) != "" {
			one.Class = class
		}
		if list = append(list, one); left <= 0 {
			break
		}
	}
	return list
}

// members are those of an answer, in its order; nil where it is no object with members.
func members(output json.RawMessage) []member {
	if len(output) == 0 || output[0] != '{' || jsonl.Check(output) != nil {
		return nil
	}
	var list []member
	for name, value := range jsonl.Members(output) {
		if len(list) == maxMembers {
			return append(list, member{Name: "…", Text: "more members in results.jsonl"})
		}
		m := member{Name: shown.Line(string(jsonl.Unescape(nil, name)), 80)}
		switch {
		case string(value) == "null":
			m.Missing = true
		case value[0] == '"':
			m.Text, m.Lang = shown.Lines(string(jsonl.Unescape(nil, value[1:len(value)-1])), maxDocument), report.LangOf(m.Name)
		default:
			m.Text, m.Code = indented(value), true
		}
		list = append(list, m)
	}
	return list
}

// indented is JSON for people; what is no JSON is as it came.
func indented(value []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, value, "", "  ") != nil {
		return shown.Lines(string(value), maxDocument)
	}
	return shown.Lines(b.String(), maxDocument)
}

// attemptsView is the page of all attempts at a record.
type attemptsView struct {
	ID, Record string
	Attempts   []attemptView
}

type attemptView struct {
	RecordID, Class, Mood, Message string
	Details                        []fact
	Input, Output, Raw             string
}

// AttemptsPage shows all attempts at a record.
func AttemptsPage(run *Run, a *Asked, id quarry.DocumentID, all []records.Attempt) *Page {
	v := &attemptsView{ID: shown.Line(string(id), 200), Record: run.Record(&Asked{Pass: a.Pass}, id)}
	for i := range all {
		v.Attempts = append(v.Attempts, newAttemptView(&all[i]))
	}
	return run.page("attempts", "Attempts at "+v.ID, v, 0)
}

func newAttemptView(at *records.Attempt) attemptView {
	v := attemptView{
		RecordID: shown.Line(string(at.RecordID), 80), Class: shown.Line(string(at.Class), 40), Mood: "bad", Raw: shown.Line(at.Raw, 500),
	}
	switch {
	case at.Class == quarry.ClassOK:
		v.Mood = "good"
	case at.Class.Answered():
		v.Mood = "warn"
	}
	if at.Result.Error != nil {
		v.Message = shown.Lines(at.Result.Error.Message, maxMessage)
	}
	add := func(name, text string, code bool) {
		if text = shown.Line(text, 500); text != "" {
			v.Details = append(v.Details, fact{name, text, code})
		}
	}
	add("shard", string(at.Shard), true)
	add("job", string(at.Job), true)
	add("job name", at.JobName, true)
	add("mode", string(at.Mode), false)
	if at.Part > 0 {
		add("part", figure.Thousands(at.Part), false)
	}
	add("tokens", figure.Thousands(at.Result.Usage.InputTokens)+" in, "+figure.Thousands(at.Result.Usage.OutputTokens)+" out", false)
	if at.Result.CostUSD != nil {
		add("cost", at.Result.CostUSD.String(), false)
	}
	if len(at.ModelInput) > 0 {
		v.Input = indented(at.ModelInput)
	}
	if len(at.ModelOutput) > 0 {
		v.Output = indented(at.ModelOutput)
	}
	return v
}
