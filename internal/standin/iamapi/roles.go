package iamapi

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

var (
	roleName = pattern(`^[\w+=,.@-]{1,64}$`)
	rolePath = pattern(`^/$|^/[\x21-\x7e]{0,509}[^/]/$`)
)

// pattern compiles an expression when it is first used: otherwise every start of the program would pay for it, and
// most never use this service.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

type roleXML struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string       `xml:",omitempty"`
	MaxSessionDuration       int          `xml:",omitempty"`
	PermissionsBoundary      *boundaryXML `xml:",omitempty"`
	Tags                     *list[tag]   `xml:",omitempty"`
}

type boundaryXML struct {
	PermissionsBoundaryType, PermissionsBoundaryArn string
}

func (r role) xml() roleXML {
	out := roleXML{
		Path: r.Path, RoleName: r.Name, RoleID: r.ID, Arn: r.ARN, CreateDate: stamp(r.Created),
		AssumeRolePolicyDocument: escape(r.Trust), Description: r.Description, MaxSessionDuration: r.MaxSessionSeconds,
	}
	if r.Boundary != "" {
		out.PermissionsBoundary = &boundaryXML{"Policy", r.Boundary}
	}
	if len(r.Tags) > 0 {
		out.Tags = &list[tag]{r.Tags}
	}
	return out
}

// escape writes a document as IAM sends it: percent-encoded after RFC 3986, a space as %20.
func escape(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// newID gives an id of AWS's shape: four letters of kind and seventeen of chance.
func newID(prefix string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return (prefix + base32.StdEncoding.EncodeToString(b[:]))[:21]
}

func (a *API) createRole(c call) (any, error) {
	name, path := c.form.Get("RoleName"), c.form.Get("Path")
	if path == "" {
		path = "/"
	}
	if err := checkName("roleName", name, roleName()); err != nil {
		return nil, err
	}
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkLength("description", c.form.Get("Description"), 0, maxDescription); err != nil {
		return nil, err
	}
	r := role{
		Name: name, Path: path, ARN: "arn:aws:iam::" + a.account + ":role" + path + name, ID: newID("AROA"),
		Description: c.form.Get("Description"), Created: c.now, MaxSessionSeconds: 3600, Trust: c.form.Get("AssumeRolePolicyDocument"),
		Boundary: c.form.Get("PermissionsBoundary"),
	}
	if err := a.require(c, "iam:CreateRole", r.ARN); err != nil {
		return nil, err
	}
	if r.Boundary != "" {
		if _, err := a.managed(r.Boundary); err != nil {
			return nil, err
		}
	}
	var err error
	if r.MaxSessionSeconds, err = number(c, "MaxSessionDuration", r.MaxSessionSeconds, 3600, 43200); err != nil {
		return nil, err
	}
	if err := checkTrust("assumeRolePolicyDocument", r.Trust); err != nil {
		return nil, err
	}
	if r.Tags, err = mergeTags(nil, formTags(c.form)); err != nil {
		return nil, err
	}
	fresh, err := a.db.insert(r)
	if err != nil {
		return nil, err
	}
	if !fresh {
		return nil, refuse(http.StatusConflict, "EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	return struct{ Role roleXML }{r.xml()}, nil
}

func checkName(field, name string, pattern *regexp.Regexp) error {
	most := 64
	if field == "policyName" {
		most = 128
	}
	if err := checkLength(field, name, 1, most); err != nil {
		return err
	}
	if !pattern.MatchString(name) {
		return unsatisfied(name, field, `Member must satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	return nil
}

// number reads an optional whole number within its limits.
func number(c call, field string, missing, least, most int) (int, error) {
	text := c.form.Get(field)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must have value between %d and %d", text, lowerFirst(field), least, most)
	}
	return n, nil
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func noSuchRole(name string) error {
	return refuse(http.StatusNotFound, "NoSuchEntity", "The role with name %s cannot be found.", name)
}

// named turns the store's answer for an unknown role into IAM's.
func named(err error, name string) error {
	if errors.Is(err, errNoRole) {
		return noSuchRole(name)
	}
	return err
}

// role finds the role that a call names and proves that the caller may do action on it.
func (a *API) role(c call, action string) (role, error) {
	name := c.form.Get("RoleName")
	if err := checkName("roleName", name, roleName()); err != nil {
		return role{}, err
	}
	r, err := a.db.role(name)
	arn := r.ARN
	if err != nil {
		arn = "arn:aws:iam::" + a.account + ":role/" + name
	}
	// The right is checked first: a caller without it must not learn what exists.
	if denied := a.require(c, action, arn); denied != nil {
		return role{}, denied
	}
	return r, named(err, name)
}

// edit is role and a change to it in one transaction.
func (a *API) edit(c call, action string, change func(*role) error) error {
	r, err := a.role(c, action)
	if err != nil {
		return err
	}
	return named(a.db.change(r.Name, change), r.Name)
}

func (a *API) getRole(c call) (any, error) {
	r, err := a.role(c, "iam:GetRole")
	if err != nil {
		return nil, err
	}
	return struct{ Role roleXML }{r.xml()}, nil
}

func (a *API) deleteRole(c call) (any, error) {
	r, err := a.role(c, "iam:DeleteRole")
	if err != nil {
		return nil, err
	}
	return nil, named(a.db.remove(r.Name, func(r role) error {
		switch {
		case len(r.Attached) > 0:
			return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
		case len(r.Inline) > 0:
			return refuse(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must delete policies first.")
		}
		return nil
	}), r.Name)
}

func (a *API) updateRole(c call) (any, error) {
	return struct{}{}, a.edit(c, "iam:UpdateRole", func(r *role) (err error) {
		if err := checkLength("description", c.form.Get("Description"), 0, maxDescription); err != nil {
			return err
		}
		if c.form.Has("Description") {
			r.Description = c.form.Get("Description")
		}
		r.MaxSessionSeconds, err = number(c, "MaxSessionDuration", r.MaxSessionSeconds, 3600, 43200)
		return err
	})
}

func (a *API) updateTrust(c call) (any, error) {
	document := c.form.Get("PolicyDocument")
	return nil, a.edit(c, "iam:UpdateAssumeRolePolicy", func(r *role) error {
		r.Trust = document
		return checkTrust("policyDocument", document)
	})
}

func (a *API) listRoles(c call) (any, error) {
	prefix := c.form.Get("PathPrefix")
	if prefix == "" {
		prefix = "/"
	}
	if err := a.require(c, "iam:ListRoles", "arn:aws:iam::"+a.account+":role"+prefix); err != nil {
		return nil, err
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	roles, more, err := a.db.page(prefix, p.after, p.limit)
	if err != nil {
		return nil, err
	}
	out := struct {
		Roles       list[roleXML]
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{IsTruncated: more}
	for _, r := range roles {
		// ListRoles leaves tags and boundary out:
		// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
		r.Tags, r.Boundary = nil, ""
		out.Roles.Member = append(out.Roles.Member, r.xml())
	}
	if more {
		out.Marker = marker(roles[len(roles)-1].Name)
	}
	return out, nil
}
