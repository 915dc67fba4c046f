package cli

import (
	"github.com/spf13/pflag"

	"quarry/internal/standin"
)

// standinTestFlags adds what only tests of a client need.
func standinTestFlags(f *pflag.FlagSet, cfg *standin.Config) {
	f.BoolVar(&cfg.Test, "test", false, "let POST /_quarry/quotas and POST /_quarry/faults change the running server")
	f.BoolVar(&cfg.TestClock, "test-clock", false, "like --test, and let POST /_quarry/clock move the jobs' clock")
}
