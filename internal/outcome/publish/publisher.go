package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/fields"
)

// Publisher writes the answers of one run to one target, or takes them back.
type Publisher struct {
	Target  Target
	Journal *Journal
	Run     quarry.RunID
	Maps    []Map
	Where   *fields.Filter // of the results; nil: all
	// Key gives the key of a document as planning finds it.
	Key func(quarry.Document) (quarry.DocumentKey, error)
	// Force also writes fields that were changed after they were read or published. An article whose text changed is never written.
	Force bool
	Undo  bool
	// Show gets every difference that the plan finds; nil: they are not shown.
	Show func(Difference)
	// Progress gets the number of articles that were written, and that there are to write.
	Progress func(done, of int64)
	// Wait is the first pause before a write is tried again; 0 means one second. It doubles, and a target may ask for more.
	Wait time.Duration

	results io.ReadSeeker
	until   int64    // the last write of the journal that is undone
	known   []string // fields that were written before: how an interrupted write ended shows in them
	changes bits
	writing bool
}

// bits marks tasks by their number.
type bits []uint64

func (b *bits) set(n int64) {
	for int64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bits) has(n int64) bool { return n/64 < int64(len(b)) && b[n/64]&(1<<(n%64)) != 0 }

// Plan reads the articles and finds what there is to write. It writes nothing to the target. results is results.jsonl; it is not read
// to undo.
func (p *Publisher) Plan(ctx context.Context, results io.ReadSeeker) (*Outcome, error) {
	p.results, p.changes = results, bits{}
	out := &Outcome{Target: p.Target.Name(), Run: p.Run, Action: "publish"}
	var err error
	if p.known, err = p.Journal.fields(ctx); err != nil {
		return out, err
	}
	if p.Undo {
		out.Action = "undo"
		if p.until, err = p.Journal.last(ctx); err != nil {
			return out, err
		}
	}
	f := newFound()
	err = p.each(ctx, f, p.Target.AtOnce(), nil, func(n int64, t *task, a *Article) error {
		out.Articles++
		c, err := p.judge(ctx, t, a)
		if problem := (*Problem)(nil); errors.As(err, &problem) {
			out.problem(*problem)
			return nil
		}
		if err != nil {
			return err
		}
		if len(c.values) == 0 && c.last != nil && !c.last.done { // an interrupted write that has to be finished
			out.ToChange++
			p.changes.set(n)
			return nil
		}
		if len(c.values) == 0 {
			out.Same++
			return p.renew(ctx, t, c.last)
		}
		out.ToChange++
		p.changes.set(n)
		for _, field := range slices.Sorted(maps.Keys(c.values)) {
			d := Difference{ID: t.ref.ID, Title: t.title, Field: field, Before: c.before[field].String(), After: c.values[field].String()}
			if len(out.Differences) < mostListed {
				out.Differences = append(out.Differences, d)
			}
			if p.Show != nil {
				p.Show(d)
			}
		}
		return nil
	})
	err = errors.Join(err, p.note(ctx, p.Journal.Flush)) // what it found out of interrupted writes
	out.NoValue = f.noValue
	if err == nil && !p.Undo {
		err = p.checkFound(f, out)
	}
	return out, err
}

// CheckMaps refuses a field that the target cannot write.
func (p *Publisher) CheckMaps() error {
	for i := range p.Maps {
		if _, err := p.Target.Text(p.Maps[i].Field, "text", p.Maps[i].HTML); err != nil {
			return err
		}
	}
	return nil
}

func newFound() *found { return &found{valued: map[string]bool{}} }

// checkFound refuses a condition on a field that no result has, and a template that no answer has a value for.
func (p *Publisher) checkFound(f *found, out *Outcome) error {
	if p.Where != nil && len(p.Where.Missing()) > 0 {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish", Subject: "--where " + string(p.Where.Missing()[0]), Err: fmt.Errorf("no result has this field%s", p.Where.Known(p.Where.Missing()[0])),
			Hint: "name a path in results.jsonl; a field of the source is document.NAME",
		}
	}
	if out.Articles+out.NoValue == 0 {
		return nil
	}
	for i := range p.Maps {
		if field := p.Maps[i].Field; !f.valued[field] {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "publish", Subject: "--map " + field, Err: errors.New("no answer has a value for its template"),
				Hint: "check the names in the template: a member of the answer is {{.output.NAME}}, a text is {{.text}}",
			}
		}
	}
	return nil
}

// renew notes that the text of an article is another than when its value was published: the answer is the same.
func (p *Publisher) renew(ctx context.Context, t *task, last *entry) error {
	if last == nil || t.undo || last.Key == t.key || len(last.Original) == 0 {
		return nil
	}
	last.Key = t.key
	return p.Journal.settle(ctx, last)
}

// fields are all that are read.
func (p *Publisher) fields(tasks []task) []string {
	set := map[string]bool{}
	for _, field := range p.known {
		set[field] = true
	}
	for i := range tasks {
		for field := range tasks[i].want {
			set[field] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// each reads the articles of the tasks, some at a time, and gives them in the order of the tasks. Without only, all tasks are given.
func (p *Publisher) each(
	ctx context.Context, f *found, atOnce int, only bits, do func(n int64, t *task, a *Article) error,
) error {
	var tasks iter.Seq2[task, error]
	if p.Undo {
		tasks = p.published(ctx, p.until)
	} else {
		tasks = p.answers(ctx, p.results, f)
	}
	var some []task
	var numbers []int64
	flush := func() error {
		articles, err := p.read(ctx, some)
		if err != nil {
			return err
		}
		for i := range some {
			if err := do(numbers[i], &some[i], articles[some[i].ref.ID]); err != nil {
				return err
			}
		}
		some, numbers = some[:0], numbers[:0]
		return nil
	}
	var n int64
	for t, err := range tasks {
		if err != nil {
			return err
		}
		n++
		if only != nil && !only.has(n) {
			continue
		}
		some, numbers = append(some, t), append(numbers, n)
		if len(some) >= atOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (p *Publisher) read(ctx context.Context, tasks []task) (map[quarry.DocumentID]*Article, error) {
	refs := make([]Ref, 0, len(tasks))
	for i := range tasks {
		if tasks[i].fault == "" {
			refs = append(refs, tasks[i].ref)
		}
	}
	out := map[quarry.DocumentID]*Article{}
	if len(refs) == 0 {
		return out, nil
	}
	articles, err := p.Target.Read(ctx, refs, p.fields(tasks))
	for _, a := range articles {
		out[a.ID] = a
	}
	return out, err
}

// Write makes the changes that the plan found, one article at a time, and adds to its outcome. It can be interrupted: the same command
// continues.
func (p *Publisher) Write(ctx context.Context, out *Outcome) error {
	p.writing = true
	ignored := 0
	done := int64(0)
	err := p.each(ctx, newFound(), 1, p.changes, func(_ int64, t *task, a *Article) error {
		note, err := p.writeOne(ctx, t, a)
		var problem *Problem
		switch {
		case errors.As(err, &problem):
			out.problem(*problem)
			if errors.Is(err, errIgnored) {
				ignored++
			}
			if ignored >= 3 && out.Written == 0 {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "publish to " + p.Target.Name(), Err: fmt.Errorf("%s; the articles before it ended in the same way", problem.Error()),
					Hint: "make the field writable in the target, or name another one with --map",
				}
			}
		case err != nil:
			return err
		default:
			out.Written++
			if note != "" && len(out.Notes) < mostListed {
				out.Notes = append(out.Notes, Problem{ID: t.ref.ID, Reason: note})
			}
		}
		done++
		if p.Progress != nil {
			p.Progress(done, out.ToChange)
		}
		return nil
	})
	return errors.Join(err, p.note(ctx, p.Journal.Flush))
}

// errIgnored says that a target stored another value than it was given.
var errIgnored = errors.New("ignored")

// attempts is how often a write is tried.
const attempts = 5

// writeOne writes an article that was read a moment ago. After an error that may pass, and after a change by someone else, it reads and
// judges the article again.
func (p *Publisher) writeOne(ctx context.Context, t *task, a *Article) (note string, err error) {
	wait := p.Wait
	if wait == 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		c, err := p.judge(ctx, t, a)
		if err != nil || len(c.values) == 0 { // an attempt before this one may have made the write
			return note, err
		}
		n := c.entry(t)
		if err := p.Journal.intend(ctx, n); err != nil {
			return "", err
		}
		said, err := p.Target.Write(ctx, a, c.values)
		note = said
		var later *Later
		switch {
		case err == nil:
			return note, p.check(ctx, t, n)
		case errors.Is(err, ErrChanged) && attempt < attempts:
			err = p.note(ctx, func(ctx context.Context) error { return p.Journal.forget(ctx, n) })
		case errors.As(err, &later) && attempt < attempts && ctx.Err() == nil: // it may have been made: the intent stays
			err = pause(ctx, max(later.After, wait))
			wait *= 2
		default:
			return "", p.gaveUp(ctx, t, n, err)
		}
		if err != nil {
			return "", err
		}
		articles, err := p.read(ctx, []task{*t})
		if err != nil {
			return "", err
		}
		a = articles[t.ref.ID]
	}
}

// gaveUp sorts the last error of a write. What was certainly not made is forgotten; a write whose end is not known stays intended.
func (p *Publisher) gaveUp(ctx context.Context, t *task, n *entry, err error) error {
	var refused *Refused
	switch {
	case errors.Is(err, ErrChanged):
		err = &Problem{ID: t.ref.ID, Changed: true, Reason: "the article is being changed by someone else"}
	case errors.As(err, &refused):
		err = &Problem{ID: t.ref.ID, Reason: refused.Reason}
	default:
		if later := (*Later)(nil); errors.As(err, &later) {
			err = later.Err
		}
		return err
	}
	return errors.Join(err, p.note(ctx, func(ctx context.Context) error { return p.Journal.forget(ctx, n) }))
}

// entry is the write of a change.
func (c *change) entry(t *task) *entry {
	n := &entry{
		ID: t.ref.ID, Place: c.article.Place, Title: t.title, Key: t.key, Undo: t.undo, Before: c.before, Wanted: c.values,
		After: map[string]Value{}, Original: map[string]Value{},
	}
	if c.last != nil {
		maps.Copy(n.After, c.last.After)
		maps.Copy(n.Original, c.last.Original)
	}
	for field, now := range c.before {
		if t.undo {
			delete(n.Original, field)
			continue
		}
		if published, ok := n.After[field]; !ok || !now.Same(published) { // it holds the value of someone else
			n.Original[field] = now
		}
	}
	return n
}

// check reads an article back. What the target stored is kept in the journal, whether it is what was wanted or not.
func (p *Publisher) check(ctx context.Context, t *task, n *entry) error {
	articles, err := p.read(ctx, []task{*t})
	if err != nil {
		return err // the intent stays, and the next command finds out
	}
	a := articles[t.ref.ID]
	if a == nil {
		return &Problem{ID: t.ref.ID, Reason: "it was written and cannot be read back"}
	}
	stored := map[string]Value{}
	var wrong []string
	kept := true // the values from before
	for field, want := range n.Wanted {
		stored[field] = a.Values[field]
		if !stored[field].Same(want) {
			wrong = append(wrong, field)
		}
		kept = kept && stored[field].Same(n.Before[field])
	}
	if len(wrong) > 0 && kept {
		err = p.note(ctx, func(ctx context.Context) error { return p.Journal.forget(ctx, n) })
	} else {
		n.After = n.after(stored)
		err = p.note(ctx, func(ctx context.Context) error { return p.Journal.settle(ctx, n) })
	}
	if err != nil || len(wrong) == 0 {
		return err
	}
	slices.Sort(wrong)
	what := "the target stored another value than it was given in field "
	if kept {
		what = "the target ignored field "
	}
	return fmt.Errorf("%w%w", &Problem{ID: t.ref.ID, Reason: what + strings.Join(wrong, ", ")}, errIgnored)
}

// note changes the journal, also after the command was interrupted.
func (p *Publisher) note(ctx context.Context, change func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return change(ctx)
}

// pause waits, with jitter.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d + rand.N(d/4+1))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
