package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quarry/internal/standin"
)

// standinTestFlags adds what only tests of a client need.
func standinTestFlags(f *pflag.FlagSet, cfg *standin.Config) {
	f.BoolVar(&cfg.Test, "test", false, "let quotas, faults, reset and snapshot below /_quarry/ change the running server")
	f.BoolVar(&cfg.TestClock, "test-clock", false, "like --test; also let POST /_quarry/clock move the clock of the jobs")
}

// standinSeedFlag adds the file of what the server has when it starts.
func standinSeedFlag(cmd *cobra.Command, cfg *standin.Config) {
	cmd.Flags().StringVar(&cfg.SeedFile, "seed-state", "", "YAML `FILE` with buckets, roles, jobs and models to add at the start")
	complete(cmd, "seed-state", files("yaml", "yml"))
}

// standinTLSFlags adds the settings of HTTPS.
func standinTLSFlags(cmd *cobra.Command, cfg *standin.Config) {
	f := cmd.Flags()
	f.BoolVar(&cfg.TLSSelfSigned, "tls-self-signed", false, "serve HTTPS with a certificate kept in the data directory; print AWS_CA_BUNDLE")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "serve HTTPS with the certificate in `FILE` (PEM, with its chain)")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "`FILE` with the key of the certificate (PEM)")
	complete(cmd, "tls-cert", files("pem", "crt"))
	complete(cmd, "tls-key", files("pem", "key"))
}

const faultNames = "lost-reply, throttle, no-capacity, server-error, record-error, bad-json, truncate, drop-record, duplicate-record, fail-job, partial, expire, shuffle, lost-create, late-job, double-page, no-structured, expired-token, unreachable, stream-error, slow=D, seed=N"
