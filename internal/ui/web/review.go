package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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

// said is what people said of the answers of a run.
type said struct {
	marks     review.Marks
	overrides *review.Overrides
	corrected map[review.Ref]bool
	schema    bool // answers are JSON
}

func (s *Server) said(ctx context.Context, run *Run) (*said, error) {
	dir, err := s.cfg.Review(ctx, run.Dir)
	if err != nil {
		return nil, err
	}
	of := &said{corrected: map[review.Ref]bool{}, schema: dir.Check != nil}
	if of.marks, err = dir.Marks(ctx); err != nil {
		return nil, err
	}
	if of.overrides, err = dir.Overrides(ctx); err != nil {
		return nil, err
	}
	for ref := range of.overrides.Refs() {
		of.corrected[ref] = true
	}
	return of, nil
}

// mark adds what people said to a row of a list.
func (of *said) mark(row *recordRow, record *records.Row) {
	ref, ok := review.RefOf(&quarry.Result{ID: record.ID, RecordID: record.RecordID})
	if !ok {
		return
	}
	row.Corrected = of.corrected[ref]
	if m, ok := of.marks.Of(ref, record.RecordID, row.Corrected); ok {
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
func (v *recordView) review(s *Server, run *Run, a *asked, rec *records.Record, of *said) error {
	res := &rec.Result
	w := &reviewView{May: s.cfg.Allow.Edit, Secret: s.secret, Place: strconv.FormatInt(rec.Row.Place, 10)}
	v.Review = w
	ref, ok := review.RefOf(res)
	if !ok {
		w.Why = "The answer does not say which text it answers, so it cannot be marked."
		return nil
	}
	w.MarkAddress = a.address(run.address()+"mark", "id", string(rec.ID))
	w.FixAddress = a.address(run.address()+"correct", "id", string(rec.ID))
	fixed, err := correction(of.overrides, ref)
	if err != nil {
		return err
	}
	if m, ok := of.marks.Of(ref, res.RecordID, fixed != nil); ok {
		w.Verdict, w.Note, w.By = string(m.Verdict), shown.Lines(m.Note, review.MaxNote), by(m.Who, quarry.Timestamp(m.At))
	}
	output, text := res.Output, res.Text
	w.Answer = answerName(res, fixed)
	if fixed != nil {
		w.CorrectedBy, w.Model, w.ModelText = by(fixed.Who, quarry.Timestamp(fixed.At)), v.Members, v.Text
		output, text = fixed.Output, fixed.Text
		v.Members, v.Text, v.Corrected = members(output), shown.Lines(text, maxDocument), true
	}
	w.fixes(output, text, of.schema)
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

// correction gives the corrected answer; nil: there is none.
func correction(overrides *review.Overrides, ref review.Ref) (*review.Override, error) {
	one, ok, err := overrides.Of(ref)
	if err != nil || !ok {
		return nil, err
	}
	return &one, nil
}

// answerName names the answer that a page shows: the attempt, and when a person corrected it.
func answerName(res *quarry.Result, fixed *review.Override) string {
	if fixed == nil {
		return string(res.RecordID)
	}
	return string(res.RecordID) + " corrected " + quarry.Timestamp(fixed.At)
}

// answer is what a form was about: the record, whose answer is still the one that was shown.
type answer struct {
	run   Run
	a     *asked
	dir   *review.Dir
	rec   *records.Record
	ref   review.Ref
	fixed *review.Override // the corrected answer; nil: there is none
}

// errStale is the error of a form whose page showed another answer than the one that counts now.
var errStale = errors.New("it has another answer now")

// answered finds the record of a form.
func (s *Server) answered(r *http.Request) (*answer, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	a, err := newAsked(r)
	if err != nil {
		return nil, err
	}
	store, done, err := s.stores.get(r.Context(), run.Dir, a.Pass)
	if err != nil {
		return nil, err
	}
	defer done()
	rec, err := store.Record(r.Context(), quarry.DocumentID(r.URL.Query().Get("id")))
	if err != nil {
		return nil, noRecord(err)
	}
	at := &answer{run: run, a: a, rec: rec}
	if at.dir, err = s.cfg.Review(r.Context(), run.Dir); err != nil {
		return nil, err
	}
	var ok bool
	if at.ref, ok = review.RefOf(&rec.Result); ok {
		overrides, err := at.dir.Overrides(r.Context())
		if err != nil {
			return nil, err
		}
		defer func() { _ = overrides.Close() }() // it was only read
		if at.fixed, err = correction(overrides, at.ref); err != nil {
			return nil, err
		}
	}
	if !ok || r.PostForm.Get("answer") != answerName(&rec.Result, at.fixed) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "review", Subject: string(rec.ID), Err: errStale, Hint: "look at the record again",
		}
	}
	return at, nil
}

// mark keeps what a person said of an answer. After a verdict it leads to the next record of the selection.
func (s *Server) mark(r *http.Request) (string, error) {
	at, err := s.answered(r)
	if err != nil {
		return "", err
	}
	m := review.Mark{
		Ref: at.ref, RecordID: at.rec.Result.RecordID, Corrected: at.fixed != nil, Who: s.cfg.Who,
		Note: strings.ReplaceAll(r.PostForm.Get("note"), "\r\n", "\n"),
	}
	here := at.a.address(at.run.address()+"record", "id", string(at.rec.ID))
	switch does := r.PostForm.Get("mark"); does {
	case "right", "wrong":
		m.Verdict = review.Verdict(does)
	case "note":
		marks, err := at.dir.Marks(r.Context())
		if err != nil {
			return "", err
		}
		if before, ok := marks.Of(at.ref, m.RecordID, m.Corrected); ok && before.Verdict != "" { // it stays that of the answer that it was given to
			m.Verdict, m.Corrected = before.Verdict, before.Corrected
		}
	case "none":
		m.Note = ""
	default:
		return "", errNoPage
	}
	if _, err := at.dir.Mark(r.Context(), m); err != nil {
		return "", err
	}
	if does := r.PostForm.Get("mark"); does != "right" && does != "wrong" {
		return here + "#review", nil
	}
	store, done, err := s.stores.get(r.Context(), at.run.Dir, at.a.Pass)
	if err != nil {
		return "", err
	}
	defer done()
	v := recordView{recordRow: recordRow{place: at.rec.Place}}
	if err := v.neighbours(r.Context(), store, &at.run, at.a); err != nil {
		return "", err
	}
	if v.Later != "" {
		return v.Later, nil
	}
	return here + "#review", nil
}

// correct keeps a corrected answer, or takes it back.
func (s *Server) correct(r *http.Request) (string, error) {
	at, err := s.answered(r)
	if err != nil {
		return "", err
	}
	here := at.a.address(at.run.address()+"record", "id", string(at.rec.ID))
	if r.PostForm.Get("back") != "" {
		return here, at.dir.RemoveOverride(r.Context(), at.ref, s.cfg.Who)
	}
	before := at.rec.Result.Output
	if at.fixed != nil {
		before = at.fixed.Output
	}
	o := review.Override{Ref: at.ref, Who: s.cfg.Who}
	if o.Output, o.Text, err = corrected(r, before); err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "correct", Subject: string(at.rec.ID), Err: err, Hint: "go back and repair it"}
	}
	_, err = at.dir.Override(r.Context(), o)
	return here, err
}

// corrected reads the fields that fixes made of an answer.
func corrected(r *http.Request, before json.RawMessage) (output json.RawMessage, text string, err error) {
	value := func(field string) string { return strings.ReplaceAll(r.PostForm.Get(field), "\r\n", "\n") }
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

func (s *Server) reviewPage(r *http.Request) (*page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	of, err := s.said(r.Context(), &run)
	if err != nil {
		return nil, err
	}
	defer func() { _ = of.overrides.Close() }() // it was only read
	return run.page("review", "Review", newReviewPageView(&run, of), 0), nil
}

func newReviewPageView(run *Run, of *said) *reviewPageView {
	v := &reviewPageView{
		Agreement: "No answer is marked right or wrong yet.", Start: (&asked{Status: string(quarry.StatusOK)}).address(run.address() + "records"),
		Corrected: figure.Clause(of.overrides.Len(), "answer", "is", "are") + " corrected",
	}
	a := of.marks.Agreement(nil)
	if a.Rate != nil {
		v.Agreement = fmt.Sprintf("%s right, %s wrong: people agree with %.0f%% of the answers that they marked.",
			figure.Thousands(a.Right), figure.Thousands(a.Wrong), 100**a.Rate)
	}
	v.Notes = figure.Count(a.Notes, "note")
	all := of.marks.All()
	if len(all) > 0 {
		v.Export = run.address() + "notes.csv"
	}
	slices.Reverse(all)
	if more := len(all) - maxMarks; more > 0 {
		v.More, all = figure.Count(more, "mark"), all[:maxMarks]
	}
	for i := range all {
		m := &all[i]
		row := markView{
			ID: shown.Line(string(m.ID), 200), Address: (&asked{}).address(run.address()+"record", "id", string(m.ID)), Mark: markText(m),
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

// notes serves the marks as CSV.
func (s *Server) notes(w http.ResponseWriter, r *http.Request) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	var dir *review.Dir
	if err == nil {
		dir, err = s.cfg.Review(r.Context(), run.Dir)
	}
	var marks review.Marks
	if err == nil {
		marks, err = dir.Marks(r.Context())
	}
	var b bytes.Buffer
	if err == nil {
		err = marks.WriteNotes(&b)
	}
	if err != nil {
		s.page(func(*http.Request) (*page, error) { return nil, err })(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="notes.csv"`)
	_, _ = w.Write(b.Bytes())
}
