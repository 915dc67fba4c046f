// Package planner plans a pass: it reads all sources once, writes the index of the pass, and finds what has to be sent.
//
// It owns the order of that work: reading, repeated ids and texts, existing answers, and the answers of earlier passes. What
// becomes of a document is decided by package plan, and kept by package index. It knows neither a run nor its ledger nor a
// provider: what earlier passes left comes in as values and files, a plan goes out. What always holds: nothing outside the
// index of the pass changes, so a plan that was not finished is made again; memory does not grow with the sources, except for
// the sample of the pilot.
package planner

import (
	"context"
	"errors"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/source"
	"quarry/internal/run/event"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/prepare"
	"quarry/internal/run/relocate"
	"quarry/internal/run/sample"
	"quarry/internal/run/weigh"
)

// Config is how a pass is planned.
type Config struct {
	Effects *effect.Effects
	Dir     string // of the run
	Pass    int
	Sources []source.Source
	Names   []string // of the sources, as they were named

	Prepare    prepare.Config // how a document becomes records
	Model      string         // that they are sent to
	MaxLine    int64          // of a record in an input file, in bytes; 0: no limit is known
	Limit      int64          // of documents; 0: none
	Pilot      int            // documents that are sent first
	RefreshMax int64          // known documents whose request is another now and that are sent in this pass; 0: all
	Attempts   int            // at each record
	Near       float64        // from which similarity on a text is named as nearly an earlier one; 0: none is
	ReuseNear  bool           // such a text is not sent, and gets the earlier one's answer

	Window  forecast.Window   // of the server that answers
	Answers forecast.Model    // what is known of who answers
	Learned *forecast.Learned // of its answers; nil: none was read

	Watch event.Watch
	// Record receives each record as soon as it is rendered, in order. A plan that gives its records away keeps no earlier
	// answers, and reads the sources once. nil: the records are rendered again when their shard is built.
	Record func(at index.RecordPos, id quarry.RecordID, key dedupe.Hash, modelInput []byte) error
}

// Earlier is what earlier passes left. The zero value is a run without any.
type Earlier struct {
	Before   *index.Known // the finished pass that this one is joined with
	Given    *Given       // existing answers
	Answered string       // the directory of the run whose answers are looked up; empty: Config.Dir
	// Journal gives the path of a shard's journal. nil: no results are made of this plan, so earlier answers are not copied.
	Journal func(quarry.ShardID) string
}

// Plan makes the plan of a pass. Sources that change while they are read are read once more.
func (c *Config) Plan(ctx context.Context, earlier Earlier) (plan.Plan, error) {
	for again := c.Record == nil; ; again = false {
		p := planning{Config: c, earlier: earlier, index: index.Of(c.Effects, c.Dir, c.Pass), plan: plan.Plan{Pass: c.Pass}}
		err := p.make(ctx)
		if again && errors.Is(err, relocate.ErrMoved) {
			continue
		}
		return p.plan, err
	}
}

// planning is one plan in the making.
type planning struct {
	*Config
	earlier Earlier
	index   index.Pass
	plan    plan.Plan

	ids, keys *dedupe.Sorter
	near      *dedupe.Near // signatures of all texts; nil: not looked for
	pilot     *sample.Pilot
}

func (p *planning) make(ctx context.Context) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	dir := p.index.SortDir()
	p.ids = dedupe.NewSorter(p.Effects, dedupe.Config{Dir: dir, Name: "ids"})
	open.add(p.ids.Close)
	p.keys = dedupe.NewSorter(p.Effects, dedupe.Config{Dir: dir, Name: "keys"})
	open.add(p.keys.Close)
	if p.Near > 0 {
		if p.near, err = dedupe.NewNear(p.Effects, dedupe.Config{Dir: dir, Name: "near"}, p.Near); err != nil {
			return err
		}
		open.add(p.near.Close)
	}
	p.pilot = sample.New(p.Pilot)
	if err := errors.Join(p.scan(ctx), ctx.Err()); err != nil {
		return err
	}
	// Documents still counts all that have an order; see scan.
	joined, err := p.index.Join(ctx, p.ids, p.plan.Documents, p.earlier.Before)
	if err != nil {
		return err
	}
	open.add(joined.Close)
	p.plan.Gone, p.plan.Lost = joined.Gone, joined.Lost
	again, err := p.index.FindRepeats(p.ids, p.keys)
	if err != nil {
		return err
	}
	open.add(again.Close)
	if err := p.findNear(ctx, again); err != nil {
		return err
	}
	given, err := p.matchGiven(ctx)
	if given != nil {
		open.add(given.Close)
	}
	if err != nil {
		return err
	}
	weights, err := weigh.Open(p.index.Path(weightsFile))
	if err != nil {
		return err
	}
	open.add(func() error { return errors.Join(weights.Close(), p.Effects.Remove(p.index.Path(weightsFile))) })
	memory, err := p.openRecall(ctx)
	if memory != nil {
		open.add(memory.close)
	}
	if err != nil {
		return err
	}
	findings := plan.Findings{
		Room:    p.roomForText(),
		Weighed: weights,
		Recall:  memory.of, Carry: memory.carryLast,
		Repeats: again, Sample: p.pilot, Joined: joined, Before: p.earlier.Before, RefreshMax: p.RefreshMax,
		Given: given, CarryGiven: memory.carryGiven,
	}
	if err := p.decide(ctx, &findings); err != nil {
		return err
	}
	if err := p.carry(ctx, memory); err != nil {
		return err
	}
	return p.nameRepeats(ctx, again)
}

// decide decides what becomes of each document, and completes the pilot.
func (p *planning) decide(ctx context.Context, findings *plan.Findings) error {
	err := p.plan.Decide(ctx, p.index, findings)
	if errors.Is(err, plan.ErrNoDocuments) {
		hint := "check the path and --where; `quarry clean SOURCE` shows what Quarry reads from it"
		if p.plan.Unreadable > 0 {
			hint = "each item was left out for the reason above; `quarry inspect SOURCE` shows the fields, and --field id=NAME --field body=NAME map them " +
				"(with --records, a ready record has recordId and modelInput)"
		}
		return &quarry.Error{Kind: quarry.BadItems, Op: "plan", Subject: strings.Join(p.Names, " "), Err: err, Hint: hint}
	}
	if err != nil {
		return err
	}
	if n := p.plan.Beyond; n > 0 {
		p.plan.Notes = append(p.plan.Notes, p.Window.Advice(n, p.plan.Asked, p.plan.FitsAt))
	}
	return p.plan.TopUpPilot(ctx, p.index, p.Pilot)
}

// closers closes what was opened, the last first.
type closers []func() error

func (c *closers) add(close func() error) { *c = append(*c, close) }

func (c *closers) close() (err error) {
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	return err
}
