package run

import (
	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/shardfile"
)

// tally counts one outcome.
func tally(s *ledger.Shard, o *shardfile.Outcome) {
	s.Tally.Classes[o.Class]++
	s.Tally.Usage.Add(o.Result.Usage)
	switch {
	case o.Left:
		s.Tally.Left++
	case o.Result.Status == quarry.StatusOK:
		s.Tally.OK++
	case o.Result.Status == quarry.StatusInvalid:
		s.Tally.Invalid++
	default:
		s.Tally.Failed++
	}
}
