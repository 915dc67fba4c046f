package web

import (
	"errors"
	"net/http"
	"os"
	"strings"

	"quarry"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

// asset serves a text that is the same for everybody.
func asset(kind string, text func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(text()))
	}
}

// page answers a request with what make gives, or with the page of an error.
func (s *Server) page(make func(*http.Request) (*view.Page, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		p, err := make(r)
		if err != nil {
			status = statusOf(err)
			p = view.ErrorPage(strings.TrimSpace(http.StatusText(status)), err)
		}
		text, err := p.Render()
		if err != nil {
			s.cfg.Say("%s: %v", r.URL.Path, err)
			refuse(w, http.StatusInternalServerError, "quarry has a fault in this page.")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}
}

// statusOf is the status of an answer that says an error.
func statusOf(err error) int {
	var q *quarry.Error
	switch {
	case errors.Is(err, view.ErrNoPage), errors.Is(err, os.ErrNotExist), errors.Is(err, records.ErrNoRecord):
		return http.StatusNotFound
	case errors.Is(err, view.ErrStale):
		return http.StatusConflict
	case errors.As(err, &q) && q.Kind == quarry.BadUsage:
		return http.StatusBadRequest
	case errors.As(err, &q) && q.Kind == quarry.Denied:
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// forms are those of the pages.
func (s *Server) forms() *view.Forms {
	return &view.Forms{Secret: s.secret, Approve: s.cfg.Allow.Approve, Edit: s.cfg.Allow.Edit, Publish: s.cfg.Allow.Publish}
}
