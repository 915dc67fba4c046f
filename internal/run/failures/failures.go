// Package failures counts the messages that attempts and documents failed with, so that the most frequent ones can be
// shown to people.
//
// It owns which messages count as the same. It reads journals and decides nothing. What always holds: memory does not grow
// with the number of failures.
package failures

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Text is a failure on one line: count, kind and message.
func Text(f *report.Failure) string {
	return fmt.Sprintf("%s × %s: %s", figure.Thousands(f.Count), f.Kind, f.Message)
}

// Counter counts messages. Its zero value is empty.
type Counter struct {
	seen map[string]*report.Failure // by kind and what is the same in the message
}

const (
	maxMessages = 200 // different ones that are counted
	maxChars    = 300 // of one that is shown
)

// varying is what differs between messages about the same fault: numbers, ids, quoted texts.
var varying = regexp.MustCompile(`[0-9a-fA-F]{8,}|[0-9]+`)

// Of counts the message that a document ended with, and keeps the ids of the first ones.
func (c *Counter) Of(id quarry.DocumentID, kind, message string) {
	if f := c.add(kind, message); len(f.Examples) < 3 {
		f.Examples = append(f.Examples, id)
	}
}

// Add counts one message of an error kind.
func (c *Counter) Add(kind, message string) { c.add(kind, message) }

func (c *Counter) add(kind, message string) *report.Failure {
	message = tidy(message)
	same := kind + "\n" + varying.ReplaceAllString(message, "#")
	if f := c.seen[same]; f != nil {
		f.Count++
		return f
	}
	if c.seen == nil {
		c.seen = map[string]*report.Failure{}
	}
	if len(c.seen) >= maxMessages { // a provider that words each message differently: they count by kind
		same, message = kind, "messages that all differ, the first: "+message
		if f := c.seen[same]; f != nil {
			f.Count++
			return f
		}
	}
	f := &report.Failure{Kind: kind, Message: message, Count: 1, Hint: report.Hint(kind, message)}
	c.seen[same] = f
	return f
}

// tidy puts a message on one line, without control characters, and cuts it.
func tidy(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)), " ")
	if r := []rune(s); len(r) > maxChars {
		s = string(r[:maxChars-1]) + "…"
	}
	return s
}

// Top gives the most frequent messages, at most n.
func (c *Counter) Top(n int) []report.Failure {
	list := make([]report.Failure, 0, len(c.seen))
	for _, f := range c.seen {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b report.Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Message, b.Message))
	})
	return list[:min(n, len(list))]
}

// Shown is how many messages people see at once, Kept how many a report has.
const (
	Shown = 3
	Kept  = 10
)

// Now gives the most frequent messages that attempts of the run in a directory failed with so far.
func Now(ctx context.Context, dir string, rows []ledger.Shard) ([]report.Failure, error) {
	c, err := Of(ctx, shardfile.In(nil, dir, ""), rows)
	if err != nil {
		return nil, err
	}
	return c.Top(Kept), nil
}

// Needs gives the shards whose journals Of reads.
func Needs(rows []ledger.Shard) (ids []quarry.ShardID) {
	const most = 100_000
	var records int64
	for i := len(rows) - 1; i >= 0 && records < most; i-- {
		if s := &rows[i]; !s.Times.Collected.IsZero() && s.Tally.OK != s.Records {
			ids = append(ids, s.ID)
			records += s.Records
		}
	}
	return ids
}

// Of counts the messages in the journals of shards, whose rows are given: each attempt that failed, the newest shards
// first, until about 100,000 attempts were read. A journal that is not there yet is passed over.
func Of(ctx context.Context, files shardfile.Dir, rows []ledger.Shard) (Counter, error) {
	var c Counter
	var read int64
	for _, id := range Needs(rows) {
		for o, err := range lines.Read[shardfile.Outcome](files.Journal(id)) {
			if err != nil {
				return c, err
			}
			if read++; read%1000 == 0 && ctx.Err() != nil {
				return c, context.Cause(ctx)
			}
			c.Outcome(&o)
		}
	}
	return c, nil
}

// Outcome counts the message of an attempt that failed.
func (c *Counter) Outcome(o *shardfile.Outcome) {
	if o.Class == quarry.ClassOK || o.Class == quarry.ClassDuplicate || o.Result.Error == nil {
		return
	}
	c.Add(o.Result.Error.Kind, o.Result.Error.Message)
}
