package web

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"quarry/internal/outcome/report"
	"quarry/internal/ui/view"
)

// atOnce is how many ledgers are read at a time.
const atOnce = 4

func (s *Server) runsPage(r *http.Request) (*view.Page, error) {
	runs, more, err := s.list(r.Context())
	if err != nil {
		return nil, err
	}
	rows := make([]view.RunRow, len(runs))
	var all sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i := range runs {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			state, err := s.cfg.Look(r.Context(), runs[i].Dir)
			rows[i] = view.NewRunRow(&runs[i], state, err)
		})
	}
	all.Wait()
	return view.RunsPage(rows, more), nil
}

func (s *Server) runPage(r *http.Request) (*view.Page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	state, err := s.cfg.Look(r.Context(), run.Dir)
	if err != nil {
		return nil, err
	}
	return view.RunPage(&run, state, s.forms()), nil
}

// report serves the report of the last finished pass. It is made from report.json, since a file of HTML could hold anything. Its style is
// within it, so it has a policy of its own, in which no script runs.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	var state *view.State
	if err == nil {
		state, err = s.cfg.Look(r.Context(), run.Dir)
	}
	if err == nil && state.Report == nil {
		err = view.ErrNoPage
	}
	var b bytes.Buffer
	if err == nil {
		err = report.HTML(&b, state.Report)
	}
	if err != nil {
		s.page(func(*http.Request) (*view.Page, error) { return nil, err })(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "sandbox",
	}, "; "))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}
