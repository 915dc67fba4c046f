package web

import (
	"errors"
	"net/http"

	"quarry"
)

// approve answers the question that the page showed.
func (s *Server) approve(r *http.Request) (string, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return "", err
	}
	dir, err := s.cfg.Review(r.Context(), run.Dir)
	if err != nil {
		return "", err
	}
	q, _, err := dir.Pending(r.Context())
	if err != nil {
		return "", err
	}
	if q == nil || !same(q.Digest, r.PostForm.Get("digest")) {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "approve", Subject: run.Name, Err: errors.New("the run waits for another question now, or for none"),
			Hint: "look at the page of the run again",
		}
	}
	_, err = dir.Approve(r.Context(), q, s.cfg.Who)
	return run.Address(), err
}

// stop does what quarry stop does.
func (s *Server) stop(r *http.Request) (string, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return "", err
	}
	return run.Address(), s.cfg.Stop(r.Context(), run.Dir)
}
