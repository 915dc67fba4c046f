package book

import (
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/forecast"
)

// Head is what is kept of the run as a whole. What is zero is not kept.
type Head struct {
	Run      quarry.RunID
	Created  string
	Version  string      // of the Quarry that wrote last
	Target   string      // "local" or "aws"
	StandIn  *bool       // a stand-in answers, so that nothing is paid; nil: an earlier version did not say
	Cap      *quarry.USD // --max-usd of the last command; nil: none
	Region   string      // of the home pool, as its bucket and model
	Bucket   string
	Model    string
	Pools    []ledger.Pool // that the last command named, the home pool first
	Sources  []string      // as they were named
	Seen     string        // the digest of the files that the last plan was made of; empty: not known, or that plan was dropped or given up
	Settings string        // the digest of all that decides what the pass sends
	Known    string        // the stamp of the file of given answers
	Carried  *Carried      // of a ledger in Postgres: what another process continues the run with; nil: it has to name that itself

	Pass             int // the pass at hand, which may have no plan yet
	Finished         int // the last finished pass
	FinishedSettings string
	Open             int64 // documents of the finished pass that the next one sends again
	Adopted          int   // the pass that was taken over, until sources are named again
	Abandoned        int   // the pass that is being given up, from the moment at which its unsent shards are dropped
	// SetAside says that the delivered files (results.jsonl, failed.jsonl, the report) are not those of the finished pass any more.
	SetAside bool
	Active   time.Duration

	// Halted says what stopped the run; nil: nothing did, or a process has continued it since. Of a ledger in Postgres.
	Halted *Halted

	// Numbered is the highest number of a shard of each kind that was given and has no row.
	Numbered map[quarry.ShardKind]int
	Learned  *forecast.Learned
	// Piloted lists the prompts, models and schemas whose pilot was passed: each has one.
	Piloted []string
	// Structured is whether the provider takes the answer schema, by prompt, model and schema.
	Structured map[string]Finding
}

// Carried is what a process that names no sources continues a run with.
type Carried struct {
	Settings string            `json:"settings"`          // as a quarry.yaml: none that names a command, a variable, a path or an account
	Own      map[string]string `json:"own,omitempty"`     // settings that it has to name too, by their names
	Records  bool              `json:"records,omitempty"` // the sources are ready records
}

// Finding is what a pilot found about the answer schema in the request.
type Finding string

// What pilots find.
const (
	SchemaSent    Finding = "sent"
	SchemaRefused Finding = "refused"
)

func (h *Head) facts() []fact {
	return []fact{
		{"run", text(&h.Run)},
		{"created", text(&h.Created)},
		{"version", text(&h.Version)},
		{"target", text(&h.Target)},
		{"standin", object(&h.StandIn)},
		{"cap", object(&h.Cap)},
		{"region", text(&h.Region)},
		{"bucket", text(&h.Bucket)},
		{"model", text(&h.Model)},
		{"pools", object(&h.Pools)},
		{"sources", object(&h.Sources)},
		{"seen", text(&h.Seen)},
		{"settings", text(&h.Settings)},
		{"known", text(&h.Known)},
		{"carried", object(&h.Carried)},
		{"pass", number(&h.Pass)},
		{"finished", number(&h.Finished)},
		{"settings.finished", text(&h.FinishedSettings)},
		{"open", number(&h.Open)},
		{"adopted", number(&h.Adopted)},
		{"abandoned", number(&h.Abandoned)},
		{"setaside", yes(&h.SetAside)},
		{"active", duration(&h.Active)},
		{"halted", object(&h.Halted)},
		{"numbered", object(&h.Numbered)},
		{"learned", object(&h.Learned)},
		{"piloted", object(&h.Piloted)},
		{"structured", object(&h.Structured)},
	}
}

// WithoutSources reports whether the run was taken over and no sources were named since.
func (h *Head) WithoutSources() bool { return h.Adopted != 0 && h.Adopted == h.Pass }

// Ended reports whether the pass at hand is finished.
func (h *Head) Ended() bool { return h.Pass != 0 && h.Finished == h.Pass }
