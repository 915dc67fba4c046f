package s3api

import (
	"net/http"
	"net/url"
)

// unserved reports whether a request asks for what the store cannot do and versitygw would take for a plain PUT: it
// would store an empty object where another was to be renamed, replace one that was to be added to, and keep in plain,
// for everybody, what was to be kept under the client's own key.
func unserved(r *http.Request, query url.Values) bool {
	if query.Has("renameObject") {
		return true
	}
	for _, name := range []string{
		"X-Amz-Write-Offset-Bytes",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm",
		"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm",
	} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}
