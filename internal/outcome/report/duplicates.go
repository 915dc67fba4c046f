package report

import "quarry"

// Duplicates says what was not sent because another document makes the same request, and what that saved.
type Duplicates struct {
	Exact    int64        `json:"exact"` // after cleaning
	Near     int64        `json:"near"`  // answered with the answer to a text that is nearly theirs
	Reported int64        `json:"near_reported"`
	Spared   quarry.Usage `json:"spared"`    // tokens, as the answers that they share took
	Saved    *quarry.USD  `json:"saved_usd"` // at the requested model's price; null: not known
}
