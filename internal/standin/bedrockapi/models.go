package bedrockapi

import (
	"slices"
	"strings"
	"time"

	"quarry/internal/base/catalog"
)

type modelView struct {
	ARN            string        `json:"modelArn"`
	ID             string        `json:"modelId"`
	Name           string        `json:"modelName"`
	Provider       string        `json:"providerName"`
	Input          []string      `json:"inputModalities"`
	Output         []string      `json:"outputModalities"`
	Streaming      bool          `json:"responseStreamingSupported"`
	Customizations []string      `json:"customizationsSupported"`
	InferenceTypes []string      `json:"inferenceTypesSupported"`
	Lifecycle      lifecycleView `json:"modelLifecycle"`
}

type lifecycleView struct {
	Status   string `json:"status"`
	Legacy   string `json:"legacyTime,omitempty"`
	Extended string `json:"publicExtendedAccessTime,omitempty"`
	EOL      string `json:"endOfLifeTime,omitempty"`
}

func (a *api) modelView(m catalog.Model, region string) modelView {
	v := modelView{
		ARN: catalog.FoundationModelARN(region, m.ID), ID: m.ID, Name: m.Name, Provider: m.Provider,
		Input: []string{"TEXT"}, Output: []string{"TEXT"},
		Streaming: true, Customizations: []string{}, InferenceTypes: []string{"ON_DEMAND"},
	}
	if m.Embedding {
		v.Output, v.Streaming = []string{"EMBEDDING"}, false
	}
	if a.regions[region] && m.Listed() && m.ProfileRequired(region) {
		v.InferenceTypes = []string{"INFERENCE_PROFILE"} // not in the service model's enum, but what the service sends
	}
	v.Lifecycle = lifecycleView{Status: "ACTIVE", Legacy: day(m.Lifecycle.Legacy), Extended: day(m.Lifecycle.Extended), EOL: day(m.Lifecycle.EOL)}
	if m.Lifecycle.On(a.cfg.Engine.Now()) == catalog.Legacy {
		v.Lifecycle.Status = "LEGACY"
	}
	return v
}

// day turns the catalogue's date into a timestamp.
func day(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "" // no date is known
	}
	return timestamp(t)
}

// alive reports whether the service still lists a model.
func (a *api) alive(m catalog.Model) bool {
	return m.Lifecycle.On(a.cfg.Engine.Now()) != catalog.EndOfLife
}

// listModels is ListFoundationModels.
func (a *api) listModels(c *call) error {
	q := c.r.URL.Query()
	var p problems
	for name, s := range map[string]shape{"byProvider": provider, "byCustomizationType": customization, "byOutputModality": modality, "byInferenceType": inferenceType} {
		if v := q.Get(name); q.Has(name) {
			p.text(name, &v, s)
		}
	}
	if err := p.err(); err != nil {
		return err
	}
	if err := a.require(c, "bedrock:ListFoundationModels", "*", nil); err != nil {
		return err
	}
	out := struct {
		Models []modelView `json:"modelSummaries"`
	}{Models: []modelView{}}
	has := func(name string, values ...string) bool {
		return !q.Has(name) || slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, q.Get(name)) })
	}
	for _, m := range a.models() {
		v := a.modelView(m, c.caller.Region)
		if a.alive(m) && has("byProvider", v.Provider) && has("byOutputModality", v.Output...) &&
			has("byInferenceType", v.InferenceTypes...) && has("byCustomizationType", v.Customizations...) {
			out.Models = append(out.Models, v)
		}
	}
	return reply(c, out)
}

// models are those of the settings and of the catalogue.
func (a *api) models() []catalog.Model {
	all := slices.DeleteFunc(catalog.Models(), func(listed catalog.Model) bool {
		return slices.ContainsFunc(a.cfg.Models, func(m catalog.Model) bool { return m.ID == listed.ID })
	})
	return append(all, a.cfg.Models...)
}

// findModel looks a foundation model up by the id or ARN in the path.
func (a *api) findModel(c *call, member string, s shape, action string) (catalog.Model, error) {
	var p problems
	p.text(member, &c.id, s)
	if err := p.err(); err != nil {
		return catalog.Model{}, err
	}
	m, profile, ok := a.openModel(c.id)
	if !ok || profile != "" || !a.alive(m) {
		return m, refuse(notFound, "Could not resolve the foundation model from the provided model identifier.")
	}
	return m, a.require(c, action, catalog.FoundationModelARN(c.caller.Region, m.ID), nil)
}

// getModel is GetFoundationModel.
func (a *api) getModel(c *call) error {
	m, err := a.findModel(c, "modelIdentifier", foundationModel, "bedrock:GetFoundationModel")
	if err != nil {
		return err
	}
	return reply(c, map[string]modelView{"modelDetails": a.modelView(m, c.caller.Region)})
}

// getAvailability is GetFoundationModelAvailability. The stand-in needs no agreement.
func (a *api) getAvailability(c *call) error {
	m, err := a.findModel(c, "modelId", bedrockModelID, "bedrock:GetFoundationModelAvailability")
	if err != nil {
		return err
	}
	region := "AVAILABLE"
	if m.Batch && m.Listed() && a.regions[c.caller.Region] && len(m.JobIDs(c.caller.Region)) == 0 {
		region = "NOT_AVAILABLE"
	}
	return reply(c, struct {
		ID            string            `json:"modelId"`
		Agreement     map[string]string `json:"agreementAvailability"`
		Authorization string            `json:"authorizationStatus"`
		Entitlement   string            `json:"entitlementAvailability"`
		Region        string            `json:"regionAvailability"`
	}{m.ID, map[string]string{"status": "AVAILABLE"}, "AUTHORIZED", "AVAILABLE", region})
}

// getUseCase is GetUseCaseForModelAccess: the form that Anthropic wants once of every account. The stand-in's account
// has sent one, of which AWS documents no more than that it is JSON of 10 to 16,384 bytes
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetUseCaseForModelAccess.html).
func (a *api) getUseCase(c *call) error {
	if err := a.require(c, "bedrock:GetUseCaseForModelAccess", "*", nil); err != nil {
		return err
	}
	return reply(c, map[string][]byte{"formData": []byte(`{"companyName":"Quarry stand-in","intendedUsers":"0","useCases":"Tests without an account"}`)})
}
