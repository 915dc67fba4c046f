package shardfile

import (
	"encoding/json"

	"quarry"
)

// Outcome is one line of a journal: what an attempt made of a document, or why there was none.
type Outcome struct {
	Order    int64           `json:"order"`
	RecordID quarry.RecordID `json:"record_id,omitempty"`
	Class    quarry.Class    `json:"class,omitempty"`
	Left     bool            `json:"left,omitempty"`    // queued for another attempt, in a retry shard
	Parts    int             `json:"parts,omitempty"`   // of a long document: in how many it is sent
	Doubled  int64           `json:"doubled,omitempty"` // further lines for the record, which were not kept
	Earlier  bool            `json:"earlier,omitempty"` // made in an earlier pass, and paid for there
	Result   quarry.Result   `json:"result"`
}

// Queued is one record that needs another attempt, with what the next attempt changes.
type Queued struct {
	Part
	Attempt   int             `json:"attempt"` // of the next attempt
	Base      json.RawMessage `json:"base"`    // modelInput of the first attempt
	Class     quarry.Class    `json:"class"`
	MaxTokens int             `json:"max_tokens,omitempty"`
	Answer    string          `json:"answer,omitempty"` // the bad one
	Complaint string          `json:"complaint,omitempty"`
}

// Found is what one line of output says of one record of the shard.
type Found struct {
	At      int // place of the record in the shard
	Outcome Outcome
	Next    *Queued // nil: it needs no further attempt
}
