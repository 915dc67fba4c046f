package iamapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
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

// checkTag refuses a tag that IAM refuses; field is its place in the request.
func checkTag(field string, t tag) error {
	if err := checkLength(field+".key", t.Key, 1, 128); err != nil {
		return err
	}
	if err := checkLength(field+".value", t.Value, 0, 256); err != nil {
		return err
	}
	for name, text := range map[string]string{"key": t.Key, "value": t.Value} {
		if strings.ContainsFunc(text, notInTag) {
			return unsatisfied(text, field+"."+name, `Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
		}
	}
	if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
		return refuse(http.StatusBadRequest, "InvalidInput", "Tags beginning with the prefix 'aws:' are reserved for AWS use.")
	}
	return nil
}

// notInTag knows the characters that tags have not.
func notInTag(r rune) bool {
	return !unicode.In(r, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", r)
}

// mergeTags lays new tags over old ones, sorted by key; a key counts once whatever its case.
func mergeTags(old, fresh []tag) ([]tag, error) {
	if len(fresh) > maxTags {
		return nil, unsatisfied("", "tags", fmt.Sprintf("Member must have length less than or equal to %d", maxTags))
	}
	out := slices.Clone(old)
	for i, t := range fresh {
		if err := checkTag(fmt.Sprintf("tags.%d.member", i+1), t); err != nil {
			return nil, err
		}
		same := func(other tag) bool { return strings.EqualFold(other.Key, t.Key) }
		if slices.ContainsFunc(fresh[:i], same) {
			return nil, refuse(http.StatusBadRequest, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
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
