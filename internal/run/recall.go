package run

import (
	"context"
	"errors"
	"iter"
	"slices"

	"quarry/internal/dedupe"
	"quarry/internal/run/answered"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

// recall finds which documents of a pass in the making, or which parts of them, need not be asked, and how often the others
// were.
type recall struct {
	hits     *answered.Hits
	carried  *answered.Carried
	attempts int

	order int64            // of the document that was looked for last
	found []answered.Entry // what can be taken over of it
}

// openRecall joins the keys of the pass with the run's memory, or with that of the run it is compared with.
func (r *Run) openRecall(ctx context.Context, keys *dedupe.Sorter) (*recall, error) {
	dir := r.cfg.Dir
	if r.beside != nil {
		dir = r.beside.dir
	}
	file, err := answered.Open(dir)
	if err != nil {
		return nil, err
	}
	sorting := r.index(r.pass).SortDir()
	c := &recall{attempts: r.cfg.Attempts, carried: answered.NewCarried(r.effects, sorting)}
	c.hits, err = file.Join(ctx, r.effects, sorting, keys.Sorted())
	return c, err
}

// of is a plan's Findings.Recall.
func (c *recall) of(order int64, e *index.Entry) (plan.Earlier, error) {
	c.order, c.found = order, nil
	entries, err := c.hits.Of(order, e.Key, e.Hash)
	if err != nil || len(entries) == 0 {
		return plan.Earlier{Tried: index.Tried{Last: c.hits.Alike()}}, err
	}
	v := answered.Judge(entries, e.Hash, c.attempts)
	c.found = append(v.Stands, v.Parts...) // one of them is empty
	earlier := plan.Earlier{Stands: len(v.Stands) > 0, Tried: index.Tried{Last: max(v.Last, c.hits.Alike()), Bad: v.Bad}}
	for i := range v.Parts {
		earlier.Parts = append(earlier.Parts, v.Parts[i].Part)
	}
	return earlier, nil
}

// carryLast is a plan's Findings.Carry.
func (c *recall) carryLast() error { return c.carried.Add(c.order, c.found) }

// carryGiven is a plan's Findings.CarryGiven.
func (c *recall) carryGiven(order, slot int64) error {
	return c.carried.Add(order, []answered.Entry{{Shard: answered.Known, Line: slot}})
}

func (c *recall) close() error {
	if c.hits == nil {
		return c.carried.Close()
	}
	return errors.Join(c.hits.Close(), c.carried.Close())
}

// carry writes the earlier outcomes of the documents that are not asked for them, read from the journals.
func (r *Run) carry(ctx context.Context, c *recall) error {
	if r.beside != nil || r.spool != nil { // no results are made of this plan
		return nil
	}
	from := answered.From{Journal: r.files().Journal}
	if given, ok, err := r.plannedPass(ctx, importedPass); err != nil {
		return err
	} else if ok {
		from.Imported = r.index(importedPass).Known(given.Orders)
		defer from.Imported.Close()
	}
	return c.carried.Write(ctx, r.index(r.pass).Path(index.EarlierFile), from, r.recalled(ctx))
}

// recalled reads again the documents of the pass for which earlier answers count: their titles and other fields may have
// changed since.
func (r *Run) recalled(ctx context.Context) iter.Seq2[answered.Document, error] {
	return func(yield func(answered.Document, error) bool) {
		look := newRevisit(r)
		defer look.close()
		pass := r.index(r.pass)
		long, err := pass.OpenAsked()
		if err != nil {
			yield(answered.Document{}, err)
			return
		}
		defer long.Close()
		var parts []int64
		for d, err := range pass.Taken() {
			if err == nil {
				parts, err = long.Of(d.Order, parts)
			}
			inParts := d.Take.Asked() && slices.Contains(parts, 0)
			if err == nil && d.Take != index.Recalled && !inParts {
				continue
			}
			out := answered.Document{Order: d.Order, Asked: inParts}
			if err == nil {
				doc, lookErr := look.document(ctx, d.Order)
				if lookErr == nil && d.Hash != index.HashOf(doc.ID) {
					lookErr = errSourceChanged(doc.At)
				}
				out.ID, out.Info, err = doc.ID, info(&doc), lookErr
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}
