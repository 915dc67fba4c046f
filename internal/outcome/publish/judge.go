package publish

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quarry"
)

// change is what has to be written to an article; without values: nothing.
type change struct {
	article *Article
	last    *entry
	before  map[string]Value
	values  map[string]Value
}

// judge compares an article as it is now with what it should hold. A *Problem says why it is left alone.
func (p *Publisher) judge(ctx context.Context, t *task, a *Article) (c change, err error) {
	problem := func(changed bool, format string, args ...any) error {
		return &Problem{ID: t.ref.ID, Changed: changed, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case t.fault != "":
		return c, problem(false, "%s", t.fault)
	case a == nil:
		return c, problem(true, "the target has no such article")
	case a.Fault != "":
		return c, problem(false, "%s", a.Fault)
	}
	c = change{article: a, before: map[string]Value{}, values: map[string]Value{}}
	if c.last, err = p.resolved(ctx, a); err != nil {
		return c, err
	}
	which, err := p.sameText(ctx, t, a)
	if err != nil {
		return c, err
	}
	if which < 0 {
		return c, problem(true, "the article was changed after the run read it")
	}
	for _, field := range slices.Sorted(maps.Keys(t.want)) {
		now, want := a.Values[field], t.want[field]
		if now.Same(want) {
			continue
		}
		moved := a.Moved[field] && !t.undo
		if c.last != nil {
			if published, ok := c.last.After[field]; ok {
				moved = !now.Same(published)
			}
		}
		if moved && !p.Force {
			return c, problem(true, "field %s was changed after %s", field, p.since(c.last, field))
		}
		c.before[field], c.values[field] = now, want
	}
	if len(c.values) > 0 && !t.undo {
		err = p.outsideThePrompt(ctx, a, which, c.values)
	}
	return c, err
}

func (p *Publisher) since(last *entry, field string) string {
	if last != nil {
		if _, ok := last.After[field]; ok {
			return "it was published"
		}
	}
	return "the run read it"
}

// resolved gives the last write of an article. One that was intended, and whose end is not known, was made if the article holds what
// was wanted; it was not made if the article holds what it held before.
func (p *Publisher) resolved(ctx context.Context, a *Article) (*entry, error) {
	n, err := p.Journal.of(ctx, a.ID)
	if err != nil || n == nil || n.done {
		return n, err
	}
	made := true
	for field, want := range n.Wanted {
		if now, read := a.Values[field]; read && !now.Same(want) {
			made = false
		}
	}
	if made {
		if f, ok := p.Target.(Finisher); ok {
			if !p.writing {
				n.After = n.after(n.Wanted)
				return n, nil // its second step is a write, which a plan does not make
			}
			if _, err := f.Finish(ctx, a, n.Place); err != nil {
				return n, err
			}
		}
		n.After = n.after(n.Wanted)
		return n, p.note(ctx, func(ctx context.Context) error { return p.Journal.settle(ctx, n) })
	}
	if err := p.note(ctx, func(ctx context.Context) error { return p.Journal.forget(ctx, n) }); err != nil {
		return nil, err
	}
	return p.resolved(ctx, a)
}

// after is what the fields hold that were ever written, if this write stored these values.
func (n *entry) after(stored map[string]Value) map[string]Value {
	out := maps.Clone(n.After)
	if out == nil {
		out = map[string]Value{}
	}
	for field, v := range stored {
		if _, standing := n.Original[field]; standing {
			out[field] = v
		} else {
			delete(out, field) // it was restored: whatever is written into it later is not ours
		}
	}
	return out
}

// sameText tells whether the article is the text that was sent to the model: which of its readings makes the request that was
// answered; -1: none does. An article whose revision is the one that was read is that text by its first reading.
func (p *Publisher) sameText(ctx context.Context, t *task, a *Article) (int, error) {
	documents, err := p.Target.Documents(ctx, a, nil)
	if err != nil {
		return -1, left(a, err)
	}
	for i := range documents {
		key, err := p.Key(documents[i])
		if err == nil && key.Short() == t.key {
			return i, nil
		}
	}
	if a.AsRead && len(documents) > 0 {
		return 0, nil
	}
	return -1, nil
}

// left makes a problem of an item that its source would leave out.
func left(a *Article, err error) error {
	var item *quarry.ItemError
	if errors.As(err, &item) {
		return &Problem{ID: a.ID, Reason: item.Reason}
	}
	return err
}

// outsideThePrompt refuses values that would change what the next run sends for the article.
func (p *Publisher) outsideThePrompt(ctx context.Context, a *Article, which int, values map[string]Value) error {
	before, err := p.keyOf(ctx, a, which, nil)
	if err != nil {
		return err
	}
	after, err := p.keyOf(ctx, a, which, values)
	if err == nil && before == after {
		return nil
	}
	fields := slices.Sorted(maps.Keys(values))
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "publish to " + p.Target.Name() + ":", Subject: "article " + string(a.ID),
		Err: fmt.Errorf("a change of %s would change what a run sends for the article, so the next run would pay for it again",
			strings.Join(fields, ", ")),
		Hint: "name another field with --map: one that is not part of the prompt, and by which the source does not select",
	}
}

func (p *Publisher) keyOf(ctx context.Context, a *Article, which int, values map[string]Value) (quarry.DocumentKey, error) {
	documents, err := p.Target.Documents(ctx, a, values)
	if err != nil || which >= len(documents) {
		return quarry.DocumentKey{}, errors.Join(err, errNoReading)
	}
	return p.Key(documents[which])
}

var errNoReading = errors.New("the article cannot be read as a document")
