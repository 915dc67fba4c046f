package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/rogpeppe/go-internal/testscript"
)

// becomeOperator continues with the rights alone that setup prints for the caller: operator FILE.
func becomeOperator(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: operator FILE")
	}
	var printed struct{ Caller json.RawMessage }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &printed))
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	cfg := aws.Config{
		Region: ts.Getenv("AWS_REGION"), BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL")), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	}
	ctx, name := context.Background(), aws.String("operator")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}`
	roles := iam.NewFromConfig(cfg)
	made, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &trust})
	ts.Check(err)
	_, err = roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("caller"), PolicyDocument: aws.String(string(printed.Caller))})
	ts.Check(err)
	session, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("script")})
	ts.Check(err)
	ts.Setenv("AWS_ACCESS_KEY_ID", *session.Credentials.AccessKeyId)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", *session.Credentials.SecretAccessKey)
	ts.Setenv("AWS_SESSION_TOKEN", *session.Credentials.SessionToken)
}
