package run

import (
	"quarry/internal/run/forecast"
	"quarry/internal/run/prepare"
	"quarry/internal/run/weigh"
	"quarry/internal/tokens"
)

// weigh is what is kept of a document's text until it is known whether the document is asked.
func (r *Run) weigh(item *prepare.Item) *weigh.Doc {
	d := &weigh.Doc{Classes: item.Classes, Japanese: item.Japanese}
	if !r.cfg.Window.Known() {
		return d
	}
	d.Most = forecast.MostOfText(r.learned, item.Classes)
	d.About = tokens.Default(r.cfg.Family).Estimate(item.Classes)
	for part := range item.Parts() {
		c := item.Sample(part + 1).Classes
		if most := forecast.MostOfText(r.learned, c); part == 0 || most > d.Most {
			d.Most, d.About = most, tokens.Default(r.cfg.Family).Estimate(c)
		}
	}
	return d
}

// roomForText is how many tokens the back end has for the text of one record; nil where it does not say what it holds.
func (r *Run) roomForText() *int64 {
	if !r.cfg.Window.Known() {
		return nil
	}
	room := r.cfg.Window.RoomForText(r.learned, forecast.Texts{Around: r.planned.Around}, r.cfg.MaxTokens)
	return &room
}

// beyond tells of the documents that may not fit the back end's context.
func (r *Run) beyond() string {
	return r.cfg.Window.Advice(r.planned.Beyond, r.planned.Asked, r.planned.FitsAt)
}
