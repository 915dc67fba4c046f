package preflight

import (
	"context"
	"fmt"
	"strings"

	"quarry/internal/base/catalog"
)

// caller checks what the caller may do with jobs, and whether it may hand the role to Bedrock, without which no job is
// made (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html). What a session's own policy takes
// away the simulator does not see.
func (k *checker) caller(ctx context.Context) []Check {
	p := principal{arn: k.Caller, who: "the caller", grant: k.callerStatement}
	switch {
	case strings.HasSuffix(k.Caller, ":root"):
		return []Check{{
			Name: "caller", Status: OK, Subject: k.Caller,
			Message: "the root user of the account may do everything; a separate user or role is safer",
		}}
	case strings.Contains(k.Caller, ":assumed-role/"): // a session has the rights of its role, which has its path in its ARN
		name := sessionRole(k.Caller)
		got, err := k.iam.GetRole(ctx, name)
		if err != nil {
			c := k.iamRefusal("caller", fmt.Sprintf("arn:%s:iam::%s:role/%s", k.Partition, k.Account, name), "iam:GetRole", err)
			c.Message = "permissions of the caller: " + c.Message
			return []Check{c}
		}
		p.arn = got.ARN
	case !strings.Contains(k.Caller, ":user/"):
		return []Check{{
			Name: "caller", Status: Unknown, Subject: k.Caller, Message: "IAM does not simulate the permissions of a federated user",
			Fix: "use a user or a role",
		}}
	}
	var rights []right
	if k.Calls {
		for _, r := range k.modelRights() {
			r.name, r.lacking = "caller-model", "no record can be sent"
			rights = append(rights, r)
		}
	} else {
		rights = k.jobRights()
	}
	steps := make([]func(context.Context) []Check, len(rights))
	for i, r := range rights {
		steps[i] = func(ctx context.Context) []Check { return []Check{k.check(ctx, p, r)} }
	}
	return joinModel(together(ctx, steps...))
}

func (k *checker) jobRights() []right {
	job := fmt.Sprintf("arn:%s:bedrock:%s:%s:model-invocation-job/", k.Partition, k.Region, k.Account)
	model := catalog.FoundationModelARN(k.Region, k.id)
	if k.prefix != "" || k.profile != nil {
		model = k.profileARN()
	}
	rights := []right{
		{
			name: "caller-passrole", action: "iam:PassRole", resources: []string{k.Role},
			context:   map[string]string{"iam:PassedToService": bedrockService},
			condition: map[string]map[string]string{"StringEquals": {"iam:PassedToService": bedrockService}}, lacking: "no job can be created",
		},
		{
			name: "caller-jobs", action: "bedrock:CreateModelInvocationJob", resources: []string{model, job + sampleJob},
			lacking: "no job can be created",
		},
		{name: "caller-jobs", action: "bedrock:GetModelInvocationJob", resources: []string{job + sampleJob}, lacking: "a job cannot be followed"},
		{
			name: "caller-jobs", action: "bedrock:StopModelInvocationJob", resources: []string{job + sampleJob},
			lacking: "a job cannot be stopped, and is billed until it ends",
		},
	}
	if k.Tagged {
		rights = append(rights, right{
			name: "caller-jobs", action: "bedrock:TagResource", resources: []string{job + sampleJob}, lacking: "a job with tags cannot be created",
		})
	}
	return rights
}
