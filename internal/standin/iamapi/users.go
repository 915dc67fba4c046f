package iamapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// userPolicies are the ARNs attached to a user, sorted.
func (s *store) userPolicies(name string) (arns []string, err error) {
	err = s.bolt.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(usersBucket)
		if b == nil {
			return nil
		}
		if text := b.Get([]byte(name)); text != nil {
			if err := json.Unmarshal(text, &arns); err != nil {
				return fmt.Errorf("read user %s: %w", name, err)
			}
		}
		return nil
	})
	return arns, err
}

func (s *store) changeUser(name string, edit func(arns []string) ([]string, error)) error {
	arns, err := s.userPolicies(name)
	if err != nil {
		return err
	}
	if arns, err = edit(arns); err != nil {
		return err
	}
	text, err := json.Marshal(arns)
	if err != nil {
		return err
	}
	return s.bolt.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(usersBucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(name), text)
	})
}

// user proves the right to an action on the user that a call names: the administrator, who is the only one.
func (a *API) user(c call, action string) error {
	name := c.form.Get("UserName")
	if err := a.require(c, action, "arn:aws:iam::"+a.account+":user/"+name); err != nil {
		return err
	}
	if name != adminName {
		return refuse(http.StatusNotFound, "NoSuchEntity", "The user with name %s cannot be found.", name)
	}
	return nil
}

// attachUserPolicy keeps the attachment. It takes nothing from the administrator, who may do everything.
func (a *API) attachUserPolicy(c call) (any, error) {
	if err := a.user(c, "iam:AttachUserPolicy"); err != nil {
		return nil, err
	}
	arn := c.form.Get("PolicyArn")
	if _, err := a.managed(arn); err != nil {
		return nil, err
	}
	return nil, a.db.changeUser(adminName, func(arns []string) ([]string, error) {
		switch {
		case slices.Contains(arns, arn):
			return arns, nil
		case len(arns) == maxAttached:
			return nil, refuse(http.StatusConflict, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: %d", maxAttached)
		}
		arns = append(arns, arn)
		slices.Sort(arns)
		return arns, nil
	})
}

func (a *API) detachUserPolicy(c call) (any, error) {
	if err := a.user(c, "iam:DetachUserPolicy"); err != nil {
		return nil, err
	}
	arn := c.form.Get("PolicyArn")
	return nil, a.db.changeUser(adminName, func(arns []string) ([]string, error) {
		if !slices.Contains(arns, arn) {
			return nil, noSuchManaged(arn)
		}
		return slices.DeleteFunc(arns, func(one string) bool { return one == arn }), nil
	})
}

func (a *API) listAttachedUserPolicies(c call) (any, error) {
	if err := a.user(c, "iam:ListAttachedUserPolicies"); err != nil {
		return nil, err
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	arns, err := a.db.userPolicies(adminName)
	if err != nil {
		return nil, err
	}
	type attached struct{ PolicyName, PolicyArn string }
	out := struct {
		AttachedPolicies list[attached]
		IsTruncated      bool
		Marker           string `xml:",omitempty"`
	}{}
	part, next := cut(arns, func(arn string) string { return arn }, p)
	for _, arn := range part {
		out.AttachedPolicies.Member = append(out.AttachedPolicies.Member, attached{nameOf(arn), arn})
	}
	out.IsTruncated, out.Marker = next != "", next
	return out, nil
}

// getSessionToken makes temporary keys of the administrator, with whose rights they work:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html. MFA is not required.
func (a *API) getSessionToken(c call) (any, error) {
	if c.caller.ARN != a.admin || c.caller.temporary {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	seconds, err := number(c, "DurationSeconds", 43200, 900, 129600)
	if err != nil {
		return nil, err
	}
	s := session{
		AccessKeyID: newID("ASIA")[:20], Secret: chance(30), Token: chance(96), ARN: a.admin, UserID: adminID,
		Expires: c.now.Add(time.Duration(seconds) * time.Second),
	}
	if err := a.db.addSession(s, c.now); err != nil {
		return nil, err
	}
	type credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	return struct{ Credentials credentials }{credentials{s.AccessKeyID, s.Secret, s.Token, stamp(s.Expires)}}, nil
}

// nameOf is the last part of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
