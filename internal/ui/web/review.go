package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"quarry"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

func (s *Server) said(ctx context.Context, run *view.Run) (*view.Said, error) {
	dir, err := s.cfg.Review(ctx, run.Dir)
	if err != nil {
		return nil, err
	}
	of := &view.Said{Corrected: map[review.Ref]bool{}, Schema: dir.Check != nil}
	if of.Marks, err = dir.Marks(ctx); err != nil {
		return nil, err
	}
	if of.Overrides, err = dir.Overrides(ctx); err != nil {
		return nil, err
	}
	for ref := range of.Overrides.Refs() {
		of.Corrected[ref] = true
	}
	return of, nil
}

// answer is what a form was about: the record, whose answer is still the one that was shown.
type answer struct {
	run   view.Run
	a     *view.Asked
	dir   *review.Dir
	rec   *records.Record
	ref   review.Ref
	fixed *review.Override // the corrected answer; nil: there is none
}

// answered finds the record of a form.
func (s *Server) answered(r *http.Request) (*answer, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	a, err := view.NewAsked(r.URL.Query())
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
		if at.fixed, err = view.Correction(overrides, at.ref); err != nil {
			return nil, err
		}
	}
	if !ok || r.PostForm.Get("answer") != view.AnswerName(&rec.Result, at.fixed) {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "review", Subject: string(rec.ID), Err: view.ErrStale, Hint: "look at the record again",
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
	here := at.run.Record(at.a, at.rec.ID)
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
		return "", view.ErrNoPage
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
	_, later, err := neighbours(r.Context(), store, at.a, at.rec.Place)
	if err != nil {
		return "", err
	}
	if later != "" {
		return at.run.Record(at.a, later), nil
	}
	return here + "#review", nil
}

// correct keeps a corrected answer, or takes it back.
func (s *Server) correct(r *http.Request) (string, error) {
	at, err := s.answered(r)
	if err != nil {
		return "", err
	}
	here := at.run.Record(at.a, at.rec.ID)
	if r.PostForm.Get("back") != "" {
		return here, at.dir.RemoveOverride(r.Context(), at.ref, s.cfg.Who)
	}
	before := at.rec.Result.Output
	if at.fixed != nil {
		before = at.fixed.Output
	}
	o := review.Override{Ref: at.ref, Who: s.cfg.Who}
	if o.Output, o.Text, err = view.Corrected(r.PostForm, before); err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "correct", Subject: string(at.rec.ID), Err: err, Hint: "go back and repair it"}
	}
	_, err = at.dir.Override(r.Context(), o)
	return here, err
}

func (s *Server) reviewPage(r *http.Request) (*view.Page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	of, err := s.said(r.Context(), &run)
	if err != nil {
		return nil, err
	}
	defer func() { _ = of.Overrides.Close() }() // it was only read
	return view.ReviewPage(&run, of), nil
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
		s.page(func(*http.Request) (*view.Page, error) { return nil, err })(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="notes.csv"`)
	_, _ = w.Write(b.Bytes())
}
