package iamapi

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// IAM's limits: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxInlineBytes = 10240 // all inline policies of a role, white space not counted
	maxAttached    = 10
)

var policyName = pattern(`^[\w+=,.@-]{1,128}$`)

func byName(p inline) string { return p.Name }

func (a *API) putRolePolicy(c call) (any, error) {
	put := inline{c.form.Get("PolicyName"), c.form.Get("PolicyDocument")}
	return nil, a.edit(c, "iam:PutRolePolicy", func(r *role) error {
		if err := checkName("policyName", put.Name, policyName()); err != nil {
			return err
		}
		if err := checkIdentity("policyDocument", put.Document); err != nil {
			return err
		}
		r.Inline = slices.DeleteFunc(r.Inline, func(p inline) bool { return p.Name == put.Name })
		r.Inline = append(r.Inline, put)
		slices.SortFunc(r.Inline, func(x, y inline) int { return strings.Compare(x.Name, y.Name) })
		total := 0
		for _, p := range r.Inline {
			total += solid(p.Document)
		}
		if total > maxInlineBytes {
			return refuse(http.StatusConflict, "LimitExceeded", "Maximum policy size of %d bytes exceeded for role %s", maxInlineBytes, r.Name)
		}
		return nil
	})
}

// solid counts what is not white space.
func solid(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func noSuchPolicy(name string) error {
	return refuse(http.StatusNotFound, "NoSuchEntity", "The role policy with name %s cannot be found.", name)
}

func (a *API) getRolePolicy(c call) (any, error) {
	r, err := a.role(c, "iam:GetRolePolicy")
	if err != nil {
		return nil, err
	}
	name := c.form.Get("PolicyName")
	i := slices.IndexFunc(r.Inline, func(p inline) bool { return p.Name == name })
	if i < 0 {
		return nil, noSuchPolicy(name)
	}
	return struct{ RoleName, PolicyName, PolicyDocument string }{r.Name, name, escape(r.Inline[i].Document)}, nil
}

func (a *API) deleteRolePolicy(c call) (any, error) {
	name := c.form.Get("PolicyName")
	return nil, a.edit(c, "iam:DeleteRolePolicy", func(r *role) error {
		before := len(r.Inline)
		r.Inline = slices.DeleteFunc(r.Inline, func(p inline) bool { return p.Name == name })
		if len(r.Inline) == before {
			return noSuchPolicy(name)
		}
		return nil
	})
}

func (a *API) listRolePolicies(c call) (any, error) {
	r, err := a.role(c, "iam:ListRolePolicies")
	if err != nil {
		return nil, err
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	out := struct {
		PolicyNames list[string]
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{}
	part, next := cut(r.Inline, byName, p)
	for _, one := range part {
		out.PolicyNames.Member = append(out.PolicyNames.Member, one.Name)
	}
	out.IsTruncated, out.Marker = next != "", next
	return out, nil
}

func (a *API) attachRolePolicy(c call) (any, error) {
	arn := c.form.Get("PolicyArn")
	_, unknown := a.managed(arn) // looked up before the change: a transaction must not wait for another one
	return nil, a.edit(c, "iam:AttachRolePolicy", func(r *role) error {
		if unknown != nil {
			return unknown
		}
		if slices.Contains(r.Attached, arn) {
			return nil // attaching twice is no error at AWS
		}
		if len(r.Attached) == maxAttached {
			return refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		r.Attached = append(r.Attached, arn)
		slices.Sort(r.Attached)
		return nil
	})
}

func (a *API) detachRolePolicy(c call) (any, error) {
	arn := c.form.Get("PolicyArn")
	return nil, a.edit(c, "iam:DetachRolePolicy", func(r *role) error {
		i := slices.Index(r.Attached, arn)
		if i < 0 {
			return refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s was not found.", arn)
		}
		r.Attached = slices.Delete(r.Attached, i, i+1)
		return nil
	})
}

func (a *API) listAttachedRolePolicies(c call) (any, error) {
	r, err := a.role(c, "iam:ListAttachedRolePolicies")
	if err != nil {
		return nil, err
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	type attached struct{ PolicyName, PolicyArn string }
	out := struct {
		AttachedPolicies list[attached]
		IsTruncated      bool
		Marker           string `xml:",omitempty"`
	}{}
	part, next := cut(r.Attached, func(arn string) string { return arn }, p)
	for _, arn := range part {
		out.AttachedPolicies.Member = append(out.AttachedPolicies.Member, attached{nameOf(arn), arn})
	}
	out.IsTruncated, out.Marker = next != "", next
	return out, nil
}

// listInstanceProfiles has none to name: Terraform calls it before it deletes a role.
func (a *API) listInstanceProfiles(c call) (any, error) {
	if _, err := a.role(c, "iam:ListInstanceProfilesForRole"); err != nil {
		return nil, err
	}
	return struct {
		InstanceProfiles list[string]
		IsTruncated      bool
	}{}, nil
}
