// Package resume decides how a command continues the run of a directory: whether it may, and what becomes of the pass at hand.
//
// It compares what the command says with what the ledger keeps. It changes nothing, reads no file and knows no provider: what is known of the
// run comes in as values, a decision or a refusal goes out. What always holds: a command that was refused before anything was sent binds the
// next one to nothing; no decision leaves a job that may still be answered where the command would not find it.
package resume

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
)

// Command is what a command says of its run.
type Command struct {
	Dir            string
	Sources        []string
	ReplaceSource  bool   // take other sources for the run's from now on
	Target         string // "local" or "aws"
	Region, Bucket string // of the home pool
	Settings       string // the digest of what is sent
	Attempts       int    // at each record
	Seen           string // the digest of the sources' files; empty: not known
}

// OfPass are the rows of a pass.
func OfPass(rows []ledger.Shard, pass int) (of []ledger.Shard) {
	for i := range rows {
		if rows[i].Pass == pass {
			of = append(of, rows[i])
		}
	}
	return of
}

// Passes are the numbers of the passes that have rows, and of the last one, in order.
func Passes(rows []ledger.Shard, last int) []int {
	passes := []int{last}
	for i := range rows {
		if !slices.Contains(passes, rows[i].Pass) {
			passes = append(passes, rows[i].Pass)
		}
	}
	slices.Sort(passes)
	return passes
}

// AnySent reports whether one of the rows may have reached the provider.
func AnySent(rows []ledger.Shard) bool {
	return slices.ContainsFunc(rows, func(s ledger.Shard) bool { return s.Sent() })
}

// Began reports whether a shard of a pass has left the plan; kind narrows it where it is not empty.
func Began(rows []ledger.Shard, pass int, kind quarry.ShardKind) bool {
	return slices.ContainsFunc(rows, func(s ledger.Shard) bool {
		return s.Pass == pass && s.State != quarry.ShardPlanned && (kind == "" || s.Kind == kind)
	})
}

// nothingSent reports whether the run has sent nothing yet and no pass of it is finished.
func nothingSent(h *book.Head, rows []ledger.Shard) bool {
	return h.Finished == 0 && h.Adopted == 0 && !AnySent(rows)
}

// CheckSources refuses other sources than the run's. A run that was taken over has none until they are named.
func (c *Command) CheckSources(h *book.Head, rows []ledger.Shard) error {
	if h.WithoutSources() || c.ReplaceSource || slices.Equal(h.Sources, c.Sources) || nothingSent(h, rows) {
		return nil
	}
	return c.refuse(
		fmt.Errorf("its sources are %s, not %s", strings.Join(h.Sources, " "), strings.Join(c.Sources, " ")),
		"name another directory with --dir, or the same sources; --replace-source makes these the sources of the run")
}

// CheckTarget refuses another target than the run's.
func (c *Command) CheckTarget(h *book.Head, rows []ledger.Shard) error {
	if h.Target == c.Target || nothingSent(h, rows) {
		return nil
	}
	return c.refuse(fmt.Errorf("it was started with --target %s", h.Target), "name another directory with --dir, or use that target")
}

// CheckPlace refuses another Region or bucket while shards are at the one before: their jobs would not be found there, and what they answered
// would be billed again.
func (c *Command) CheckPlace(h *book.Head, rows []ledger.Shard) error {
	for _, place := range []struct{ name, was, now string }{{"region", h.Region, c.Region}, {"bucket", h.Bucket, c.Bucket}} {
		if place.was == "" || place.was == place.now {
			continue
		}
		for i := range rows {
			s := &rows[i]
			there := s.State == quarry.ShardUploaded || s.State.Open() || s.State == quarry.ShardEnded
			if there && s.Pool == (ledger.Pool{}) && s.Mode == quarry.ModeJob {
				return c.refuse(
					fmt.Errorf("shard %s was sent in %s %s, not %s", s.ID, place.name, place.was, place.now),
					fmt.Sprintf("use --%s %s; elsewhere the job would not be found, and its records would be billed again", place.name, place.was))
			}
		}
	}
	return nil
}

func (c *Command) refuse(err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "resume", Subject: c.Dir, Err: err, Hint: hint}
}

// CheckSettings refuses to collect a pass of a directory that does not say what it was sent with, unless the command does.
func (c *Command) CheckSettings(h *book.Head, p *book.Pass) error {
	if p.Asked != nil || h.Settings == c.Settings {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "collect", Subject: c.Dir,
		Err:  errors.New("the settings of this command (model, prompt, schema or cleaning) differ from the run's, and the run did not record them"),
		Hint: "give the settings with which the run began (-c FILE, --model …)",
	}
}

// Fate is what becomes of a planned pass that is not finished.
type Fate int

// What can become of it.
const (
	Continue    Fate = iota // this command completes it
	Drop                    // it has sent nothing, and this command would plan it in another way
	GiveUp                  // it has sent something, and this command sends something else
	GivingUp                // an earlier command began to give it up
	IfCorrected             // it stopped at its gate: it is given up if its sources hold something else now
)

// Fate decides what becomes of the pass at hand. rows are its own; flags is the digest of the command's flags that decide a plan.
func (c *Command) Fate(h *book.Head, p *book.Pass, rows []ledger.Shard, flags string) Fate {
	other := h.Settings != c.Settings || !slices.Equal(h.Sources, c.Sources)
	switch {
	case h.Abandoned == h.Pass:
		return GivingUp
	case !AnySent(rows):
		if other || h.Seen != c.Seen || (p.Flags != "" && p.Flags != flags) {
			return Drop
		}
	case other || p.Unanswered || (p.Judged != "" && c.ReplaceSource) || c.tooManyQueued(p, rows):
		return GiveUp
	case p.Judged != "" && p.Judged != CannotTell && h.Seen != c.Seen: // names, sizes and times tell only that the contents may differ
		return IfCorrected
	}
	return Continue
}

// tooManyQueued reports whether records were queued for another attempt that this command does not make any more: the next pass ends each
// of them with the answer that it has.
func (c *Command) tooManyQueued(p *book.Pass, rows []ledger.Shard) bool {
	queued := func(s ledger.Shard) bool { return s.Tally.Left > 0 }
	return p.Asked != nil && c.Attempts > 0 && c.Attempts < p.Asked.Attempts && slices.ContainsFunc(rows, queued)
}

// CannotTell is what sources hold that are no files of this machine.
const CannotTell = "-"

// Next gives the pass that this command sends, and whether that is noted as its own: a new pass, or one without a plan. planned says that
// the pass at hand has a plan.
func (c *Command) Next(h *book.Head, planned bool) (pass int, begins bool, err error) {
	same := h.Settings == c.Settings
	switch {
	case h.Ended():
		if same && c.Seen != "" && c.Seen == h.Seen && h.Open == 0 {
			return h.Pass, false, nil // nothing is new: the files are made again from what is there
		}
		return h.Pass + 1, true, nil
	case !planned: // nothing was sent with the old settings; a refusal of the plan says which to change
		return h.Pass, true, nil
	case !same:
		return 0, false, fmt.Errorf("pass %d: %w", h.Pass, errStillThere)
	}
	return h.Pass, false, nil
}

var errStillThere = errors.New("it was planned with other settings and still exists")
