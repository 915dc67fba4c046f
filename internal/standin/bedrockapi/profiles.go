package bedrockapi

import (
	"slices"
	"strings"

	"quarry/internal/base/catalog"
)

type profileView struct {
	Name   string              `json:"inferenceProfileName"`
	About  string              `json:"description"`
	ARN    string              `json:"inferenceProfileArn"`
	Models []map[string]string `json:"models"`
	ID     string              `json:"inferenceProfileId"`
	Status string              `json:"status"`
	Type   string              `json:"type"`
}

func profile(caller Caller, m catalog.Model, prefix string) profileView {
	where := strings.ToUpper(prefix)
	if prefix == catalog.Global {
		where = "Global"
	}
	name := where + " " + m.Name
	if !strings.HasPrefix(m.Name, m.Provider) {
		name = where + " " + m.Provider + " " + m.Name
	}
	id := prefix + "." + m.ID
	v := profileView{
		Name: name, About: "Routes requests to " + m.Name + " in " + where + ".",
		ARN: catalog.InferenceProfileARN(caller.Region, caller.Account, id), ID: id, Status: "ACTIVE", Type: "SYSTEM_DEFINED",
	}
	for _, arn := range modelARNs(m, prefix, caller.Region) {
		v.Models = append(v.Models, map[string]string{"modelArn": arn})
	}
	return v
}

// profiles gives those that the Region has, ordered by id.
func (a *api) profiles(caller Caller) (views []profileView) {
	for _, m := range a.models() {
		for _, prefix := range m.Profiles() {
			if t := (target{model: m, profile: prefix, id: prefix + "." + m.ID}); a.alive(m) && a.offered(t, caller.Region) {
				views = append(views, profile(caller, m, prefix))
			}
		}
	}
	slices.SortFunc(views, func(x, y profileView) int { return strings.Compare(x.ID, y.ID) })
	return views
}

// listProfiles is ListInferenceProfiles.
func (a *api) listProfiles(c *call) error {
	q := c.r.URL.Query()
	var p problems
	if v := q.Get("type"); q.Has("type") {
		p.text("type", &v, profileType)
	}
	if v := q.Get("nextToken"); q.Has("nextToken") {
		p.text("nextToken", &v, paginationToken)
	}
	size := p.maxResults(q, defaultPage)
	if err := p.err(); err != nil {
		return err
	}
	if err := a.require(c, "bedrock:ListInferenceProfiles", "*", nil); err != nil {
		return err
	}
	_, from, err := readPageToken(q.Get("nextToken"))
	if err != nil {
		return err
	}
	out := struct {
		Profiles  []profileView `json:"inferenceProfileSummaries"`
		NextToken string        `json:"nextToken,omitempty"`
	}{Profiles: []profileView{}}
	if q.Get("type") != "APPLICATION" { // the stand-in has no way to make one
		all := a.profiles(c.caller)
		all = all[min(from, uint64(len(all))):]
		out.Profiles = all[:min(size, len(all))]
		if len(all) > size {
			out.NextToken = pageToken(after, from+uint64(size))
		}
	}
	return reply(c, out)
}

// getProfile is GetInferenceProfile.
func (a *api) getProfile(c *call) error {
	var p problems
	p.text("inferenceProfileIdentifier", &c.id, profileID)
	if err := p.err(); err != nil {
		return err
	}
	for _, v := range a.profiles(c.caller) {
		if c.id != v.ID && c.id != v.ARN {
			continue
		}
		if err := a.require(c, "bedrock:GetInferenceProfile", v.ARN, nil); err != nil {
			return err
		}
		return reply(c, v)
	}
	if m, prefix, ok := a.openModel(c.id); ok && prefix != "" && !m.Listed() && inGeography(prefix, c.caller.Region) {
		v := profile(c.caller, m, prefix)
		if err := a.require(c, "bedrock:GetInferenceProfile", v.ARN, nil); err != nil {
			return err
		}
		return reply(c, v)
	}
	return refuse(notFound, "The specified inference profile could not be found: %s", c.id)
}
