package s3api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"quarry/internal/standin/s3api"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/store"
)

func TestDozensOfInstancesDoNotKnowEachOther(t *testing.T) {
	t.Parallel()
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const instances = 30
	worlds := make([]*world, instances)
	for i := range worlds {
		worlds[i] = setup(t)
	}
	var group sync.WaitGroup
	for i, w := range worlds {
		group.Go(func() { w.put(t, "k", []byte(fmt.Sprint("instance ", i))) })
	}
	group.Wait()
	for i, w := range worlds {
		if got, err := w.get(t.Context(), "k"); err != nil || string(got) != fmt.Sprint("instance ", i) {
			t.Errorf("instance %d holds %q, %v", i, got, err)
		}
	}
	if after, err := os.Getwd(); err != nil || after != before {
		t.Errorf("the working directory is %s now, was %s (%v)", after, before, err)
	}
}

func TestKeysMayComeAndGo(t *testing.T) {
	t.Parallel()
	st, err := store.Open(store.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // a test's store
	var known sync.Map
	api, err := s3api.New(s3api.Config{
		Store: st,
		Key: func(id string) (sigv4.Key, string, bool) {
			secret, ok := known.Load(id)
			key := sigv4.Key{}
			key.Secret, _ = secret.(string)
			if strings.HasPrefix(id, "ASIA") {
				key.Token = "token"
			}
			return key, account, ok
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()
	w := &world{url: server.URL, http: server.Client()}
	list := func(id, secret, token string) string {
		client := w.client("us-west-2", func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
			})
		})
		_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		return code(err)
	}
	if got := list("AKIDNEW", "s", ""); got != "InvalidAccessKeyId" {
		t.Errorf("before the key is there: %q", got)
	}
	known.Store("AKIDNEW", "s")
	known.Store("ASIATEMP", "s")
	for _, c := range []struct{ name, id, token, want string }{
		{"a new key", "AKIDNEW", "", ""},
		{"a temporary key with its token", "ASIATEMP", "token", ""},
		{"a temporary key without", "ASIATEMP", "", "InvalidToken"},
		{"a temporary key with another's", "ASIATEMP", "other", "InvalidToken"},
		{"a lasting key with a token", "AKIDNEW", "token", "InvalidToken"},
	} {
		if got := list(c.id, "s", c.token); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	known.Delete("AKIDNEW")
	if got := list("AKIDNEW", "s", ""); got != "InvalidAccessKeyId" {
		t.Errorf("after the key is gone: %q", got)
	}
}

func TestAClosedAPIRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if err := errors.Join(w.api.Close(), w.api.Close()); err != nil {
		t.Fatal(err)
	}
	resp, err := w.http.Get(w.url + "/docs")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s", resp.Status)
	}
	if _, err := s3api.New(s3api.Config{}); err == nil {
		t.Error("an API without a store")
	}
}

func BenchmarkStart(b *testing.B) {
	for name, noSync := range map[string]bool{"synced": false, "unsynced": true} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			for i := 0; b.Loop(); i++ {
				st, err := store.Open(store.Config{Dir: fmt.Sprintf("%s/%d", dir, i), NoSync: noSync})
				if err != nil {
					b.Fatal(err)
				}
				api, err := s3api.New(s3api.Config{Store: st, Key: keys})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := errors.Join(api.Close(), st.Close()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
