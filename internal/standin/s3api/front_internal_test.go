package s3api

import (
	"testing"

	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"

	"quarry/internal/standin/store"
)

// TestTheApplicationIsWhereItIsLookedFor fails when versitygw renames the field that front.go takes out of it.
func TestTheApplicationIsWhereItIsLookedFor(t *testing.T) {
	t.Parallel()
	s, err := store.Open(store.Config{Dir: t.TempDir(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a test's store
	server, err := s3api.New(s.Backend(), middlewares.RootUserConfig{}, defaultRegion, keys{}, nil, nil, nil, nil, s3api.WithQuiet())
	if err != nil {
		t.Fatal(err)
	}
	app, err := application(server)
	if err != nil {
		t.Fatal(err)
	}
	if app.Config().AppName != "versitygw" {
		t.Errorf("the application is named %q", app.Config().AppName)
	}
}
