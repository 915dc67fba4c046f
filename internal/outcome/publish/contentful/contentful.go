// Package contentful publishes into one locale of fields of entries, over Contentful's Content Management API.
//
// It owns the addresses, versions and the publication of entries. What always holds: an entry is written with the version that was read,
// so Contentful refuses a write if someone else changed the entry meanwhile; an entry is published only if it was published and had no
// pending changes, which are not ours to publish
// (https://www.contentful.com/developers/docs/references/content-management-api/#/introduction/updating-and-version-locking).
package contentful

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/rest"
	source "quarry/internal/prepare/source/contentful"
	"quarry/internal/prepare/source/item"
)

// Target is an environment of a space.
type Target struct {
	Label  string // SPACE/ENV, or the address
	URL    string // …/spaces/SPACE/environments/ENV
	Client rest.Client
	Items  item.Config // how the run reads its sources
}

// Environment gives the address of SPACE/ENV. An address of the form https://HOST/spaces/SPACE/environments/ENV is kept: spaces in the
// EU are at api.eu.contentful.com.
func Environment(name string) (string, error) {
	if strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://") {
		u, err := url.Parse(name)
		if err != nil || u.User != nil || u.RawQuery != "" || !strings.Contains(u.Path, "/spaces/") || !strings.Contains(u.Path, "/environments/") {
			return "", errors.New("not an address of the form https://HOST/spaces/SPACE/environments/ENV")
		}
		return strings.TrimSuffix(name, "/"), nil
	}
	space, env, ok := strings.Cut(name, "/")
	if !ok || !isID(space) || !isID(env) {
		return "", errors.New("not of the form SPACE/ENV")
	}
	return "https://api.contentful.com/spaces/" + space + "/environments/" + env, nil
}

// isID follows the rule for ids: 1 to 64 of letters, digits, dots, hyphens and underscores.
func isID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// Said finds the words of an error.
func Said(body []byte) string {
	var e struct {
		Sys     struct{ ID string }
		Message string
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	said := strings.TrimSpace(e.Sys.ID + " " + e.Message)
	return said[:min(len(said), 500)]
}

// Name gives the space and the environment.
func (t *Target) Name() string { return "contentful:" + t.Label }

// Shown gives nothing: the differences say all.
func (t *Target) Shown([]string) []string { return nil }

// AtOnce is the number of entries that one request gets; an answer has at most 7 MB.
func (t *Target) AtOnce() int { return 50 }

// Close frees nothing.
func (t *Target) Close() error { return nil }

// Text gives the text as it is: JSON encodes it.
func (t *Target) Text(field, text string, _ bool) (string, error) {
	name, locale, _ := strings.Cut(field, ".")
	if name == "" || locale == "" {
		return "", publish.NoField(t.Name(), field, "it names no locale", "name FIELD.LOCALE, such as summary.en-US")
	}
	return text, nil
}

// entry is an entry as it was read.
type entry struct {
	json               json.RawMessage
	version, published int64 // published is 0 for an entry that is not published
	ref                publish.Ref
}

// Read reads entries.
func (t *Target) Read(ctx context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	byID := map[quarry.DocumentID]publish.Ref{}
	var ids []string
	for _, ref := range refs {
		if isID(string(ref.ID)) {
			byID[ref.ID], ids = ref, append(ids, string(ref.ID))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	query := url.Values{"sys.id[in]": {strings.Join(ids, ",")}, "limit": {strconv.Itoa(len(ids))}}
	reply, err := t.Client.Get(ctx, t.URL+"/entries?"+query.Encode())
	if err != nil {
		return nil, err
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(reply.Body, &list); err != nil || reply.Status != http.StatusOK {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read", Subject: t.URL, Err: errors.New("the answer holds no entries"), Hint: "check the space and the environment",
		}
	}
	var out []*publish.Article
	for _, body := range list.Items {
		if a := article(body, byID, fields); a != nil {
			out = append(out, a)
		}
	}
	return out, nil
}

func article(body json.RawMessage, refs map[quarry.DocumentID]publish.Ref, fields []string) *publish.Article {
	e := &entry{json: body, version: number(body, "version"), published: number(body, "publishedVersion")}
	id, _ := jsonl.Lookup(body, "sys", "id")
	ref, ok := refs[quarry.DocumentID(strings.Trim(string(id), `"`))]
	if !ok {
		return nil
	}
	e.ref = ref
	a := &publish.Article{
		ID: ref.ID, Place: e.place(), Values: map[string]publish.Value{}, Moved: map[string]bool{}, State: e,
		AsRead: ref.Read("sys", "version").String() == strconv.FormatInt(e.version, 10),
	}
	if number(body, "archivedVersion") > 0 {
		a.Fault = "it is archived"
	}
	for _, field := range fields {
		name, locale, _ := strings.Cut(field, ".")
		v, _ := jsonl.Lookup(body, "fields", name, locale)
		a.Values[field] = publish.Value{JSON: bytes.Clone(v)}
		_, known := jsonl.Lookup(ref.Document.Fields, "fields")
		a.Moved[field] = known && !ref.Read("fields", name, locale).Same(a.Values[field])
		if len(v) > 0 && v[0] != '"' && v[0] != 'n' {
			a.Fault = "field " + field + " does not hold a text"
		}
	}
	return a
}

func number(body []byte, name string) int64 {
	v, _ := jsonl.Lookup(body, "sys", name)
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// clean reports whether an entry is published and has no pending changes: publishing adds 1 to the version.
func (e *entry) clean() bool { return e.published > 0 && e.version == e.published+1 }

// place notes of which published version an entry without pending changes is.
func (e *entry) place() string {
	if e.clean() {
		return strconv.FormatInt(e.published, 10)
	}
	return ""
}

// Documents gives the entry as an export is read, in each of its locales. Entries that it embeds are not read.
func (t *Target) Documents(_ context.Context, a *publish.Article, values map[string]publish.Value) ([]quarry.Document, error) {
	e, ok := a.State.(*entry)
	if !ok {
		return nil, errors.New("not read")
	}
	fields, members, err := e.with(values)
	if err != nil {
		return nil, err
	}
	if len(values) > 0 {
		members["sys"] = json.RawMessage(fmt.Appendf(nil, `{"id":%q}`, a.ID))
	}
	locales := map[string]bool{}
	for _, field := range fields {
		for locale := range field {
			locales[locale] = true
		}
	}
	var out []quarry.Document
	for _, only := range append([]string{""}, slices.Sorted(maps.Keys(locales))...) {
		d, err := t.document(members, fields, only)
		if errors.Is(err, item.ErrFiltered) {
			return nil, &quarry.ItemError{ID: a.ID, Reason: "it would be left out of its source by a condition"}
		}
		if err == nil {
			out = append(out, d)
		}
	}
	return out, nil
}

// document reads an entry with all its locales, or with one.
func (t *Target) document(members map[string]json.RawMessage, fields map[string]map[string]json.RawMessage, only string) (quarry.Document, error) {
	if only != "" {
		kept := map[string]map[string]json.RawMessage{}
		for name, field := range fields {
			if v, ok := field[only]; ok {
				kept[name] = map[string]json.RawMessage{only: v}
			}
		}
		fields = kept
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return quarry.Document{}, err
	}
	members["fields"] = b
	if b, err = json.Marshal(members); err != nil {
		return quarry.Document{}, err
	}
	b = source.Convert(nil, b)
	return t.Items.NewReader(t.Items.DecideWith(source.Keys([][]byte{b}), [][]byte{b})).Read(b, quarry.Position{File: t.URL})
}

// with gives the fields of an entry with values set, and its other members.
func (e *entry) with(values map[string]publish.Value) (map[string]map[string]json.RawMessage, map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.json, &members); err != nil {
		return nil, nil, err
	}
	fields := map[string]map[string]json.RawMessage{}
	if len(members["fields"]) > 0 {
		if err := json.Unmarshal(members["fields"], &fields); err != nil {
			return nil, nil, err
		}
	}
	for field, v := range values {
		name, locale, _ := strings.Cut(field, ".")
		if v.Absent() {
			if delete(fields[name], locale); len(fields[name]) == 0 {
				delete(fields, name)
			}
			continue
		}
		if fields[name] == nil {
			fields[name] = map[string]json.RawMessage{}
		}
		fields[name][locale] = v.JSON
	}
	return fields, members, nil
}

func (t *Target) address(id quarry.DocumentID) string {
	return t.URL + "/entries/" + url.PathEscape(string(id))
}

func locked(version int64) http.Header {
	return http.Header{
		"X-Contentful-Version": {strconv.FormatInt(version, 10)}, "Content-Type": {"application/vnd.contentful.management.v1+json"},
	}
}

// Write updates the entry, whole, since Contentful drops the fields that an update does not have, and publishes it.
func (t *Target) Write(ctx context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	e, ok := a.State.(*entry)
	if !ok {
		return "", errors.New("not read")
	}
	fields, members, err := e.with(values)
	if err != nil {
		return "", err
	}
	body := map[string]any{"fields": fields}
	if metadata, ok := members["metadata"]; ok {
		body["metadata"] = metadata
	}
	reply, err := t.Client.Send(ctx, http.MethodPut, t.address(a.ID), locked(e.version), body)
	if err != nil {
		return "", err
	}
	if !e.clean() {
		return "it is left as a draft: it was not published, or had changes that were not published", nil
	}
	return t.publish(ctx, a.ID, number(reply.Body, "version"))
}

// publish publishes an entry that was written. If that fails the value is written all the same: a person publishes it.
func (t *Target) publish(ctx context.Context, id quarry.DocumentID, version int64) (string, error) {
	_, err := t.Client.Send(ctx, http.MethodPut, t.address(id)+"/published", locked(version), nil)
	var refused *publish.Refused
	switch {
	case errors.Is(err, publish.ErrChanged):
		return "it is written and left as a draft: someone else changed it before it was published", nil
	case errors.As(err, &refused):
		return "it is written and left as a draft: " + refused.Reason, nil
	}
	return "", err
}

// Finish publishes an entry whose update was made by a write that did not come to its end. place is that of the entry before.
func (t *Target) Finish(ctx context.Context, a *publish.Article, place string) (string, error) {
	e, ok := a.State.(*entry)
	if !ok || place == "" || strconv.FormatInt(e.published, 10) != place || e.version != e.published+2 {
		return "", nil
	}
	return t.publish(ctx, a.ID, e.version)
}
