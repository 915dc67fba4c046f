// Package ghost publishes into the posts and pages of a Ghost site over its Admin API.
//
// It owns the addresses, the token and the fields. What always holds: a post is written with the updated_at that was read, so Ghost
// refuses a write if someone else changed the post meanwhile (https://docs.ghost.org/admin-api/posts/updating-a-post).
package ghost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/publish"
	"quarry/internal/outcome/publish/rest"
	source "quarry/internal/prepare/source/ghost"
	"quarry/internal/prepare/source/item"
)

// Target is a site.
type Target struct {
	URL    string // of the site, without a slash at its end
	Client rest.Client
	Items  item.Config // how the run reads its sources
}

// Site reads the address of a site.
func Site(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", errors.New("not an address of the form https://HOST")
	}
	path := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/ghost/api/admin"), "/ghost")
	return u.Scheme + "://" + u.Host + path, nil
}

// Name gives the address of the site.
func (t *Target) Name() string { return "ghost:" + t.URL }

// Shown gives nothing: the differences say all.
func (t *Target) Shown([]string) []string { return nil }

// AtOnce is the number of posts that one request gets: their ids have to fit into an address.
func (t *Target) AtOnce() int { return 50 }

// Close frees nothing.
func (t *Target) Close() error { return nil }

var fields = []string{
	"custom_excerpt", "meta_title", "meta_description", "og_title", "og_description", "twitter_title", "twitter_description",
}

// Text gives a text as the field stores it. Themes print custom_excerpt without escaping it, so < and > become references there, and an
// ampersand that would begin one; Ghost escapes the other fields itself.
func (t *Target) Text(field, text string, html bool) (string, error) {
	switch {
	case !slices.Contains(fields, field):
		return "", publish.NoField(t.Name(), field, "it is not a field that a text can be written to", "name one of "+strings.Join(fields, ", "))
	case html:
		return "", publish.NoField(t.Name(), field, "it holds no HTML", "omit html:")
	case field == "custom_excerpt":
		text = reference.ReplaceAllString(text, "&amp;$1")
		return strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(text), nil
	}
	return text, nil
}

var reference = regexp.MustCompile(`&(#?[0-9A-Za-z]+;)`)

// post is a post as it was read.
type post struct {
	json json.RawMessage
	ref  publish.Ref
}

// kindOf tells posts from pages, which have addresses of their own.
func kindOf(ref *publish.Ref) string {
	if ref.Place == "pages" || ref.Read("type").String() == "page" || ref.Read("page").String() == "true" {
		return "pages"
	}
	return "posts"
}

// Read reads posts and pages.
func (t *Target) Read(ctx context.Context, refs []publish.Ref, fields []string) ([]*publish.Article, error) {
	var out []*publish.Article
	for _, kind := range []string{"posts", "pages"} {
		byID := map[quarry.DocumentID]publish.Ref{}
		var ids []string
		for _, ref := range refs {
			if kindOf(&ref) == kind && isID(ref.ID) {
				byID[ref.ID], ids = ref, append(ids, string(ref.ID))
			}
		}
		if len(ids) == 0 {
			continue
		}
		reply, err := t.Client.Get(ctx, t.URL+"/ghost/api/admin/"+kind+"/?"+url.Values{
			"filter": {"id:[" + strings.Join(ids, ",") + "]"}, "limit": {strconv.Itoa(len(ids))}, "formats": {"html,lexical"},
		}.Encode())
		if err != nil {
			return nil, err
		}
		var list map[string]json.RawMessage
		var posts []json.RawMessage
		if json.Unmarshal(reply.Body, &list) != nil || json.Unmarshal(list[kind], &posts) != nil || reply.Status != http.StatusOK {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read", Subject: t.URL, Err: errors.New("the answer holds no posts"),
				Hint: "name the site as it is in the settings of the integration: ghost:https://HOST",
			}
		}
		for _, p := range posts {
			if a := article(p, kind, byID, fields); a != nil {
				out = append(out, a)
			}
		}
	}
	return out, nil
}

func isID(id quarry.DocumentID) bool {
	return id != "" && len(id) <= 40 && strings.Trim(string(id), "0123456789abcdefABCDEF") == ""
}

func article(body json.RawMessage, kind string, refs map[quarry.DocumentID]publish.Ref, fields []string) *publish.Article {
	id, _ := jsonl.Lookup(body, "id")
	ref, ok := refs[quarry.DocumentID(strings.Trim(string(id), `"`))]
	if !ok {
		return nil
	}
	a := &publish.Article{
		ID: ref.ID, Place: kind, Values: map[string]publish.Value{}, Moved: map[string]bool{}, State: &post{body, ref},
	}
	for _, field := range fields {
		v, _ := jsonl.Lookup(body, field)
		a.Values[field] = publish.Value{JSON: bytes.Clone(v)}
		a.Moved[field] = len(ref.Document.Fields) > 0 && !ref.Read(field).Same(a.Values[field])
	}
	updated, _ := jsonl.Lookup(body, "updated_at")
	now, err := time.Parse(time.RFC3339Nano, publish.Value{JSON: updated}.String())
	read, errRead := time.Parse(time.RFC3339Nano, ref.Read("updated_at").String())
	a.AsRead = err == nil && errRead == nil && now.Equal(read)
	return a
}

// Documents gives the post as an export is read: by its HTML, and by the text of the editor.
func (t *Target) Documents(_ context.Context, a *publish.Article, values map[string]publish.Value) ([]quarry.Document, error) {
	p, ok := a.State.(*post)
	if !ok {
		return nil, errors.New("not read")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(p.json, &members); err != nil {
		return nil, err
	}
	delete(members, "url") // an export has none
	for field, v := range values {
		if members[field] = v.JSON; v.Absent() {
			members[field] = json.RawMessage("null")
		}
		members["updated_at"] = json.RawMessage(`""`)
	}
	var out []quarry.Document
	for range 2 {
		b, err := json.Marshal(members)
		if err != nil {
			return nil, err
		}
		reader := t.Items.NewReader(t.Items.DecideWith(source.Keys(), nil))
		d, err := reader.Read(source.Convert(nil, b), quarry.Position{File: t.URL})
		if errors.Is(err, item.ErrFiltered) {
			return nil, &quarry.ItemError{ID: a.ID, Reason: "it would be left out of its source by a condition"}
		}
		if err == nil {
			d.URL = p.ref.Document.URL
			out = append(out, d)
		}
		delete(members, "html")
	}
	return out, nil
}

// Write updates the post.
func (t *Target) Write(ctx context.Context, a *publish.Article, values map[string]publish.Value) (string, error) {
	p, ok := a.State.(*post)
	if !ok {
		return "", errors.New("not read")
	}
	updated, _ := jsonl.Lookup(p.json, "updated_at")
	body := map[string]any{"updated_at": json.RawMessage(updated)}
	for field, v := range values {
		if body[field] = v.JSON; v.Absent() {
			body[field] = nil
		}
	}
	_, err := t.Client.Send(ctx, http.MethodPut, t.URL+"/ghost/api/admin/"+a.Place+"/"+url.PathEscape(string(a.ID))+"/", nil,
		map[string]any{a.Place: []any{body}})
	return "", err
}
