package web

import (
	"errors"
	"net/http"
	"strings"

	"quarry"
	"quarry/internal/ui/view"
)

// Allow is what the pages may change; the zero value is nothing.
type Allow struct{ Approve, Edit, Publish bool }

// form answers a form of our own pages: do makes the change and gives the address of the page to show then.
func (s *Server) form(allowed bool, flag string, do func(*http.Request) (to string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var to string
		err := s.checkForm(r, allowed, flag)
		if err == nil {
			to, err = do(r)
		}
		if err != nil {
			s.page(func(*http.Request) (*view.Page, error) { return nil, err })(w, r)
			return
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// checkForm refuses a form that is not allowed, or that no page of this server had. guarded has compared the origin; the secret in the
// form also stops what a browser without these headers sends.
func (s *Server) checkForm(r *http.Request, allowed bool, flag string) error {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read the form", Err: errors.New("this is no form")}
	}
	if err := r.ParseForm(); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read the form", Err: err, Hint: "a form has at most one megabyte"}
	}
	if !same(r.PostForm.Get("secret"), s.secret) {
		return &quarry.Error{
			Kind: quarry.Denied, Op: "read the form", Err: errors.New("it is of an earlier start of quarry ui"),
			Hint: "read the page again and repeat the change",
		}
	}
	if !allowed {
		return &quarry.Error{
			Kind: quarry.Denied, Op: "change the run", Err: errors.New("these pages may not do that"), Hint: "start quarry ui with --allow " + flag,
		}
	}
	return nil
}
