package iamapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxTags is IAM's limit per role: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxTags = 50

func formTags(form url.Values) []tag {
	var out []tag
	for i := 1; ; i++ {
		prefix := "Tags.member." + strconv.Itoa(i) + "."
		if !form.Has(prefix + "Key") {
			return out
		}
		out = append(out, tag{form.Get(prefix + "Key"), form.Get(prefix + "Value")})
	}
}

// mergeTags lays new tags over old ones, sorted by key; a key counts once whatever its case.
func mergeTags(old, fresh []tag) ([]tag, error) {
	out := slices.Clone(old)
	for i, t := range fresh {
		if t.Key == "" || len([]rune(t.Key)) > 128 || len([]rune(t.Value)) > 256 {
			return nil, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'tags.%d.member' failed to satisfy constraint: a key has 1 to 128 characters, a value up to 256", i+1)
		}
		out = slices.DeleteFunc(out, func(have tag) bool { return strings.EqualFold(have.Key, t.Key) })
		out = append(out, t)
	}
	if len(out) > maxTags {
		return nil, refuse(http.StatusConflict, "LimitExceeded", "The number of tags has reached the maximum limit.")
	}
	slices.SortFunc(out, func(x, y tag) int { return strings.Compare(x.Key, y.Key) })
	return out, nil
}

func (a *API) tagRole(c call) (any, error) {
	return nil, a.edit(c, "iam:TagRole", func(r *role) (err error) {
		r.Tags, err = mergeTags(r.Tags, formTags(c.form))
		return err
	})
}

func (a *API) untagRole(c call) (any, error) {
	keys := members(c.form, "TagKeys")
	return nil, a.edit(c, "iam:UntagRole", func(r *role) error {
		r.Tags = slices.DeleteFunc(r.Tags, func(t tag) bool { return slices.Contains(keys, t.Key) })
		return nil
	})
}

func (a *API) listRoleTags(c call) (any, error) {
	r, err := a.role(c, "iam:ListRoleTags")
	if err != nil {
		return nil, err
	}
	p, err := readPage(c)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags        list[tag]
		IsTruncated bool
		Marker      string `xml:",omitempty"`
	}{}
	out.Tags.Member, out.Marker = cut(r.Tags, func(t tag) string { return t.Key }, p)
	out.IsTruncated = out.Marker != ""
	return out, nil
}

// members reads a list parameter of the query protocol.
func members(form url.Values, name string) []string {
	var out []string
	for i := 1; ; i++ {
		key := name + ".member." + strconv.Itoa(i)
		if !form.Has(key) {
			return out
		}
		out = append(out, form.Get(key))
	}
}
