package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/clean"
	"quarry/internal/dedupe"
	"quarry/internal/figure"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/prepare"
	"quarry/internal/run/sample"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/weigh"
	"quarry/internal/source"
)

// asking says how documents are asked now.
func (r *Run) asking() prepare.Config {
	return prepare.Config{
		Clean: r.cfg.Clean, Prompt: r.cfg.Prompt, Long: r.cfg.Long, Ready: r.validateConfig(), Sign: r.near != nil, Workers: r.cfg.Workers,
	}
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
func (r *Run) scan(ctx context.Context, ids, keys *dedupe.Sorter, pilot *sample.Pilot) error {
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
	weights, err := weigh.Create(r.effects, pass.Path(weightsFile))
	if err != nil {
		return err
	}
	defer weights.Abort()
	p := &r.planned
	var order int64
	var notices, faults clean.Notices
	began := time.Now()
read:
	for block, err := range prepare.Blocks(ctx, r.asking(), r.blocks(ctx, quarry.Position{}), nil) {
		if err != nil {
			return fmt.Errorf("read sources: %w", err)
		}
		if err := out.AddBlock(index.Block{Order: order, At: block.First}); err != nil {
			return err
		}
		for i := range block.Items {
			item := &block.Items[i]
			if r.cfg.Limit > 0 && order >= r.cfg.Limit {
				break read
			}
			p.Items++
			if item.LeftOut != nil {
				p.Unreadable++
				if !strings.HasPrefix(item.LeftOut.Reason, prepare.PromptFault) || faults.Add(item.LeftOut.Reason) {
					r.watch(Event{Kind: ItemLeftOut, Text: item.LeftOut.Error()})
				}
				if err := lines.Write(leftOut, item.LeftOut); err != nil {
					return err
				}
				if item.IsDocument() {
					e := index.Entry{Hash: item.Hash, Bytes: index.BrokenBytes}
					if err := errors.Join(out.Add(&e), out.AddName(item.Document.ID), weights.Add(&weigh.Doc{})); err != nil {
						return err
					}
					order++
				}
				continue
			}
			if err := weights.Add(r.weigh(item)); err != nil {
				return err
			}
			if err := r.scanOne(out, item, block.First.Source, order, ids, keys, pilot); err != nil {
				return err
			}
			if !item.Empty && notices.Add(item.Notice) {
				r.watch(Event{Kind: Note, Text: item.Document.At.String() + ": " + string(item.Document.ID) + ": " + item.Notice})
			}
			order++
		}
		r.watch(Event{Kind: Progress, Step: "plan", Done: p.Items, Bytes: p.SourceBytes, Since: began})
	}
	if rest := notices.Rest(); rest != "" {
		r.watch(Event{Kind: Note, Text: rest})
	}
	if rest := faults.Rest(); rest != "" {
		r.watch(Event{Kind: ItemLeftOut, Text: rest + ": no prompt can be made of them"})
	}
	for _, s := range r.sources {
		for _, line := range source.Notes(s) {
			r.watch(Event{Kind: Note, Text: line})
		}
	}
	p.Documents = order // less those whose id comes again, see plan.Decide
	return errors.Join(out.Commit(), leftOut.Commit(), weights.Commit())
}

func (r *Run) scanOne(out *index.Writer, item *prepare.Item, source int, order int64, ids, keys *dedupe.Sorter, pilot *sample.Pilot) error {
	p := &r.planned
	p.SourceBytes += item.SourceBytes
	p.CleanedBytes += item.TextBytes
	p.Drop(&item.Dropped)
	e := index.Entry{Hash: item.Hash}
	if err := ids.Add(dedupe.Entry{Hash: item.Hash, Order: order}); err != nil {
		return err
	}
	if item.Cut {
		p.Cut++
	}
	if item.Japanese {
		p.Japanese++
	}
	size, longest := int64(0), int64(0)
	for id, input := range item.Records(1) {
		n := shardfile.LineBytes(id, input)
		size, longest = size+n, max(longest, n)
	}
	switch {
	case item.Empty:
		why := clean.NothingLeft(item.Notice)
		r.watch(Event{Kind: ItemSkipped, Text: item.Document.At.String() + ": " + string(item.Document.ID) + ": " + why})
		if err := out.AddSkipped(r.unasked(order, item, quarry.StatusSkipped, quarry.KindEmpty, why)); err != nil {
			return err
		}
	case size >= index.TooLargeBytes || (r.maxLine() > 0 && longest > r.maxLine()):
		e.Bytes = index.TooLargeBytes
		message := fmt.Sprintf("%s, an input file may have %s", figure.Count(longest, "byte"), figure.Thousands(r.maxLine()))
		r.watch(Event{Kind: ItemLeftOut, Text: item.Document.At.String() + ": " + string(item.Document.ID) + ": " + message})
		if err := out.AddSkipped(r.unasked(order, item, quarry.StatusFailed, "too_large", message)); err != nil {
			return err
		}
	default:
		e.Bytes = uint32(size)
		copy(e.Key[:], item.Key[:])
		if err := keys.Add(dedupe.Entry{Hash: e.Key, Order: order}); err != nil {
			return err
		}
		if err := r.addNear(order, item); err != nil {
			return err
		}
		pilot.Add(sample.Stratum{Source: source, Japanese: item.Japanese}, dedupe.Entry{Hash: item.Hash, Order: order})
		p.Classes.Add(item.Classes)
		r.lookAround(order, item)
		p.AskedBytes += item.TextBytes
		p.LineBytes += size
		if err := r.scanRecords(out, item, order); err != nil {
			return err
		}
	}
	return errors.Join(out.Add(&e), out.AddName(item.Document.ID))
}

// weightsFile is a scratch file of a pass in the making; see weigh.
const weightsFile = "weights"

// lookAround looks at what stands around a document's text in its requests.
func (r *Run) lookAround(order int64, item *prepare.Item) {
	part := 0
	for _, input := range item.Records(1) {
		if item.Parts() > 0 {
			part++
		}
		r.planned.Around.Look(order, input, item.Sample(part).Classes)
	}
}

// scanRecords notes the parts of a long document, and hands what is asked to a build.
func (r *Run) scanRecords(out *index.Writer, item *prepare.Item, order int64) error {
	part := 0
	for id, input := range item.Records(1) {
		if item.Parts() > 0 {
			part++
			if err := out.AddPart(order, shardfile.LineBytes(id, input)); err != nil {
				return err
			}
		}
		if r.spool != nil {
			if err := r.spool.Add(index.PosOf(order, part), id, dedupe.Hash(item.Key[:len(dedupe.Hash{})]), input); err != nil {
				return err
			}
		}
	}
	return nil
}

// unasked is the outcome of a document that is never asked.
func (r *Run) unasked(order int64, item *prepare.Item, status quarry.Status, kind, message string) shardfile.Outcome {
	return shardfile.Outcome{Order: order, Result: quarry.Result{
		ID: item.Document.ID, Status: status, RequestedModel: r.cfg.Model, Document: info(&item.Document),
		CostUSD: new(quarry.USD), Error: &quarry.ResultError{Kind: kind, Message: message},
	}}
}

func info(doc *quarry.Document) quarry.DocumentInfo {
	return quarry.DocumentInfo{Title: doc.Title, URL: doc.URL, Lang: doc.Lang, Fields: doc.Fields}
}
