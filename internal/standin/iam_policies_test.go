package standin_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestAPolicyOfTheAccountsOwnLivesThroughIAM(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	const first = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}`
	const second = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:ListFoundationModels","Resource":"*"}]}`
	ctx := t.Context()
	made, err := c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("batch"), Path: aws.String("/team/"), PolicyDocument: aws.String(first), Description: aws.String("for jobs"),
		Tags: []iamtypes.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := made.Policy.Arn
	if *arn != "arn:aws:iam::123456789012:policy/team/batch" || *made.Policy.DefaultVersionId != "v1" || *made.Policy.AttachmentCount != 0 {
		t.Errorf("CreatePolicy gave %+v", made.Policy)
	}
	_, err = c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("batch"), Path: aws.String("/team/"), PolicyDocument: aws.String(first)})
	want(t, "the same name again", err, "EntityAlreadyExists")
	_, err = c.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("broken"), PolicyDocument: aws.String(`{"Version":"2012-10-17"`)})
	want(t, "a broken document", err, "MalformedPolicyDocument")

	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`
	role, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("worker"), AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("worker"), PolicyArn: aws.String("arn:aws:iam::123456789012:policy/none")})
	want(t, "a policy that does not exist", err, "NoSuchEntity")
	if _, err := c.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("worker"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("quarry"), PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	if got, err := c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn}); err != nil || *got.Policy.AttachmentCount != 2 || *got.Policy.Description != "for jobs" || len(got.Policy.Tags) != 1 {
		t.Errorf("GetPolicy: %+v, %v", got, err)
	}
	held, err := c.iam.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: arn})
	if err != nil || len(held.PolicyRoles) != 1 || len(held.PolicyUsers) != 1 {
		t.Errorf("ListEntitiesForPolicy: %+v, %v", held, err)
	}
	if users, err := c.iam.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: aws.String("quarry")}); err != nil || len(users.AttachedPolicies) != 1 || *users.AttachedPolicies[0].PolicyName != "batch" {
		t.Errorf("ListAttachedUserPolicies: %+v, %v", users, err)
	}

	// The role may do what the policy in force says.
	assumed, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("test")})
	if err != nil {
		t.Fatal(err)
	}
	keys := assumed.Credentials
	session := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken))
	if _, err := session.s3.ListBuckets(ctx, nil); err != nil {
		t.Errorf("what the policy allows: %v", err)
	}
	version, err := c.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(second), SetAsDefault: true})
	if err != nil || *version.PolicyVersion.VersionId != "v2" || !version.PolicyVersion.IsDefaultVersion {
		t.Fatalf("CreatePolicyVersion: %+v, %v", version, err)
	}
	_, err = session.s3.ListBuckets(ctx, nil)
	want(t, "what the policy no longer allows", err, "AccessDenied")
	document, err := c.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	if err != nil || !strings.Contains(*document.PolicyVersion.Document, "ListFoundationModels") {
		t.Errorf("GetPolicyVersion: %+v, %v", document, err)
	}

	for scope, n := range map[iamtypes.PolicyScopeType]int{iamtypes.PolicyScopeTypeLocal: 1, iamtypes.PolicyScopeTypeAws: 6, iamtypes.PolicyScopeTypeAll: 7} {
		if got, err := c.iam.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: scope}); err != nil || len(got.Policies) != n {
			t.Errorf("ListPolicies of %s: %d, %v, want %d", scope, len(got.Policies), err, n)
		}
	}
	if got, err := c.iam.ListPolicies(ctx, &iam.ListPoliciesInput{OnlyAttached: true, MaxItems: aws.Int32(1)}); err != nil || len(got.Policies) != 1 || *got.Policies[0].Arn != *arn {
		t.Errorf("ListPolicies of those attached: %+v, %v", got, err)
	}
	if got, err := c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::aws:policy/AmazonBedrockFullAccess")}); err != nil || *got.Policy.PolicyName != "AmazonBedrockFullAccess" {
		t.Errorf("GetPolicy of AWS's own: %+v, %v", got, err)
	}

	remove := func() error {
		_, err := c.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
		return err
	}
	want(t, "deleting a policy in use", remove(), "DeleteConflict")
	_, err = c.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	want(t, "deleting the version in force", err, "DeleteConflict")
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := c.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String("worker"), PolicyArn: arn})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("quarry"), PolicyArn: arn})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
			return err
		},
	} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	_, err = c.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	want(t, "a policy that was deleted", err, "NoSuchEntity")
}

func TestASessionTokenOfTheAdministrator(t *testing.T) {
	t.Parallel()
	server, c := start(t, nil)
	got, err := c.sts.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)})
	if err != nil {
		t.Fatal(err)
	}
	keys := got.Credentials
	session := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken))
	for service, err := range calls(t.Context(), session) {
		if err != nil {
			t.Errorf("%s with a session token: %v", service, err)
		}
	}
	_, err = session.sts.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{})
	want(t, "a session of a session", err, "AccessDenied")
	for service, err := range calls(t.Context(), connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, ""))) {
		if err == nil {
			t.Errorf("%s takes temporary keys without their token", service)
		}
	}
	_, err = c.sts.GetSessionToken(t.Context(), &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(10)})
	want(t, "ten seconds", err, "ValidationError")
}
