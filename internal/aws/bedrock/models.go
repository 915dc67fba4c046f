package bedrock

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

// Model is what Bedrock says of a foundation model in the client's Region. Times that it does not say are zero.
type Model struct {
	Status         string // ACTIVE, LEGACY
	Legacy         time.Time
	EndOfLife      time.Time
	InferenceTypes []string // ON_DEMAND, PROVISIONED; the service also sends INFERENCE_PROFILE
	Outputs        []string // TEXT, IMAGE, EMBEDDING; empty: not said
}

// Model looks a foundation model up, by id or ARN.
func (c *Client) Model(ctx context.Context, id string) (Model, error) {
	out, err := c.control.GetFoundationModel(ctx, &sdk.GetFoundationModelInput{ModelIdentifier: &id})
	if err != nil {
		return Model{}, c.fault(ctx, "look up", "model "+id+" in "+c.region, err)
	}
	var m Model
	if out.ModelDetails == nil {
		return m, nil
	}
	for _, t := range out.ModelDetails.InferenceTypesSupported {
		m.InferenceTypes = append(m.InferenceTypes, string(t))
	}
	for _, o := range out.ModelDetails.OutputModalities {
		m.Outputs = append(m.Outputs, string(o))
	}
	if l := out.ModelDetails.ModelLifecycle; l != nil {
		m.Status, m.Legacy, m.EndOfLife = string(l.Status), aws.ToTime(l.LegacyTime), aws.ToTime(l.EndOfLifeTime)
	}
	return m, nil
}

// Models gives the ids of the foundation models in the client's Region that answer with text
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html).
func (c *Client) Models(ctx context.Context) ([]string, error) {
	out, err := c.control.ListFoundationModels(ctx, &sdk.ListFoundationModelsInput{ByOutputModality: types.ModelModalityText})
	if err != nil {
		return nil, c.fault(ctx, "list", "models in "+c.region, err)
	}
	var ids []string
	for _, m := range out.ModelSummaries {
		ids = append(ids, aws.ToString(m.ModelId))
	}
	return ids, nil
}

// Availability is what Bedrock says of the account's access to a model, in its own words.
type Availability struct {
	Agreement     string // AVAILABLE, PENDING, NOT_AVAILABLE, ERROR
	Message       string // of the agreement's error
	Authorization string // AUTHORIZED, NOT_AUTHORIZED
	Entitlement   string // AVAILABLE, NOT_AVAILABLE
	Region        string // AVAILABLE, NOT_AVAILABLE
}

// Availability reads whether the account may use a foundation model.
func (c *Client) Availability(ctx context.Context, id string) (Availability, error) {
	out, err := c.control.GetFoundationModelAvailability(ctx, &sdk.GetFoundationModelAvailabilityInput{ModelId: &id})
	if err != nil {
		return Availability{}, c.fault(ctx, "read the access to", "model "+id+" in "+c.region, err)
	}
	a := Availability{
		Authorization: string(out.AuthorizationStatus), Entitlement: string(out.EntitlementAvailability), Region: string(out.RegionAvailability),
	}
	if out.AgreementAvailability != nil {
		a.Agreement, a.Message = string(out.AgreementAvailability.Status), aws.ToString(out.AgreementAvailability.ErrorMessage)
	}
	return a, nil
}

// UseCase checks whether the account has sent the form that Anthropic requires before calls to its models; the error has
// CauseNotFound where it has not
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetUseCaseForModelAccess.html).
func (c *Client) UseCase(ctx context.Context) error {
	if _, err := c.control.GetUseCaseForModelAccess(ctx, &sdk.GetUseCaseForModelAccessInput{}); err != nil {
		return c.fault(ctx, "read the use case form", "of the account in "+c.region, err)
	}
	return nil
}

// Profile is an inference profile.
type Profile struct {
	ARN    string
	Status string   // ACTIVE
	Models []string // ARNs of the model in every Region that it leads to
}

// Profile looks an inference profile up, by id or ARN.
func (c *Client) Profile(ctx context.Context, id string) (Profile, error) {
	out, err := c.control.GetInferenceProfile(ctx, &sdk.GetInferenceProfileInput{InferenceProfileIdentifier: &id})
	if err != nil {
		return Profile{}, c.fault(ctx, "look up", "inference profile "+id+" in "+c.region, err)
	}
	p := Profile{ARN: aws.ToString(out.InferenceProfileArn), Status: string(out.Status)}
	for _, m := range out.Models {
		p.Models = append(p.Models, aws.ToString(m.ModelArn))
	}
	return p, nil
}
