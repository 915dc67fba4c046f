package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"quarry"
)

// PolicyName is the inline policy of the role that is ours to write.
const PolicyName = "quarry-batch"

// EnsureRole brings the role into the state that the wants call for and says what it changed, one line each; no line
// means that nothing was to be done.
func EnsureRole(ctx context.Context, c aws.Config, role string, w Wants) ([]string, error) {
	client := iam.NewFromConfig(c)
	name := role[strings.LastIndexByte(role, '/')+1:]
	trust, rights := Trust(w.Account), Role(w)
	var changed []string
	got, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	var none *types.NoSuchEntityException
	switch {
	case errors.As(err, &none):
		if _, err := client.CreateRole(ctx, &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: &trust, Description: aws.String("Lets Amazon Bedrock run Quarry's batch inference jobs"),
		}); err != nil {
			return nil, fault("create role", name, err)
		}
		changed = append(changed, "created role "+name)
	case err != nil:
		return nil, fault("read role", name, err)
	case !samePolicy(aws.ToString(got.Role.AssumeRolePolicyDocument), trust):
		if _, err := client.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: &trust}); err != nil {
			return changed, fault("set the trust policy of role", name, err)
		}
		changed = append(changed, "set the trust policy of role "+name)
	}
	now, err := client.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: aws.String(PolicyName)})
	if err != nil && !errors.As(err, &none) {
		return changed, fault("read the rights of role", name, err)
	}
	if err == nil && samePolicy(aws.ToString(now.PolicyDocument), rights) {
		return changed, nil
	}
	if _, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String(PolicyName), PolicyDocument: &rights}); err != nil {
		return changed, fault("set the rights of role", name, err)
	}
	return append(changed, fmt.Sprintf("set policy %s of role %s", PolicyName, name)), nil
}

// samePolicy compares what IAM gives, URL-encoded, with what is wanted.
func samePolicy(encoded, want string) bool {
	text, err := url.QueryUnescape(encoded)
	if err != nil {
		text = encoded
	}
	var a, b any
	if json.Unmarshal([]byte(text), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return reflect.DeepEqual(a, b)
}

func fault(op, name string, err error) error {
	return &quarry.Error{
		Kind: quarry.Denied, Op: op, Subject: name, Err: err,
		Hint: "the caller needs iam:GetRole, iam:CreateRole, iam:UpdateAssumeRolePolicy, iam:GetRolePolicy and iam:PutRolePolicy on this role",
	}
}
