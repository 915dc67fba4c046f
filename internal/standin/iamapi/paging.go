package iamapi

import (
	"encoding/base64"
	"net/http"
)

// page is where a list begins and how much of it is wanted.
type page struct {
	after string
	limit int
}

func readPage(c call) (page, error) {
	limit, err := number(c, "MaxItems", 100, 1, 1000)
	if err != nil {
		return page{}, err
	}
	after, err := base64.RawURLEncoding.DecodeString(c.form.Get("Marker"))
	if err != nil {
		return page{}, refuse(http.StatusBadRequest, "ValidationError", "Invalid Marker: %s", c.form.Get("Marker"))
	}
	return page{string(after), limit}, nil
}

// marker says where the next page begins, in a form that clients do not take for a name.
func marker(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

// cut gives the part of a list, sorted by key, that belongs to a page.
func cut[T any](all []T, key func(T) string, p page) (part []T, next string) {
	for _, item := range all {
		if p.after != "" && key(item) <= p.after {
			continue
		}
		if len(part) == p.limit {
			return part, marker(key(part[len(part)-1]))
		}
		part = append(part, item)
	}
	return part, ""
}
