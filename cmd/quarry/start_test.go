package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFirstCollectionWaits looks at the order in which packages are initialised: the one that puts off the first garbage
// collection comes before those that make the most.
func TestFirstCollectionWaits(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := strings.Index(string(out), "init quarry/internal/base/firstgc ")
	for _, large := range []string{"github.com/santhosh-tekuri/jsonschema/v6", "quarry/internal/standin/s3api"} {
		if other := strings.Index(string(out), "init "+large+" "); at < 0 || other < at {
			t.Errorf("firstgc is initialised at byte %d of the trace, %s at %d: want it later", at, large, other)
		}
	}
}
