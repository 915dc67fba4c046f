// Package audit proves what a run promises from what it left: every document ended in one place, every record was paid
// once, and what the results say is what the model answered.
//
// It owns a reading of its own of the raw output, the journals, the index and the results. It uses nothing of the
// packages that wrote them: a fault there must not hide itself. It changes nothing, and may look on while a run is at
// work. What always holds: whatever does not agree is named with the document it concerns; what could not be looked at
// is said, never guessed; memory follows the largest shard, not the number of documents.
package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"quarry"
	"quarry/internal/base/ledger"
)

// Config says what is looked at.
type Config struct {
	Dir    string // the run directory
	Ledger *ledger.Ledger
	Run    quarry.RunID // empty: there is none
	Plan   *Plan        // nil: nothing is planned yet
	Ended  bool         // the results are those of the plan
	// Sources gives the ids of the run's documents as the sources hold them now, in their order. nil: they are not read
	// again, and Unread says why.
	Sources iter.Seq2[quarry.DocumentID, error]
	Unread  string
	// Changed says why a difference between sources and index is no one's fault: the sources, or how they are read, are
	// not known to be what they were. Empty: they are, and a document that the index does not know is missing.
	Changed string
}

// Validate reports what is not set.
func (c Config) Validate() error {
	if c.Dir == "" || c.Ledger == nil {
		return errors.New("audit: no run directory or no ledger")
	}
	return nil
}

// maxNamed bounds how many ids each list names. A run with more is broken as a whole; their number is still counted.
const maxNamed = 10_000

// Report is what was found. The first three lists are what nothing excuses; MaybePaidTwice is not a fault: the provider
// cannot be queried about on-demand calls.
type Report struct {
	Run            quarry.RunID        `json:"run"`
	Documents      int64               `json:"documents"`
	Missing        []quarry.DocumentID `json:"missing"`
	AnsweredTwice  []quarry.DocumentID `json:"answered_twice"`
	PaidTwice      []quarry.DocumentID `json:"paid_twice"`
	MaybePaidTwice []quarry.DocumentID `json:"maybe_paid_twice"`
	// Altered are documents of which raw output, journal and results do not say the same.
	Altered []quarry.DocumentID `json:"altered"`
	// Found says of each id why it is in its list.
	Found []Finding `json:"found"`
	// Faults are those that belong to no document: a file that cannot be read, sums that do not add up.
	Faults []string `json:"faults"`
	// Differs is what a person should know and what is no fault of the run: lines that the provider doubled or dropped,
	// sources that changed since.
	Differs []string `json:"differs"`
	// Ended says that the run came to its end. Before, what is not there yet is not missing.
	Ended   bool    `json:"ended"`
	Checked Checked `json:"checked"`
}

// Finding is one document in one list.
type Finding struct {
	List     string            `json:"list"` // "missing", "answered_twice", "paid_twice", "maybe_paid_twice", "altered"
	ID       quarry.DocumentID `json:"id"`
	RecordID quarry.RecordID   `json:"record_id,omitempty"`
	What     string            `json:"what"`
}

// Checked counts what was looked at, and what it adds up to.
type Checked struct {
	Shards       int64 `json:"shards"`
	Underway     int64 `json:"underway"` // shards that have no journal yet
	Records      int64 `json:"records"`  // attempts
	RawLines     int64 `json:"raw_lines"`
	Answers      int64 `json:"answers"` // attempts whose raw answer agrees with the journal
	Calls        int64 `json:"calls"`   // on-demand calls that were written down before they were made
	InputFiles   int64 `json:"input_files"`
	ResultLines  int64 `json:"result_lines"`
	SourcesRead  bool  `json:"sources_read"` // the ids were read again from the sources
	SourceIDs    int64 `json:"source_ids"`
	OK           int64 `json:"ok"`
	Invalid      int64 `json:"invalid"`
	Failed       int64 `json:"failed"`
	Skipped      int64 `json:"skipped"`
	InputTokens  int64 `json:"input_tokens"` // of all raw answers
	OutputTokens int64 `json:"output_tokens"`
	Unknown      int64 `json:"unknown,omitempty"`   // raw answers that do not say what they took
	Corrected    int64 `json:"corrected,omitempty"` // results that a person corrected, in overrides.jsonl
	Earlier      int64 `json:"earlier"`             // results that were taken over from an earlier pass
}

// Clean reports whether nothing was found that is a fault.
func (r *Report) Clean() bool {
	return len(r.Missing) == 0 && len(r.AnsweredTwice) == 0 && len(r.PaidTwice) == 0 && len(r.Altered) == 0 && len(r.Faults) == 0
}

// Run looks at a run directory. The error says that it could not; what is wrong with the run is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	a := &audit{cfg: cfg, found: newFound(), usage: map[int]quarry.Usage{}, strays: map[quarry.RecordID]stray{}}
	if err := a.open(ctx); err != nil {
		return Report{}, err
	}
	defer a.close()
	steps := []func(context.Context) error{a.shards, a.strayFolders, a.documents, a.passes, a.sources, a.sums}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
		if err := ctx.Err(); err != nil {
			return Report{}, context.Cause(ctx)
		}
	}
	return a.report(), nil
}

// Plan is what the run's plan counted, as far as it is checked.
type Plan struct {
	Pass                     int
	Documents, Orders, Asked int64
}

// audit is one look at a run.
type audit struct {
	cfg     Config
	found   *found
	plan    Plan
	rows    []ledger.Shard
	checked Checked

	indexes map[int]*index       // by pass
	usage   map[int]quarry.Usage // of all raw answers, by pass
	// strays are records that were answered in the folder of a shard that did not send them.
	strays map[quarry.RecordID]stray
	totals totals

	corrections corrections // that people made of answers
}

// open reads the ledger. A run that was never planned has nothing to prove.
func (a *audit) open(ctx context.Context) (err error) {
	if a.cfg.Run == "" {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "audit", Subject: a.cfg.Dir, Err: errors.New("it holds no run"), Hint: "name the run directory with --dir"}
	}
	if a.cfg.Plan == nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "audit", Subject: a.cfg.Dir, Err: errors.New("the run is not planned yet"), Hint: "nothing was sent; rerun `quarry run`"}
	}
	a.plan = *a.cfg.Plan
	if a.rows, err = a.cfg.Ledger.Shards(ctx); err != nil {
		return err
	}
	a.indexes = map[int]*index{}
	return nil
}

// indexOf opens the index of a pass; nil where there is none, which is a fault by then.
func (a *audit) indexOf(pass int) *index {
	if ix, ok := a.indexes[pass]; ok {
		return ix
	}
	dir := a.path("index", fmt.Sprintf("%04d", pass))
	if pass != a.plan.Pass && !exists(dir) { // a later pass knows all that it held
		a.indexes[pass] = nil
		return nil
	}
	ix, err := openIndex(dir)
	if err != nil {
		a.found.fault("read the index of pass %d: %v", pass, err)
	}
	a.indexes[pass] = ix
	return ix
}

func (a *audit) close() {
	for _, ix := range a.indexes {
		if ix != nil {
			ix.close()
		}
	}
}

func (a *audit) path(name ...string) string {
	return filepath.Join(append([]string{a.cfg.Dir}, name...)...)
}

// short is a path as people know it: below the run directory.
func (a *audit) short(path string) string {
	if rel, err := filepath.Rel(a.cfg.Dir, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}

func (a *audit) report() Report {
	f := a.found
	return Report{
		Run: a.cfg.Run, Documents: a.plan.Documents, Missing: f.named[missing], AnsweredTwice: f.named[answeredTwice], PaidTwice: f.named[paidTwice],
		MaybePaidTwice: f.named[maybePaidTwice], Altered: f.named[altered], Found: f.findings, Faults: f.faultTexts(), Differs: f.differs, Ended: a.cfg.Ended,
		Checked: a.checked,
	}
}
