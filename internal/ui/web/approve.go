package web

import (
	"errors"
	"net/http"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/review"
)

// waitsView is the question that a run waits for, and what may be done about the run.
type waitsView struct {
	Text, Documents, Forecast, Command string // Text is empty if it waits for nothing
	Digest, Secret                     string
	MayApprove, MayStop                bool
	ApproveAddress, StopAddress        string
}

func (s *Server) waits(run *Run, st *State) *waitsView {
	v := &waitsView{
		Secret: s.secret, ApproveAddress: run.address() + "approve", StopAddress: run.address() + "stop",
		MayStop: s.cfg.Allow.Approve && !st.Ended && st.Planned,
	}
	q := st.Waits
	if q == nil {
		return v
	}
	v.Text, v.Digest, v.MayApprove = shown.Lines(q.Text, maxMessage), q.Digest, s.cfg.Allow.Approve
	v.Documents = figure.Count(q.Documents, "document")
	v.Forecast = forecastText(&q.Forecast)
	v.Command = "quarry approve --dir " + shown.Line(run.Dir, 1000)
	if q.Asks == review.Rest {
		v.Command += " --rest"
	}
	return v
}

func forecastText(f *review.Forecast) string {
	text := "at a price that is not known"
	if f.Cost != nil {
		text = "for about " + f.Cost.String()
		if f.CostLow != nil && f.CostHigh != nil && *f.CostLow != *f.CostHigh {
			text += " (" + f.CostLow.String() + " to " + f.CostHigh.String() + ")"
		}
	}
	return text + ", " + figure.Thousands(f.Input) + " tokens in and " + figure.Thousands(f.Output) + " out"
}

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
	return run.address(), err
}

// stop does what quarry stop does.
func (s *Server) stop(r *http.Request) (string, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return "", err
	}
	return run.address(), s.cfg.Stop(r.Context(), run.Dir)
}
