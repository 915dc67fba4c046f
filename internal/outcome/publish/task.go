package publish

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"quarry"
	"quarry/internal/base/resultline"
)

// task is one article that may have to be written.
type task struct {
	ref   Ref
	title string
	key   string // of the text that the answer belongs to
	want  map[string]Value
	fault string // why the article is left alone, whatever its target holds
	undo  bool
}

// found is what the tasks of a command had in common.
type found struct {
	valued  map[string]bool // fields for which an answer had a value
	noValue int64
}

// answers gives the tasks of publishing: a checked answer each, in the order of the results.
func (p *Publisher) answers(ctx context.Context, results io.ReadSeeker, f *found) iter.Seq2[task, error] {
	return func(yield func(task, error) bool) {
		if _, err := results.Seek(0, io.SeekStart); err != nil {
			yield(task{}, err)
			return
		}
		in := bufio.NewReaderSize(results, 1<<20)
		var reader resultline.Reader
		for n := 1; ; n++ {
			line, err := in.ReadBytes('\n')
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(task{}, err)
				return
			}
			if text := bytes.TrimSpace(line); len(text) > 0 {
				t, ok, err := p.answer(&reader, text, f)
				if err != nil {
					err = fmt.Errorf("results.jsonl:%d: %w", n, err)
				}
				if (ok || err != nil) && (!yield(t, err) || err != nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// answer makes the task of a result; ok is false if it has none.
func (p *Publisher) answer(reader *resultline.Reader, line []byte, f *found) (t task, ok bool, err error) {
	var r quarry.Result
	if err := reader.Read(line, &r); err != nil {
		return t, false, err
	}
	if r.Status != quarry.StatusOK || p.Where != nil && !p.Where.Keep(line) {
		return t, false, nil
	}
	var values map[string]any
	if err := decode(line, &values); err != nil {
		return t, false, err
	}
	t = task{ref: Ref{ID: r.ID, Document: r.Document}, title: r.Document.Title, want: map[string]Value{}}
	for i := range p.Maps {
		m := &p.Maps[i]
		text, has, err := m.text(values)
		if err != nil {
			return t, false, err
		}
		if !has {
			continue
		}
		f.valued[m.Field] = true
		if text, err = p.Target.Text(m.Field, text, m.HTML); err != nil {
			return t, false, err
		}
		t.want[m.Field] = TextValue(text)
	}
	prefix, ours := r.RecordID.KeyPrefix()
	t.key = hex.EncodeToString(prefix[:])
	switch {
	case len(t.want) == 0:
		f.noValue++
		return t, false, nil
	case r.Similarity > 0:
		t.fault = "it has the answer of " + string(r.SameAs) + ", whose text is only nearly the same"
	case !ours:
		t.fault = "its result does not say which text it answers (a given answer): send the document with a run that does not know the answer"
	}
	return t, true, nil
}

// published gives the tasks of undoing: an article each that holds published values, in the order in which they were written.
func (p *Publisher) published(ctx context.Context, last int64) iter.Seq2[task, error] {
	return func(yield func(task, error) bool) {
		for after := int64(0); ; {
			some, err := p.Journal.page(ctx, after, last, 100)
			if err != nil {
				yield(task{}, err)
				return
			}
			for _, n := range some {
				after = n.seq
				if len(n.Original) == 0 {
					continue
				}
				t := task{ref: Ref{ID: n.ID, Place: n.Place}, title: n.Title, key: n.Key, want: n.Original, undo: true}
				if !yield(t, nil) {
					return
				}
			}
			if len(some) == 0 {
				return
			}
		}
	}
}
