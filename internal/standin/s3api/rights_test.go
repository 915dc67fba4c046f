package s3api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/s3api"
	"quarry/internal/standin/store"
)

// TestEachOperationAsksForItsRight sends requests to an API that allows nothing and remembers what it was asked.
func TestEachOperationAsksForItsRight(t *testing.T) {
	t.Parallel()
	st, err := store.Open(store.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked []string
	api, err := s3api.New(s3api.Config{Store: st, Key: keys, Allow: func(_ *http.Request, id, action, resource string) error {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, action+" "+resource)
		if id == accessKey && action == "s3:PutObject" && strings.HasSuffix(resource, "/copy") {
			return nil
		}
		return errors.New("not you")
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer func() {
		server.Close()
		if err := errors.Join(api.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	}()
	w := &world{store: st, url: server.URL, http: server.Client()}
	for _, c := range []struct {
		method, path, copies string
		want                 []string
	}{
		{"GET", "/", "", []string{"s3:ListAllMyBuckets *"}},
		{"PUT", "/b-1", "", []string{"s3:CreateBucket arn:aws:s3:::b-1"}},
		{"GET", "/b-1?list-type=2&prefix=x", "", []string{"s3:ListBucket arn:aws:s3:::b-1"}},
		{"HEAD", "/b-1", "", []string{"s3:ListBucket arn:aws:s3:::b-1"}},
		{"PUT", "/b-1?encryption", "", []string{"s3:PutEncryptionConfiguration arn:aws:s3:::b-1"}},
		{"DELETE", "/b-1?lifecycle", "", []string{"s3:PutLifecycleConfiguration arn:aws:s3:::b-1"}},
		{"DELETE", "/b-1?policy", "", []string{"s3:DeleteBucketPolicy arn:aws:s3:::b-1"}},
		{"DELETE", "/b-1?website", "", []string{"s3:DeleteBucketWebsite arn:aws:s3:::b-1"}},
		{"POST", "/b-1?delete", "", []string{"s3:DeleteObject arn:aws:s3:::b-1/*"}},
		{"GET", "/b-1/a%20b//c", "", []string{"s3:GetObject arn:aws:s3:::b-1/a b//c"}},
		{"PUT", "/b-1/k?partNumber=1&uploadId=x", "", []string{"s3:PutObject arn:aws:s3:::b-1/k"}},
		{"GET", "/b-1/k?uploadId=x", "", []string{"s3:ListMultipartUploadParts arn:aws:s3:::b-1/k"}},
		{"DELETE", "/b-1/k?uploadId=x", "", []string{"s3:AbortMultipartUpload arn:aws:s3:::b-1/k"}},
		{"PUT", "/b-1/copy", "/b-2/other%2Fkey", []string{"s3:PutObject arn:aws:s3:::b-1/copy", "s3:GetObject arn:aws:s3:::b-2/other/key"}},
		{"GET", "/b-1/k?versionId=x&tagging", "", []string{"s3:GetObjectVersionTagging arn:aws:s3:::b-1/k"}},
		{"DELETE", "/b-1/k?versionId=x", "", []string{"s3:DeleteObjectVersion arn:aws:s3:::b-1/k"}},
		{"PUT", "/b-1/copy", "b-2/k?versionId=x", []string{"s3:PutObject arn:aws:s3:::b-1/copy", "s3:GetObjectVersion arn:aws:s3:::b-2/k"}},
		{"GET", "/b-1/k?inventory", "", nil},
	} {
		asked = nil
		header := http.Header{}
		if c.copies != "" {
			header.Set("X-Amz-Copy-Source", c.copies)
		}
		status, answer := w.do(t, w.signed(t, c.method, c.path, unsigned, http.NoBody, header))
		if c.want != nil && (status != 403 || c.method != "HEAD" && !strings.Contains(answer, "not you")) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, answer)
		}
		if diff := cmp.Diff(c.want, asked); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.method, c.path, diff)
		}
		r := w.signed(t, c.method, c.path, unsigned, http.NoBody, header)
		r.Header.Set("Authorization", r.Header.Get("Authorization")+"0")
		asked = nil
		if status, _ := w.do(t, r); status != 403 || len(asked) != 0 {
			t.Errorf("%s %s with another signature: %d, asked %q", c.method, c.path, status, asked)
		}
	}
}
