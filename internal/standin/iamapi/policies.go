package iamapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// What IAM allows of a policy of the account's own: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxPolicyBytes = 6144 // white space not counted
	maxVersions    = 5
)

var (
	policiesBucket = []byte("policies") // ARN → own
	usersBucket    = []byte("users")    // user's name → ARNs attached, as JSON

	errNoPolicy = errors.New("no such policy")
)

// own is a managed policy that the account made itself.
type own struct {
	Name, Path, ARN, ID string
	Description         string
	Created, Updated    time.Time
	Tags                []tag
	Versions            []policyVersion // in order of their numbers
	Default             int
	Next                int
}

type policyVersion struct {
	Number   int
	Document string
	Created  time.Time
}

// version gives the version of a number, or nil.
func (p *own) version(number int) *policyVersion {
	i := slices.IndexFunc(p.Versions, func(v policyVersion) bool { return v.Number == number })
	if i < 0 {
		return nil
	}
	return &p.Versions[i]
}

func (s *store) policy(arn string) (p own, err error) {
	err = s.bolt.View(func(tx *bbolt.Tx) error { return getPolicy(tx, arn, &p) })
	return p, err
}

func getPolicy(tx *bbolt.Tx, arn string, p *own) error {
	b := tx.Bucket(policiesBucket)
	if b == nil {
		return errNoPolicy
	}
	text := b.Get([]byte(arn))
	if text == nil {
		return errNoPolicy
	}
	if err := json.Unmarshal(text, p); err != nil {
		return fmt.Errorf("read policy %s: %w", arn, err)
	}
	return nil
}

// changePolicy lets edit alter a policy, or make one where fresh is true; remove deletes it.
func (s *store) changePolicy(arn string, fresh bool, edit func(p *own) (remove bool, err error)) error {
	return s.bolt.Update(func(tx *bbolt.Tx) error {
		var p own
		err := getPolicy(tx, arn, &p)
		switch {
		case err != nil && !errors.Is(err, errNoPolicy):
			return err
		case fresh && err == nil:
			return refuse(http.StatusConflict, "EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		case !fresh && err != nil:
			return err
		}
		remove, err := edit(&p)
		if err != nil {
			return err
		}
		b, err := tx.CreateBucketIfNotExists(policiesBucket)
		if err != nil {
			return err
		}
		if remove {
			return b.Delete([]byte(arn))
		}
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		return b.Put([]byte(arn), text)
	})
}

// allPolicies are the account's own, by ARN.
func (s *store) allPolicies() (all []own, err error) {
	err = s.bolt.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(policiesBucket)
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, text []byte) error {
			var p own
			if err := json.Unmarshal(text, &p); err != nil {
				return fmt.Errorf("read policy %s: %w", k, err)
			}
			all = append(all, p)
			return nil
		})
	})
	return all, err
}

func noSuchManaged(arn string) error {
	return refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s was not found.", arn)
}

// managed returns the document in force of a managed policy, AWS's or the account's own.
func (a *API) managed(arn string) (document, error) {
	if strings.HasPrefix(arn, managedPrefix) {
		return managedPolicy(arn)
	}
	p, err := a.db.policy(arn)
	if errors.Is(err, errNoPolicy) {
		return document{}, refuse(http.StatusNotFound, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	}
	if err != nil {
		return document{}, err
	}
	v := p.version(p.Default)
	if v == nil {
		return document{}, fmt.Errorf("policy %s has no default version", arn)
	}
	return document{name: p.Name, kind: "IAM Policy", text: v.Document}, nil
}

// holders are the roles and users that a policy is attached to.
func (a *API) holders(arn string) (roles, users []string, err error) {
	for after := ""; ; {
		page, more, err := a.db.page("/", after, 100)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range page {
			if slices.Contains(r.Attached, arn) {
				roles = append(roles, r.Name)
			}
			after = r.Name
		}
		if !more {
			break
		}
	}
	attached, err := a.db.userPolicies(adminName)
	if err == nil && slices.Contains(attached, arn) {
		users = append(users, adminName)
	}
	return roles, users, err
}

type policyXML struct {
	PolicyName                    string
	PolicyID                      string `xml:"PolicyId"`
	Arn, Path                     string
	DefaultVersionID              string `xml:"DefaultVersionId"`
	AttachmentCount               int
	PermissionsBoundaryUsageCount int
	IsAttachable                  bool
	Description                   string `xml:",omitempty"`
	CreateDate, UpdateDate        string
	Tags                          *list[tag] `xml:",omitempty"`
}

func (a *API) policyXML(p own, whole bool) (policyXML, error) {
	roles, users, err := a.holders(p.ARN)
	if err != nil {
		return policyXML{}, err
	}
	out := policyXML{
		PolicyName: p.Name, PolicyID: p.ID, Arn: p.ARN, Path: p.Path, DefaultVersionID: versionName(p.Default),
		AttachmentCount: len(roles) + len(users), IsAttachable: true, CreateDate: stamp(p.Created), UpdateDate: stamp(p.Updated),
	}
	if whole { // ListPolicies leaves both out
		out.Description = p.Description
		if len(p.Tags) > 0 {
			out.Tags = &list[tag]{p.Tags}
		}
	}
	return out, nil
}

func versionName(number int) string { return "v" + strconv.Itoa(number) }

// ofAWS gives one of AWS's own policies in the form of the account's.
func ofAWS(name string) own {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return own{
		Name: name, Path: "/", ARN: managedPrefix + name, ID: ("ANPAQUARRY" + strings.ToUpper(name) + "XXXXXXXXXXX")[:21], Created: day, Updated: day,
		Versions: []policyVersion{{1, managedText(name), day}}, Default: 1,
	}
}

// managedNames are AWS's own policies that are known here.
var managedNames = []string{
	"AdministratorAccess", "AmazonBedrockFullAccess", "AmazonBedrockReadOnly", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "PowerUserAccess",
}

// findPolicy proves the right to an action on the policy that a call names, and finds it.
func (a *API) findPolicy(c call, action string) (own, error) {
	arn := c.form.Get("PolicyArn")
	if err := a.require(c, action, arn); err != nil {
		return own{}, err
	}
	if name, ok := strings.CutPrefix(arn, managedPrefix); ok && slices.Contains(managedNames, name) {
		return ofAWS(name), nil
	}
	p, err := a.db.policy(arn)
	if errors.Is(err, errNoPolicy) {
		return own{}, noSuchManaged(arn)
	}
	return p, err
}

func (a *API) createPolicy(c call) (any, error) {
	name, path := c.form.Get("PolicyName"), c.form.Get("Path")
	if path == "" {
		path = "/"
	}
	if err := checkName("policyName", name, policyName()); err != nil {
		return nil, err
	}
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkLength("description", c.form.Get("Description"), 0, maxDescription); err != nil {
		return nil, err
	}
	made := own{
		Name: name, Path: path, ARN: "arn:aws:iam::" + a.account + ":policy" + path + name, ID: newID("ANPA"), Description: c.form.Get("Description"),
		Created: c.now, Updated: c.now, Versions: []policyVersion{{1, c.form.Get("PolicyDocument"), c.now}}, Default: 1, Next: 2,
	}
	if err := a.require(c, "iam:CreatePolicy", made.ARN); err != nil {
		return nil, err
	}
	if err := checkManaged(made.Versions[0].Document); err != nil {
		return nil, err
	}
	var err error
	if made.Tags, err = mergeTags(nil, formTags(c.form)); err != nil {
		return nil, err
	}
	if err := a.db.changePolicy(made.ARN, true, func(p *own) (bool, error) { *p = made; return false, nil }); err != nil {
		return nil, err
	}
	out, err := a.policyXML(made, true)
	return struct{ Policy policyXML }{out}, err
}

func checkManaged(text string) error {
	if err := checkIdentity("policyDocument", text); err != nil {
		return err
	}
	if solid(text) > maxPolicyBytes {
		return refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PolicySize: %d", maxPolicyBytes)
	}
	return nil
}

func (a *API) getPolicy(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:GetPolicy")
	if err != nil {
		return nil, err
	}
	out, err := a.policyXML(p, true)
	return struct{ Policy policyXML }{out}, err
}

func (a *API) deletePolicy(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:DeletePolicy")
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(p.ARN, managedPrefix) {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Policy %s is one of AWS's own and cannot be deleted.", p.ARN)
	}
	roles, users, err := a.holders(p.ARN)
	if err != nil {
		return nil, err
	}
	if len(roles)+len(users) > 0 {
		return nil, refuse(http.StatusConflict, "DeleteConflict", "Cannot delete a policy attached to entities.")
	}
	if len(p.Versions) > 1 {
		return nil, refuse(http.StatusConflict, "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	}
	err = a.db.changePolicy(p.ARN, false, func(*own) (bool, error) { return true, nil })
	if errors.Is(err, errNoPolicy) {
		return nil, noSuchManaged(p.ARN)
	}
	return nil, err
}

func (a *API) listPolicies(c call) (any, error) {
	scope, prefix := c.form.Get("Scope"), c.form.Get("PathPrefix")
	if err := a.require(c, "iam:ListPolicies", "*"); err != nil {
		return nil, err
	}
	if scope != "" && scope != "All" && scope != "AWS" && scope != "Local" {
		return nil, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value '%s' at 'scope' failed to satisfy constraint: Member must satisfy enum value set: [All, AWS, Local]", scope)
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	var all []own
	if scope != "AWS" {
		if all, err = a.db.allPolicies(); err != nil {
			return nil, err
		}
	}
	if scope != "Local" {
		for _, name := range managedNames {
			all = append(all, ofAWS(name))
		}
	}
	slices.SortFunc(all, func(x, y own) int { return strings.Compare(x.ARN, y.ARN) })
	kept := all[:0]
	for _, one := range all {
		attached := true
		if c.form.Get("OnlyAttached") == "true" {
			roles, users, err := a.holders(one.ARN)
			if err != nil {
				return nil, err
			}
			attached = len(roles)+len(users) > 0
		}
		if attached && strings.HasPrefix(one.Path, prefix) {
			kept = append(kept, one)
		}
	}
	out := struct {
		Policies    list[policyXML]
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{}
	part, next := cut(kept, func(p own) string { return p.ARN }, p)
	for _, one := range part {
		shown, err := a.policyXML(one, false)
		if err != nil {
			return nil, err
		}
		out.Policies.Member = append(out.Policies.Member, shown)
	}
	out.IsTruncated, out.Marker = next != "", next
	return out, nil
}

type versionXML struct {
	VersionID        string `xml:"VersionId"`
	IsDefaultVersion bool
	CreateDate       string
	Document         string `xml:",omitempty"`
}

func (a *API) tagPolicy(c call) (any, error) {
	return nil, a.editPolicy(c, "iam:TagPolicy", func(p *own) (err error) {
		p.Tags, err = mergeTags(p.Tags, formTags(c.form))
		return err
	})
}

func (a *API) untagPolicy(c call) (any, error) {
	keys := members(c.form, "TagKeys")
	return nil, a.editPolicy(c, "iam:UntagPolicy", func(p *own) error {
		p.Tags = slices.DeleteFunc(p.Tags, func(t tag) bool { return slices.Contains(keys, t.Key) })
		return nil
	})
}

func (a *API) listPolicyTags(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:ListPolicyTags")
	return struct {
		Tags        list[tag]
		IsTruncated bool
	}{Tags: list[tag]{p.Tags}}, err
}

// listEntitiesForPolicy: Terraform calls it before it deletes a policy that it may force off its roles.
func (a *API) listEntitiesForPolicy(c call) (any, error) {
	p, err := a.findPolicy(c, "iam:ListEntitiesForPolicy")
	if err != nil {
		return nil, err
	}
	roles, users, err := a.holders(p.ARN)
	type roleXML struct{ RoleName string }
	type userXML struct{ UserName string }
	out := struct {
		PolicyGroups list[string]
		PolicyUsers  list[userXML]
		PolicyRoles  list[roleXML]
		IsTruncated  bool
	}{}
	for _, name := range roles {
		out.PolicyRoles.Member = append(out.PolicyRoles.Member, roleXML{name})
	}
	for _, name := range users {
		out.PolicyUsers.Member = append(out.PolicyUsers.Member, userXML{name})
	}
	return out, err
}
