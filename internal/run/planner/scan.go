package planner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/event"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/prepare"
	"quarry/internal/run/sample"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/weigh"
)

// scan reads every document once and writes the index.
func (p *planning) scan(ctx context.Context) error {
	out, err := p.index.Create()
	if err != nil {
		return err
	}
	defer out.Abort()
	leftOut, err := atomicfile.Create(p.Effects, p.index.Path(index.LeftOutFile))
	if err != nil {
		return err
	}
	defer leftOut.Abort()
	weights, err := weigh.Create(p.Effects, p.index.Path(weightsFile))
	if err != nil {
		return err
	}
	defer weights.Abort()
	var order int64
	var notices, faults clean.Notices
	began := time.Now()
read:
	for block, err := range prepare.Blocks(ctx, p.preparing(), source.Blocks(ctx, p.Sources, quarry.Position{}), nil) {
		if err != nil {
			return fmt.Errorf("read sources: %w", err)
		}
		if err := out.AddBlock(index.Block{Order: order, At: block.First}); err != nil {
			return err
		}
		for i := range block.Items {
			item := &block.Items[i]
			if p.Limit > 0 && order >= p.Limit {
				break read
			}
			p.plan.Items++
			if item.LeftOut != nil {
				p.plan.Unreadable++
				if !strings.HasPrefix(item.LeftOut.Reason, prepare.PromptFault) || faults.Add(item.LeftOut.Reason) {
					p.Watch.Send(event.Event{Kind: event.ItemLeftOut, Text: item.LeftOut.Error()})
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
			if err := weights.Add(p.weigh(item)); err != nil {
				return err
			}
			if err := p.scanOne(out, item, block.First.Source, order); err != nil {
				return err
			}
			if !item.Empty && notices.Add(item.Notice) {
				p.Watch.Note(about(item, item.Notice))
			}
			order++
		}
		p.Watch.Send(event.Event{Kind: event.Progress, Step: "plan", Done: p.plan.Items, Bytes: p.plan.SourceBytes, Since: began})
	}
	if rest := notices.Rest(); rest != "" {
		p.Watch.Note(rest)
	}
	if rest := faults.Rest(); rest != "" {
		p.Watch.Send(event.Event{Kind: event.ItemLeftOut, Text: rest + ": the template fails for them"})
	}
	for _, s := range p.Sources {
		for _, line := range source.Notes(s) {
			p.Watch.Note(line)
		}
	}
	p.plan.Documents = order // less those whose id comes again, see plan.Decide
	return errors.Join(out.Commit(), leftOut.Commit(), weights.Commit())
}

// scanOne writes the entry of a document.
func (p *planning) scanOne(out *index.Writer, item *prepare.Item, source int, order int64) error {
	p.plan.SourceBytes += item.SourceBytes
	p.plan.CleanedBytes += item.TextBytes
	p.plan.Drop(&item.Dropped)
	e := index.Entry{Hash: item.Hash}
	if err := p.ids.Add(dedupe.Entry{Hash: item.Hash, Order: order}); err != nil {
		return err
	}
	if item.Cut {
		p.plan.Cut++
	}
	if item.Japanese {
		p.plan.Japanese++
	}
	size, longest := int64(0), int64(0)
	for id, input := range item.Records(1) {
		n := shardfile.LineBytes(id, input)
		size, longest = size+n, max(longest, n)
	}
	switch {
	case item.Empty:
		why := clean.NothingLeft(item.Notice)
		p.Watch.Send(event.Event{Kind: event.ItemSkipped, Text: about(item, why)})
		if err := out.AddSkipped(p.unasked(order, item, quarry.StatusSkipped, quarry.KindEmpty, why)); err != nil {
			return err
		}
	case size >= index.TooLargeBytes || (p.MaxLine > 0 && longest > p.MaxLine):
		e.Bytes = index.TooLargeBytes
		message := fmt.Sprintf("its record has %s, and an input file may have %s", figure.Count(longest, "byte"), figure.Thousands(p.MaxLine))
		p.Watch.Send(event.Event{Kind: event.ItemLeftOut, Text: about(item, message)})
		if err := out.AddSkipped(p.unasked(order, item, quarry.StatusFailed, "too_large", message)); err != nil {
			return err
		}
	default:
		e.Bytes = uint32(size)
		copy(e.Key[:], item.Key[:])
		if err := p.keys.Add(dedupe.Entry{Hash: e.Key, Order: order}); err != nil {
			return err
		}
		if err := p.addNear(order, item); err != nil {
			return err
		}
		p.pilot.Add(sample.Stratum{Source: source, Japanese: item.Japanese}, dedupe.Entry{Hash: item.Hash, Order: order})
		p.plan.Classes.Add(item.Classes)
		p.lookAround(order, item)
		p.plan.AskedBytes += item.TextBytes
		p.plan.LineBytes += size
		if err := p.scanRecords(out, item, order); err != nil {
			return err
		}
	}
	return errors.Join(out.Add(&e), out.AddName(item.Document.ID))
}

// weightsFile is a scratch file of a pass in the making; see weigh.
const weightsFile = "weights"

// about names a document and its place before a message.
func about(item *prepare.Item, message string) string {
	return fmt.Sprintf("%s: document %q: %s", item.Document.At, item.Document.ID, message)
}

// lookAround looks at the text around a document's text in its requests.
func (p *planning) lookAround(order int64, item *prepare.Item) {
	part := 0
	for _, input := range item.Records(1) {
		if item.Parts() > 0 {
			part++
		}
		p.plan.Around.Look(order, input, item.Sample(part).Classes)
	}
}

// scanRecords notes the parts of a long document, and gives the records away where that is wanted.
func (p *planning) scanRecords(out *index.Writer, item *prepare.Item, order int64) error {
	part := 0
	for id, input := range item.Records(1) {
		if item.Parts() > 0 {
			part++
			if err := out.AddPart(order, shardfile.LineBytes(id, input)); err != nil {
				return err
			}
		}
		if p.Record != nil {
			if err := p.Record(index.PosOf(order, part), id, dedupe.Hash(item.Key[:len(dedupe.Hash{})]), input); err != nil {
				return err
			}
		}
	}
	return nil
}

// unasked is the outcome of a document that is never sent.
func (p *planning) unasked(order int64, item *prepare.Item, status quarry.Status, kind, message string) shardfile.Outcome {
	return shardfile.Outcome{Order: order, Result: quarry.Result{
		ID: item.Document.ID, Status: status, RequestedModel: p.Model, Document: item.Document.Info(),
		CostUSD: new(quarry.USD), Error: &quarry.ResultError{Kind: kind, Message: message},
	}}
}

// preparing is how documents become records while they are planned.
func (p *planning) preparing() prepare.Config {
	cfg := p.Prepare
	cfg.Sign = p.near != nil
	return cfg
}

// weigh is what is kept of a document's text until it is known whether the document is sent.
func (p *planning) weigh(item *prepare.Item) *weigh.Doc {
	d := &weigh.Doc{Classes: item.Classes, Japanese: item.Japanese}
	if !p.Window.Known() {
		return d
	}
	d.Most = forecast.MostOfText(p.Learned, item.Classes)
	d.About = tokens.Default(p.Answers.Family).Estimate(item.Classes)
	for part := range item.Parts() {
		c := item.Sample(part + 1).Classes
		if most := forecast.MostOfText(p.Learned, c); part == 0 || most > d.Most {
			d.Most, d.About = most, tokens.Default(p.Answers.Family).Estimate(c)
		}
	}
	return d
}

// roomForText is how many tokens the back end has for the text of one record; nil where it does not say what it holds.
func (p *planning) roomForText() *int64 {
	if !p.Window.Known() {
		return nil
	}
	room := p.Window.RoomForText(p.Learned, forecast.Texts{Around: p.plan.Around}, p.Answers.MaxTokens)
	return &room
}
