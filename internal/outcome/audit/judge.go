package audit

import (
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
)

// stray is an answer in an output that should not have it.
type stray struct {
	shard quarry.ShardID // empty: of none
	where string
}

// stray remembers such an answer: if its record was sent by another shard, it was paid for twice.
func (a *audit) stray(raw rawLine, shard quarry.ShardID, path string, n int64) {
	if raw.answer != nil && len(a.strays) < maxNamed {
		a.strays[raw.id] = stray{shard, fmt.Sprintf("%s:%d", a.short(path), n)}
	}
}

// judge says for each record what does not agree, and for the shard what does not add up.
func (p *shardProof) judge() {
	var read, extra int64
	for i := range p.records {
		r := &p.records[i]
		p.judgeRecord(r)
		read += r.lines
		extra += max(r.lines-1, 0)
	}
	o := p.row.Output
	where := "raw output of shard " + string(p.row.ID)
	if read != o.Lines || p.foreign != o.Foreign || p.broken != o.Broken {
		p.found.fault("%s: %s, %s of other records, %s that cannot be read; the ledger counted %s, %s and %s", where, figure.Count(read, "line"), figure.Thousands(p.foreign), figure.Thousands(p.broken),
			figure.Thousands(o.Lines), figure.Thousands(o.Foreign), figure.Thousands(o.Broken))
	}
	if extra != o.Doubled {
		p.found.fault("%s: %d doubled lines, the journal knows of %d", where, extra, o.Doubled)
	}
	for i := range p.records {
		p.judgeDoubled(&p.records[i], extra != o.Doubled)
	}
	for _, d := range o.Differs {
		p.found.differ("shard %s, as it was collected: %s", p.row.ID, d)
	}
	p.manifests()
}

// judgeDoubled names a record that has more answers than the journal knows of. Where the journal only has their number
// (uneven: it is another one than the raw output's), every doubled record may be the one.
func (p *shardProof) judgeDoubled(r *record, uneven bool) {
	if r.answers < 2 || (p.known && r.answers-1 <= r.doubled) || (!p.known && !uneven) {
		return
	}
	p.found.name(answeredTwice, r.ID, r.RecordID, "%s with an answer in the raw output of shard %s", figure.Count(r.answers, "line"), p.row.ID)
}

func (p *shardProof) judgeRecord(r *record) {
	switch {
	case !r.claimed:
		p.found.name(altered, r.ID, r.RecordID, "the journal of shard %s has no line of it", p.row.ID)
	case r.lines == 0 && r.claim.class != quarry.ClassMissing && r.claim.class != quarry.ClassUnsent:
		p.found.name(altered, r.ID, r.RecordID, "the journal says %s, and the raw output has no line of it", r.claim.class)
	case r.answers > 0 && !r.claim.class.Answered():
		p.found.name(missing, r.ID, r.RecordID, "answered, and the journal says %s: %s", r.claim.class, r.against)
	case r.lines > 0 && !r.agrees:
		p.found.name(altered, r.ID, r.RecordID, "%s", r.against)
	}
	if r.outcomes > 1 {
		p.found.name(paidTwice, r.ID, r.RecordID, "%d on-demand calls were answered", r.outcomes)
	}
	switch {
	case r.claim.class == quarry.ClassNoReply:
		p.found.name(maybePaidTwice, r.ID, r.RecordID, "two on-demand calls for it had no reply, %d of them in this attempt, and each may have been billed", min(r.intents, 2))
	case r.intents > 1:
		p.found.name(maybePaidTwice, r.ID, r.RecordID, "an on-demand call had no reply and was repeated")
	case r.intents == 1 && r.lines == 0:
		p.found.name(maybePaidTwice, r.ID, r.RecordID, "an on-demand call had no reply when its pass was given up, and its record may be sent again")
	}
}
