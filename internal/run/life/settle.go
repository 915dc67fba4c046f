package life

import (
	"context"
	"fmt"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/answers"
	"quarry/internal/run/event"
	"quarry/internal/run/lines"
	"quarry/internal/run/parallel"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/summary"
)

// settle reads the raw output and writes the shard's journal: one outcome for each record, in the order of the sources,
// and another file with the records that need another attempt. Output lines come in any order, so the outcomes are written as
// they come first, and put in order afterwards: only their places are held in memory. Unless it is the last time, lines that echo
// another modelInput are an error: what was on the way may be what differs.
func (l *Life) settle(ctx context.Context, s *ledger.Shard, out collect.Output, last bool) error {
	places, err := answers.Places(l.Files.Part(s.ID))
	if err != nil {
		return err
	}
	s.Output = ledger.Output{Manifest: out.Manifest, Unread: out.Unread}
	s.Tally = ledger.Tally{Classes: map[quarry.Class]int64{}}
	loose, err := l.Files.CreateLoose(s.ID, len(places))
	if err != nil {
		return err
	}
	defer loose.Remove()
	of := l.answered(s)
	for _, path := range out.Files {
		chunks := collect.Chunks(ctx, path)
		judged := parallel.Map(ctx, l.Workers, chunks, func(_ int, p collect.Piece) (answers.Chunk, error) {
			return l.Judge.Chunk(of, places, p)
		})
		for chunk, err := range judged {
			if err != nil {
				return err
			}
			s.Output.Foreign += chunk.Foreign
			s.Output.TokensPerByte = max(s.Output.TokensPerByte, chunk.PerByte)
			s.Output.Answers += chunk.ForeignAnswers
			s.Output.Repaired += chunk.Repaired
			l.noteUnreadable(s, chunk.Broken)
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
		return errExchanged
	}
	if s.Job.ARN != "" {
		if err := short(s); err != nil {
			return err
		}
	}
	s.Output.Differs = summary.Differences(s)
	for _, d := range s.Output.Differs {
		l.Watch.Send(event.Event{Kind: event.Differs, Shard: s.ID, Text: d})
	}
	if err := l.seal(s, loose); err != nil {
		return err
	}
	l.Costs.Settle(s)
	return nil
}

// maxUnreadable is how many lines that cannot be read are named in the ledger.
const maxUnreadable = 20

// noteUnreadable counts lines that cannot be read, and names the first of them.
func (l *Life) noteUnreadable(s *ledger.Shard, broken []collect.Unreadable) {
	for _, u := range broken {
		s.Output.Broken++
		if len(s.Output.Unreadable) == maxUnreadable {
			continue
		}
		if rel, err := filepath.Rel(l.Dir, u.File); err == nil {
			u.File = filepath.ToSlash(rel)
		}
		s.Output.Unreadable = append(s.Output.Unreadable, u.String())
	}
}

// seal writes the journal and the retry queue in the order of the sources, and counts how the records ended.
func (l *Life) seal(s *ledger.Shard, loose *shardfile.Loose) error {
	journal, err := atomicfile.CreateZstd(l.Effects, l.Files.Journal(s.ID))
	if err != nil {
		return err
	}
	defer journal.Abort()
	queue, err := atomicfile.CreateZstd(l.Effects, l.Files.Queue(s.ID))
	if err != nil {
		return err
	}
	defer queue.Abort()
	inputs := l.Files.Bodies(s.ID, s.Kind == quarry.RetryShard)
	defer inputs.Close()
	sent := l.Files.Sent(s.ID)
	defer sent.Close()
	resent, err := l.Files.Resent(s.ID)
	if err != nil {
		return err
	}
	of := l.answered(s)
	place := 0
	for p, err := range lines.Read[shardfile.Part](l.Files.Part(s.ID)) {
		if err != nil {
			return err
		}
		f, came, err := loose.Read(place)
		if err != nil {
			return err
		}
		if !came {
			f = l.Judge.Missing(of, &p)
		}
		o, next := f.Outcome, f.Next
		o.Order, o.RecordID, o.Parts = p.Order, p.RecordID, p.Parts
		l.complete(s, &o.Result, &p)
		tally(s, &o)
		if err := lines.Write(journal, &o); err != nil {
			return err
		}
		if next != nil && !l.Final { // its input is not here: the next pass makes it again from its sources
			next.Part = p
			next.Resent = p.Resent || resent[p.RecordID]
			if o.Class == quarry.ClassMissing && of.Unreached(&p) {
				next.Unreached++
			}
			if o.Class == quarry.ClassUnstructured || l.Judge.JobRefused(of, &p) {
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
				next.MaxTokens = l.Judge.MoreRoom(input)
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
func (l *Life) complete(s *ledger.Shard, res *quarry.Result, p *shardfile.Part) {
	res.ID, res.Document, res.RecordID = p.ID, p.Document, p.RecordID
	res.RequestedModel, res.Mode = l.Model, s.Mode
	at := l.Costs.At(s)
	res.Region, res.CostUSD = at.Region, l.Costs.Price(at, s.Mode, res.Usage)
	if l.Free {
		res.CostUSD = new(quarry.USD)
	}
}

// answered is what a shard's answers come from.
func (l *Life) answered(s *ledger.Shard) *answers.Job {
	return &answers.Job{
		ARN: s.Job.ARN, Model: l.Costs.At(s).Model, Status: s.Job.Status, Message: s.Job.Message,
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
