package ghost

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/pages"
)

// IsSite reports whether an address is one of Ghost's Admin API.
func IsSite(address string) bool { return strings.Contains(address, "/ghost/api/admin") }

// Collection gives the URL of the posts of a site. A URL that names posts or pages already is kept.
func Collection(site string) (string, error) {
	u, err := url.Parse(site)
	switch {
	case err != nil:
		return "", errors.New("not a URL") // which may hold a login, so it is not repeated
	case (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "", errors.New("not a URL of the form https://HOST")
	case u.User != nil, u.Query().Has("key"):
		return "", fmt.Errorf("URL of %s holds a login, which would appear in logs", u.Host)
	}
	root, kind, _ := strings.Cut(strings.TrimSuffix(u.Path, "/"), "/ghost/api/admin")
	kind = strings.TrimPrefix(kind, "/")
	switch kind {
	case "":
		kind = "posts"
	case "posts", "pages":
	default:
		return "", fmt.Errorf("it names %s; Quarry reads posts and pages", kind)
	}
	u.Path = strings.TrimSuffix(root, "/") + "/ghost/api/admin/" + kind + "/"
	return u.String(), nil
}

// NewSite gives the posts or the pages of a site over its Admin API (https://docs.ghost.org/admin-api/), in the order of their ids. key is
// the Admin API key of a custom integration.
func NewSite(address, key string, client *http.Client, cfg item.Config, index int) (*pages.Source, error) {
	authorize, err := Authorize(key)
	if err != nil {
		return nil, err
	}
	if cfg.LeaveOut == nil {
		cfg.LeaveOut = leaveOut(cfg)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	keys, kind := Keys(), "posts"
	if strings.HasSuffix(u.Path, "/pages/") {
		kind = "pages"
	}
	keys.URL = item.Path{"url"}
	return &pages.Source{URL: address, Client: client, Authorize: authorize, Config: cfg, Index: index, API: &pages.API{
		Keys: keys, Convert: Convert, PerPage: 100, SizeParameter: "limit",
		Parameters: map[string]string{"order": "id asc", "formats": "html,lexical"},
		List:       func(_ http.Header, page int, body []byte) (pages.Page, error) { return list(kind, page, body) },
		Said:       Said, Since: since,
		Collection: "https://HOST/ghost/api/admin/posts/",
		LoginHint:  "put the Admin API key of a custom integration, ID:SECRET, into an environment variable and name that with --source-key-env",
	}}, nil
}

// since adds a condition on the time of the last change, in UTC, to that of the address (https://docs.ghost.org/content-api/filtering).
func since(q url.Values, t time.Time) bool {
	condition := "updated_at:>='" + t.UTC().Format(time.DateTime) + "'"
	if own := q.Get("filter"); own != "" {
		condition = "(" + own + ")+" + condition
	}
	q.Set("filter", condition)
	return true
}

func list(kind string, page int, body []byte) (p pages.Page, err error) {
	items, ok := jsonl.Lookup(body, kind)
	if jsonl.Check(body) != nil || !ok || items[0] != '[' {
		return p, fmt.Errorf("the answer holds no %s", kind)
	}
	var found struct {
		Meta struct{ Pagination struct{ Next, Total *int } }
	}
	if json.Unmarshal(body, &found) != nil {
		return p, errors.New("the answer does not say which page is next")
	}
	p = pages.Page{List: items, Total: pages.Unsaid}
	if next := found.Meta.Pagination.Next; next != nil && *next > page {
		p.Next = *next
	}
	if total := found.Meta.Pagination.Total; total != nil && *total >= 0 {
		p.Total = *total
	}
	return p, nil
}

// Authorize gives the function that signs a request with an Admin API key, ID:SECRET. A token is valid for five minutes
// (https://docs.ghost.org/admin-api/#token-authentication).
func Authorize(key string) (func(*http.Request) error, error) {
	id, hexadecimal, ok := strings.Cut(key, ":")
	secret, err := hex.DecodeString(hexadecimal)
	if !ok || id == "" || err != nil || len(secret) == 0 {
		return nil, errors.New("the key is not of the form ID:SECRET, the secret in hexadecimal")
	}
	return func(r *http.Request) error {
		encode := base64.RawURLEncoding.EncodeToString
		header, err := json.Marshal(map[string]string{"alg": "HS256", "typ": "JWT", "kid": id})
		if err != nil {
			return err
		}
		now := time.Now().Unix()
		token := encode(header) + "." + encode(fmt.Appendf(nil, `{"iat":%d,"exp":%d,"aud":"/admin/"}`, now, now+300))
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(token))
		r.Header.Set("Authorization", "Ghost "+token+"."+encode(mac.Sum(nil)))
		r.Header.Set("Accept-Version", "v5.0")
		return nil
	}, nil
}

// Said finds the words of an error of the Admin API.
func Said(body []byte) string {
	var e struct {
		Errors []struct{ Message, Context, Type string }
	}
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return ""
	}
	said := strings.TrimSpace(e.Errors[0].Message + " " + e.Errors[0].Context)
	return said[:min(len(said), 500)]
}
