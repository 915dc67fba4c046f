package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/aws/iam"
	"quarry/internal/base/catalog"
)

const bedrockService = "bedrock.amazonaws.com"

func (k *checker) roleName() string { return k.Role[strings.LastIndexByte(k.Role, '/')+1:] }

// role looks at the service role: whether it is there, whom it trusts, and what it may do.
func (k *checker) role(ctx context.Context) []Check {
	c := Check{Name: "role", Status: OK, Subject: k.Role, Action: "iam:GetRole", Message: "it exists"}
	name := k.roleName()
	got, err := k.iam.GetRole(ctx, name)
	switch {
	case iam.Is(err, iam.NoSuchEntity) || err == nil && got.ARN != k.Role:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message = "role " + k.Role + " does not exist"
		c.Fix = "create it with: " + k.setup()
		if err == nil {
			c.Message = fmt.Sprintf("role %s does not exist; %s does", k.Role, got.ARN)
			c.Fix = "name it with --role " + got.ARN
		}
		return []Check{c}
	case err != nil:
		c = k.iamRefusal("role", k.Role, "iam:GetRole", err)
		return append([]Check{c}, k.roleRights(ctx)...)
	}
	return append([]Check{c, k.trust(got.Trust)}, k.roleRights(ctx)...)
}

// iamRefusal is refusal for IAM's own errors.
func (k *checker) iamRefusal(name, subject, action string, err error) Check {
	var api smithy.APIError
	if errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied") {
		err = &quarry.Error{Kind: quarry.Denied, Err: err}
	}
	return k.refusal(name, subject, action, err)
}

// trust decides here whether Bedrock may take the role on for a job of this account and Region: no call of IAM does.
func (k *checker) trust(encoded string) Check {
	c := Check{
		Name: "role-trust", Status: OK, Subject: k.Role, Action: "sts:AssumeRole",
		Message: bedrockService + " may assume it for jobs of this account and Region",
	}
	restore := fmt.Sprintf("%s; or: aws iam update-assume-role-policy --role-name %s --policy-document '%s'", k.setup(), k.roleName(),
		k.goodTrust())
	text, err := url.PathUnescape(encoded)
	if err != nil {
		text = encoded
	}
	doc, err := parsePolicy(text)
	if err != nil {
		c.Status, c.Message, c.Fix = Unknown, "the trust policy could not be read: "+oneLine(err), restore
		return c
	}
	q := question{
		principalKind: "Service", principal: bedrockService, action: "sts:AssumeRole",
		context: map[string]string{
			"aws:SourceAccount": k.Account,
			"aws:SourceArn":     fmt.Sprintf("arn:%s:bedrock:%s:%s:model-invocation-job/%s", k.Partition, k.Region, k.Account, sampleJob),
		},
	}
	denied, deny := doc.denies(q)
	allowed, why := doc.allows(q)
	switch {
	case denied == yes:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message, c.Fix = "the trust policy of "+k.Role+" denies "+bedrockService+" sts:AssumeRole"+deny, restore
	case allowed == no:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message, c.Fix = "the trust policy of "+k.Role+" does not let "+bedrockService+" take it on: "+why, restore
	case denied == maybe:
		c.Status, c.Message, c.Fix = Unknown, "the trust policy may deny: "+deny, restore
	case allowed == maybe:
		c.Status, c.Message, c.Fix = Unknown, "the trust policy may not allow: "+why, restore
	case !doc.guarded():
		c.Message += "; without a condition on aws:SourceAccount or aws:SourceArn, jobs of any account can assume it too"
		c.Fix = restore
	}
	return c
}

// guarded reports whether every statement that lets Bedrock in asks for whom it works
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html).
func (d policyDoc) guarded() bool {
	for i := range d.Statement {
		s := &d.Statement[i]
		if s.Effect != "Allow" || !s.Principal.name(question{principalKind: "Service", principal: bedrockService}) {
			continue
		}
		named := false
		for _, keys := range s.Condition {
			for key := range keys {
				named = named || strings.EqualFold(key, "aws:SourceAccount") || strings.EqualFold(key, "aws:SourceArn")
			}
		}
		if !named {
			return false
		}
	}
	return true
}

// roleRights checks what the role may do: the bucket, and the model wherever the profile may lead
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (k *checker) roleRights(ctx context.Context) []Check {
	own := map[string]map[string]string{"StringEquals": {"aws:ResourceAccount": k.Account}}
	object := k.bucketARN() + "/" + k.sampleKey()
	rights := []right{
		{name: "role-s3", action: "s3:GetObject", resources: []string{object}, condition: own, lacking: "a job cannot read its input"},
		{name: "role-s3", action: "s3:PutObject", resources: []string{object}, condition: own, lacking: "a job cannot write its output"},
		{
			name: "role-s3", action: "s3:ListBucket", resources: []string{k.bucketARN()}, condition: own,
			lacking: "a job may be refused: AWS documents it as required, although jobs of one file have run without it",
		},
	}
	for _, m := range k.modelRights() {
		m.name, m.lacking = "role-model", "a job's records end with AccessDenied"
		rights = append(rights, m)
	}
	steps := make([]func(context.Context) []Check, len(rights))
	for i, r := range rights {
		steps[i] = func(ctx context.Context) []Check { return []Check{k.check(ctx, k.theRole(), r)} }
	}
	return joinModel(together(ctx, steps...))
}

func (k *checker) theRole() principal {
	return principal{arn: k.Role, who: "role " + k.roleName(), grant: func(r right) string {
		r.resources = k.wide(r.resources)
		return fmt.Sprintf("%s; or: aws iam put-role-policy --role-name %s --policy-name %s --policy-document '%s'",
			k.setup(), k.roleName(), policyName(r), policyText(statementText(r)))
	}}
}

// sampleJob stands for the id of every job.
const sampleJob = "abcdefghijkl"

// wide gives for the resources that were asked about those that a grant should name: a sample of a key or a job is
// for all of them.
func (k *checker) wide(resources []string) []string {
	out := make([]string, len(resources))
	for i, r := range resources {
		out[i] = r
		for _, sample := range []string{"/" + k.sampleKey(), "/" + sampleJob} {
			if all, ok := strings.CutSuffix(r, sample); ok {
				out[i] = all + "/*"
			}
		}
	}
	return out
}

// modelRights are what a call of the model needs. A profile needs itself and the model in each Region it leads to; a
// global one besides the model without a Region, which is asked with the Region "unspecified"
// (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
func (k *checker) modelRights() []right {
	const invoke = "bedrock:InvokeModel"
	if k.prefix == "" && k.profile == nil {
		if k.Calls {
			return []right{{action: invoke, resources: []string{catalog.FoundationModelARN(k.Region, k.id)}}}
		}
		return nil // for a plain model the page lists no right of the role
	}
	profile := k.profileARN()
	rights := []right{{action: invoke, resources: []string{profile}}}
	for _, arn := range k.destinations() {
		region := strings.Split(arn, ":")[3]
		if region == "" {
			region = "unspecified"
		}
		rights = append(rights, right{
			action: invoke, resources: []string{arn},
			context: map[string]string{"aws:RequestedRegion": region, "bedrock:InferenceProfileArn": profile},
		})
	}
	return rights
}

func (k *checker) profileARN() string {
	switch {
	case k.profile != nil && k.profile.ARN != "":
		return k.profile.ARN
	case strings.HasPrefix(k.Model, "arn:"):
		return k.Model
	}
	return catalog.InferenceProfileARN(k.Region, k.Account, k.Model)
}

// destinations are the models' ARNs after the profile: as Bedrock lists them, else as the catalogue knows them.
func (k *checker) destinations() []string {
	var out []string
	if k.profile != nil {
		out = append(out, k.profile.Models...)
	} else if regions, known := k.model.Destinations(k.prefix, k.Region); known {
		for _, region := range regions {
			out = append(out, catalog.FoundationModelARN(region, k.id))
		}
	}
	if k.prefix == catalog.Global { // its three parts, whatever was listed
		for _, region := range []string{k.Region, ""} {
			if arn := catalog.FoundationModelARN(region, k.id); !slices.Contains(out, arn) {
				out = append(out, arn)
			}
		}
	}
	return out
}

// joinModel makes one check of the model's grants where all of them are there.
func joinModel(checks []Check) []Check {
	var subjects []string
	for i := range checks {
		if checks[i].Name != "role-model" && checks[i].Name != "caller-model" {
			continue
		}
		if checks[i].Status != OK {
			return checks
		}
		subjects = append(subjects, checks[i].Subject)
	}
	var out []Check
	for i := range checks {
		c := checks[i]
		if c.Name == "role-model" || c.Name == "caller-model" {
			if len(subjects) == 0 {
				continue
			}
			c.Subject = strings.Join(subjects, ", ")
			subjects = nil
		}
		out = append(out, c)
	}
	return out
}

// goodTrust lets Bedrock in for jobs of this account and Region alone
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (k *checker) goodTrust() string {
	return policyText(fmt.Sprintf(`{"Effect":"Allow","Principal":{"Service":"%s"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"%s"},"ArnEquals":{"aws:SourceArn":"arn:%s:bedrock:%s:%s:model-invocation-job/*"}}}`,
		bedrockService, k.Account, k.Partition, k.Region, k.Account))
}
