package setup

import (
	"fmt"
	"slices"
	"strings"

	"quarry/internal/base/catalog"
)

// modelSid names the statement of one model, so that those of several are side by side.
func modelSid(model string) string {
	return "Model" + camel(model[strings.LastIndexByte(model, '/')+1:])
}

// NeedsModels reports whether only AWS knows which models the wanted one leads to: it is a profile that the catalogue does
// not know in this Region, or one that someone made.
func NeedsModels(w Wants) bool {
	m, profile, known := catalog.Find(w.Model)
	if !known {
		_, prefix, ok := catalog.Split(w.Model)
		return !ok || prefix != "" && prefix != catalog.Global
	}
	if profile == "" || profile == catalog.Global {
		return false
	}
	_, known = m.Destinations(profile, w.Account.Region)
	return !known
}

// IsApplicationProfile reports whether the model is a profile that someone made: without asking AWS nothing can be said
// about where it leads.
func IsApplicationProfile(model string) bool {
	_, _, ok := catalog.Split(model)
	return !ok
}

// modelResources are the ARNs that a call of the model touches. A profile needs itself and the model in each Region it
// leads to; a global one the model in the source Region, and the model without Region and account
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func modelResources(w Wants) []string {
	a := w.Account
	id, profile, ok := catalog.Split(w.Model)
	if !ok {
		return append([]string{w.Model}, models(w)...)
	}
	foundation := func(region string) string {
		return fmt.Sprintf("arn:%s:bedrock:%s::foundation-model/%s", a.Partition, region, id)
	}
	if profile == "" {
		return []string{foundation(a.Region)}
	}
	out := profileARNs(w)
	if profile == catalog.Global {
		return append(out, foundation(a.Region), foundation(""))
	}
	if len(w.Models) > 0 {
		return append(out, models(w)...)
	}
	m, _, _ := catalog.Find(w.Model)
	regions, known := m.Destinations(profile, a.Region)
	if !known { // one model, wherever the profile leads
		return append(out, foundation("*"))
	}
	for _, region := range regions {
		out = append(out, foundation(region))
	}
	return out
}

// models are those that AWS listed, each once and in order, so that a second look finds the same.
func models(w Wants) []string { return slices.Compact(slices.Sorted(slices.Values(w.Models))) }

// profileARNs is the profile, where the model is one.
func profileARNs(w Wants) []string {
	if strings.HasPrefix(w.Model, "arn:") {
		if strings.Contains(w.Model, "inference-profile/") {
			return []string{w.Model}
		}
		return nil
	}
	if _, profile, _ := catalog.Split(w.Model); profile == "" {
		return nil
	}
	return []string{fmt.Sprintf("arn:%s:bedrock:%s:%s:inference-profile/%s", w.Account.Partition, w.Account.Region, w.Account.ID, w.Model)}
}
