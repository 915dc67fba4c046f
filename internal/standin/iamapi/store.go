package iamapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"quarry/internal/standin/boltfile"
)

var (
	rolesBucket    = []byte("roles")    // lower-case name → role: names are unique regardless of case
	sessionsBucket = []byte("sessions") // access key id → session
	secretsBucket  = []byte("secrets")  // access key id → secret of the key that is printed

	errNoRole = errors.New("no such role")
	errHeld   = errors.New("another process holds it")
)

// tag is a label of a role.
type tag struct{ Key, Value string }

// inline is a policy that lives and dies with its role.
type inline struct{ Name, Document string }

// role is what the store keeps of one.
type role struct {
	Name, Path, ARN, ID string
	Description         string
	Created             time.Time
	MaxSessionSeconds   int
	Trust               string
	Boundary            string `json:",omitempty"`
	Tags                []tag
	Inline              []inline // by name
	Attached            []string // ARNs, as attached
}

// session is one set of temporary keys.
type session struct {
	Secret, Token   string
	ARN, UserID     string
	Role            string
	Policy          string `json:",omitempty"`
	Expires         time.Time
	AccessKeyID     string
	RoleSessionName string
}

type store struct{ bolt *bbolt.DB }

func openStore(file string, noSync bool) (*store, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(file), "s3")) // which is made after the first identities
	if err := boltfile.Check(file, err == nil); err != nil {
		return nil, err
	}
	// The wait ends soon: a second stand-in on the same directory is a mistake to tell, not to sit out.
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{Timeout: 250 * time.Millisecond, NoSync: noSync, NoFreelistSync: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, errHeld
	}
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{rolesBucket, sessionsBucket, secretsBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{bolt: db}, nil
}

func (s *store) close() error { return s.bolt.Close() }

// role returns errNoRole for a name that does not exist.
func (s *store) role(name string) (role, error) {
	var out role
	err := s.bolt.View(func(tx *bbolt.Tx) error { return getRole(tx, name, &out) })
	return out, err
}

func getRole(tx *bbolt.Tx, name string, out *role) error {
	text := tx.Bucket(rolesBucket).Get([]byte(strings.ToLower(name)))
	if text == nil {
		return errNoRole
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read role %s: %w", name, err)
	}
	return nil
}

func putRole(tx *bbolt.Tx, r role) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write role %s: %w", r.Name, err)
	}
	return tx.Bucket(rolesBucket).Put([]byte(strings.ToLower(r.Name)), text)
}

// insert stores a new role and reports false where the name is taken.
func (s *store) insert(r role) (fresh bool, err error) {
	err = s.bolt.Update(func(tx *bbolt.Tx) error {
		if fresh = tx.Bucket(rolesBucket).Get([]byte(strings.ToLower(r.Name))) == nil; fresh {
			return putRole(tx, r)
		}
		return nil
	})
	return fresh, err
}

// change lets edit alter a role inside one transaction; an error of edit leaves it as it was.
func (s *store) change(name string, edit func(*role) error) error {
	return s.bolt.Update(func(tx *bbolt.Tx) error {
		var r role
		if err := getRole(tx, name, &r); err != nil {
			return err
		}
		if err := edit(&r); err != nil {
			return err
		}
		return putRole(tx, r)
	})
}

// remove deletes a role once check agrees.
func (s *store) remove(name string, check func(role) error) error {
	return s.bolt.Update(func(tx *bbolt.Tx) error {
		var r role
		if err := getRole(tx, name, &r); err != nil {
			return err
		}
		if err := check(r); err != nil {
			return err
		}
		return tx.Bucket(rolesBucket).Delete([]byte(strings.ToLower(name)))
	})
}

// page returns up to limit roles after a name, under a path, and whether more follow.
func (s *store) page(pathPrefix, after string, limit int) (roles []role, more bool, err error) {
	err = s.bolt.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(rolesBucket).Cursor()
		from := strings.ToLower(after)
		for k, v := c.Seek([]byte(from)); k != nil; k, v = c.Next() {
			if after != "" && string(k) == from {
				continue
			}
			var r role
			if err := json.Unmarshal(v, &r); err != nil {
				return fmt.Errorf("read role %s: %w", k, err)
			}
			if !strings.HasPrefix(r.Path, pathPrefix) {
				continue
			}
			if len(roles) == limit {
				more = true
				return nil
			}
			roles = append(roles, r)
		}
		return nil
	})
	return roles, more, err
}

// addSession stores temporary keys and forgets those that are over.
func (s *store) addSession(fresh session, now time.Time) error {
	text, err := json.Marshal(fresh)
	if err != nil {
		return fmt.Errorf("write session %s: %w", fresh.AccessKeyID, err)
	}
	return s.bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(sessionsBucket)
		var old [][]byte
		err := b.ForEach(func(k, v []byte) error {
			var one session
			// A day's grace keeps "expired" apart from "never known".
			if json.Unmarshal(v, &one) != nil || now.After(one.Expires.Add(24*time.Hour)) {
				old = append(old, append([]byte(nil), k...))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, k := range old {
			if err := b.Delete(k); err != nil {
				return err
			}
		}
		return b.Put([]byte(fresh.AccessKeyID), text)
	})
}

// session returns the temporary keys with this id.
func (s *store) session(id string) (out session, ok bool) {
	err := s.bolt.View(func(tx *bbolt.Tx) error {
		text := tx.Bucket(sessionsBucket).Get([]byte(id))
		if text == nil {
			return nil
		}
		if err := json.Unmarshal(text, &out); err != nil {
			return err
		}
		ok = true
		return nil
	})
	return out, ok && err == nil
}

// secret returns what is kept for an access key id, keeping fresh when there is nothing.
func (s *store) secret(id, fresh string) (secret string, err error) {
	err = s.bolt.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(secretsBucket)
		if have := b.Get([]byte(id)); have != nil {
			secret = string(have)
			return nil
		}
		secret = fresh
		return b.Put([]byte(id), []byte(fresh))
	})
	return secret, err
}
