package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// HasCredentials reports whether there is something to sign calls with. Whether AWS takes it, WhoAmI tells.
func HasCredentials(ctx context.Context, c aws.Config) bool {
	if c.Credentials == nil {
		return false
	}
	_, err := c.Credentials.Retrieve(ctx)
	return err == nil
}
