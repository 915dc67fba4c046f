// Package pilot is the pilot of a pass: how many of its answers are good, whether the rest may be sent, what the answers predict for it,
// and whether requests carry the answer schema.
//
// It owns the gate, what is learned, and the order of the step (Step), which makes each finding durable through the book. All else
// takes rows and the files of the pilot's shards. It knows no provider and changes no row: the shards are sent by a function that it is
// given. What always holds: a finding is durable before the rest is built; a record that was sent again counts once; what the provider
// could not answer for a moment says nothing about the prompt; memory holds a few numbers an answer.
package pilot

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/forecast"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/weigh"
)

// Outcome is what the pilot's answers came to.
type Outcome struct {
	Shards     []quarry.ShardID // its own, and those that only sent its records again, as they were planned
	Records    int64
	Judged, OK int64 // what the provider could not answer for a moment is not judged
	Classes    map[quarry.Class]int64
	Usage      quarry.Usage
	JobRefused bool  // a whole job was refused for the answer schema
	Unbuilt    int64 // records whose documents changed before they were sent
	Rest       int64 // records of the pass that are sent after the pilot
	planned    int64
}

// Of counts the pilot of a pass of so many planned records. refused reports whether a job's message says that it was refused for the
// answer schema.
func Of(rows []ledger.Shard, pass int, planned int64, refused func(message string) bool) Outcome {
	p := Outcome{planned: planned, Shards: []quarry.ShardID{}, Classes: map[quarry.Class]int64{}}
	for _, s := range shardsOf(rows, pass) {
		p.Shards = append(p.Shards, s.ID)
		if s.Kind == quarry.PilotShard {
			p.Records += s.Records
			p.Unbuilt += s.Unbuilt
		}
		p.OK += s.Tally.OK
		of := s.Tally.Classes
		p.Judged += s.Records - of[quarry.ClassThrottled] - of[quarry.ClassDown] - of[quarry.ClassMissing] - of[quarry.ClassUnreadable] -
			of[quarry.ClassUnstructured] - of[quarry.ClassNoReply]
		p.JobRefused = p.JobRefused || (s.Job.Status == quarry.JobFailed && refused(s.Job.Message))
		p.Usage.Add(s.Tally.Usage)
		for c, n := range s.Tally.Classes {
			p.Classes[c] += n
		}
	}
	p.Rest = max(0, planned-p.Records-p.Unbuilt)
	return p
}

// Enough reports whether at least half of the records are judged: a gate that judges no answers would stay shut for good.
func (p *Outcome) Enough() bool { return 2*p.Judged >= p.Records }

// Good reports whether at least a share of what was judged is good.
func (p *Outcome) Good(share float64) bool {
	return p.Judged == 0 || float64(p.OK)/float64(p.Judged) >= share // divided: 0.07 times 100 is more than 7
}

// Passed reports whether the rest of a pass was sent after its pilot, or may be: at least a share of what was judged is good.
func Passed(rows []ledger.Shard, pass int, share float64, refused func(message string) bool) bool {
	if slices.ContainsFunc(rows, func(s ledger.Shard) bool { return s.Pass == pass && s.Kind == quarry.MainShard }) {
		return true
	}
	p := Of(rows, pass, 0, refused)
	return p.Judged > 0 && p.Good(share)
}

// shardsOf lists the pilot's own shards and those that only sent its records again, as they were planned.
func shardsOf(shards []ledger.Shard, pass int) []*ledger.Shard {
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

// answers gives the outcomes of the pilot's shards, each with what is kept of its document.
func (p *Outcome) answers(files shardfile.Dir) iter.Seq2[shardfile.Part, outcomeOrError] {
	return func(yield func(shardfile.Part, outcomeOrError) bool) {
		for _, id := range p.Shards {
			next, stop := iter.Pull2(lines.Sealed[shardfile.Outcome](files.Journal(id)))
			for p, err := range lines.Read[shardfile.Part](files.Part(id)) {
				if err != nil {
					yield(p, outcomeOrError{err: err})
					stop()
					return
				}
				o, err, ok := next()
				if !ok {
					err = fmt.Errorf("read %s: it has fewer lines than the shard has records", files.Journal(id))
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

// Learned is what the answers say of documents that were not sent yet.
type Learned struct {
	forecast.Learned
	Samples int64      // answers that it is learned from; 0: none said anything
	First   weigh.Sums // the records of first attempts, and their characters: what needs no forecast any more
}

// Learn reads what the answers' tokens say of the rest, and how many records that is. attempts is how many a record may have.
func (p *Outcome) Learn(ctx context.Context, files shardfile.Dir, family catalog.Family, attempts int) (l Learned, err error) {
	var samples []tokens.Sample
	var answered int64
	for s, o := range p.answers(files) {
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return l, err
		}
		first := s.RecordID.Attempt() == s.Tried+1
		if first {
			var d weigh.Doc
			if s.Sample != nil {
				d = weigh.Doc{Classes: s.Sample.Classes, Japanese: s.Sample.Japanese}
			}
			l.First.Add(&d, 1)
		}
		usage := o.Result.Usage
		if usage.InputTokens == 0 || !usage.Known() {
			continue
		}
		answered++
		if s.Sample == nil { // what it sends besides its text would count as text
			continue
		}
		samples = append(samples, tokens.Sample{Classes: s.Sample.Classes, Tokens: usage.InputTokens})
		if s.Sample.Japanese {
			l.Japanese.Add(usage.InputTokens, usage.OutputTokens)
		} else {
			l.Other.Add(usage.InputTokens, usage.OutputTokens)
		}
	}
	p.Rest = max(0, p.planned-l.First.Records-p.Unbuilt)
	l.Samples = int64(len(samples))
	if l.Samples > 0 {
		l.Weights = tokens.Default(family).Refit(samples)
		l.Again = p.again(l.First.Records, answered, attempts)
	}
	return l, nil
}

// again is how many further paid attempts a record took or will take: those that were made, and those that bad answers
// call for.
func (p *Outcome) again(records, answered int64, attempts int) float64 {
	if records == 0 {
		return 0
	}
	var bad int64
	for c, n := range p.Classes {
		switch c {
		case quarry.ClassTruncated, quarry.ClassNotJSON, quarry.ClassSchema, quarry.ClassWrongLanguage:
			bad += n
		}
	}
	return forecast.FurtherAttempts(bad, answered, attempts)
}
