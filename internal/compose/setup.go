package compose

import (
	"context"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/setup"
	"quarry/internal/base/catalog"
)

// Routed reads from AWS the Regions of a profile that the catalogue does not know.
func (p *Provider) Routed(ctx context.Context, w setup.Wants) (setup.Wants, error) {
	if !setup.NeedsModels(w) {
		return w, nil
	}
	profile, err := p.Bedrock.Profile(ctx, w.Model)
	w.Models = profile.Models
	switch bedrock.CauseOf(err) {
	case bedrock.CauseDenied:
		arn := w.Model
		if !strings.HasPrefix(arn, "arn:") {
			arn = catalog.InferenceProfileARN(w.Account.Region, w.Account.ID, w.Model)
		}
		err = &quarry.Error{
			Kind: quarry.Denied, Op: "find the Regions of profile", Subject: w.Model,
			Err:  fmt.Errorf("denied bedrock:GetInferenceProfile on %s: %w", arn, err),
			Hint: fmt.Sprintf(`grant {"Effect":"Allow","Action":"bedrock:GetInferenceProfile","Resource":%q} to the user or role that runs setup, then run quarry setup again`, arn),
		}
	case bedrock.CauseNotFound:
		err = &quarry.Error{
			Kind: quarry.BadUsage, Op: "set up for", Subject: w.Model, Err: err,
			Hint: "give the id of a model or profile in this Region; list them with: aws bedrock list-inference-profiles --region " + w.Account.Region + " lists them",
		}
	}
	return w, err
}
