package audit

import (
	"errors"
	"os"

	"quarry"
	"quarry/internal/base/ledger"
)

// callLine is one line of a journal of on-demand calls: an intent, written down before the call, or what came of it.
type callLine struct {
	RecordID quarry.RecordID `json:"recordId"`
	Intent   int             `json:"intent"` // number of the call; the same number again means that the provider did nothing
}

// readCalls reads the journal of a shard's on-demand calls, where it has one.
func (p *shardProof) readCalls() {
	path := p.path("journal", string(p.row.ID)+".calls.jsonl.zst")
	if p.row.Mode == quarry.ModeJob {
		return
	}
	where := p.short(path)
	for l, err := range lines(path) {
		if err != nil {
			p.found.fault("%s: cannot be read: %v", where, err)
			return
		}
		var c callLine
		if err := decode(l.text, &c); err != nil {
			p.found.fault("%s:%d: %v", where, l.n, err)
			continue
		}
		place, ok := p.place[c.RecordID]
		if !ok {
			p.found.fault("%s:%d: a call for record %s, which was not sent", where, l.n, c.RecordID)
			continue
		}
		r := &p.records[place]
		if c.Intent > 0 {
			p.checked.Calls++
			r.intents = max(r.intents, c.Intent)
			continue
		}
		if raw, err := readRaw(l.text); err == nil && raw.answer != nil {
			r.outcomes++
		}
		if r.intents == 0 {
			p.found.name(altered, r.ID, r.RecordID, "%s:%d: a call that was made before it was recorded", where, l.n)
		}
	}
}

// callsUnderway reads the calls of a shard that has not come to its end: what was sent again may have been paid twice
// already. A torn last line is one that no one relied upon.
func (a *audit) callsUnderway(row *ledger.Shard) error {
	path := a.path("journal", string(row.ID)+".calls.jsonl")
	if row.Mode == quarry.ModeJob || !exists(path) {
		return nil
	}
	again := map[quarry.RecordID]bool{}
	for l, err := range lines(path) {
		if errors.Is(err, os.ErrNotExist) { // it was sealed this moment
			return nil
		}
		if err != nil {
			a.found.fault("%s: cannot be read: %v", a.short(path), err)
			return nil
		}
		var c callLine
		if err := decode(l.text, &c); err != nil {
			if !l.torn {
				a.found.fault("%s:%d: %v", a.short(path), l.n, err)
			}
			continue
		}
		if c.Intent > 0 {
			a.checked.Calls++
		}
		if c.Intent > 1 {
			again[c.RecordID] = true
		}
	}
	for p, err := range decoded[part](a.partPath(row.ID)) {
		if err == nil && again[p.RecordID] {
			a.found.name(maybePaidTwice, p.ID, p.RecordID, "an on-demand call had no reply and was repeated")
		}
	}
	return nil
}
