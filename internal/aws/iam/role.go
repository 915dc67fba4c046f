package iam

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Role is what IAM says of a role.
type Role struct {
	ARN string `xml:"Arn"`
	// Trust is its trust policy, percent-encoded as IAM sends it.
	Trust string `xml:"AssumeRolePolicyDocument"`
}

// GetRole reads a role. The code of the error is NoSuchEntity if there is none.
func (c *Client) GetRole(ctx context.Context, name string) (Role, error) {
	var reply struct {
		Role Role `xml:"GetRoleResult>Role"`
	}
	err := c.do(ctx, "GetRole", url.Values{"RoleName": {name}}, &reply)
	return reply.Role, err
}

// CreateRole makes a role. The code of the error is EntityAlreadyExists if there is one.
func (c *Client) CreateRole(ctx context.Context, name, path, trust, description string) error {
	return c.do(ctx, "CreateRole", url.Values{
		"RoleName": {name}, "Path": {path}, "AssumeRolePolicyDocument": {trust}, "Description": {description},
	}, &struct{}{})
}

// AwaitRole returns when IAM has heard of the role, and with an error when that takes longer than the time given.
func (c *Client) AwaitRole(ctx context.Context, name string, most time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("role %s is not there after %v", name, most))
	defer cancel()
	for pause := time.Second; ; pause = min(2*pause, 20*time.Second) {
		_, err := c.GetRole(ctx, name)
		if err == nil || !Is(err, NoSuchEntity) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(pause):
		}
	}
}

// SetTrust replaces the trust policy of a role.
func (c *Client) SetTrust(ctx context.Context, role, policy string) error {
	return c.do(ctx, "UpdateAssumeRolePolicy", url.Values{"RoleName": {role}, "PolicyDocument": {policy}}, &struct{}{})
}

// RolePolicy reads an inline policy of a role, percent-encoded as IAM sends it. The code of the error is NoSuchEntity if there is none.
func (c *Client) RolePolicy(ctx context.Context, role, name string) (string, error) {
	var reply struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	err := c.do(ctx, "GetRolePolicy", url.Values{"RoleName": {role}, "PolicyName": {name}}, &reply)
	return reply.Document, err
}

// PutRolePolicy sets an inline policy of a role.
func (c *Client) PutRolePolicy(ctx context.Context, role, name, policy string) error {
	return c.do(ctx, "PutRolePolicy", url.Values{"RoleName": {role}, "PolicyName": {name}, "PolicyDocument": {policy}}, &struct{}{})
}
