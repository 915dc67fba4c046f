// Package spec is what a command says of a run, and what follows from it for each part of the run.
//
// It owns the values and their defaults: what is sent, where, within which limits, after which pilot and by what means. It reads no
// file, no flag and no ledger, and decides on no document and no shard. What always holds: what is requested of a model (Asked) is a
// value that no method changes; a pass that was sent with another one has its own.
package spec

import (
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/book"
	"quarry/internal/run/calls"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/prepare"
)

// Config is what a command says of a run.
type Config struct {
	Asked
	Place
	Limits
	Gate
	Means
}

// Asked is how documents become requests and how answers are checked. It never changes: a pass that was sent with another one is
// collected with that.
type Asked struct {
	Model     string
	Family    catalog.Family
	Type      quarry.InvocationType
	Mode      quarry.Mode
	MaxOutput int // tokens the model can answer at most; 0: not known
	MaxTokens int // of each answer
	Attempts  int // at each record. Zero: 4

	Settings string // a digest of all that decides what is sent: model, prompt, schema, cleaning
	Request  string // a digest of model, prompt and schema alone. Empty: Settings
	// Choices are the settings that Settings is a digest of, by the names that people know: values, or digests where they are long
	// (see history.Digest).
	Choices map[string]string

	Clean  clean.Config
	Prompt *prompt.Renderer
	Ready  bool          // the documents are ready records, which Prompt does not make
	Long   *prepare.Long // nil: a document is sent as one record, however long it is
	Check  *parse.Checker
	// StructuredAuto: the pilot decides whether the answers' schema is sent along. Prompt sends it until then.
	StructuredAuto bool
	StructuredWhy  string // why requests carry the schema or not, once that was decided
	// CachePrefix is the system prompt as it is in bodies whose prefix is marked for the prompt cache in on-demand calls;
	// empty: none.
	CachePrefix []byte
}

// Place is where the run is kept and where its jobs run.
type Place struct {
	Dir     string        // the run directory, absolute
	Run     quarry.RunID  // the id of a run that is new; empty: one is drawn
	Carried *book.Carried // what another process may continue the run with; nil: it names sources and settings itself
	Sources []string      // as they were named, for people and for the check that they stay the same
	// ReplaceSource takes other sources than the run's for its sources from now on, and the same ones as corrected where a pass stopped at
	// its gate.
	ReplaceSource bool

	Local   bool // the provider is a stand-in: nothing costs money
	Free    bool // the provider is a stand-in at an address of AWS's: what it answers costs nothing, and all else is as on AWS
	Region  string
	RoleARN string
	KMSKey  string
	// What else a job is made with: hours until AWS ends it (0: as AWS sets it), the VPC that it reaches S3 through, and
	// the account of the bucket where that is another's.
	JobTimeout                    int32
	VPCSubnets, VPCSecurityGroups []string
	BucketOwner                   string
	Tags                          map[string]string
	Quotas                        quarry.Quotas
	// Window is how many tokens the server that answers holds at once, where it says so.
	Window forecast.Window
}

// Named is the flag that names the run in another command.
func (p *Place) Named() string {
	if p.Run != "" { // of a ledger in Postgres
		return "--run " + string(p.Run)
	}
	return "--dir " + p.Dir
}

// Limits are which documents are sent, for how much money and until when.
type Limits struct {
	Limit        int64            // of documents. Zero: none
	RefreshMax   int64            // changed documents (text, prompt or model) that a pass sends at most. Zero: all
	Known        string           // file of existing answers; empty: none
	Near         float64          // from which similarity on (0 to 1) a text is reported as nearly an earlier one. Zero: none is
	ReuseNear    bool             // such a text is not sent, and gets the earlier one's answer
	BelowMinimum cut.BelowMinimum // what becomes of records that are too few for a job; empty: the pass decides
	MaxUSD       *quarry.USD      // nil: no cap
	By           string           // the deadline of a pass, RFC 3339 or a duration from its beginning, with ModeAuto; empty: none
	CallMargin   time.Duration    // before it, added to the calls' own time. Zero: 10 minutes, or 2s on a stand-in
}

// Gate is how many documents are sent first, and how good their answers must be.
type Gate struct {
	Pilot         int // documents. Zero: 100
	NoPilot       bool
	PilotMinValid float64 // share of them that must be ok. Zero: 0.7
	NoGate        bool    // the rest is sent whatever the pilot's answers are
	Review        bool    // the rest is sent only after a person approved it; each pass has a pilot
}

// Means are what this process works with.
type Means struct {
	Version     string
	Prices      *cost.Table
	Workers     int           // of preparation and parsing. Zero: 2
	Concurrency int           // of on-demand calls, at most. Zero: 512, or 64 on a stand-in
	Poll        time.Duration // the first wait for a job. Zero: 200ms
	ListLag     time.Duration // after its upload a shard's job may be missing from the provider's list for so long. Zero: 10s
	KeepShards  bool
}

// Complete sets the defaults.
func (c *Config) Complete() {
	if c.Pilot == 0 {
		c.Pilot = 100
	}
	if c.PilotMinValid == 0 && !c.NoGate {
		c.PilotMinValid = 0.7
	}
	if c.Attempts == 0 {
		c.Attempts = 4
	}
	if c.Poll == 0 {
		c.Poll = 200 * time.Millisecond
	}
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.Concurrency == 0 {
		c.Concurrency = calls.Most
		if c.Local {
			c.Concurrency = calls.MostLocal
		}
	}
	if c.ListLag == 0 {
		c.ListLag = 10 * time.Second
	}
}
