// Package verdict says what should happen to a shard next, in the words of those who decide it.
//
// It owns these words and nothing else. The cap, the pools and the deadline return a verdict; only the life of the shard
// acts on it. What always holds: a verdict is a plain value, so it can be compared and printed, and it changes nothing.
package verdict

import (
	"time"

	"quarry"
	"quarry/internal/base/ledger"
)

// Verdict is one of the types below.
type Verdict interface{ verdict() }

type (
	// Go lets the shard take its next step.
	Go struct{}
	// Wait leaves the shard as it is. For is about how long.
	Wait struct {
		Why string
		For time.Duration
	}
	// Move gives the shard to another pool. The choice is saved before anything is done there.
	Move struct {
		To  ledger.Pool
		Why string // empty: it had no pool yet
	}
	// ToCalls takes the shard, which has no job, out of its pool. Its records are sent as on-demand calls.
	ToCalls struct{ Mode quarry.Mode }
	// StopJob stops the shard's job. What it answered until then is collected. Late says that it is for the deadline.
	StopJob struct{ Late bool }
	// Cut cuts a planned shard into smaller ones, since it may cost more than is left.
	Cut struct {
		Least, Most, Bytes int64 // records of a piece, and its bytes at most
		Why                string
		Else               error // where its records cannot be cut so
	}
)

func (Go) verdict()      {}
func (Wait) verdict()    {}
func (Move) verdict()    {}
func (ToCalls) verdict() {}
func (StopJob) verdict() {}
func (Cut) verdict()     {}
