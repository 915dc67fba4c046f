package bedrockapi

import (
	"slices"
	"strings"

	"quarry/internal/base/catalog"
)

// target is what a model id in a request means.
type target struct {
	model   catalog.Model
	profile string // prefix of the inference profile, empty for the model itself
	id      string // without an ARN around it
	arn     string // of the profile or the model
	// grants are the ARNs on which bedrock:InvokeModel is needed: for a profile its own and those of the model in
	// every Region it may route to (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html),
	// for a global one also the model's without a Region
	// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
	grants []string
}

const messageBadModel = "The provided model identifier is invalid."

// resolve finds the model of an id or ARN as the caller's Region sees it.
func (a *api) resolve(caller Caller, id string) (target, error) {
	m, profile, ok := a.openModel(id)
	if !ok {
		return target{}, refuse(validation, messageBadModel)
	}
	t := target{model: m, profile: profile, id: m.ID}
	if profile == "" {
		t.arn = catalog.FoundationModelARN(caller.Region, m.ID)
		t.grants = []string{t.arn}
	} else {
		t.id = profile + "." + m.ID
		t.arn = catalog.InferenceProfileARN(caller.Region, caller.Account, t.id)
		t.grants = append([]string{t.arn}, modelARNs(m, profile, caller.Region)...)
	}
	if strings.HasPrefix(id, "arn:") && id != t.arn {
		return target{}, refuse(validation, messageBadModel) // of another Region or account
	}
	if !a.offered(t, caller.Region) {
		return target{}, a.notOffered(t, caller.Region)
	}
	if m.Lifecycle.On(a.cfg.Engine.Now()) == catalog.EndOfLife {
		return target{}, refuse(notFound, "This model version has reached the end of its life. Please refer to the AWS documentation for more details.")
	}
	return t, nil
}

// openModel finds a model of the table, or one that is newer than the table. AWS would know whether there is such a model;
// the stand-in takes another version of a listed model for one that is there, a model that AWS's pages name, and with
// AnyModel every id of a known provider whose models answer with text.
func (a *api) openModel(id string) (m catalog.Model, profile string, ok bool) {
	if plain, profile, ok := catalog.Split(id); ok {
		i := slices.IndexFunc(a.cfg.Models, func(m catalog.Model) bool { return m.ID == plain })
		if i >= 0 && (!a.cfg.Models[i].Listed() || a.cfg.Models[i].HasProfile(profile)) {
			return a.cfg.Models[i], profile, true
		}
	}
	if m, profile, ok = catalog.Find(id); ok {
		return m, profile, true
	}
	m, profile, ok = catalog.Open(id)
	if catalog.CallsOnly(id) {
		return m, profile, ok
	}
	shape, _ := catalog.ShapeOf(id)
	if !ok || m.Listed() || shape.Output() != "text" || catalog.Mistyped(id) {
		return m, profile, false
	}
	return m, profile, a.cfg.AnyModel || catalog.NewVersion(id)
}

// modelARNs are the ARNs of the models of a profile, as GetInferenceProfile lists them.
func modelARNs(m catalog.Model, profile, region string) (arns []string) {
	if profile == catalog.Global {
		return []string{catalog.FoundationModelARN(region, m.ID), catalog.FoundationModelARN("", m.ID)}
	}
	regions, known := m.Destinations(profile, region)
	if !known {
		regions = []string{region}
	}
	for _, r := range regions {
		arns = append(arns, catalog.FoundationModelARN(r, m.ID))
	}
	return arns
}

// offered reports whether the Region has the target. Only models with batch inference have their Regions in the
// catalogue; the others are taken to be wherever their profile's geography is, and all models to be in Regions that the
// catalogue does not know.
func (a *api) offered(t target, region string) bool {
	switch {
	case !a.regions[region]:
		return true
	case t.model.Batch && t.model.Listed():
		return slices.Contains(t.model.JobIDs(region), t.id)
	}
	return inGeography(t.profile, region)
}

// inGeography knows from which Regions a geographic profile can be called
// (https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html).
func inGeography(profile, region string) bool {
	switch profile {
	case "", catalog.Global:
		return true
	case "us":
		return strings.HasPrefix(region, "us-") && !strings.HasPrefix(region, "us-gov-") || strings.HasPrefix(region, "ca-")
	case "jp":
		return region == "ap-northeast-1" || region == "ap-northeast-3"
	case "au":
		return region == "ap-southeast-2" || region == "ap-southeast-4"
	case "apac":
		return strings.HasPrefix(region, "ap-")
	}
	return strings.HasPrefix(region, profile+"-")
}

func (a *api) notOffered(t target, region string) error {
	if t.profile == "" && len(t.model.JobIDs(region)) > 0 {
		return refuse(validation, "Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", t.id)
	}
	return refuse(validation, messageBadModel)
}
