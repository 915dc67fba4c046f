// Package seed reads the file of --seed-state: buckets with their objects, policies, roles, jobs and models that a stand-in has when
// it starts.
//
// It owns the file's grammar. It changes no server: package standin adds what is read. What always holds: a field that is not known, a
// value that cannot be used and a file that is not there are refused before anything is added, with file, line and field.
package seed

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"quarry"
)

// Position is where in a file something was read.
type Position struct {
	File  string
	Line  int
	Field string
}

// Refuse gives an error that says where its cause is.
func (p Position) Refuse(err error) error {
	if p.Field == "" {
		return fmt.Errorf("%s:%d: %w", p.File, p.Line, err)
	}
	return fmt.Errorf("%s:%d: %s: %w", p.File, p.Line, p.Field, err)
}

// State is all of a file. An empty account is the one of the server's first key.
type State struct {
	Path     string
	Buckets  []Bucket
	Policies []Policy
	Roles    []Role
	Jobs     []Job
	Models   []Model
}

// Bucket is a bucket and what is in it.
type Bucket struct {
	Position
	Name, Account, Region, Versioning string
	Tags                              map[string]string
	Objects                           []Object
}

// Object is an object whose bytes are those of a file, or Text if File is empty.
type Object struct {
	Position
	Key, File, Text string
}

// Policy is a policy of a role, or of an account.
type Policy struct {
	Position
	Name, Account, Document string
}

// Role is a role and what it may do. An empty Trust lets Bedrock's jobs of the account assume it.
type Role struct {
	Position
	Name, Account, Description, Trust string
	Inline                            []Policy
	Attached                          []string // ARNs of policies, or names of the account's own
	Tags                              map[string]string
}

// Job is a job in any status.
type Job struct {
	Position
	ID, Account, Region            string // ID: 12 of [a-z0-9]
	Name, Model, Role              string
	Input, Output, Status, Message string
	Submitted, Ended               time.Time // zero: the time of the start
	Total, Success, Error          int64     // records
	TimeoutHours                   int64
	Tags                           map[string]string
}

// Model is a model that the catalogue does not list, or other dates of one that it lists. A nil Batch leaves it as it is listed.
type Model struct {
	Position
	ID, Name    string
	Batch       *bool
	Legacy, EOL string // dates
}

const defaultRegion = "us-west-2"

func (r reader) bucket(n *yaml.Node, field string) (b Bucket, err error) {
	b = Bucket{Position: r.at(n, field), Region: defaultRegion}
	var groups [][]Object
	err = r.fields(n, field, map[string]use{
		"name": text(&b.Name), "account": account(&b.Account), "region": text(&b.Region), "tags": tags(&b.Tags),
		"versioning": oneOf(&b.Versioning, "Enabled", "Suspended"), "objects": list(&groups, r.objects),
	}, "name")
	for _, group := range groups {
		b.Objects = append(b.Objects, group...)
	}
	return b, err
}

// objects reads one object, or all files of a folder.
func (r reader) objects(n *yaml.Node, field string) ([]Object, error) {
	o := Object{Position: r.at(n, field)}
	var folder, prefix string
	hasText := false
	content := func(r reader, n *yaml.Node, field string) error { hasText = true; return text(&o.Text)(r, n, field) }
	err := r.fields(n, field, map[string]use{
		"key": text(&o.Key), "file": file(&o.File), "text": content, "folder": file(&folder), "prefix": text(&prefix),
	})
	switch {
	case err != nil:
		return nil, err
	case folder != "" && (o.Key != "" || o.File != "" || hasText), folder == "" && prefix != "":
		return nil, r.refuse(n, field, "want folder and prefix, or key with file or text")
	case folder != "":
		return r.folder(n, field, folder, prefix)
	case o.Key == "":
		return nil, r.refuse(n, field, "key is missing")
	case (o.File == "") == !hasText:
		return nil, r.refuse(n, field, "want one of file and text")
	}
	return []Object{o}, nil
}

func (r reader) folder(n *yaml.Node, field, folder, prefix string) (all []Object, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		all = append(all, Object{Position: r.at(n, field), Key: prefix + filepath.ToSlash(name), File: path})
		return err
	})
	if err != nil {
		return nil, r.at(n, field).Refuse(err)
	}
	return all, nil
}

func (r reader) policy(n *yaml.Node, field string) (p Policy, err error) {
	p.Position = r.at(n, field)
	return p, r.fields(n, field, map[string]use{
		"name": text(&p.Name), "account": account(&p.Account), "document": document(&p.Document),
	}, "name", "document")
}

func (r reader) inline(n *yaml.Node, field string) (p Policy, err error) {
	p.Position = r.at(n, field)
	return p, r.fields(n, field, map[string]use{"name": text(&p.Name), "document": document(&p.Document)}, "name", "document")
}

func (r reader) role(n *yaml.Node, field string) (o Role, err error) {
	o.Position = r.at(n, field)
	return o, r.fields(n, field, map[string]use{
		"name": text(&o.Name), "account": account(&o.Account), "description": text(&o.Description), "trust": document(&o.Trust),
		"tags":     tags(&o.Tags),
		"policies": list(&o.Inline, r.inline),
		"attached": list(&o.Attached, func(n *yaml.Node, field string) (string, error) { return texts(n, field, r) }),
	}, "name")
}

var statuses = []string{
	string(quarry.JobSubmitted), string(quarry.JobValidating), string(quarry.JobScheduled), string(quarry.JobInProgress),
	string(quarry.JobStopping), string(quarry.JobCompleted), string(quarry.JobPartiallyCompleted), string(quarry.JobFailed),
	string(quarry.JobStopped), string(quarry.JobExpired),
}

func (r reader) job(n *yaml.Node, field string) (j Job, err error) {
	j = Job{Position: r.at(n, field), Region: defaultRegion, Status: string(quarry.JobSubmitted)}
	records := func(r reader, n *yaml.Node, field string) error {
		return r.fields(n, field, map[string]use{"total": number(&j.Total), "success": number(&j.Success), "error": number(&j.Error)}, "total")
	}
	err = r.fields(n, field, map[string]use{
		"id": checked(&j.ID, func(s string) error {
			if len(s) != idLength || strings.Trim(s, idLetters) != "" {
				return fmt.Errorf("%q: want %d small letters and digits", s, idLength)
			}
			return nil
		}),
		"account": account(&j.Account), "region": text(&j.Region), "name": text(&j.Name), "model": text(&j.Model), "role": text(&j.Role),
		"input": text(&j.Input), "output": text(&j.Output), "status": oneOf(&j.Status, statuses...), "message": text(&j.Message),
		"submitted": moment(&j.Submitted), "ended": moment(&j.Ended), "records": records,
		"timeoutHours": number(&j.TimeoutHours), "tags": tags(&j.Tags),
	}, "name", "model", "role", "input", "output")
	switch terminal := quarry.JobStatus(j.Status).Terminal(); {
	case err != nil:
	case !terminal && (j.Total > 0 || !j.Ended.IsZero() || j.Message != ""):
		err = r.refuse(n, field, "records, ended and message are those of a job that has ended; its status is %s", j.Status)
	case j.Success+j.Error > j.Total:
		err = r.refuse(n, field, "records: success and error are more than total")
	case !j.Ended.IsZero() && j.Ended.Before(j.Submitted):
		err = r.refuse(n, field, "it ended before it was submitted")
	}
	return j, err
}

const (
	idLength  = 12
	idLetters = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// JobID gives the id of a job that has none in the file: the same one at each start.
func JobID(account, region, name string) string {
	sum := sha256.Sum256([]byte(account + "\x00" + region + "\x00" + name))
	id := make([]byte, idLength)
	for i := range id {
		id[i] = idLetters[int(sum[i])%len(idLetters)]
	}
	return string(id)
}

func (r reader) model(n *yaml.Node, field string) (m Model, err error) {
	m.Position = r.at(n, field)
	batch := func(r reader, n *yaml.Node, field string) error {
		m.Batch = new(bool)
		return truth(m.Batch)(r, n, field)
	}
	return m, r.fields(n, field, map[string]use{
		"id": text(&m.ID), "name": text(&m.Name), "batch": batch, "legacy": day(&m.Legacy), "eol": day(&m.EOL),
	}, "id")
}
