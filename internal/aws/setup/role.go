package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/aws/iam"
)

// lookAtRole finds out what the role lacks.
func (p *Plan) lookAtRole(ctx context.Context, client *iam.Client) error {
	name, path := p.Wants.roleName()
	arn := p.Wants.RoleARN()
	got, err := client.GetRole(ctx, name)
	if iam.Is(err, iam.NoSuchEntity) {
		return p.planRole(client, name, path)
	}
	if err != nil {
		return fault(ctx, "read role "+name, "iam:GetRole", arn, err)
	}
	if have := got.ARN; have != arn {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "set up role", Subject: arn,
			Err:  fmt.Errorf("a role of this name exists with another path, %s, and names are unique", have),
			Hint: "use it with --role " + have + ", or use another name",
		}
	}
	where := "the trust policy of role " + name
	completed, lines, notes, err := completeTrust(decode(got.Trust), p.Wants, where)
	if err != nil {
		return err
	}
	p.Notes = append(p.Notes, notes...)
	if len(lines) > 0 {
		p.Changes = append(p.Changes, Change{Lines: lines, do: func(ctx context.Context) error {
			return fault(ctx, "set "+where, "iam:UpdateAssumeRolePolicy", arn, client.SetTrust(ctx, name, completed))
		}})
	}
	return p.lookAtRights(ctx, client, name)
}

// planRole makes the role from nothing.
func (p *Plan) planRole(client *iam.Client, name, path string) error {
	trusted, err := policy(trust(p.Wants)).text()
	if err != nil {
		return err
	}
	p.Changes = append(p.Changes, Change{Lines: []string{"create role " + name}, do: func(ctx context.Context) error {
		err := client.CreateRole(ctx, name, path, trusted, "Lets Amazon Bedrock run Quarry's batch inference jobs")
		if iam.Is(err, iam.EntityAlreadyExists) && p.isOurs(ctx, client, name) {
			err = nil // the reply to an earlier try was lost
		}
		if err != nil {
			return fault(ctx, "create role "+name, "iam:CreateRole", p.Wants.RoleARN(), err)
		}
		// IAM is not everywhere at once, and what follows may ask a place that has not heard of the role
		// (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency).
		return fault(ctx, "wait for role "+name, "iam:GetRole", p.Wants.RoleARN(), client.AwaitRole(ctx, name, time.Minute))
	}})
	rights, err := policy(roleStatements(p.Wants)...).text()
	if err != nil {
		return err
	}
	lines := []string{}
	for _, s := range roleStatements(p.Wants) {
		f, err := factsOf(s)
		if err != nil {
			return err
		}
		lines = append(lines,
			fmt.Sprintf("add statement %s to policy %s of role %s: %s", s[0].Value, RolePolicyName(p.Wants.Account.Region), name, f.summary()))
	}
	p.put(client, name, rights, lines)
	return nil
}

// isOurs reports whether the role is there as it was to be made.
func (p *Plan) isOurs(ctx context.Context, client *iam.Client, name string) bool {
	got, err := client.GetRole(ctx, name)
	if err != nil || got.ARN != p.Wants.RoleARN() {
		return false
	}
	_, lines, notes, err := completeTrust(decode(got.Trust), p.Wants, "")
	return err == nil && len(lines) == 0 && len(notes) == 0
}

// lookAtRights compares the inline policy of our name. Others, inline or attached, are no one's business here.
func (p *Plan) lookAtRights(ctx context.Context, client *iam.Client, name string) error {
	ours := RolePolicyName(p.Wants.Account.Region)
	where := fmt.Sprintf("policy %s of role %s", ours, name)
	text := ""
	got, err := client.RolePolicy(ctx, name, ours)
	switch {
	case err == nil:
		text = decode(got)
	case !iam.Is(err, iam.NoSuchEntity):
		return fault(ctx, "read "+where, "iam:GetRolePolicy", p.Wants.RoleARN(), err)
	}
	doc, err := read(text)
	if err != nil {
		return fmt.Errorf("read %s: %w", where, err)
	}
	wanted := roleStatements(p.Wants)
	lines, err := doc.keep(wanted, where)
	if err != nil {
		return err
	}
	for _, s := range wanted {
		merged, err := doc.merge(s, where)
		if err != nil {
			return err
		}
		lines = append(lines, merged...)
	}
	if len(lines) == 0 {
		return nil
	}
	rights, err := doc.text()
	if err != nil {
		return err
	}
	p.put(client, name, rights, lines)
	return nil
}

func (p *Plan) put(client *iam.Client, name, rights string, lines []string) {
	ours := RolePolicyName(p.Wants.Account.Region)
	p.Changes = append(p.Changes, Change{Lines: lines, do: func(ctx context.Context) error {
		err := client.PutRolePolicy(ctx, name, ours, rights)
		return fault(ctx, fmt.Sprintf("set policy %s of role %s", ours, name), "iam:PutRolePolicy", p.Wants.RoleARN(), err)
	}})
}

// fault says what was being done, and which right it takes where that is what is missing.
func fault(ctx context.Context, op, action, resource string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Err: err, Hint: "check the network and AWS_ENDPOINT_URL, then run the same command again",
		}
	}
	cause := fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		return &quarry.Error{
			Kind: quarry.Denied, Op: op, Err: fmt.Errorf("denied %s on %s: %w", action, resource, cause),
			Hint: fmt.Sprintf(`grant {"Effect":"Allow","Action":%q,"Resource":%q} to the user or role that runs setup, then run quarry setup again`,
				action, resource),
		}
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "MissingAuthenticationToken", "IncompleteSignature":
		return &quarry.Error{
			Kind: quarry.Denied, Op: op, Err: cause, Hint: "the credentials do not work: log in again, then check with: aws sts get-caller-identity",
		}
	case "LimitExceeded":
		return &quarry.Error{
			Kind: quarry.OverLimit, Op: op, Err: cause,
			Hint: "the account has no more roles, or the policies of the role are too long; use another --role, or remove unused policies",
		}
	case "EntityAlreadyExists":
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Err: cause, Hint: "another process created it in the meantime; rerun the same command",
		}
	case "Throttling", "ThrottlingException", "ServiceFailure", "ServiceUnavailable", "ConcurrentModification":
		return &quarry.Error{Kind: quarry.Provider, Op: op, Err: cause, Hint: "run the same command again"}
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: op, Err: cause, Hint: "the message says what IAM rejected; fix it, then rerun the same command",
	}
}
