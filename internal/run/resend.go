package run

import (
	"fmt"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// A call without a reply may have been answered and paid, and the provider cannot tell. So it is made once more, and that is done once for a
// record over all its attempts: a second call without a reply ends the record.

// resentBefore gives the records of a shard of which a call of an earlier attempt was made again.
func (r *Run) resentBefore(s *ledger.Shard) (map[quarry.RecordID]bool, error) {
	resent := map[quarry.RecordID]bool{}
	for p, err := range lines.Read[struct {
		RecordID quarry.RecordID `json:"record_id"`
		Resent   bool            `json:"resent"`
	}](r.files().Part(s.ID)) {
		if err != nil {
			return nil, fmt.Errorf("read shard %s: %w", s.ID, err)
		}
		if p.Resent {
			resent[p.RecordID] = true
		}
	}
	return resent, nil
}

// unknown ends a record of which two calls had no reply. why is what became of the last one.
func (a *asking) unknown(id quarry.RecordID, why string) error {
	message := shardfile.NoReply + ": each may have been answered and paid, so no third is made; the last one: " + why
	return a.log.Append(&shardfile.Call{RecordID: id, Error: &shardfile.CallError{Code: 408, Message: message}})
}
