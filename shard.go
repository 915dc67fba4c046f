package quarry

import (
	"errors"
	"fmt"
	"strconv"
)

// ShardID names one input file of a run: "p00001" for the pilot, "s00001" for the rest, "r00001" for records that are sent again.
type ShardID string

// ShardKind says which records a shard holds.
type ShardKind string

// The kinds of shard.
const (
	PilotShard ShardKind = "pilot" // the sample that is read before the rest is sent
	MainShard  ShardKind = "main"  // a stretch of the source, in its order
	RetryShard ShardKind = "retry" // records of ended shards that need another attempt
)

var shardLetters = map[ShardKind]string{PilotShard: "p", MainShard: "s", RetryShard: "r"}

// NewShardID names the nth shard of a kind, from 1.
func NewShardID(kind ShardKind, n int) ShardID {
	return ShardID(fmt.Sprintf("%s%05d", shardLetters[kind], n))
}

// Kind is the kind that the id names; MainShard where it names none.
func (id ShardID) Kind() ShardKind {
	for kind, letter := range shardLetters {
		if len(id) > 0 && string(id[:1]) == letter {
			return kind
		}
	}
	return MainShard
}

// Number is the number in the id; 0 where there is none.
func (id ShardID) Number() int {
	if len(id) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(string(id[1:]))
	return n
}

// ShardState is where one shard is in its life.
//
//	planned ─→ built ─→ uploaded ─→ intended ─→ submitted ─→ ended ─→ collected ─→ done      (a job)
//	             │ ↖────────┴───────────┴──────────────────────┘           ↑
//	             └────────→ calling ───────────────────────────────────────┘                  (on-demand calls)
//
// uploaded → built: another pool will finish the shard earlier. intended → built: the pool has no slot, and another has;
// or the provider refused for good, or never heard of the intent, and a person changed something. Both also lead to on-demand
// calls, if a job would be late for a deadline.
// ended → built: the job failed before any record was answered; the same file goes out as the next job attempt.
type ShardState string

// The states. Each is durable in the ledger before the effect that leads to the next one.
const (
	ShardPlanned   ShardState = "planned"   // its stretch of the source is known
	ShardBuilt     ShardState = "built"     // its file and its part of the index are on disk, its digest in the ledger
	ShardUploaded  ShardState = "uploaded"  // both are in the bucket
	ShardIntended  ShardState = "intended"  // jobName, clientRequestToken and the whole Create body are in the ledger
	ShardSubmitted ShardState = "submitted" // the provider named a job
	ShardEnded     ShardState = "ended"     // the job is in a terminal state
	ShardCalling   ShardState = "calling"   // on-demand calls are under way, each journaled before it is made
	ShardCollected ShardState = "collected" // the raw output and the checked results are on our disk
	ShardDone      ShardState = "done"      // what is left of it has been handed on, its input file is gone
)

var shardArrows = map[ShardState][]ShardState{
	ShardPlanned:   {ShardBuilt},
	ShardBuilt:     {ShardUploaded, ShardCalling},
	ShardUploaded:  {ShardIntended, ShardBuilt},
	ShardIntended:  {ShardSubmitted, ShardBuilt},
	ShardSubmitted: {ShardEnded},
	ShardEnded:     {ShardCollected, ShardBuilt},
	ShardCalling:   {ShardCollected},
	ShardCollected: {ShardDone},
}

// ErrBadAdvance says that a state was to be left in a direction that does not exist, or is not the state any more.
var ErrBadAdvance = errors.New("no such step")

// Advance changes the state from one to the next. It fails with ErrBadAdvance, and changes nothing, when s is not from
// or when no arrow leads from there to to.
func (s *ShardState) Advance(from, to ShardState) error {
	if *s != from {
		return fmt.Errorf("advance shard from %s to %s, but it is %s: %w", from, to, *s, ErrBadAdvance)
	}
	for _, next := range shardArrows[from] {
		if next == to {
			*s = to
			return nil
		}
	}
	return fmt.Errorf("advance shard from %s to %s: %w", from, to, ErrBadAdvance)
}

// Terminal reports whether nothing more happens to the shard.
func (s ShardState) Terminal() bool { return s == ShardDone }

// Open reports whether the shard may hold one of the provider's job slots: from the intent to the job's end.
func (s ShardState) Open() bool { return s == ShardIntended || s == ShardSubmitted }
