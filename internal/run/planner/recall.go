package planner

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"quarry/internal/run/answered"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/relocate"
)

// recall finds which documents of a pass in the making, or which parts of them, need not be sent, and how often the others
// were.
type recall struct {
	hits     *answered.Hits
	carried  *answered.Carried
	attempts int

	order int64            // of the document that was looked for last
	found []answered.Entry // what can be taken over of it
}

// openRecall joins the keys of the pass with the answers of all passes.
func (p *planning) openRecall(ctx context.Context) (*recall, error) {
	file, err := answered.Open(cmp.Or(p.earlier.Answered, p.Dir))
	if err != nil {
		return nil, err
	}
	dir := p.index.SortDir()
	c := &recall{attempts: p.Attempts, carried: answered.NewCarried(p.Effects, dir)}
	c.hits, err = file.Join(ctx, p.Effects, dir, p.keys.Sorted())
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
	c.found = append(v.Result, v.Parts...) // one of them is empty
	earlier := plan.Earlier{Answered: len(v.Result) > 0, Tried: index.Tried{Last: max(v.Last, c.hits.Alike()), Bad: v.Bad}}
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

// carry writes the earlier outcomes of the documents that are not sent for them, read from the journals.
func (p *planning) carry(ctx context.Context, c *recall) error {
	if p.earlier.Journal == nil {
		return nil
	}
	from := answered.From{Journal: p.earlier.Journal}
	if g := p.earlier.Given; g != nil {
		from.Imported = g.Known
	}
	return c.carried.Write(ctx, p.index.Path(index.EarlierFile), from, p.recalled(ctx))
}

// recalled reads again the documents of the pass for which earlier answers count: their titles and other fields may have
// changed since.
func (p *planning) recalled(ctx context.Context) iter.Seq2[answered.Document, error] {
	return func(yield func(answered.Document, error) bool) {
		look := revisit{planning: p}
		defer look.close()
		long, err := p.index.OpenSent()
		if err != nil {
			yield(answered.Document{}, err)
			return
		}
		defer long.Close()
		var parts []int64
		for d, err := range p.index.Decided() {
			if err == nil {
				parts, err = long.Of(d.Order, parts)
			}
			inParts := d.Disposition.Sends() && slices.Contains(parts, 0)
			if err == nil && d.Disposition != index.Recalled && !inParts {
				continue
			}
			out := answered.Document{Order: d.Order, Sends: inParts}
			if err == nil {
				doc, lookErr := look.document(ctx, d.Order)
				if lookErr == nil && d.Hash != index.HashOf(doc.ID) {
					lookErr = relocate.SourceChanged(doc.At)
				}
				out.ID, out.Info, err = doc.ID, doc.Info(), lookErr
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}
