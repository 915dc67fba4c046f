package audit

import (
	"encoding/hex"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
)

// correction is a line of overrides.jsonl, as far as it says which answer it corrects.
type correction struct {
	ID      quarry.DocumentID `json:"id"`
	Key     string            `json:"key"` // 12 hex digits of the document's key
	Removed bool              `json:"removed"`
}

// corrections are the answers that people corrected, by document.
type corrections struct {
	of    map[quarry.DocumentID]map[string]bool // keys; true: results.jsonl has the answer
	known map[quarry.DocumentID]bool            // documents of them that results.jsonl has
}

// corrected reads which answers were corrected. They cost nothing and change no result, so what is wrong with them is no fault of the run.
func (a *audit) corrected() {
	a.corrections = corrections{of: map[quarry.DocumentID]map[string]bool{}, known: map[quarry.DocumentID]bool{}}
	path := a.path("overrides.jsonl")
	if !exists(path) {
		return
	}
	for l, err := range lines(path) {
		if l.torn { // it is being written, or its writer died: the next one cuts it off
			return
		}
		var c correction
		if err == nil {
			err = decode(l.text, &c)
		}
		if err != nil {
			a.found.differ("overrides.jsonl:%d: no corrected answer: %v", l.n, err)
			continue
		}
		if a.corrections.of[c.ID] == nil {
			a.corrections.of[c.ID] = map[string]bool{}
		}
		if c.Removed {
			delete(a.corrections.of[c.ID], c.Key)
		} else {
			a.corrections.of[c.ID][c.Key] = false
		}
	}
}

// see notes the answer of a result.
func (c *corrections) see(r *result) {
	keys := c.of[r.ID]
	if len(keys) == 0 {
		return
	}
	c.known[r.ID] = true
	if prefix, ours := r.RecordID.KeyPrefix(); ours {
		key := hex.EncodeToString(prefix[:])
		if _, is := keys[key]; is {
			keys[key] = true
		}
	}
}

// sayCorrected counts the corrections that exports use, and names those that belong to no answer of the results.
func (a *audit) sayCorrected() {
	var strange, older []quarry.DocumentID
	for id, keys := range a.corrections.of {
		for _, used := range keys {
			switch {
			case used:
				a.checked.Corrected++
			case a.corrections.known[id]:
				older = append(older, id)
			default:
				strange = append(strange, id)
			}
		}
	}
	for _, list := range []struct {
		ids []quarry.DocumentID
		why string
	}{
		{strange, "results.jsonl has no such document, so its corrected answer is not used"},
		{older, "its text or its request changed after its answer was corrected, so that correction is not used"},
	} {
		slices.Sort(list.ids)
		const named = 100
		for _, id := range list.ids[:min(len(list.ids), named)] {
			a.found.differ("overrides.jsonl: document %s: %s", id, list.why)
		}
		if more := len(list.ids) - named; more > 0 {
			a.found.differ("overrides.jsonl: %s: %s", figure.Count(int64(more), "further document"), list.why)
		}
	}
}
