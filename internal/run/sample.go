package run

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/draw"
	"quarry/internal/run/lines"
	"quarry/internal/run/outlook"
	"quarry/internal/run/shardfile"
	"quarry/internal/tokens"
)

// pilotAnswers gives the outcomes of the pilot's shards, each with what is kept of its document.
func (r *Run) pilotAnswers(shards []quarry.ShardID) iter.Seq2[shardfile.Part, outcomeOrError] {
	return func(yield func(shardfile.Part, outcomeOrError) bool) {
		for _, id := range shards {
			next, stop := iter.Pull2(lines.Read[shardfile.Outcome](r.files().Journal(id)))
			for p, err := range lines.Read[shardfile.Part](r.files().Part(id)) {
				if err != nil {
					yield(p, outcomeOrError{err: err})
					stop()
					return
				}
				o, err, ok := next()
				if !ok {
					err = errors.Join(err, fs.ErrNotExist)
				}
				if !yield(p, outcomeOrError{o, err}) || err != nil {
					stop()
					return
				}
			}
			stop()
		}
	}
}

type outcomeOrError struct {
	shardfile.Outcome
	err error
}

// learn reads the pilot's answers: what their tokens say of the rest, and five of them to look at.
func (r *Run) learn(ctx context.Context, p *pilotRead) error {
	var samples []tokens.Sample
	l := &outlook.Learned{Asks: r.asks()}
	var pilot outlook.Texts
	var answered, firsts int64
	for s, o := range r.pilotAnswers(p.order) {
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return err
		}
		first := s.RecordID.Attempt() == s.Tried+1
		if first {
			firsts++
			pilot.Records++
		}
		if s.Sample != nil && first {
			pilot.Classes.Add(s.Sample.Classes)
			if s.Sample.Japanese {
				pilot.Japanese++
			}
		}
		usage := o.Result.Usage
		if usage.InputTokens == 0 {
			continue
		}
		answered++
		if s.Sample == nil { // what it asks besides its text would count as text
			continue
		}
		samples = append(samples, tokens.Sample{Classes: s.Sample.Classes, Tokens: usage.InputTokens})
		if s.Sample.Japanese {
			l.Japanese.Add(usage.OutputTokens)
		} else {
			l.Other.Add(usage.OutputTokens)
		}
	}
	p.rest = max(0, r.planned.Records()-pilot.Records)
	if len(samples) == 0 {
		return nil // nothing was learned: the rough estimate stays
	}
	l.Weights = tokens.Default(r.cfg.Family).Refit(samples)
	l.Again = p.again(firsts, answered, r.cfg.Attempts)
	r.learned = l
	e := r.model().Expect(l, r.allTexts().Less(pilot.Records, pilot.Japanese, pilot.Classes)).After(p.usage)
	e.Samples = int64(len(samples))
	after := r.prices().Expected(r.planned.Mode, r.planned.Stages(), e)
	r.foreseen.After = &after
	return nil
}

// again is how many further paid attempts a record took or will take: those that were made, and those that bad answers
// call for.
func (p *pilotRead) again(records, answered int64, attempts int) float64 {
	if records == 0 {
		return 0
	}
	var bad int64
	for c, n := range p.classes {
		switch c {
		case quarry.ClassTruncated, quarry.ClassNotJSON, quarry.ClassSchema, quarry.ClassWrongLanguage:
			bad += n
		}
	}
	return outlook.FurtherAttempts(bad, answered, attempts)
}

// shown is how many answers a person sees.
const shown = 5

// samples takes answers from all over the pilot, the good ones before the others, in the order of the sources.
func (r *Run) samples(ctx context.Context, p *pilotRead) ([]report.Sample, error) {
	var good, bad int64
	for _, o := range r.pilotAnswers(p.order) {
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return nil, err
		}
		switch {
		case o.Class == quarry.ClassOK:
			good++
		case o.Class.Answered():
			bad++
		}
	}
	takeGood := draw.Spread(good, shown)
	takeBad := draw.Spread(bad, shown-int64(len(takeGood)))
	out := []report.Sample{}
	var atGood, atBad int64
	for s, o := range r.pilotAnswers(p.order) {
		if o.err != nil {
			return nil, o.err
		}
		take := false
		switch {
		case o.Class == quarry.ClassOK:
			take = slices.Contains(takeGood, atGood)
			atGood++
		case o.Class.Answered():
			take = slices.Contains(takeBad, atBad)
			atBad++
		}
		if !take {
			continue
		}
		a := report.Sample{ID: s.ID, Title: s.Document.Title, URL: s.Document.URL, Output: o.Result.Output, Text: o.Result.Text}
		if s.Sample != nil {
			a.Head = s.Sample.Head
		}
		if o.Class != quarry.ClassOK {
			a.Class = o.Class
		}
		out = append(out, a)
	}
	return out, nil
}

// pilotShards lists the pilot's own shards and those that asked nothing but its records again, as they were planned.
func pilotShards(shards []ledger.Shard, pass int) []*ledger.Shard {
	of := map[quarry.ShardID]bool{}
	var list []*ledger.Shard
	for i := range shards {
		s := &shards[i]
		again := len(s.Sources) > 0
		for _, from := range s.Sources {
			again = again && of[from]
		}
		if s.Pass == pass && (s.Kind == quarry.PilotShard || again) {
			of[s.ID] = true
			list = append(list, s)
		}
	}
	return list
}
