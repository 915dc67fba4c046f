package web

import (
	"context"
	"errors"
	"net/http"

	"quarry"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

func (s *Server) recordsPage(r *http.Request) (*view.Page, error) {
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
	found, err := store.Page(r.Context(), a.Query())
	if err != nil {
		return nil, err
	}
	passes, err := store.Passes(r.Context())
	if err != nil {
		return nil, err
	}
	of, err := s.said(r.Context(), &run)
	if err != nil {
		return nil, err
	}
	defer func() { _ = of.Overrides.Close() }() // it was only read
	return view.RecordsPage(&run, a, &found, passes, of), nil
}

func (s *Server) recordPage(r *http.Request) (*view.Page, error) {
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
	of, err := s.said(r.Context(), &run)
	if err != nil {
		return nil, err
	}
	defer func() { _ = of.Overrides.Close() }() // it was only read
	earlier, later, err := neighbours(r.Context(), store, a, rec.Place)
	if err != nil {
		return nil, err
	}
	return view.RecordPage(&run, a, rec, earlier, later, of, s.forms())
}

// noRecord says that a document is not there.
func noRecord(err error) error {
	if errors.Is(err, records.ErrNoRecord) {
		return &quarry.Error{Kind: quarry.BadItems, Err: err, Hint: "its record may not have come back yet, or belong to another pass"}
	}
	return err
}

// neighbours are the records before and after a place in the selection. An empty id: there is none.
func neighbours(ctx context.Context, store *records.Store, a *view.Asked, place int64) (earlier, later quarry.DocumentID, err error) {
	next, before := *a, *a
	next.After, next.Before = place, 0
	before.After, before.Before = 0, place
	for to, of := range map[*quarry.DocumentID]*view.Asked{&later: &next, &earlier: &before} {
		q := of.Query()
		q.Limit = 1
		found, err := store.Page(ctx, q)
		if err != nil {
			return "", "", err
		}
		if len(found.Rows) > 0 {
			*to = found.Rows[0].ID
		}
	}
	return earlier, later, nil
}

func (s *Server) attemptsPage(r *http.Request) (*view.Page, error) {
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
	id := quarry.DocumentID(r.URL.Query().Get("id"))
	all, err := store.Attempts(r.Context(), id)
	if err != nil {
		return nil, noRecord(err)
	}
	return view.AttemptsPage(&run, a, id, all), nil
}
