package web

import (
	"net/http"
	"strconv"
	"strings"

	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

func (s *Server) comparePage(r *http.Request) (*view.Page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	a, err := view.NewAsked(r.URL.Query())
	if err != nil {
		return nil, err
	}
	a.With, a.All = r.URL.Query().Get("with"), r.URL.Query().Get("all")
	first, done, err := s.stores.get(r.Context(), run.Dir, a.Pass)
	if err != nil {
		return nil, err
	}
	defer done()
	shows := view.Comparable{Pass: first.Progress().Pass}
	if shows.Passes, err = first.Passes(r.Context()); err != nil {
		return nil, err
	}
	if shows.Runs, _, err = s.list(r.Context()); err != nil {
		return nil, err
	}
	if a.With != "" {
		if shows.With, err = s.with(r, a.With); err != nil {
			return nil, err
		}
		second, done, err := s.stores.get(r.Context(), shows.With.Run.Dir, shows.With.Pass)
		if err != nil {
			return nil, err
		}
		defer done()
		found, err := records.Compare(r.Context(), first, second, a.Query(), a.All == "")
		if err != nil {
			return nil, err
		}
		shows.Found = &found
	}
	return view.ComparePage(&run, a, &shows), nil
}

// with reads RUN or RUN:PASS.
func (s *Server) with(r *http.Request, text string) (*view.Other, error) {
	id, number, _ := strings.Cut(text, ":")
	run, err := s.find(r.Context(), id)
	if err != nil {
		return nil, err
	}
	o := &view.Other{Run: run}
	if number != "" {
		if o.Pass, err = strconv.Atoi(number); err != nil || o.Pass < 0 {
			return nil, view.ErrNoPage
		}
	}
	return o, nil
}
