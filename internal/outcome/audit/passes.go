package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"quarry"
	"quarry/internal/base/ledger"
)

// A run may read its sources again and again; each reading is a pass, with an index and shards of its own. A document
// that did not change keeps the answer of an earlier pass. Orders differ from pass to pass, so what they have in common
// is found by recordId: in several rounds, each over as many records as fit into memory.

// recordsARound bounds a round's memory, at about a hundred bytes a record.
const recordsARound = 500_000

// answeredBefore is what a journal of any pass says of a record.
type answeredBefore struct {
	pass    int
	shard   quarry.ShardID
	class   quarry.Class
	content digest
}

// passes proves what one pass cannot: that no record was sent in two of them, that nothing was sent again in a later pass
// after an answer that passed its checks, and that answers which were taken over from an earlier pass are what its journal
// says.
func (a *audit) passes(ctx context.Context) error {
	var records int64
	later := false
	for i := range a.rows {
		if row := &a.rows[i]; !row.Times.Collected.IsZero() {
			records += row.Records
			later = later || row.Pass != a.rows[0].Pass
		}
	}
	if !later && a.totals.earlier == 0 {
		return nil
	}
	rounds := uint64(records/recordsARound + 1)
	for round := range rounds {
		of := func(id quarry.RecordID) (hash, bool) {
			sum := sha256.Sum256([]byte(id))
			return hash(sum[:16]), binary.BigEndian.Uint64(sum[16:])%rounds == round
		}
		if err := a.round(ctx, of); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) round(ctx context.Context, of func(quarry.RecordID) (hash, bool)) error {
	seen := map[hash]answeredBefore{}
	good := map[hash]goodBefore{}
	for i := range a.rows {
		row := &a.rows[i]
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !row.Times.Collected.IsZero() {
			a.remember(seen, row, of)
			a.notAgain(good, row, of)
		}
	}
	ix := a.indexOf(a.plan.Pass)
	if ix != nil {
		a.carriedParts(ix, seen, of)
	}
	if !a.cfg.Ended || ix == nil || a.totals.earlier == 0 {
		return nil
	}
	p := &documentsProof{audit: a}
	al := &alignment{
		match: func(e *entry) error {
			r := &p.current
			if h, mine := of(r.RecordID); e.earlier() && r.RecordID != "" && mine {
				if what := r.againstBefore(r.shown(), seen[h], a.plan.Pass); what != "" {
					a.found.name(altered, r.ID, r.RecordID, "results.jsonl: %s", what)
				}
			}
			return nil
		},
		absent: func(*entry) error { return nil }, // named before
	}
	return al.run(having(ctx, ix), p.again(ctx))
}

// remember takes the records of one shard, and names those that another pass had already.
func (a *audit) remember(seen map[hash]answeredBefore, row *ledger.Shard, of func(quarry.RecordID) (hash, bool)) {
	for o, err := range decoded[outcome](a.journalPath(row.ID)) {
		if err != nil {
			continue // named with its shard
		}
		h, mine := of(o.RecordID)
		if !mine || o.Class == quarry.ClassUnsent { // one that was not sent has its recordId still free
			continue
		}
		if before, twice := seen[h]; twice && before.pass != row.Pass {
			a.found.name(paidTwice, o.Result.ID, o.RecordID, "sent in pass %d by shard %s and again in pass %d by shard %s", before.pass, before.shard, row.Pass, row.ID)
			continue
		}
		seen[h] = answeredBefore{pass: row.Pass, shard: row.ID, class: o.Class, content: o.shown()}
	}
}

// goodBefore is an answer that passed its checks: from the next pass on, nothing more is sent for what it answers.
type goodBefore struct {
	pass   int
	record quarry.RecordID
}

// notAgain takes the good answers of one shard, and names the records that send again what an earlier pass has answered. What is
// sent is known by the recordId without its attempt: the beginning of the document's id, and of its key, and the number of the
// part. An answer to the whole document answers its parts too.
func (a *audit) notAgain(good map[hash]goodBefore, row *ledger.Shard, of func(quarry.RecordID) (hash, bool)) {
	for o, err := range decoded[outcome](a.journalPath(row.ID)) {
		if err != nil {
			continue // named with its shard
		}
		own := o.RecordID.Again(0)
		asks := []quarry.RecordID{own}
		if whole := own.Whole(); whole != own {
			asks = append(asks, whole)
		}
		for _, what := range asks {
			h, mine := of(what)
			if !mine {
				continue
			}
			before, answered := good[h]
			switch {
			case answered && before.pass < row.Pass && before.record != o.RecordID && o.Class != quarry.ClassUnsent: // the same record twice is named by itself
				a.found.name(paidTwice, o.Result.ID, o.RecordID, "sent in pass %d by shard %s although pass %d had the answer to %s", row.Pass, row.ID, before.pass, before.record)
			case !answered && o.Class == quarry.ClassOK && what == own:
				good[h] = goodBefore{pass: row.Pass, record: o.RecordID}
			}
		}
	}
}

// shown is the digest of what a result shows of an attempt.
func (r *result) shown() digest {
	message := ""
	if r.Error != nil {
		message = r.Error.Kind + ": " + r.Error.Message
	}
	return r.Output.likeness() ^ digestOf(string(r.Status), r.Text, r.StopReason, r.Model, r.Job, string(r.Mode), message)
}

// shown is the digest of what a result shows of an attempt that says how its document ended. An answer to a part that was no good
// fails the document, whose result has no answer and names the part.
func (o *outcome) shown() digest {
	n := o.RecordID.PartNumber()
	if n == 0 || o.Class == quarry.ClassOK || o.Result.Error == nil {
		return o.Result.shown()
	}
	r := o.Result
	r.Status, r.Output = quarry.StatusFailed, nil
	r.Error = &quarry.ResultError{Kind: r.Error.Kind, Message: fmt.Sprintf("part %d of %d: %s", n, o.Parts, r.Error.Message)}
	return r.shown()
}

// unmerged reports whether a result says that all parts of its document were answered, and that the answers were not merged.
func (r *result) unmerged(class quarry.Class) bool {
	return r.RecordID.PartNumber() > 0 && class == quarry.ClassOK && r.Status == quarry.StatusFailed && len(r.Output) == 0 && r.Text == ""
}

// againstBefore says what in an answer that was taken over is not the journal's.
func (r *result) againstBefore(shown digest, before answeredBefore, pass int) string {
	switch {
	case before.shard == "":
		return "it takes over an answer that no journal has"
	case before.pass >= pass:
		return fmt.Sprintf("it takes over an answer of pass %d", before.pass)
	case shown != before.content && !r.unmerged(before.class):
		return fmt.Sprintf("the answer that it takes over is not the journal's of shard %s", before.shard)
	}
	return ""
}
