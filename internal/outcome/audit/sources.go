package audit

import (
	"context"
	"iter"

	"quarry/internal/base/figure"
)

// sources reads the ids of the sources again and compares them with the index: a document that was never planned cannot
// be found missing by what the run wrote itself.
func (a *audit) sources(ctx context.Context) error {
	ix := a.indexOf(a.plan.Pass)
	if a.cfg.Sources == nil || ix == nil {
		a.found.differ("the sources were not read again: %s", a.cfg.Unread)
		return nil
	}
	var matched, lost, firstLost int64
	var broken error
	read := func(yield func(have, error) bool) {
		for id, err := range a.cfg.Sources {
			if err != nil || ctx.Err() != nil {
				broken = err
				return
			}
			a.checked.SourceIDs++
			if !yield(have{hashOf(id), id}, nil) {
				return
			}
		}
	}
	al := &alignment{
		match: func(*entry) error { matched++; return nil },
		absent: func(e *entry) error {
			if lost++; lost == 1 {
				firstLost = e.order
			}
			return nil
		},
	}
	if err := al.run(iter.Seq2[entry, error](ix.all()), read); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case broken != nil:
		a.found.differ("the sources could not be read again: %v", broken)
		return nil
	}
	a.checked.SourcesRead = true
	fresh := fresh(al)
	switch {
	case lost == 0 && len(al.extra) == 0:
	case a.checked.SourceIDs == 0:
		a.found.differ("no document was found in the sources: they are empty now, or this command reads them with other settings than the run " +
			"(after `quarry run --records`, use `quarry audit --records`)")
		a.checked.SourcesRead = false
	case matched == 0:
		a.found.differ("none of the %s in the sources is in the index: this command reads them with other settings than the run",
			figure.Count(a.checked.SourceIDs, "id"))
		a.checked.SourcesRead = false
	case a.cfg.Changed != "":
		a.found.differ("%s in the sources and not in the index, and %s in the index and not in the sources: %s",
			figure.Clause(len(fresh), "document", "is", "are"), figure.Clause(lost, "document", "is", "are"), a.cfg.Changed)
	default:
		for _, h := range fresh {
			a.found.name(missing, h.id, "", "it is in the sources but not in the run")
		}
		if lost > 0 {
			a.found.fault("%s of the index not at their place in the sources, the first of order %d",
				figure.Clause(lost, "document", "is", "are"), firstLost)
		}
	}
	return nil
}

// fresh are the documents that are not merely out of place.
func fresh(al *alignment) []have {
	var out []have
	for _, h := range al.extra {
		if !al.gone[h.hash] {
			out = append(out, h)
		}
	}
	return out
}
