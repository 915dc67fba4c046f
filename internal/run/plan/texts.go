package plan

import (
	"quarry/internal/run/forecast"
	"quarry/internal/run/weigh"
)

// Texts are what a forecast of the plan is made from: those of all documents that are sent.
func (p *Plan) Texts() forecast.Texts {
	t := forecast.Texts{Sums: p.Sent, Around: p.Around, Merges: p.Long, Parts: p.Parts + p.KnownParts}
	if t.Documents == 0 && p.Records() > 0 { // planned by a version that counted the characters of all documents
		t.Sums, t.Around = weigh.Guess(p.Classes, p.Asked+p.Same+p.Unchanged, p.Records(), p.Japanese), weigh.Around{}
	}
	return t
}
