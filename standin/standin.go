// Package standin starts Quarry's stand-in for AWS in a Go test, as httptest.NewServer starts a web server: S3, Bedrock batch inference,
// Bedrock's on-demand calls, and the parts of IAM, STS and Service Quotas that they need, on a free port of the loopback interface.
//
//	func TestNightlyJob(t *testing.T) {
//		aws := standin.Start(t)
//		// aws.URL, aws.AccessKeyID and aws.SecretAccessKey are what a client needs.
//	}
//
// It owns the life of one server in this process and what a test does to it: faults, clock, quotas, snapshots, the bill. It does not
// own the server's behavior (docs/stand-in.md lists what is as at AWS and what is not), and it depends on no AWS SDK; the package's
// example builds the configuration of aws-sdk-go-v2.
//
// What always holds: the server listens on loopback only; nothing is sent to AWS; servers share no state, so tests with a server each
// can run in parallel; Close leaves no goroutine and no port.
package standin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"quarry/internal/config/clientenv"
	server "quarry/internal/standin"
)

// Region is where Server.Environ directs clients. Every other AWS Region is served as well.
const Region = "us-west-2"

// closeTime bounds Close.
const closeTime = 10 * time.Second

// Options are the settings of a server. The zero value is a server that is empty, without faults, with AWS's default quotas.
type Options struct {
	// Dir holds the data, which the next server with the same Dir serves again. Default: a new directory that Close removes.
	Dir string
	// Accounts are further AWS accounts, 12 digits each; Server.Account has their keys. The first account is always 123456789012.
	Accounts []string
	// Backends answer: extractive (default; sentences of the text itself), echo, openai=URL or anthropic=URL.
	Backends []string
	// Quotas is a JSON table over AWS's defaults, as in `quarry local --quotas`: {"*":{"min_records":1}} takes jobs of one record,
	// where AWS wants at least 100.
	Quotas string
	// SeedFile is a YAML file with buckets, policies, roles, jobs and models that are added at the start, as in
	// `quarry local --seed-state`.
	SeedFile string
	// Faults are the faults of the start, as in SetFaults.
	Faults string
	// StateDelay is how long a job is in each of Submitted, Validating and Scheduled. Default: a millisecond.
	StateDelay time.Duration
	// Log receives what the server logs. Default: nothing is logged.
	Log *slog.Logger
}

// Credentials are the administrator's key of one account.
type Credentials struct{ AccountID, AccessKeyID, SecretAccessKey string }

// Server is a running stand-in. Its methods may be called from many goroutines.
type Server struct {
	URL         string // http://127.0.0.1:PORT, without a slash at the end; the endpoint of every service
	Credentials        // of account 123456789012

	server *server.Server
	remove string // the directory that Close removes
}

// Start starts a server and closes it when the test ends. It takes at most one value of Options. A server that does not start ends
// the test.
func Start(t testing.TB, options ...Options) *Server {
	t.Helper()
	var o Options
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		t.Fatalf("standin.Start: %d values of Options, want at most one", len(options))
	}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the stand-in: %v", err)
		}
	})
	return s
}

// New starts a server outside of a test: in TestMain, in an example, in a program for development. ctx bounds the start alone; the
// caller closes the server. The error names the setting that is wrong, or says why the directory or the port cannot be used.
func New(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "standin-"); err != nil {
			return nil, fmt.Errorf("start the stand-in: %w", err)
		}
		s.remove = o.Dir
	}
	if o.StateDelay == 0 {
		o.StateDelay = time.Millisecond
	}
	s.server, err = server.Start(ctx, server.Config{
		Dir: o.Dir, Accounts: o.Accounts, Backends: o.Backends, Quotas: []byte(o.Quotas), Fault: o.Faults, SeedFile: o.SeedFile, StateDelay: o.StateDelay, Log: o.Log,
		NoSync: true, TestClock: true,
	})
	if err != nil {
		return nil, errors.Join(err, s.removeDir())
	}
	s.URL, s.AccountID = s.server.URL(), server.DefaultAccount
	s.AccessKeyID, s.SecretAccessKey = s.server.Keys()
	return s, nil
}

// Close ends the server: it waits up to ten seconds for requests under way. A second Close returns what the first did.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime) //nolint:forbidigo // a test's context has ended when its cleanup runs
	defer cancel()
	return errors.Join(s.server.Close(ctx), s.removeDir())
}

func (s *Server) removeDir() error {
	if s.remove == "" {
		return nil
	}
	return os.RemoveAll(s.remove)
}

// Account gives the key of one of Options.Accounts; ok is false for an account that is not one of them.
func (s *Server) Account(id string) (key Credentials, ok bool) {
	key.AccountID = id
	key.AccessKeyID, key.SecretAccessKey, ok = s.server.KeyOf(id)
	return key, ok
}

// Environ gives this process's environment with the variables that direct unchanged AWS clients to the server, for exec.Cmd.Env. Profiles,
// endpoints and credentials of the user that would lead to AWS are removed.
func (s *Server) Environ() []string {
	present := (&exec.Cmd{}).Environ()
	return s.vars(present).Apply(present)
}

// Setenv sets the same variables in this process until the test ends, for code that reads its AWS configuration from the environment.
// Like t.Setenv, it cannot be used in parallel tests.
func (s *Server) Setenv(t testing.TB) {
	t.Helper()
	vars := s.vars((&exec.Cmd{}).Environ())
	for _, v := range vars.Set {
		t.Setenv(v.Name, v.Value)
	}
	for _, name := range vars.Unset {
		t.Setenv(name, "") // restores the variable when the test ends
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Server) vars(present []string) clientenv.Vars {
	return clientenv.For(s.URL, s.AccessKeyID, s.SecretAccessKey, Region, present)
}

// SetFaults replaces the faults of calls, jobs and records: "throttle=0.1,record-error" makes about one call in ten fail with a
// throttling error, and every record with errorCode 500. docs/stand-in.md lists the faults; a rate is 0 to 1, and 1 if it is missing.
// Choices are drawn from the seed (seed=N) and the request's number, the job's number or the recordId, so a test sees the same ones each
// time. The error names what is not a fault.
func (s *Server) SetFaults(faults string) error { return s.server.SetFaults(faults) }

// ClearFaults removes all faults, also those of Options.Faults.
func (s *Server) ClearFaults() {
	if err := s.SetFaults(""); err != nil {
		panic(err) // no faults are valid faults
	}
}

// SetQuotas replaces the quotas that jobs and calls have, in the form of Options.Quotas. Service Quotas still lists those of the start.
func (s *Server) SetQuotas(table string) error { return s.server.SetQuotas(strings.NewReader(table)) }

// Advance moves the clock of jobs, rate limits and models forward, and returns its new time. It cannot go back. Signatures and temporary
// keys use the machine's clock.
func (s *Server) Advance(ctx context.Context, d time.Duration) (time.Time, error) {
	return s.server.Advance(ctx, d)
}

// Now is the time of the clock that Advance moves.
func (s *Server) Now(ctx context.Context) (time.Time, error) { return s.Advance(ctx, 0) }

// Reset removes buckets, jobs, roles and the bill of all accounts and sets clock, faults and quotas to those of the start. Keys stay. It
// waits for requests under way, until ctx ends.
func (s *Server) Reset(ctx context.Context) error { return s.server.Reset(ctx) }

// Save keeps buckets, jobs, roles, bill and clock of all accounts under a name, in place of what the name kept before. It waits for
// requests under way, until ctx ends.
func (s *Server) Save(ctx context.Context, name string) error { return s.server.Save(ctx, name) }

// Restore brings back what Save kept under a name. Faults and quotas stay as they are. It waits for requests under way, until ctx ends.
func (s *Server) Restore(ctx context.Context, name string) error { return s.server.Restore(ctx, name) }

// Usage is what answers cost. An error record costs nothing.
type Usage struct {
	Answered     int64 // answers computed, whether or not a fault then dropped or doubled them
	InputTokens  int64 // of the answers whose tokens are known
	OutputTokens int64 // of the answers whose tokens are known
	Uncounted    int64 // answers of a back end that did not count its tokens
}

// Bill is what AWS would charge for: by recordId, and in all. On-demand calls have the header x-quarry-record as their id, or call-<n>.
// A recordId that was answered more than once was paid more than once.
type Bill struct {
	Records map[string]Usage
	Total   Usage
}

// Bill gives the bill of account 123456789012 since the start or the last reset.
func (s *Server) Bill(ctx context.Context) (Bill, error) { return s.BillOf(ctx, s.AccountID) }

// BillOf is Bill for another account.
func (s *Server) BillOf(ctx context.Context, account string) (Bill, error) {
	b := Bill{Records: map[string]Usage{}}
	err := s.server.Bill(ctx, account, func(recordID string, cost server.Totals) {
		u := Usage(cost)
		b.Records[recordID] = u
		b.Total.Answered += u.Answered
		b.Total.InputTokens += u.InputTokens
		b.Total.OutputTokens += u.OutputTokens
		b.Total.Uncounted += u.Uncounted
	})
	return b, err
}
