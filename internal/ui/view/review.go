package view

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/records"
)

// Said is what people said of the answers of a run.
type Said struct {
	Marks     review.Marks
	Overrides *review.Overrides // a page only reads them; the caller closes them
	Corrected map[review.Ref]bool
	Schema    bool // answers are JSON
}

// mark adds what people said to a row of a list.
func (of *Said) mark(row *recordRow, record *records.Row) {
	ref, ok := review.RefOf(&quarry.Result{ID: record.ID, RecordID: record.RecordID})
	if !ok {
		return
	}
	row.Corrected = of.Corrected[ref]
	if m, ok := of.Marks.Of(ref, record.RecordID, row.Corrected); ok {
		row.Mark = markText(&m)
	}
}

func markText(m *review.Mark) string {
	if m.Verdict == "" {
		return "note"
	}
	return string(m.Verdict)
}

// reviewView is the part of a record's page where people say what they think of the answer.
type reviewView struct {
	May                     bool   // it can be changed here
	Secret, Answer, Place   string // Answer names what is shown
	MarkAddress, FixAddress string
	Verdict, Note, By       string // the mark as it is; empty: there is none
	CorrectedBy             string // and when; empty: it is not corrected
	Model                   []member
	ModelText               string
	Fixes                   []fixView
	Why                     string // it cannot be reviewed
}

// fixView is a member of an answer to correct.
type fixView struct {
	Field, Name, Text, Lang string
	Code                    bool // JSON, not a plain text
}

// review adds to a record's page what people said, and the forms to say more.
func (v *recordView) review(run *Run, a *Asked, rec *records.Record, of *Said, forms *Forms) error {
	res := &rec.Result
	w := &reviewView{May: forms.Edit, Secret: forms.Secret, Place: strconv.FormatInt(rec.Row.Place, 10)}
	v.Review = w
	ref, ok := review.RefOf(res)
	if !ok {
		w.Why = "The answer does not say which text it answers, so it cannot be marked."
		return nil
	}
	w.MarkAddress = a.Address(run.Address()+"mark", "id", string(rec.ID))
	w.FixAddress = a.Address(run.Address()+"correct", "id", string(rec.ID))
	fixed, err := Correction(of.Overrides, ref)
	if err != nil {
		return err
	}
	if m, ok := of.Marks.Of(ref, res.RecordID, fixed != nil); ok {
		w.Verdict, w.Note, w.By = string(m.Verdict), shown.Lines(m.Note, review.MaxNote), by(m.Who, quarry.Timestamp(m.At))
	}
	output, text := res.Output, res.Text
	w.Answer = AnswerName(res, fixed)
	if fixed != nil {
		w.CorrectedBy, w.Model, w.ModelText = by(fixed.Who, quarry.Timestamp(fixed.At)), v.Members, v.Text
		output, text = fixed.Output, fixed.Text
		v.Members, v.Text, v.Corrected = members(output), shown.Lines(text, maxDocument), true
	}
	w.fixes(output, text, of.Schema)
	return nil
}

func by(who, at string) string { return shown.Line(who, 100) + ", " + at }

// fixes are the fields of the form that corrects an answer. They hold the answer unchanged: what is sent back is kept. schema says that an
// answer is JSON, also where there is none yet.
func (w *reviewView) fixes(output json.RawMessage, text string, schema bool) {
	if len(output) == 0 && !schema {
		w.Fixes = []fixView{{Field: "text", Name: "answer", Text: text}}
		return
	}
	if len(output) == 0 || output[0] != '{' || jsonl.Check(output) != nil {
		w.Fixes = []fixView{{Field: "json", Name: "answer", Text: string(output), Code: true}}
		return
	}
	n := 0
	for name, value := range jsonl.Members(output) {
		f := fixView{Field: "m" + strconv.Itoa(n), Name: string(jsonl.Unescape(nil, name))}
		switch {
		case value[0] == '"':
			f.Text, f.Lang = string(jsonl.Unescape(nil, value[1:len(value)-1])), report.LangOf(f.Name)
		case string(value) == "null":
			f.Lang = report.LangOf(f.Name)
		default:
			f.Text, f.Code = string(value), true
		}
		w.Fixes = append(w.Fixes, f)
		n++
	}
}

// Correction gives the corrected answer; nil: there is none.
func Correction(overrides *review.Overrides, ref review.Ref) (*review.Override, error) {
	one, ok, err := overrides.Of(ref)
	if err != nil || !ok {
		return nil, err
	}
	return &one, nil
}

// AnswerName names the answer that a page shows: the attempt, and when a person corrected it.
func AnswerName(res *quarry.Result, fixed *review.Override) string {
	if fixed == nil {
		return string(res.RecordID)
	}
	return string(res.RecordID) + " corrected " + quarry.Timestamp(fixed.At)
}

// Corrected reads the form that corrects an answer. Before is the answer that the form showed.
func Corrected(form url.Values, before json.RawMessage) (output json.RawMessage, text string, err error) {
	value := func(field string) string { return strings.ReplaceAll(form.Get(field), "\r\n", "\n") }
	whole := value("json")
	switch {
	case whole != "":
		if err := jsonl.Check([]byte(whole)); err != nil {
			return nil, "", fmt.Errorf("the answer is not JSON: %w", err)
		}
		return json.RawMessage(whole), "", nil
	case len(before) == 0:
		return nil, value("text"), nil
	case before[0] != '{':
		return nil, "", errors.New("the answer is empty")
	}
	out := []byte{'{'}
	n := 0
	for name, was := range jsonl.Members(before) {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		now := value("m" + strconv.Itoa(n))
		n++
		switch {
		case string(was) == "null" && now == "":
			out = append(out, was...)
		case was[0] == '"' || string(was) == "null":
			out = jsonl.AppendQuoted(out, now)
		default:
			if err := jsonl.Check([]byte(now)); err != nil {
				return nil, "", fmt.Errorf("%s is not JSON: %w", jsonl.Unescape(nil, name), err)
			}
			out = append(out, now...)
		}
	}
	return append(out, '}'), "", nil
}

// reviewPageView is the page of all marks of a run.
type reviewPageView struct {
	Agreement, Notes, Corrected string
	Start, Export, Records      string // addresses
	Marks                       []markView
	More                        string
}

type markView struct{ ID, Address, Mark, Mood, Note, By string }

// maxMarks is how many marks a page shows, the last ones first.
const maxMarks = 200

// ReviewPage shows all marks of a run.
func ReviewPage(run *Run, of *Said) *Page {
	return run.page("review", "Review", newReviewPageView(run, of), 0)
}

func newReviewPageView(run *Run, of *Said) *reviewPageView {
	v := &reviewPageView{
		Agreement: "No answer is marked right or wrong yet.", Start: (&Asked{Status: string(quarry.StatusOK)}).Address(run.Address() + "records"),
		Corrected: figure.Clause(of.Overrides.Len(), "answer", "is", "are") + " corrected",
	}
	a := of.Marks.Agreement(nil)
	if a.Rate != nil {
		v.Agreement = fmt.Sprintf("%s right, %s wrong: people agree with %.0f%% of the answers that they marked.",
			figure.Thousands(a.Right), figure.Thousands(a.Wrong), 100**a.Rate)
	}
	v.Notes = figure.Count(a.Notes, "note")
	all := of.Marks.All()
	if len(all) > 0 {
		v.Export = run.Address() + "notes.csv"
	}
	slices.Reverse(all)
	if more := len(all) - maxMarks; more > 0 {
		v.More, all = figure.Count(more, "mark"), all[:maxMarks]
	}
	for i := range all {
		m := &all[i]
		row := markView{
			ID: shown.Line(string(m.ID), 200), Address: (&Asked{}).Address(run.Address()+"record", "id", string(m.ID)), Mark: markText(m),
			Note: shown.Lines(m.Note, maxMessage), By: by(m.Who, quarry.Timestamp(m.At)), Mood: "other",
		}
		switch m.Verdict {
		case review.Right:
			row.Mood = "good"
		case review.Wrong:
			row.Mood = "bad"
		}
		v.Marks = append(v.Marks, row)
	}
	return v
}
