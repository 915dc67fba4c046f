package catalog

import "slices"

// Thinking says how a model thinks before it answers, and how that is turned off.
type Thinking struct {
	On    bool     `json:"on"`    // without the member thinking, the model thinks
	Off   string   `json:"off"`   // the type that turns it off; empty where none does
	Types []string `json:"types"` // the types that the model takes; empty when not known
	// SendOff: Quarry turns it off unless the configuration says otherwise. It is not set for models that runs used before
	// Quarry knew of it: another body is another key, and their documents would be paid for again.
	SendOff bool `json:"send_off"`
}

// Takes says whether the model takes thinking of a type.
func (t Thinking) Takes(kind string) Answer {
	switch {
	case len(t.Types) == 0:
		return Unknown
	case slices.Contains(t.Types, kind):
		return Yes
	}
	return No
}

// Thinking gives how the model thinks. The zero value: not known.
func (m Model) Thinking() Thinking {
	if m.row == nil || m.row.Thinking == nil {
		return Thinking{}
	}
	t := *m.row.Thinking
	t.Types = slices.Clone(t.Types)
	return t
}

// NoPrefill reports whether the model refuses a last assistant turn that begins its answer.
func (m Model) NoPrefill() bool { return m.row != nil && m.row.NoPrefill }

// NoForcedTool reports whether the model refuses a tool choice that forces a tool.
func (m Model) NoForcedTool() bool { return m.row != nil && m.row.NoForcedTool }

// OutputLimit is the largest limit of answer tokens that a request for the model may set; 0 when not known. Cards round
// to thousands: "4K" of a Llama or Nova model may be 4,096, so the limit is on the safe side of that.
func (m Model) OutputLimit() int64 {
	if m.Family == Anthropic && m.MaxOutput >= 64_000 {
		return m.MaxOutput // exact in the provider's own messages
	}
	return m.MaxOutput * 1024 / 1000
}

// Excludes reports whether the model refuses two fields together.
func (m Model) Excludes(a, b Field) bool {
	return m.row != nil &&
		slices.ContainsFunc(m.row.Exclusive, func(pair [2]Field) bool { return pair == [2]Field{a, b} || pair == [2]Field{b, a} })
}
