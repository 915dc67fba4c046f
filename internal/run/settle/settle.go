// Package settle turns the raw output of one shard into its journal and its retry queue.
//
// It owns the order of the journal, the sums of how records ended, and the comparison of what there is with what the provider counts. It
// does not download the output, judge an answer or change a row's state. What always holds: every record of the shard has one outcome;
// the journal is complete or absent, and the retry queue is there before it; output that lacks answers which were counted is an error.
package settle

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/answers"
	"quarry/internal/run/event"
	"quarry/internal/run/limits"
	"quarry/internal/run/lines"
	"quarry/internal/run/parallel"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/summary"
)

// Settler settles the shards of one pass. Safe for concurrent use, by one goroutine a shard.
type Settler struct {
	Effects *effect.Effects
	Dir     string // of the run
	Files   shardfile.Dir
	Watch   event.Watch
	Costs   *limits.Costs

	Judge   *answers.Judge // checks the answers
	Model   string         // that was requested
	Free    bool           // the provider is a stand-in, so answers cost nothing
	Workers int            // of parsing
	// Final: nothing of these rows is sent again in their pass, since their input files or their sources are not here, or since it is
	// given up.
	Final bool
}

// ErrShort says that output lacks answers which the provider counts. They are paid for.
var ErrShort = errors.New("the output is incomplete")

// ErrExchanged says that lines echo another modelInput than was sent under their recordId.
var ErrExchanged = errors.New("the output holds answers to other records")

// Settle reads the raw output and writes the shard's journal: one outcome for each record, in the order of the sources,
// and another file with the records that need another attempt. Output lines come in any order, so the outcomes are written as
// they come first, and put in order afterwards: only their places are held in memory. Unless it is the last time, lines that echo
// another modelInput are an error: what was on the way may be what differs.
func (c *Settler) Settle(ctx context.Context, s *ledger.Shard, out collect.Output, last bool) error {
	places, err := answers.Places(c.Files.Part(s.ID))
	if err != nil {
		return err
	}
	s.Output = ledger.Output{Manifest: out.Manifest, Unread: out.Unread}
	s.Tally = ledger.Tally{Classes: map[quarry.Class]int64{}}
	loose, err := c.Files.CreateLoose(s.ID, len(places))
	if err != nil {
		return err
	}
	defer loose.Remove()
	of := c.answered(s)
	for _, path := range out.Files {
		chunks := collect.Chunks(ctx, path)
		judged := parallel.Map(ctx, c.Workers, chunks, func(_ int, p collect.Piece) (answers.Chunk, error) {
			return c.Judge.Chunk(of, places, p)
		})
		for chunk, err := range judged {
			if err != nil {
				return err
			}
			s.Output.Foreign += chunk.Foreign
			s.Output.TokensPerByte = max(s.Output.TokensPerByte, chunk.PerByte)
			s.Output.Answers += chunk.ForeignAnswers
			s.Output.Repaired += chunk.Repaired
			c.noteUnreadable(s, chunk.Broken)
			for i := range chunk.Found {
				answered := chunk.Found[i].Outcome.Class.Answered()
				doubled, err := loose.Keep(&chunk.Found[i])
				if err != nil {
					return err
				}
				s.Output.Lines++
				if chunk.Found[i].Outcome.Class == quarry.ClassAnotherInput {
					s.Output.Exchanged++
				}
				if answered && loose.Answer(chunk.Found[i].At) {
					s.Output.Answers++
				}
				if doubled {
					s.Output.Doubled++
					s.Tally.Classes[quarry.ClassDuplicate]++
				}
			}
		}
	}
	if s.Output.Exchanged > 0 && !last {
		return ErrExchanged
	}
	if s.Job.ARN != "" {
		if err := short(s); err != nil {
			return err
		}
	}
	s.Output.Differs = summary.Differences(s)
	for _, d := range s.Output.Differs {
		c.Watch.Send(event.Event{Kind: event.Differs, Shard: s.ID, Text: d})
	}
	if err := c.seal(s, loose); err != nil {
		return err
	}
	c.Costs.Settle(s)
	return nil
}

// maxUnreadable is how many lines that cannot be read are named in the ledger.
const maxUnreadable = 20

// noteUnreadable counts lines that cannot be read, and names the first of them.
func (c *Settler) noteUnreadable(s *ledger.Shard, broken []collect.Unreadable) {
	for _, u := range broken {
		s.Output.Broken++
		if len(s.Output.Unreadable) == maxUnreadable {
			continue
		}
		if rel, err := filepath.Rel(c.Dir, u.File); err == nil {
			u.File = filepath.ToSlash(rel)
		}
		s.Output.Unreadable = append(s.Output.Unreadable, u.String())
	}
}

// seal writes the journal and the retry queue in the order of the sources, and counts how the records ended.
func (c *Settler) seal(s *ledger.Shard, loose *shardfile.Loose) error {
	journal, err := atomicfile.CreateZstd(c.Effects, c.Files.Journal(s.ID))
	if err != nil {
		return err
	}
	defer journal.Abort()
	queue, err := atomicfile.CreateZstd(c.Effects, c.Files.Queue(s.ID))
	if err != nil {
		return err
	}
	defer queue.Abort()
	inputs := c.Files.Bodies(s.ID, s.Kind == quarry.RetryShard)
	defer inputs.Close()
	sent := c.Files.Sent(s.ID)
	defer sent.Close()
	resent, err := c.Files.Resent(s.ID)
	if err != nil {
		return err
	}
	of := c.answered(s)
	place := 0
	for p, err := range lines.Read[shardfile.Part](c.Files.Part(s.ID)) {
		if err != nil {
			return err
		}
		f, came, err := loose.Read(place)
		if err != nil {
			return err
		}
		if !came {
			f = c.Judge.Missing(of, &p)
		}
		o, next := f.Outcome, f.Next
		o.Order, o.RecordID, o.Parts = p.Order, p.RecordID, p.Parts
		c.complete(s, &o.Result, &p)
		tally(s, &o)
		if err := lines.Write(journal, &o); err != nil {
			return err
		}
		if next != nil && !c.Final { // its input is not here: the next pass makes it again from its sources
			next.Part = p
			next.Resent = p.Resent || resent[p.RecordID]
			if o.Class == quarry.ClassMissing && of.Unreached(&p) {
				next.Unreached++
			}
			if o.Class == quarry.ClassUnstructured || c.Judge.JobRefused(of, &p) {
				next.Plain = true
			}
			if next.Base, err = inputs.At(place); err != nil {
				return err
			}
			if next.Class == quarry.ClassTruncated && next.MaxTokens == 0 { // the answers of on-demand calls do not repeat the input
				input, err := sent.At(place)
				if err != nil {
					return err
				}
				next.MaxTokens = c.Judge.MoreRoom(input)
			}
			if err := lines.Write(queue, next); err != nil {
				return err
			}
		}
		place++
	}
	if t := s.Tally; t.OK+t.Invalid+t.Failed+t.Left != s.Records {
		return fmt.Errorf("%s ended as %s ok, %s invalid, %s failed, %s left", figure.Count(s.Records, "record"),
			figure.Thousands(t.OK), figure.Thousands(t.Invalid), figure.Thousands(t.Failed), figure.Thousands(t.Left))
	}
	// The journal last: once it is there, the queue is too.
	return atomicfile.CommitAll(queue, journal)
}

// complete fills in what the line of output does not say.
func (c *Settler) complete(s *ledger.Shard, res *quarry.Result, p *shardfile.Part) {
	res.ID, res.Document, res.RecordID = p.ID, p.Document, p.RecordID
	res.RequestedModel, res.Mode = c.Model, s.Mode
	at := c.Costs.At(s)
	res.Region, res.CostUSD = at.Region, c.Costs.Price(at, s.Mode, res.Usage)
	if c.Free {
		res.CostUSD = new(quarry.USD)
	}
}

// answered is what a shard's answers come from.
func (c *Settler) answered(s *ledger.Shard) *answers.Job {
	return &answers.Job{
		ARN: s.Job.ARN, Model: c.Costs.At(s).Model, Status: s.Job.Status, Message: s.Job.Message,
		Unasked: s.Unasked != "", Shrunk: s.Unbuilt > 0,
	}
}

// tally counts one outcome.
func tally(s *ledger.Shard, o *shardfile.Outcome) {
	s.Tally.Classes[o.Class]++
	s.Tally.Usage.Add(o.Result.Usage)
	switch {
	case o.Left:
		s.Tally.Left++
	case o.Result.Status == quarry.StatusOK:
		s.Tally.OK++
	case o.Result.Status == quarry.StatusInvalid:
		s.Tally.Invalid++
	default:
		s.Tally.Failed++
	}
}

// short says which answers are missing in output that was read; nil: none. Counters are compared with answers, and not with
// lines, because a line with an error cost nothing.
func short(s *ledger.Shard) error {
	o := &s.Output
	if lines := o.Lines + o.Foreign; o.Broken > lines {
		first := ""
		if len(o.Unreadable) > 0 {
			first = ", the first at " + o.Unreadable[0]
		}
		return fmt.Errorf("%w: %s of its %s cannot be read%s", ErrShort, figure.Thousands(o.Broken), figure.Count(o.Broken+lines, "line"), first)
	}
	if !Owes(&s.Job) {
		return nil
	}
	counted, by := s.Job.Counts.Success, "the job"
	if m := o.Manifest; m != nil && m.SuccessRecordCount > counted {
		counted, by = m.SuccessRecordCount, "its manifest"
	}
	if counted > o.Answers {
		return fmt.Errorf("%w: %s counts %s, %s are there", ErrShort, by, figure.Count(counted, "answer"), figure.Thousands(o.Answers))
	}
	return nil
}

// Owes reports whether a job must have left output: one that was completed has, and so has one that was cut short
// after it had answers. A failed one may have lost what it counts.
func Owes(j *ledger.Job) bool {
	switch j.Status {
	case quarry.JobCompleted, quarry.JobPartiallyCompleted:
		return true
	case quarry.JobStopped, quarry.JobExpired:
		return j.Counts.Success > 0
	}
	return false
}
