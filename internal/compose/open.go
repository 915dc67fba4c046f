package compose

import (
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/config"
)

// thinkingFor is the type of thinking that is sent: what is set, else off for a model that would think by itself.
func thinkingFor(s *config.Settings, model catalog.Model) string {
	switch t := model.Thinking(); {
	case s.Prompt.Thinking == "model":
		return ""
	case s.Prompt.Thinking != "":
		return s.Prompt.Thinking
	case t.On && t.SendOff:
		return t.Off
	}
	return ""
}

// Unlisted says what is not known of a model that the table does not list, or nothing.
func (req *Request) Unlisted(s *config.Settings) string {
	if strings.HasPrefix(s.Model, "arn:") && req.Model.ID == "" {
		return "" // AWS knows the models it leads to
	}
	_, profile, listed := catalog.Find(s.Model)
	if listed {
		return ""
	}
	near := ""
	if ids := catalog.Suggest(s.Model); len(ids) > 0 {
		near = "; if this is a typing mistake, did you mean " + strings.Join(ids, " or ") + "?"
	}
	if req.Model.Listed() {
		return fmt.Sprintf("the model table of %s lists %s but not its profile %s, so the Regions of the profile are not known%s", catalog.Date(),
			req.Model.ID, profile, near)
	}
	what := "its request body is assumed to be that of Converse"
	if req.Model.Provider != "" {
		what = "its provider, " + req.Model.Provider + ", says what its request body is"
	}
	return fmt.Sprintf("the model table of %s does not list %s: %s; its price (unless a price list has it), its limits and its support for batch inference are not known%s", catalog.Date(), s.Model, what, near)
}

// JobsKnown refuses to make jobs for a model of which no page says that it takes them: each would be refused, or run at
// a price that is not known. An application inference profile is for preflight to resolve.
func (req *Request) JobsKnown(s *config.Settings) error {
	if s.Mode != string(quarry.ModeJob) || req.Model.Batch || req.Model.ID == "" && strings.HasPrefix(s.Model, "arn:") {
		return nil
	}
	reason := fmt.Errorf("according to AWS's page of %s, it does not support batch inference", catalog.Date())
	if !req.Model.Listed() {
		reason = fmt.Errorf("it is not known whether it supports batch inference (table of %s)", catalog.Date())
	}
	hint := "--mode ondemand sends it as on-demand calls, at the on-demand price, which is twice that of batch inference where AWS lists both"
	if ids := catalog.Suggest(s.Model); len(ids) > 0 && !req.Model.Listed() {
		hint += "; if this is a typing mistake, did you mean " + strings.Join(ids, " or ") + "?"
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "create jobs for model", Subject: s.Model, Err: reason, Hint: hint}
}

// callsOnly gives the mode that the settings ask for, on demand where auto could choose jobs for a model that is not known
// to take them.
func (req *Request) callsOnly(s *config.Settings) quarry.Mode {
	if s.Mode == string(quarry.ModeAuto) && !req.Model.Batch && req.Model.ID != "" {
		return quarry.ModeOnDemand
	}
	return quarry.Mode(s.Mode)
}
