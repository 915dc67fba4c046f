// Package wordpress publishes into the posts of a WordPress site over its REST API.
//
// It owns the addresses of posts, which member of a post is a field, and how a text is written as HTML. What always holds: posts are
// read with context=edit, so a value is the one that is stored and not the rendered one. The REST API has no condition for a write:
// a post is read immediately before it is written, and a change in between is lost
// (https://developer.wordpress.org/rest-api/reference/posts/#update-a-post).
package wordpress

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
	"quarry/internal/prepare/source/item"
	source "quarry/internal/prepare/source/wordpress"
)

// Target is one collection of posts.
type Target struct {
	URL    string // of the collection, as source/wordpress.Posts gives it
	Client rest.Client
	Items  item.Config // how the run reads its sources
}

// Said finds the words of an error of the REST API.
func Said(body []byte) string {
	var e struct{ Code, Message string }
	if json.Unmarshal(body, &e) != nil || len(e.Code)+len(e.Message) > 500 {
		return ""
	}
	return strings.TrimSpace(e.Code + " " + e.Message)
}

// Name gives the address of the collection.
func (t *Target) Name() string { return "wordpress:" + t.URL }

// Shown gives nothing: the differences say all.
func (t *Target) Shown([]string) []string { return nil }

// AtOnce is the most posts that WordPress gives at once (https://developer.wordpress.org/rest-api/using-the-rest-api/pagination/).
func (t *Target) AtOnce() int { return 100 }

// Close frees nothing.
func (t *Target) Close() error { return nil }

// closed are the members that are not fields of a text: they say what a post is, where it is, and who may see it.
var closed = []string{
	"id", "date", "date_gmt", "guid", "link", "modified", "modified_gmt", "slug", "status", "type", "password", "permalink_template",
	"generated_slug", "author", "featured_media", "comment_status", "ping_status", "format", "sticky", "template", "categories", "tags",
	"meta", "class_list", "parent", "menu_order", "_links", "_embedded",
}

// Text escapes a text for HTML: WordPress stores HTML in all of these fields, and its esc_html and esc_attr do not escape twice.
func (t *Target) Text(field, text string, html bool) (string, error) {
	name, key, nested := strings.Cut(field, ".")
	if slices.Contains(closed, name) && (name != "meta" || key == "") || nested && name != "meta" {
		return "", publish.NoField(t.Name(), field, "it is not a field of a post that a text can be written to",
			"name excerpt, meta.KEY of a registered key, or another member of the REST API that is a text")
	}
	if html {
		return text, nil
	}
	return escaper.Replace(text), nil
}

// escaper writes references as wp_kses normalizes them: what is stored is then what was sent.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;")

// post is a post as it was read, and its reference.
type post struct {
	json json.RawMessage
	ref  publish.Ref
}

// Read reads the posts, in any state that the login may edit.
func (t *Target) Read(ctx context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	if len(refs) == 1 {
		return t.readOne(ctx, refs[0], fields)
	}
	byID := map[quarry.DocumentID]publish.Ref{}
	var ids []string
	for _, ref := range refs {
		if isID(ref.ID) {
			byID[ref.ID] = ref
			ids = append(ids, string(ref.ID))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	reply, err := t.Client.Get(ctx, t.address("", url.Values{
		"include": {strings.Join(ids, ",")}, "per_page": {strconv.Itoa(len(ids))}, "context": {"edit"}, "orderby": {"include"},
	}))
	if err != nil {
		return nil, err
	}
	var posts []json.RawMessage
	if err := json.Unmarshal(trimmed(reply.Body), &posts); err != nil || reply.Status != http.StatusOK {
		return nil, t.notPosts(err)
	}
	var out []*publish.Article
	for _, p := range posts {
		if a := article(p, byID, fields); a != nil {
			out = append(out, a)
			delete(byID, a.ID)
		}
	}
	for _, id := range ids { // a list has only what is published
		if ref, missing := byID[quarry.DocumentID(id)]; missing {
			some, err := t.readOne(ctx, ref, fields)
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
	}
	return out, nil
}

func (t *Target) readOne(ctx context.Context, ref publish.Ref, fields []string) ([]*publish.Article, error) {
	if !isID(ref.ID) {
		return nil, nil
	}
	reply, err := t.Client.Get(ctx, t.address(string(ref.ID), url.Values{"context": {"edit"}}))
	if err != nil || reply.Status == http.StatusNotFound {
		return nil, err
	}
	body := trimmed(reply.Body)
	a := (*publish.Article)(nil)
	if json.Valid(body) && body[0] == '{' {
		a = article(body, map[quarry.DocumentID]publish.Ref{ref.ID: ref}, fields)
	}
	if a == nil {
		return nil, t.notPosts(errors.New("it is not the post that was asked for"))
	}
	return []*publish.Article{a}, nil
}

func (t *Target) notPosts(err error) error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: t.URL, Err: errors.Join(errors.New("the answer holds no posts"), err),
		Hint: "name the site, or the collection: wordpress:https://HOST/wp-json/wp/v2/posts",
	}
}

// trimmed takes off what a file of a plugin may put in front.
func trimmed(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
}

func isID(id quarry.DocumentID) bool {
	return id != "" && len(id) < 19 && strings.Trim(string(id), "0123456789") == ""
}

// address is that of the collection, or of one post.
func (t *Target) address(id string, query url.Values) string {
	u, err := url.Parse(t.URL)
	if err != nil { // it was read before
		return t.URL
	}
	q := url.Values{}
	if route := u.Query().Get("rest_route"); route != "" { // a site without readable addresses
		q.Set("rest_route", strings.TrimSuffix(strings.TrimSuffix(route, "/")+"/"+id, "/"))
	} else if id != "" {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + id
	}
	maps.Copy(q, query)
	u.RawQuery = q.Encode()
	return u.String()
}

func article(body json.RawMessage, refs map[quarry.DocumentID]publish.Ref, fields []string) *publish.Article {
	id, _ := jsonl.Lookup(body, "id")
	ref, ok := refs[quarry.DocumentID(id)]
	if !ok {
		return nil
	}
	a := &publish.Article{ID: ref.ID, Values: map[string]publish.Value{}, Moved: map[string]bool{}, State: &post{body, ref}}
	for _, field := range fields {
		path := strings.SplitN(field, ".", 2)
		v, _ := jsonl.Lookup(body, path...)
		read, was := v, ref.Read(path...)
		if raw, ok := jsonl.Lookup(v, "raw"); ok && v[0] == '{' {
			read, _ = jsonl.Lookup(v, "rendered")
			was = ref.Read(field, "rendered")
			v = raw
		}
		a.Values[field] = publish.Value{JSON: bytes.Clone(v)}
		a.Moved[field] = !was.Absent() && !was.Same(publish.Value{JSON: read})
	}
	if status, _ := jsonl.Lookup(body, "status"); string(status) == `"trash"` {
		a.Fault = "it is in the trash"
	}
	return a
}

// Documents gives the post as a site is read, with what is rendered, and as an export is read, with what is stored.
func (t *Target) Documents(_ context.Context, a *publish.Article, values map[string]publish.Value) ([]quarry.Document, error) {
	p, ok := a.State.(*post)
	if !ok {
		return nil, errors.New("not read")
	}
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(p.json))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, err
	}
	stored := quarry.Document{ID: a.ID, Format: quarry.FormatMarked, URL: p.ref.Document.URL, Lang: p.ref.Document.Lang}
	for field, v := range values {
		if err := setMember(members, field, v); err != nil {
			return nil, err
		}
	}
	stored.Title, stored.Body = raw(members["title"]), []byte(raw(members["content"]))
	for _, name := range []string{"title", "content", "excerpt", "guid"} { // a site gives these without a login, so without what is stored
		if m, ok := members[name].(map[string]any); ok {
			delete(m, "raw")
		}
	}
	b, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	rendered, err := t.Items.NewReader(t.Items.DecideWith(source.Keys, nil)).Read(b, quarry.Position{File: t.URL})
	switch {
	case errors.Is(err, item.ErrFiltered):
		return nil, &quarry.ItemError{ID: a.ID, Reason: "it would be left out of its source by a condition"}
	case err != nil:
		return nil, err
	}
	return []quarry.Document{rendered, stored}, nil
}

func raw(member any) string {
	m, _ := member.(map[string]any)
	text, _ := m["raw"].(string)
	return text
}

// setMember puts a value where a post that was written has it, and another date of its last change.
func setMember(members map[string]any, field string, v publish.Value) error {
	var value any
	if !v.Absent() {
		if err := json.Unmarshal(v.JSON, &value); err != nil {
			return err
		}
	}
	members["modified"], members["modified_gmt"] = "0000-00-00T00:00:00", "0000-00-00T00:00:00"
	name, key, nested := strings.Cut(field, ".")
	m, _ := members[name].(map[string]any)
	switch {
	case nested && m == nil: // WordPress has an empty list for no keys
		members[name] = map[string]any{key: value}
	case nested:
		m[key] = value
	case m != nil:
		m["raw"], m["rendered"] = value, fmt.Sprintf("<p>%v</p>\n", value)
	default:
		members[name] = value
	}
	return nil
}

// Write updates the post.
func (t *Target) Write(ctx context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	body := map[string]any{}
	meta := map[string]any{}
	for field, v := range values {
		var value any
		if !v.Absent() {
			value = v.JSON
		}
		if name, key, nested := strings.Cut(field, "."); nested {
			meta[key] = value // null removes a key
			body[name] = meta
		} else {
			body[field] = value
		}
	}
	_, err := t.Client.Send(ctx, http.MethodPost, t.address(string(a.ID), url.Values{"context": {"edit"}}), nil, body)
	return "", err
}
