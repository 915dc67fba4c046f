// Package preflight checks in seconds, for nothing and without a job, whatever would let a job fail minutes later:
// credentials, Region, names, bucket, service role, the caller's rights, KMS, model, profile and quotas.
//
// It owns the checks, their words and their fixes, and the questions to IAM. What it asks of S3, Bedrock and Service
// Quotas comes in as functions. It makes nothing and repairs nothing, but for one small object that it writes into the
// bucket and removes. What always holds: what could not be checked is [Unknown], never [OK]; every [Fault] has a fix that
// can be followed; a request that costs money is made only where Services.Probe is set.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/aws/iam"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
)

// Status is what a check came to.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Fault   Status = "fault"   // a job would fail, or what it needs is not there
	Unknown Status = "unknown" // it could not be checked, or it shows only when a job runs
)

// Check is one thing that was looked at.
type Check struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Subject string `json:"subject"` // what was looked at: an ARN, a name
	Action  string `json:"action"`  // the right or call that it is about; empty for none
	Message string `json:"message"` // what is so, or what is wrong
	Fix     string `json:"fix"`     // the policy statement or command that repairs it

	Pool string `json:"pool,omitempty"` // Region and model, where several are checked

	Kind quarry.ErrorKind `json:"-"` // of a fault: it decides the exit code
}

// Report is the outcome of all checks.
type Report struct {
	OK     bool    `json:"ok"` // no fault; there can be unknown checks
	Checks []Check `json:"checks"`
}

// Of makes a report of checks.
func Of(checks ...Check) Report {
	r := Report{OK: true, Checks: checks}
	for i := range checks {
		r.OK = r.OK && checks[i].Status != Fault
	}
	return r
}

// Faults are the checks that found one.
func (r Report) Faults() []Check { return r.with(Fault) }

// Unknown are the checks that were not possible.
func (r Report) Unknown() []Check { return r.with(Unknown) }

func (r Report) with(s Status) []Check {
	var out []Check
	for i := range r.Checks {
		if r.Checks[i].Status == s {
			out = append(out, r.Checks[i])
		}
	}
	return out
}

// Err is nil without faults, else a *quarry.Error that names each with its fix. Its kind is Denied when a fault is about
// rights, else that of the first fault.
func (r Report) Err() error {
	faults := r.Faults()
	if len(faults) == 0 {
		return nil
	}
	kind := faults[0].Kind
	var text strings.Builder
	fmt.Fprintf(&text, "%s of %s found a fault", figure.Thousands(len(faults)), figure.Count(len(r.Checks), "check"))
	for i := range faults {
		f := &faults[i]
		if f.Kind == quarry.Denied {
			kind = quarry.Denied
		}
		fmt.Fprintf(&text, "\n- %s: %s\n  fix: %s", f.Name, f.Message, f.Fix)
	}
	return &quarry.Error{
		Kind: kind, Op: "preflight", Err: errors.New(text.String()),
		Hint: "fix these in this order, then check again: quarry preflight --target aws, with the --region and --model of this command",
	}
}

// ErrAbsent is what a function of [Services] wraps if what it reads does not exist. Its other errors are distinguished by
// the kind of their *quarry.Error: Denied, BadUsage (refused as it is), else not answered.
var ErrAbsent = errors.New("not there")

// Model is what Bedrock says of a foundation model in one Region.
type Model struct {
	Status         string // ACTIVE, LEGACY
	Legacy         time.Time
	EndOfLife      time.Time
	InferenceTypes []string // ON_DEMAND, PROVISIONED, INFERENCE_PROFILE
	Outputs        []string // TEXT, IMAGE, EMBEDDING; empty: not said
}

// Availability is what Bedrock says of an account's access to a model.
type Availability struct {
	Agreement     string // AVAILABLE, PENDING, NOT_AVAILABLE, ERROR
	Message       string // of the agreement's error
	Authorization string // AUTHORIZED, NOT_AUTHORIZED
	Entitlement   string // AVAILABLE, NOT_AVAILABLE
	Region        string // AVAILABLE, NOT_AVAILABLE
}

// Profile is an inference profile.
type Profile struct {
	ARN    string
	Status string
	Models []string // ARNs
}

// Encryption is a bucket's default encryption.
type Encryption struct {
	Algorithm string // AES256, aws:kms, aws:kms:dsse
	Key       string // id, alias or ARN; empty: AWS's own key
}

// Services are the calls to S3, Bedrock and Service Quotas that the checks need. All but Probe are required.
type Services struct {
	BucketRegion     func(ctx context.Context) (string, error)
	BucketEncryption func(ctx context.Context) (Encryption, error)
	BucketPolicy     func(ctx context.Context) (string, error) // empty: there is none
	// Objects gives up to three keys under a prefix.
	Objects func(ctx context.Context, prefix string) ([]string, error)
	// Write puts a small object, reads it back and removes it; removed is false if only the removal was refused.
	Write func(ctx context.Context, key string) (removed bool, err error)

	Model func(ctx context.Context, region, id string) (Model, error)
	// Models gives the ids of the Region's models that answer with text. It is called if a model is not there.
	Models       func(ctx context.Context, region string) ([]string, error)
	Availability func(ctx context.Context, id string) (Availability, error)
	// UseCase gives no error if the account has sent the form that Anthropic requires once.
	UseCase func(ctx context.Context) error
	Profile func(ctx context.Context, id string) (Profile, error)
	// OpenJobs gives the model ids or ARNs of the jobs that have not ended.
	OpenJobs func(ctx context.Context) ([]string, error)
	Quotas   func(ctx context.Context) ([]catalog.QuotaRow, error)

	// Probe sends one live record to the model, which costs a fraction of a cent. Nil: none is sent.
	Probe func(ctx context.Context) error
}

// Config says what is checked for whom.
type Config struct {
	Account, Partition, Region string
	Caller                     string // its ARN
	Model                      string // model or inference profile, id or ARN
	Bucket                     string
	Role                       string // ARN
	KMSKey                     string // of the output, as given; may be empty
	Run                        quarry.RunID
	Begun                      bool // true: the run's prefix in the bucket may hold objects, and its jobs may fill the slots
	Tagged                     bool // true: jobs carry tags
	State                      bool // true: the files of the run are kept in the bucket too

	// Calls is true if records are sent as on-demand calls: then the caller needs the model, and neither bucket, role nor
	// slots are checked.
	Calls bool
	// Now decides whether a model has reached its end of life.
	Now time.Time
}

// Validate reports what is missing.
func (c Config) Validate() error {
	for name, v := range map[string]string{
		"account": c.Account, "partition": c.Partition, "region": c.Region, "caller": c.Caller, "model": c.Model, "bucket": c.Bucket,
		"role": c.Role,
	} {
		if v == "" {
			return fmt.Errorf("preflight: %s is required", name)
		}
	}
	if c.Now.IsZero() {
		return errors.New("preflight: the time is required")
	}
	return nil
}

// checker has what the checks share. Its methods only read it, so they can run at the same time.
type checker struct {
	Config
	services Services
	iam      *iam.Client

	model   catalog.Model // the zero Model where the catalogue does not know it
	id      string        // of the foundation model
	prefix  string        // of the profile: "us", "global", "" for none
	profile *Profile      // nil: none, or it could not be read
}

// Run makes all checks, most of them at once. The error is about the Config; whatever fails else is in the report. Its
// order is fixed.
func Run(ctx context.Context, c aws.Config, cfg Config, services Services) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	read := sync.OnceValues(func() ([]catalog.QuotaRow, error) { return services.Quotas(ctx) }) // hundreds of rows, for two checks
	k := &checker{Config: cfg, services: services, iam: iam.New(c)}
	k.services.Quotas = func(context.Context) ([]catalog.QuotaRow, error) { return read() }
	k.model, _, _ = catalog.Find(cfg.Model)
	k.id, k.prefix, _ = catalog.Split(cfg.Model)
	checks := []Check{
		{Name: "credentials", Status: OK, Subject: cfg.Caller, Action: "sts:GetCallerIdentity", Message: "account " + cfg.Account},
		{Name: "region", Status: OK, Subject: cfg.Region, Message: "partition " + cfg.Partition},
	}
	names := k.names()
	checks = append(checks, names...)
	profiles := k.profiles(ctx)
	type step struct {
		do  func(context.Context) []Check
		not bool
	}
	steps := []step{
		{k.bucket, cfg.Calls || bad(names, "bucket-name")},
		{k.writeState, !cfg.State || bad(names, "bucket-name")},
		{k.role, cfg.Calls || bad(names, "role-arn")},
		{k.caller, false},
		{func(context.Context) []Check { return profiles }, false},
		{k.life, false},
		{k.access, false},
		{k.capable, cfg.Calls},
		{k.callQuotas, false},
		{k.slots, cfg.Calls},
		{k.body, services.Probe == nil},
	}
	found := make([][]Check, len(steps))
	var wait sync.WaitGroup
	for i, s := range steps {
		if !s.not {
			wait.Go(func() { found[i] = s.do(ctx) })
		}
	}
	wait.Wait()
	for _, f := range found {
		checks = append(checks, f...)
	}
	return Of(checks...), nil
}

func bad(checks []Check, name string) bool {
	for i := range checks {
		if checks[i].Name == name && checks[i].Status == Fault {
			return true
		}
	}
	return false
}

// together makes several checks at once and gives them in their order.
func together(ctx context.Context, do ...func(context.Context) []Check) []Check {
	found := make([][]Check, len(do))
	var wait sync.WaitGroup
	for i, f := range do {
		wait.Go(func() { found[i] = f(ctx) })
	}
	wait.Wait()
	var out []Check
	for _, f := range found {
		out = append(out, f...)
	}
	return out
}

// setup is the command that brings bucket and role into the state of this Config.
func (k *checker) setup() string {
	text := fmt.Sprintf("quarry setup --target aws --region %s --bucket %s --role %s --model %s", k.Region, k.Bucket, k.Role, k.Model)
	if k.KMSKey != "" {
		text += " --kms-key " + k.KMSKey
	}
	return text
}

// refusal turns a failed question into a check: denied is Unknown with the right to grant, anything else Unknown with
// what came back.
func (k *checker) refusal(name, subject, action string, err error) Check {
	c := Check{Name: name, Status: Unknown, Subject: subject, Action: action, Message: "could not be checked: " + oneLine(err)}
	if kindOf(err) == quarry.Denied {
		c.Message = "could not be checked: the caller may not " + action
		c.Fix = k.grantCaller(action, []string{subject}, nil)
		return c
	}
	c.Fix = "run it again; if the result is the same, check the network and AWS_ENDPOINT_URL"
	return c
}

func kindOf(err error) quarry.ErrorKind {
	var q *quarry.Error
	if errors.As(err, &q) {
		return q.Kind
	}
	return quarry.Provider
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
