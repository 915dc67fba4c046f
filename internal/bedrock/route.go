package bedrock

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
)

// Route gives the ARNs of the models that an inference profile, by id or ARN, may send a request to from this Region:
// one for each destination (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetInferenceProfile.html).
func (c *Client) Route(ctx context.Context, profile string) ([]string, error) {
	out, err := c.control.GetInferenceProfile(ctx, &sdk.GetInferenceProfileInput{InferenceProfileIdentifier: &profile})
	if err != nil {
		return nil, c.fault(ctx, "ask where requests go (bedrock:GetInferenceProfile)", "of inference profile "+profile, err)
	}
	arns := make([]string, 0, len(out.Models))
	for _, m := range out.Models {
		arns = append(arns, aws.ToString(m.ModelArn))
	}
	return arns, nil
}
