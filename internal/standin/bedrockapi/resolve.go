package bedrockapi

import (
	"slices"
	"strings"

	"quarry/internal/catalog"
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
	m, profile, ok := catalog.Find(id)
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

// modelARNs are the ARNs of the models behind a profile, as GetInferenceProfile lists them.
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
// catalogue; the others, and all models in Regions that it does not know, are taken to be there.
func (a *api) offered(t target, region string) bool {
	return !t.model.Batch || !a.regions[region] || slices.Contains(t.model.JobIDs(region), t.id)
}

func (a *api) notOffered(t target, region string) error {
	if t.profile == "" && len(t.model.JobIDs(region)) > 0 {
		return refuse(validation, "Invocation of model ID %s with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", t.id)
	}
	return refuse(validation, messageBadModel)
}
