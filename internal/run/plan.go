package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/clean"
	"quarry/internal/dedupe"
	"quarry/internal/pack"
	"quarry/internal/run/draw"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Planned is what a pass over the sources found, before a cent is spent.
type Planned struct {
	Pass       int   `json:"pass"`
	Items      int64 `json:"items"`      // read from the sources, good or bad
	Unreadable int64 `json:"unreadable"` // items left out: broken, without id or body
	SameID     int64 `json:"same_id"`    // items left out: the id stood there before
	Documents  int64 `json:"documents"`  // Items - Unreadable - SameID
	Empty      int64 `json:"empty"`
	Same       int64 `json:"same"` // documents that ask what an earlier one asks
	TooLarge   int64 `json:"too_large"`
	Unchanged  int64 `json:"unchanged"`       // their answer of an earlier pass stands
	Changed    int64 `json:"changed"`         // known documents that ask something else now
	Again      int64 `json:"again"`           // known documents that have no answer yet
	Stale      int64 `json:"stale"`           // of Unchanged: they ask something else, and wait for a later pass
	Gone       int64 `json:"gone"`            // known documents that are not in the sources any more; beside the others
	Asked      int64 `json:"asked"`           // Documents - Empty - Same - TooLarge - Unchanged
	Pilot      int64 `json:"pilot"`           // of them
	Long       int64 `json:"long,omitempty"`  // of Asked, those that are asked in parts
	Parts      int64 `json:"parts,omitempty"` // and how many parts that makes
	Japanese   int64 `json:"japanese"`
	Cut        int64 `json:"cut"`
	Near       int64 `json:"near,omitempty"` // nearly an earlier one; of them asked, unless near duplicates are answered with the earlier one's answer

	Dropped map[string]clean.Tally `json:"dropped,omitempty"` // by cleaning: rule → parts and bytes of the source

	SourceBytes  int64              `json:"source_bytes"`
	CleanedBytes int64              `json:"cleaned_bytes"`
	AskedBytes   int64              `json:"asked_bytes"`      // of the cleaned texts that are asked about
	LineBytes    int64              `json:"line_bytes"`       // of all lines that the input files could hold
	AskedLines   int64              `json:"asked_line_bytes"` // of those that are asked
	Classes      quarry.CharClasses `json:"classes"`
	Shards       int64              `json:"shards"`

	Orders int64       `json:"orders"` // documents numbered, those left out behind their number included
	Mode   quarry.Mode `json:"mode"`
	Notes  []string    `json:"notes,omitempty"` // what people should know before they go on

	pilotRecords int64 // of the pilot: those of all parts of its long documents
	lost         int64 // documents of the pass before that are not in the sources: Gone without those that were gone by then
	broken       int64 // documents whose text could not be put into a prompt, counted in Unreadable
}

// plan reads all sources once, finds what has to be asked, draws the pilot and cuts the rest into shards. The plan is in
// the ledger whole or not at all.
func (r *Run) plan(ctx context.Context) (count, error) {
	if err := r.holdDeadline(ctx); err != nil {
		return count{}, err
	}
	planned, ok, err := r.plannedPass(ctx, r.pass)
	if err != nil {
		return count{}, err
	}
	if ok {
		r.planned = planned
		return r.planned.count(), nil
	}
	before, err := r.passBefore(ctx)
	if err != nil {
		return count{}, err
	}
	if before != nil {
		defer before.Close()
	}
	r.planned = Planned{Pass: r.pass}
	passed, err := r.passedBefore(ctx)
	if err != nil {
		return count{}, err
	}
	r.piloted = slices.Contains(passed, r.asks())
	if err := r.planPass(ctx, before); err != nil {
		return count{}, err
	}
	if err := r.mostAreThere(ctx, before); err != nil {
		return count{}, err
	}
	if err := r.decideMode(ctx); err != nil {
		return count{}, err
	}
	if err := r.checkSecondStage(); err != nil {
		return count{}, err
	}
	rows, err := r.cutShards(ctx)
	if err != nil {
		return count{}, err
	}
	r.planned.Shards = int64(len(rows))
	b, err := json.Marshal(r.planned)
	if err != nil {
		return count{}, err
	}
	facts := map[string]string{plannedFact(r.pass): string(b), "planned": string(b)}
	facts[beganFact(r.pass)] = quarry.Timestamp(r.began)
	if facts[manifestFact(r.pass)], err = r.askedNow(ctx); err != nil {
		return count{}, err
	}
	if r.replaced {
		if facts["sources"], err = marshalled(r.cfg.Sources); err != nil {
			return count{}, err
		}
	}
	if err := r.ledger.AddShards(ctx, rows, facts, nil); err != nil {
		return count{}, err
	}
	return r.planned.count(), nil
}

// importedBefore opens the answers that somebody had before the first pass; nil where there are none. They are read once,
// when the run is planned.
func (r *Run) importedBefore(ctx context.Context) (*known, error) {
	p, ok, err := r.plannedPass(ctx, importedPass)
	if err != nil {
		return nil, err
	}
	if ok {
		return r.openKnown(importedPass, p), nil
	}
	if r.cfg.Known == "" || r.planned.Pass > 0 {
		return nil, nil
	}
	if p, err = r.importKnown(ctx); err != nil {
		return nil, err
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if err := r.ledger.SetFacts(ctx, map[string]string{plannedFact(importedPass): string(b)}); err != nil {
		return nil, err
	}
	return r.openKnown(importedPass, p), nil
}

// planPass reads the sources and writes the index of the pass.
func (r *Run) planPass(ctx context.Context, before *known) (err error) {
	pass := r.index(r.pass)
	dir := pass.SortDir()
	ids := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "ids"})
	keys := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "keys"})
	var again *index.Repeats
	var pairs *index.Joined
	defer func() {
		err = errors.Join(err, ids.Close(), keys.Close())
		if again != nil {
			err = errors.Join(err, again.Close())
		}
		if pairs != nil {
			err = errors.Join(err, pairs.Close())
		}
	}()
	if err := r.openNear(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.closeNear()) }()
	sample := draw.New(r.pilotSize())
	if err := errors.Join(r.scan(ctx, ids, keys, sample), ctx.Err()); err != nil {
		return err
	}
	// Documents still counts all that have an order; see scan.
	if pairs, err = pass.Join(ctx, ids, r.planned.Documents, before.slots()); err != nil {
		return err
	}
	r.planned.Gone, r.planned.lost = pairs.Gone, pairs.Lost
	if again, err = pass.FindRepeats(ids, keys); err != nil {
		return err
	}
	if err := r.findNear(ctx, again); err != nil {
		return err
	}
	if err := r.writeTakes(ctx, again, sample, pairs, before); err != nil {
		return err
	}
	if err := r.topUpPilot(ctx); err != nil {
		return err
	}
	return r.nameRepeats(ctx, again)
}

// plannedFact is the name under which a pass's plan is kept.
func plannedFact(pass int) string { return fmt.Sprintf("planned.%d", pass) }

func (r *Run) plannedPass(ctx context.Context, pass int) (p Planned, ok bool, err error) {
	text, ok, err := r.ledger.Fact(ctx, plannedFact(pass))
	if err != nil || !ok {
		return p, ok, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, false, fmt.Errorf("read the plan of pass %d: %w", pass, err)
	}
	return p, true, nil
}

// passBefore opens the last finished pass; nil where there is none.
func (r *Run) passBefore(ctx context.Context) (*known, error) {
	if r.adopting {
		return r.adoptedBefore(ctx, r.pass)
	}
	if r.beside != nil {
		return r.beside, nil
	}
	if r.pass == 1 {
		return r.importedBefore(ctx)
	}
	p, ok, err := r.plannedPass(ctx, r.pass-1)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("pass %d has no plan", r.pass-1)
	}
	return r.openKnown(r.pass-1, p), nil
}

func (p *Planned) count() count {
	return count{taken: p.Items, done: p.Asked, failed: p.Unreadable + p.SameID + p.TooLarge, skipped: p.Empty + p.Same + p.Unchanged}
}

// pilotSize is the number of documents asked first: at least a job's minimum, since a smaller job is refused.
func (r *Run) pilotSize() int {
	if r.cfg.NoPilot || r.sameAsBefore || r.piloted { // one pilot for each prompt, model and schema
		return 0
	}
	if r.cfg.Mode == quarry.ModeJob || r.cfg.Mode == quarry.ModeAuto {
		return max(r.cfg.Pilot, int(r.cfg.Quotas.MinRecords))
	}
	return r.cfg.Pilot
}

// blocks reads all sources, one behind the other.
func (r *Run) blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		for i := from.Source; i < len(r.sources); i++ {
			at := quarry.Position{}
			if i == from.Source {
				at = from
			}
			for b, err := range r.sources[i].Blocks(ctx, at) {
				b.First.Source = i
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

// scan reads every document once and writes the index.
func (r *Run) scan(ctx context.Context, ids, keys *dedupe.Sorter, sample *draw.Sample) error {
	pass := r.index(r.planned.Pass)
	out, err := pass.Create()
	if err != nil {
		return err
	}
	defer out.Abort()
	leftOut, err := atomicfile.Create(r.effects, pass.Path(index.LeftOutFile))
	if err != nil {
		return err
	}
	defer leftOut.Abort()
	p := &r.planned
	var order int64
	began := time.Now()
read:
	for block, err := range r.prepareBlocks(ctx, r.blocks(ctx, quarry.Position{}), nil) {
		if err != nil {
			return fmt.Errorf("read sources: %w", err)
		}
		if err := out.AddBlock(index.Block{Order: order, At: block.first}); err != nil {
			return err
		}
		for i := range block.items {
			item := &block.items[i]
			if r.cfg.Limit > 0 && order >= r.cfg.Limit {
				break read
			}
			p.Items++
			if item.left != nil {
				p.Unreadable++
				r.watch(Event{Kind: ItemLeftOut, Text: item.left.Error()})
				if err := lines.Write(leftOut, item.left); err != nil {
					return err
				}
				if item.counted() {
					if err := out.Add(&index.Entry{Hash: item.hash, Bytes: index.BrokenBytes}); err != nil {
						return err
					}
					order++
				}
				continue
			}
			if err := r.scanOne(out, item, block.first.Source, order, ids, keys, sample); err != nil {
				return err
			}
			order++
		}
		r.watch(Event{Kind: Progress, Step: "plan", Done: p.Items, Bytes: p.SourceBytes, Since: began})
	}
	p.Documents = order // less those whose id comes again, see writeTakes
	return errors.Join(out.Commit(), leftOut.Commit())
}

func (r *Run) scanOne(out *index.Writer, item *prepared, source int, order int64, ids, keys *dedupe.Sorter, sample *draw.Sample) error {
	p := &r.planned
	p.SourceBytes += item.source
	p.CleanedBytes += item.cleaned
	p.drop(&item.dropped)
	e := index.Entry{Hash: item.hash}
	if err := ids.Add(dedupe.Entry{Hash: item.hash, Order: order}); err != nil {
		return err
	}
	if item.cut {
		p.Cut++
	}
	if item.japanese {
		p.Japanese++
	}
	size, longest := int64(0), int64(0)
	for id, input := range item.records(1) {
		n := shardfile.LineBytes(id, input)
		size, longest = size+n, max(longest, n)
	}
	switch {
	case item.empty:
		r.watch(Event{Kind: ItemSkipped, Text: item.doc.At.String() + ": " + string(item.doc.ID) + ": nothing left after cleaning"})
		if err := out.AddSkipped(r.unasked(order, item, quarry.StatusSkipped, quarry.KindEmpty, "nothing left after cleaning")); err != nil {
			return err
		}
	case size >= index.TooLargeBytes || (r.maxLine() > 0 && longest > r.maxLine()):
		e.Bytes = index.TooLargeBytes
		message := fmt.Sprintf("%d bytes, an input file may have %d", longest, r.maxLine())
		r.watch(Event{Kind: ItemLeftOut, Text: item.doc.At.String() + ": " + string(item.doc.ID) + ": " + message})
		if err := out.AddSkipped(r.unasked(order, item, quarry.StatusFailed, "too_large", message)); err != nil {
			return err
		}
	default:
		e.Bytes = uint32(size)
		copy(e.Key[:], item.key[:])
		if err := keys.Add(dedupe.Entry{Hash: e.Key, Order: order}); err != nil {
			return err
		}
		if err := r.addNear(order, item); err != nil {
			return err
		}
		sample.Add(draw.Stratum{Source: source, Japanese: item.japanese}, dedupe.Entry{Hash: item.hash, Order: order})
		p.Classes.Add(item.classes)
		p.AskedBytes += item.cleaned
		p.LineBytes += size
		if err := r.scanRecords(out, item, order); err != nil {
			return err
		}
	}
	return out.Add(&e)
}

// unasked is the outcome of a document that is never asked.
func (r *Run) unasked(order int64, item *prepared, status quarry.Status, kind, message string) shardfile.Outcome {
	return shardfile.Outcome{Order: order, Result: quarry.Result{
		ID: item.doc.ID, Status: status, RequestedModel: r.cfg.Model, Document: info(&item.doc),
		CostUSD: new(quarry.USD), Error: &quarry.ResultError{Kind: kind, Message: message},
	}}
}

func info(doc *quarry.Document) quarry.DocumentInfo {
	return quarry.DocumentInfo{Title: doc.Title, URL: doc.URL, Lang: doc.Lang, Fields: doc.Fields}
}

// maxLine is how long a record's line may be to fit into an input file at all; 0 where no limit is known.
func (r *Run) maxLine() int64 { return pack.Config{Quotas: r.cfg.Quotas}.MaxBytes() }
