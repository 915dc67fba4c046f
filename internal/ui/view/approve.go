package view

import (
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

func newWaitsView(run *Run, st *State, forms *Forms) *waitsView {
	v := &waitsView{
		Secret: forms.Secret, ApproveAddress: run.Address() + "approve", StopAddress: run.Address() + "stop",
		MayStop: forms.Approve && !st.Ended && st.Planned,
	}
	q := st.Waits
	if q == nil {
		return v
	}
	v.Text, v.Digest, v.MayApprove = shown.Lines(q.Text, maxMessage), q.Digest, forms.Approve
	v.Documents = figure.Count(q.Documents, "document")
	v.Forecast = forecastText(&q.Forecast)
	v.Command = "quarry approve " + shown.Line(run.place(), 1000)
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
