package compose

import (
	"net/url"
	"testing"
)

func TestAddressesOfOneDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"postgres://ann@db.example.org/blog#posts", "postgres://DB.example.org:5432/blog", true},
		{"postgresql://127.0.0.1/blog", "postgres://localhost/blog", true},
		{"mysql://ann@/blog?socket=/run/s", "mysql://[::1]/blog", true},
		{"postgres://db/blog", "postgres://db/other", false},
		{"postgres://db/blog", "mysql://db/blog", false},
		{"postgres://db/blog", "postgres://db2/blog", false},
	} {
		a, err := url.Parse(c.a)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameDatabase(a, c.b); got != c.want {
			t.Errorf("sameDatabase(%s, %s) = %v", c.a, c.b, got)
		}
	}
}
