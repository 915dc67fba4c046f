package iamapi

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"quarry/internal/standin/policy"

	"quarry/internal/standin/sigv4"
)

var sessionName = pattern(`^[\w+=,.@-]{2,64}$`)

// Key returns what is known of a temporary access key and who holds it; ok is false for a key that was never made
// here. A key past its time is still known, so that it can be called expired.
func (a *API) Key(id string) (key sigv4.Key, holder Caller, ok bool) {
	s, ok := a.db.session(id)
	if !ok {
		return sigv4.Key{}, Caller{}, false
	}
	return sigv4.Key{Secret: s.Secret, Token: s.Token, Expires: s.Expires},
		Caller{ARN: s.ARN, Account: a.account, UserID: s.UserID, Role: s.Role, policy: s.Policy, temporary: true}, true
}

// Secret returns the secret of the administrator's key with this id. It stays the same for as long as the store's file exists; a
// store that has none keeps fresh, or a random one if fresh is empty.
func (a *API) Secret(id, fresh string) (string, error) {
	if fresh == "" {
		fresh = chance(30)
	}
	secret, err := a.db.secret(id, fresh)
	if err != nil {
		return "", fmt.Errorf("keep the secret of %s: %w", id, err)
	}
	return secret, nil
}

// getCallerIdentity needs no right: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (a *API) getCallerIdentity(c call) (any, error) {
	return struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}{c.caller.ARN, c.caller.UserID, c.caller.Account}, nil
}

// getUser knows the one user there is.
func (a *API) getUser(c call) (any, error) {
	name := c.form.Get("UserName")
	if name == "" && c.caller.ARN != a.admin {
		return nil, refuse(http.StatusBadRequest, "ValidationError", "Must specify userName when calling with non-User credentials")
	}
	if name == "" {
		name = adminName
	}
	if err := a.require(c, "iam:GetUser", "arn:aws:iam::"+a.account+":user/"+name); err != nil {
		return nil, err
	}
	if name != adminName {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "The user with name %s cannot be found.", name)
	}
	type user struct {
		Path, UserName  string
		UserID          string `xml:"UserId"`
		Arn, CreateDate string
	}
	return struct{ User user }{user{"/", adminName, adminID, a.admin, stamp(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))}}, nil
}

func (a *API) assumeRole(c call) (any, error) {
	arn, name, own := c.form.Get("RoleArn"), c.form.Get("RoleSessionName"), c.form.Get("Policy")
	if !sessionName().MatchString(name) {
		return nil, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]* and have length between 2 and 64", name)
	}
	if own != "" {
		if err := checkIdentity("policy", own); err != nil {
			return nil, err
		}
	}
	// A role that does not exist and one that does not trust the caller look the same, as at AWS.
	denied := refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c.caller.ARN, arn)
	home := a.of(AccountOf(arn)) // the role may be another account's that trusts this one
	if home == nil {
		return nil, denied
	}
	r, err := home.roleByARN(arn)
	if errors.Is(err, ErrNoPrincipal) {
		return nil, denied
	} else if err != nil {
		return nil, err
	}
	conditions := map[string]string{}
	if id := c.form.Get("ExternalId"); id != "" {
		conditions["sts:ExternalId"] = id
	}
	conditions["sts:RoleSessionName"] = name
	trust := decideByPrincipal(document{kind: "Trust Policy", text: r.Trust}, isCaller(c.caller), question{"sts:AssumeRole", "*", a.context(c.caller, conditions)})
	if trust.decision != policy.Allow || a.allow(c.caller, "sts:AssumeRole", arn, conditions) != nil {
		return nil, denied
	}
	seconds, err := number(c, "DurationSeconds", 3600, 900, r.MaxSessionSeconds)
	if err != nil {
		return nil, err
	}
	s := session{
		AccessKeyID: newID("ASIA")[:20], Secret: chance(30), Token: chance(96), RoleSessionName: name,
		ARN: "arn:aws:sts::" + home.account + ":assumed-role/" + r.Name + "/" + name, UserID: r.ID + ":" + name,
		Role: r.ARN, Policy: own, Expires: c.now.Add(time.Duration(seconds) * time.Second),
	}
	if err := home.db.addSession(s, c.now); err != nil {
		return nil, err
	}
	type credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	type assumed struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	return struct {
		Credentials     credentials
		AssumedRoleUser assumed
	}{credentials{s.AccessKeyID, s.Secret, s.Token, stamp(s.Expires)}, assumed{s.UserID, s.ARN}}, nil
}

// chance gives a text made of n random bytes.
func chance(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}
