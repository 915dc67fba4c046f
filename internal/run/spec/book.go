package spec

import (
	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/plan"
	"quarry/internal/run/runjson"
)

// NoteWriter notes which version sends from here on, up to which cap, whether a stand-in answers, so that nothing is paid, and with what
// another process may continue.
func (c *Config) NoteWriter(h *book.Head) {
	free := c.Local || c.Free
	h.Version, h.StandIn, h.Cap, h.Carried, h.Halted = c.Version, &free, c.MaxUSD, c.Carried, nil
}

// NotePass notes the pass at hand and what it is sent with. What its sources are is noted together with its plan: until then they are
// compared with the pass before.
func (c *Config) NotePass(h *book.Head, pass int) {
	h.Pass, h.Settings, h.Model = pass, c.Settings, c.Model
}

// Target is the provider as the ledger names it: "local" or "aws".
func (c *Config) Target() string {
	if c.Local {
		return "local"
	}
	return "aws"
}

// RunJSON is what must be known of a run as it is now, without the time of its creation.
func (c *Config) RunJSON(id quarry.RunID, bucket string, planned plan.Plan, pools []ledger.Pool) runjson.Run {
	return runjson.Run{
		Format: runjson.Format, Run: id, Version: c.Version, Region: c.Region, Bucket: bucket,
		Role: c.RoleARN, KMSKey: c.KMSKey, Mode: planned.Mode, Sources: c.Sources, Quotas: c.Quotas, Planned: planned,
		PilotMinValid: c.PilotMinValid, Pools: pools, Asked: c.Note(),
	}
}
