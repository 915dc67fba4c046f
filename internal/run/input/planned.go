package input

import (
	"errors"
	"fmt"

	"quarry/internal/base/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/index"
	"quarry/internal/run/prepare"
)

// planned is one document that a shard sends, as it was when it was planned.
type planned struct {
	order int64
	entry index.Entry
	tried int // attempts made in earlier passes
	bad   int // of them, those with an answer that did not pass its checks
	// parts are the lengths of the lines of a long document's parts, 0 of one that is not sent; none: it is sent as a whole.
	parts []int64
}

// differs says why a document is not the one that was planned; empty: it is.
func differs(item *prepare.Item, p *planned) string {
	switch {
	case item.LeftOut != nil:
		return "it can no longer be read: " + item.LeftOut.Reason
	case [len(p.entry.Key)]byte(item.Key[:len(p.entry.Key)]) != p.entry.Key || len(item.Input) == 0:
		return "its text changed in the sources after it was planned"
	}
	return ""
}

// sends reports whether the shard sends a record of the document; part 0 is the whole.
func (p *planned) sends(s *ledger.Shard, part int) bool {
	if part > 0 && part <= len(p.parts) && p.parts[part-1] == 0 {
		return false // its answer of an earlier pass counts
	}
	first, last := cut.Positions(s)
	at := index.PosOf(p.order, part)
	return first <= at && at <= last
}

// documents gives the documents that a shard sends, in their order.
type documents struct {
	shard        *ledger.Shard
	dispositions *index.Column
	tried        *index.TriedColumn
	entries      *index.EntryColumn
	long         *index.Long
	order        int64
}

func (b *Builder) open(s *ledger.Shard) (a *documents, err error) {
	pass := b.Index
	a = &documents{shard: s, order: s.First}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.dispositions, err = pass.OpenDispositions(); err != nil {
		return nil, err
	}
	tried, err := pass.OpenTried()
	if err != nil {
		return nil, err
	}
	a.tried = &tried
	if a.long, err = pass.OpenSent(); err != nil {
		return nil, err
	}
	if a.entries, err = pass.OpenEntries(); err == nil && a.entries == nil {
		err = fmt.Errorf("pass %d has no entries", s.Pass)
	}
	return a, err
}

func (a *documents) next() (p planned, ok bool, err error) {
	for ; a.order <= a.shard.Last; a.order++ {
		t, err := a.dispositions.Disposition(a.order)
		if err != nil {
			return p, false, err
		}
		if !t.Among(a.shard.Marks) {
			continue
		}
		tried, triedErr := a.tried.Of(a.order)
		p.order, p.tried, p.bad = a.order, tried.Last, tried.Bad
		if p.entry, ok, err = a.entries.Of(a.order); err == nil && !ok {
			err = fmt.Errorf("the index has no entry of document %d", a.order)
		}
		var longErr error
		p.parts, longErr = a.long.Of(a.order, nil)
		a.order++
		return p, true, errors.Join(err, triedErr, longErr)
	}
	return p, false, nil
}

func (a *documents) close() {
	if a.dispositions != nil {
		_ = a.dispositions.Close()
	}
	if a.tried != nil {
		_ = a.tried.Close()
	}
	if a.entries != nil {
		_ = a.entries.Close()
	}
	if a.long != nil {
		a.long.Close()
	}
}
