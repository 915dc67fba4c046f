// Package standin is Quarry's server: S3, Bedrock batch, Bedrock runtime and what set-up needs of IAM, STS and Service
// Quotas, all on one port.
//
// It owns the listener, the way from a request to a service, the proof of who sent it, the faults on calls and the
// addresses below /_quarry/. The services themselves are its subpackages: s3api over store, bedrockapi over worker and
// model, iamapi over policy, quotasapi. A run never imports it; it reaches it over HTTP as it reaches AWS.
//
// What always holds: a server keeps everything below one directory, changes no working directory and no global state,
// so that dozens live in one process; keys that everybody can know are never served beyond loopback; what was
// acknowledged survives a kill.
package standin

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"quarry/internal/standin/faults"
	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/model"
)

// Config is one server. Dir has no default.
type Config struct {
	Addr string // host:port; default 127.0.0.1:0, a free port
	Dir  string // everything the server keeps; made when missing, with mode 0700

	// AnyModel serves every model id of a known provider. Default: those of the table, and other versions of them.
	AnyModel bool

	NoSync bool // true: nothing is fsynced, a power cut may lose what was acknowledged; for tests

	Backends     []string      // extractive, echo, openai=URL, anthropic=URL; default extractive
	BackendModel string        // the model's name at the servers; default: what they serve, see package model
	BackendKey   string        // the servers' key; default none
	BackendWait  time.Duration // for servers that cannot be reached: at the start, when CheckBackends is set, and later; default none and a minute
	// CheckBackends makes Start check whether the servers answer. The error is an *upstream.DownError.
	CheckBackends bool
	// Notice is given what a person should know of the servers: down, and back. Default: it goes to Log.
	Notice      func(text string)
	Concurrency int           // records in flight; default 64, with servers as back ends 256
	Listener    net.Listener  // where it serves; nil: on Addr
	StateDelay  time.Duration // in each of Submitted, Validating, Scheduled; default 200ms

	Fault     string // "k=v,…" as package faults reads it; default none
	Test      bool   // true: quotas, faults, reset and snapshots below /_quarry/ change the running server
	TestClock bool   // true: the same, and POST /_quarry/clock moves the jobs' clock

	TLSSelfSigned   bool   // true: HTTPS with a certificate made for this directory; CAFile is what clients must trust
	TLSCert, TLSKey string // HTTPS with a certificate (and its chain) and key of one's own, in PEM files; both or neither

	Events string // receiver of the changes of jobs, see package events; default none

	SeedFile string // buckets, policies, roles, jobs and models that are added at the start, see package seed; default none
	KeysFile string // lines "id secret [account]" or "bearer token [account]", mode 0600; default one key, made for this directory
	// Accounts get a key each, in addition to those of KeysFile or the directory's own: Server.KeyOf. The key's secret is a new one at
	// each start.
	Accounts   []string
	Quotas     []byte // like QuotasFile, as text; at most one of the two
	QuotasFile string // a table over AWS's default quotas, see package quotasapi; default none

	// Ready is called once with the server's URL and key, before the first request is answered, so that what it prints is
	// there when the health endpoint answers. Default: not called.
	Ready func(url, id, secret string)

	Log *slog.Logger // default: nothing is logged
}

// ErrNeedsKeys says that the printed key would be served beyond loopback.
var ErrNeedsKeys = errors.New("it needs keys of your own (--keys FILE), since the key of the directory is printed")

// DefaultAccount is the account of a key for which none is named.
const DefaultAccount = iamapi.DefaultAccount

const defaultAddr = "127.0.0.1:0"

// Validate reports a setting that Start would refuse.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("stand-in: a directory is required")
	}
	if c.StateDelay < 0 || c.Concurrency < 0 {
		return fmt.Errorf("stand-in: neither state delay %v nor concurrency %d may be negative", c.StateDelay, c.Concurrency)
	}
	if _, err := faults.Parse(c.Fault); err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	if _, err := model.Open(c.Backends, model.Config{}); err != nil { // which sends nothing yet
		return fmt.Errorf("stand-in: %w", err)
	}
	if err := c.checkTLS(); err != nil {
		return err
	}
	for _, account := range c.Accounts {
		if !isAccount(account) {
			return fmt.Errorf("stand-in: account %q: want 12 digits", account)
		}
	}
	if len(c.Quotas) > 0 && c.QuotasFile != "" {
		return errors.New("stand-in: quotas are given both as a file and as text")
	}
	if c.Addr == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("stand-in: address %q: %w", c.Addr, err)
	}
	if c.KeysFile == "" && !isLoopback(host) {
		return fmt.Errorf("stand-in: address %s can be reached from other machines: %w", c.Addr, ErrNeedsKeys)
	}
	return nil
}

// isLoopback accepts the name localhost without resolving it: a resolver that misdirects it would be a local one.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
