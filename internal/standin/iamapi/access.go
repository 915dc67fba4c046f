package iamapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry/internal/standin/policy"
)

// ErrDenied says that no policy allows the action; ErrNoPrincipal that the caller does not exist.
var (
	ErrDenied      = errors.New("access denied")
	ErrNoPrincipal = errors.New("principal does not exist")
)

// Denial is ErrDenied with what was denied, in the words AWS uses.
type Denial struct {
	Principal, Action, Resource string
	Explicit                    bool // a policy forbids it, rather than none allowing it
}

// Error says who may not do what to which resource.
func (d *Denial) Error() string {
	why := "because no identity-based policy allows the " + d.Action + " action"
	if d.Explicit {
		why = "with an explicit deny in an identity-based policy"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", d.Principal, d.Action, d.Resource, why)
}

// Is makes a Denial an ErrDenied.
func (d *Denial) Is(target error) bool { return target == ErrDenied }

// Access returns nil when the principal may do action on resource, else a *Denial or ErrNoPrincipal. The principal is
// the administrator, a role's ARN, the ARN of a session of a role, or an AWS service, which may do nothing but assume a
// role that trusts it. conditions are the request's context keys; those that follow from the principal, the time and
// the loopback connection are added. For the proven sender of ctx itself, its session's own policy counts too.
func (a *API) Access(ctx context.Context, principalARN, action, resource string, conditions map[string]string) error {
	if strings.HasSuffix(principalARN, ".amazonaws.com") {
		return a.trusts(principalARN, action, resource, conditions)
	}
	c := Caller{ARN: principalARN}
	if sender := CallerOf(ctx); sender.ARN == principalARN {
		c = sender
	}
	return a.allow(c, action, resource, conditions)
}

func (a *API) allow(c Caller, action, resource string, conditions map[string]string) error {
	documents, bound, err := a.policies(c.ARN)
	if err != nil {
		return err
	}
	q := question{action, resource, a.context(c, conditions)}
	v := decide(documents, q)
	for _, limit := range append(bound, sessionPolicy(c)...) {
		if v.decision == policy.Allow {
			v = decide([]document{limit}, q)
		}
	}
	if v.decision == policy.Allow {
		return nil
	}
	return &Denial{Principal: c.ARN, Action: action, Resource: resource, Explicit: v.decision == policy.Deny}
}

func sessionPolicy(c Caller) []document {
	if c.policy == "" {
		return nil
	}
	return []document{{name: "session", kind: "IAM Policy", text: c.policy}}
}

// trusts checks by a role's trust policy whether a service may assume it, under conditions such as aws:SourceAccount and
// aws:SourceArn.
func (a *API) trusts(service, action, roleARN string, conditions map[string]string) error {
	denial := &Denial{Principal: service, Action: action, Resource: roleARN}
	if action != "sts:AssumeRole" {
		return denial
	}
	r, err := a.roleByARN(roleARN)
	if err != nil {
		return err
	}
	q := question{action, "*", a.context(Caller{}, conditions)}
	v := decideByPrincipal(document{kind: "Trust Policy", text: r.Trust}, isService(service), q)
	if v.decision == policy.Allow {
		return nil
	}
	denial.Explicit = v.decision == policy.Deny
	return denial
}

// roleByARN finds the role whose whole ARN, path included, is this one.
func (a *API) roleByARN(arn string) (role, error) {
	r, err := a.db.role(arn[strings.LastIndexByte(arn, '/')+1:])
	if errors.Is(err, errNoRole) || err == nil && r.ARN != arn {
		return role{}, fmt.Errorf("%s: %w", arn, ErrNoPrincipal)
	}
	return r, err
}

// policies gives what a principal may do and, for some roles, the boundary of it.
func (a *API) policies(arn string) (documents, boundary []document, err error) {
	if arn == a.admin {
		admin, err := managedPolicy(managedPrefix + "AdministratorAccess")
		return []document{admin}, nil, err
	}
	r, err := a.roleByARN(roleOf(arn, a))
	if err != nil {
		return nil, nil, err
	}
	for _, p := range r.Inline {
		// as AWS's simulator names an inline policy
		documents = append(documents, document{name: "role_" + r.Name + "_" + p.Name, kind: "IAM Policy", text: p.Document})
	}
	for _, attached := range r.Attached {
		d, err := a.managed(attached)
		if err != nil {
			return nil, nil, err
		}
		documents = append(documents, d)
	}
	if r.Boundary != "" {
		d, err := a.managed(r.Boundary)
		if err != nil {
			return nil, nil, err
		}
		boundary = append(boundary, d)
	}
	return documents, boundary, nil
}

// roleOf turns a session's ARN into that of its role, which also has the path.
func roleOf(arn string, a *API) string {
	rest, ok := strings.CutPrefix(arn, "arn:aws:sts::"+a.account+":assumed-role/")
	if !ok {
		return arn
	}
	name, _, _ := strings.Cut(rest, "/")
	r, err := a.db.role(name)
	if err != nil {
		return arn
	}
	return r.ARN
}

// context adds the keys that AWS itself puts into every request, where the caller gave no other value:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (a *API) context(c Caller, conditions map[string]string) map[string][]string {
	now := a.now().UTC()
	known := map[string]string{
		"aws:SecureTransport": "true", // loopback stands for TLS
		"aws:CurrentTime":     now.Format(time.RFC3339),
		"aws:EpochTime":       strconv.FormatInt(now.Unix(), 10),
	}
	maps.Copy(known, principalKeys(c.ARN))
	if c.Region != "" {
		known["aws:RequestedRegion"] = c.Region
	}
	if c.IP != "" {
		known["aws:SourceIp"] = c.IP
	}
	out := make(map[string][]string, len(known)+len(conditions))
	for key, value := range conditions {
		out[key] = []string{value}
	}
	given := slices.Collect(maps.Keys(conditions))
	for key, value := range known {
		if !slices.ContainsFunc(given, func(k string) bool { return strings.EqualFold(k, key) }) {
			out[key] = []string{value}
		}
	}
	return out
}

func principalKeys(arn string) map[string]string {
	if arn == "" {
		return nil
	}
	keys := map[string]string{"aws:PrincipalArn": arn, "aws:PrincipalAccount": AccountOf(arn), "aws:PrincipalType": "AssumedRole"}
	if arn == Admin(AccountOf(arn)) {
		keys["aws:PrincipalType"], keys["aws:username"], keys["aws:userid"] = "User", adminName, adminID
	}
	return keys
}

// require refuses a call whose caller may not make it.
func (a *API) require(c call, action, resource string) error {
	err := a.allow(c.caller, action, resource, nil)
	if denial, ok := errors.AsType[*Denial](err); ok {
		return refuse(http.StatusForbidden, "AccessDenied", "%s", denial.Error())
	}
	if errors.Is(err, ErrNoPrincipal) {
		return refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %s", c.caller.ARN, action, resource)
	}
	return err
}
