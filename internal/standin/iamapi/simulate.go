package iamapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"quarry/internal/standin/policy"
)

type positionXML struct{ Line, Column int }

type matchXML struct {
	SourcePolicyID   string `xml:"SourcePolicyId"`
	SourcePolicyType string
	StartPosition    positionXML
	EndPosition      positionXML
}

type specificXML struct {
	EvalResourceName     string
	EvalResourceDecision string
	MatchedStatements    list[matchXML]
	MissingContextValues list[string]
}

type boundaryDecisionXML struct{ AllowedByPermissionsBoundary bool }

type evaluationXML struct {
	EvalActionName                    string
	EvalResourceName                  string
	EvalDecision                      string
	MatchedStatements                 list[matchXML]
	MissingContextValues              list[string]
	PermissionsBoundaryDecisionDetail *boundaryDecisionXML `xml:",omitempty"`
	ResourceSpecificResults           list[specificXML]
}

// simulate answers for every action on every resource, as
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html has it.
func (a *API) simulate(c call) (any, error) {
	arn := c.form.Get("PolicySourceArn")
	if err := a.require(c, "iam:SimulatePrincipalPolicy", arn); err != nil {
		return nil, err
	}
	if strings.Contains(arn, ":assumed-role/") || !strings.Contains(arn, ":role/") && !strings.Contains(arn, ":user/") {
		return nil, refuse(http.StatusBadRequest, "InvalidInput", "Invalid Entity Arn: %s does not clearly define entity type and name.", arn)
	}
	documents, boundary, err := a.policies(arn)
	if errors.Is(err, ErrNoPrincipal) {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "The entity with ARN %s cannot be found.", arn)
	} else if err != nil {
		return nil, err
	}
	for i, text := range members(c.form, "PolicyInputList") {
		if err := checkIdentity("policyInputList", text); err != nil {
			return nil, err
		}
		documents = append(documents, document{name: "PolicyInputList." + strconv.Itoa(i+1), kind: "IAM Policy", text: text})
	}
	actions, resources := members(c.form, "ActionNames"), members(c.form, "ResourceArns")
	if len(actions) == 0 {
		return nil, refuse(http.StatusBadRequest, "InvalidInput", "ActionNames must hold at least one action.")
	}
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	context := simulated(arn, c.form)
	var all []evaluationXML
	for _, action := range actions {
		if !strings.Contains(action, ":") {
			return nil, refuse(http.StatusBadRequest, "InvalidInput", "Invalid Action: %s", action)
		}
		for _, resource := range resources {
			q := question{action, resource, context}
			all = append(all, evaluation(q, documents, boundary, bucketPolicy(c.form), arn))
		}
	}
	out := struct {
		EvaluationResults list[evaluationXML]
		IsTruncated       bool
		Marker            string `xml:",omitempty"`
	}{}
	from, _ := strconv.Atoi(p.after) // no marker begins at the first
	from = min(max(from, 0), len(all))
	to := min(from+p.limit, len(all))
	out.EvaluationResults.Member = all[from:to]
	if to < len(all) {
		out.IsTruncated, out.Marker = true, marker(strconv.Itoa(to))
	}
	return out, nil
}

func bucketPolicy(form url.Values) document {
	return document{name: "ResourcePolicy", kind: "Resource Policy", text: form.Get("ResourcePolicy")}
}

// evaluation joins identity policies, boundary and resource policy as within one account: either of the two may allow,
// any of the three may deny.
func evaluation(q question, documents, boundary []document, resource document, arn string) evaluationXML {
	v := decide(documents, q)
	var bound *boundaryDecisionXML
	for _, limit := range boundary {
		b := decide([]document{limit}, q)
		bound = &boundaryDecisionXML{b.decision == policy.Allow}
		if b.decision == policy.Deny || v.decision == policy.Allow {
			v.decision = b.decision
		}
	}
	if resource.text != "" {
		r := decideByPrincipal(resource, isCaller(Caller{ARN: arn, Account: AccountOf(arn)}), q)
		if r.decision == policy.Deny || v.decision == policy.NoMatch {
			v.decision = r.decision
		}
		v.matched, v.missing = append(v.matched, r.matched...), append(v.missing, r.missing...)
	}
	out := evaluationXML{
		EvalActionName: q.action, EvalResourceName: q.resource, EvalDecision: word(v.decision),
		MissingContextValues: list[string]{v.sorted().missing}, PermissionsBoundaryDecisionDetail: bound,
	}
	for _, m := range v.matched {
		out.MatchedStatements.Member = append(out.MatchedStatements.Member, matchXML{
			m.document.name, m.document.kind, position(m.document.text, m.from), position(m.document.text, m.to),
		})
	}
	if q.resource != "*" {
		out.ResourceSpecificResults.Member = []specificXML{{q.resource, out.EvalDecision, out.MatchedStatements, out.MissingContextValues}}
	}
	return out
}

func word(d policy.Decision) string {
	switch d {
	case policy.Allow:
		return "allowed"
	case policy.Deny:
		return "explicitDeny"
	default:
		return "implicitDeny"
	}
}

// position counts lines and columns from one.
func position(text string, offset int) positionXML {
	before := text[:min(max(offset, 0), len(text))]
	return positionXML{strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')}
}

// simulated gives the context of a simulation: the principal's keys and what the call adds. The simulator knows no
// connection, so aws:SecureTransport is the caller's to give.
func simulated(arn string, form url.Values) map[string][]string {
	context := map[string][]string{}
	for key, value := range principalKeys(arn) {
		context[key] = []string{value}
	}
	for i := 1; ; i++ {
		prefix := "ContextEntries.member." + strconv.Itoa(i) + "."
		name := form.Get(prefix + "ContextKeyName")
		if name == "" {
			return context
		}
		for have := range context {
			if strings.EqualFold(have, name) {
				delete(context, have)
			}
		}
		context[name] = members(form, prefix+"ContextKeyValues")
	}
}
