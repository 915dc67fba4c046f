package pricelist_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"quarry"
	"quarry/internal/aws/pricelist"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/offers/v1.0/aws/AmazonBedrock/current/us-west-2/index.json":
			_, _ = w.Write([]byte(`{"offerCode":"AmazonBedrock"}`))
		case "/offers/v1.0/aws/AmazonBedrock/current/eu-west-1/index.json":
			w.WriteHeader(http.StatusForbidden)
		case "/offers/v1.0/aws/AmazonBedrock/current/eu-west-2/index.json":
			w.Header().Set("Content-Length", "100") // and the connection breaks off
			_, _ = w.Write([]byte(`{"offer`))
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	for _, tt := range []struct {
		region, want string
		none         bool
		kind         quarry.ErrorKind
	}{
		{"us-west-2", `{"offerCode":"AmazonBedrock"}`, false, 0},
		{"eu-west-1", "", true, 0},
		{"eu-west-2", "", false, quarry.Provider},
		{"eu-west-3", "", false, quarry.Provider},
	} {
		b, err := pricelist.Fetch(t.Context(), server.Client(), pricelist.URL(server.URL+"/", "AmazonBedrock", tt.region))
		var q *quarry.Error
		switch {
		case tt.want != "" && (err != nil || string(b) != tt.want):
			t.Errorf("Fetch(%s) = %q, %v; want %q", tt.region, b, err, tt.want)
		case tt.none != errors.Is(err, pricelist.ErrNone):
			t.Errorf("Fetch(%s) = %v, want ErrNone: %v", tt.region, err, tt.none)
		case tt.kind != 0 && (!errors.As(err, &q) || q.Kind != tt.kind):
			t.Errorf("Fetch(%s) = %v, want kind %v", tt.region, err, tt.kind)
		}
	}
}
