package iamapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// This file serves the versions of managed policies.

func versionNumber(c call) (int, error) {
	name := c.form.Get("VersionId")
	n, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
	if err != nil || name != versionName(n) {
		return 0, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value '%s' at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?", name)
	}
	return n, nil
}

func (a *API) getPolicyVersion(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:GetPolicyVersion")
	if err != nil {
		return nil, err
	}
	n, err := versionNumber(c)
	if err != nil {
		return nil, err
	}
	v := p.version(n)
	if v == nil {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", p.ARN, versionName(n))
	}
	return struct{ PolicyVersion versionXML }{versionXML{versionName(n), n == p.Default, stamp(v.Created), escape(v.Document)}}, nil
}

func (a *API) listPolicyVersions(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:ListPolicyVersions")
	if err != nil {
		return nil, err
	}
	out := struct {
		Versions    list[versionXML]
		IsTruncated bool
	}{}
	for _, v := range slices.Backward(p.Versions) {
		out.Versions.Member = append(out.Versions.Member, versionXML{versionName(v.Number), v.Number == p.Default, stamp(v.Created), ""})
	}
	return out, nil
}

// editPolicy is findPolicy and a change in one transaction.
func (a *API) editPolicy(c call, action string, edit func(p *own) error) error {
	p, err := a.findPolicy(c, action)
	if err != nil {
		return err
	}
	if strings.HasPrefix(p.ARN, managedPrefix) {
		return refuse(http.StatusForbidden, "AccessDenied", "Policy %s is one of AWS's own and cannot be changed.", p.ARN)
	}
	err = a.db.changePolicy(p.ARN, false, func(p *own) (bool, error) { return false, edit(p) })
	if errors.Is(err, errNoPolicy) {
		return noSuchManaged(p.ARN)
	}
	return err
}

func (a *API) createPolicyVersion(c call) (any, error) {
	text := c.form.Get("PolicyDocument")
	var made versionXML
	err := a.editPolicy(c, "iam:CreatePolicyVersion", func(p *own) error {
		if err := checkManaged(text); err != nil {
			return err
		}
		if len(p.Versions) == maxVersions {
			return refuse(http.StatusConflict, "LimitExceeded", "A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		p.Versions = append(p.Versions, policyVersion{p.Next, text, c.now})
		if c.form.Get("SetAsDefault") == "true" {
			p.Default = p.Next
		}
		made = versionXML{versionName(p.Next), p.Default == p.Next, stamp(c.now), ""}
		p.Next, p.Updated = p.Next+1, c.now
		return nil
	})
	return struct{ PolicyVersion versionXML }{made}, err
}

func (a *API) setDefaultPolicyVersion(c call) (any, error) {
	return nil, a.editPolicy(c, "iam:SetDefaultPolicyVersion", func(p *own) error {
		n, err := versionNumber(c)
		if err != nil {
			return err
		}
		if p.version(n) == nil {
			return refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", p.ARN, versionName(n))
		}
		p.Default, p.Updated = n, c.now
		return nil
	})
}

func (a *API) deletePolicyVersion(c call) (any, error) {
	return nil, a.editPolicy(c, "iam:DeletePolicyVersion", func(p *own) error {
		n, err := versionNumber(c)
		if err != nil {
			return err
		}
		if p.version(n) == nil {
			return refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", p.ARN, versionName(n))
		}
		if n == p.Default {
			return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v policyVersion) bool { return v.Number == n })
		return nil
	})
}
