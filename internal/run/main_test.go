package run_test

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"quarry/internal/testdata"
)

// TestMain lets rapid draw few examples, and the same ones each time, unless the command line says how many or has -full: a gate is
// no place for luck. Hundreds of runs that each fill some buffers and drop them would spend a third of their time on garbage. Most
// tests wait for their stand-in, for a poll or for a network that stalls, so more of them than cores are under way.
func TestMain(m *testing.M) {
	flag.Parse()
	testdata.InMemory()
	debug.SetGCPercent(400)
	if checks := flag.Lookup("rapid.checks"); !*full && checks.Value.String() == checks.DefValue {
		for name, value := range map[string]string{"rapid.checks": "3", "rapid.seed": "1"} {
			if err := flag.Set(name, value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
		}
	}
	if at := flag.Lookup("test.parallel"); at.Value.String() == at.DefValue {
		if err := flag.Set("test.parallel", "6"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	code := m.Run()
	if *withPostgres {
		if c, _ := startPostgres(); c != nil {
			_ = c.Remove()
		}
	}
	os.Exit(code)
}
