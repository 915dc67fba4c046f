package review

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"time"
	"unicode/utf8"

	"quarry/internal/base/jsonl"
)

// Override is a corrected answer: one line of overrides.jsonl. It takes the place of the earlier one for the same answer.
type Override struct {
	Ref
	Output  json.RawMessage `json:"output,omitempty"`  // where answers have a schema
	Text    string          `json:"text,omitempty"`    // where they are texts
	Removed bool            `json:"removed,omitempty"` // the model's answer counts again
	Who     string          `json:"who"`
	At      time.Time       `json:"at"`
}

// Override keeps a corrected answer, with the time of now, and gives it as it is kept. Errors of kind BadUsage say why it is none:
// it does not fit the schema, or the answer that it corrects does not say which text it answers.
func (d *Dir) Override(ctx context.Context, o Override) (Override, error) {
	o.Removed = false
	err := cmp.Or(o.check(), author(o.Who))
	if err == nil {
		err = d.fits(&o)
	}
	if err != nil {
		return o, refused("correct the answer to", o.ID, err, "")
	}
	o.At = now()
	return o, d.add(ctx, OverridesFile, &o)
}

// fits refuses an answer that the model's answers could not be.
func (d *Dir) fits(o *Override) error {
	switch {
	case len(o.Output)+len(o.Text) > MaxAnswer:
		return tooLong("the answer", len(o.Output)+len(o.Text), MaxAnswer)
	case d.Check == nil && (len(o.Output) > 0 || o.Text == ""):
		return errors.New("the answers of this run are texts, and none is given")
	case d.Check == nil && !utf8.ValidString(o.Text):
		return errors.New("the answer is not UTF-8")
	case d.Check == nil:
		return nil
	case len(o.Output) == 0 || o.Text != "":
		return errors.New("the answers of this run are JSON, and none is given")
	}
	if err := jsonl.Check(o.Output); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	o.Output = jsonl.AppendCompact(nil, o.Output)
	return d.Check(o.Output)
}

// RemoveOverride makes the model's answer count again. Where there is no override, nothing is written.
func (d *Dir) RemoveOverride(ctx context.Context, r Ref, who string) error {
	if err := cmp.Or(r.check(), author(who)); err != nil {
		return refused("remove the correction of", r.ID, err, "")
	}
	all, err := d.Overrides(ctx)
	if err != nil {
		return err
	}
	_, found, err := all.Of(r)
	if err := errors.Join(err, all.Close()); err != nil || !found {
		return err
	}
	return d.add(ctx, OverridesFile, &Override{Ref: r, Removed: true, Who: who, At: now()})
}

// Overrides are the corrected answers that count. Memory holds their names; the answers are read from the file. One goroutine at a
// time.
type Overrides struct {
	path string
	file *os.File // nil: there are none
	at   map[Ref]span
}

type span struct {
	from int64
	n    int
}

// Overrides reads which answers are corrected.
func (d *Dir) Overrides(ctx context.Context) (*Overrides, error) {
	o := &Overrides{path: d.file(OverridesFile), at: map[Ref]span{}}
	var err error
	if o.file, err = d.open(ctx, OverridesFile); o.file == nil || err != nil {
		return o, err
	}
	err = each(ctx, o.path, o.file, func(one *Override, l line) error {
		if one.Removed {
			delete(o.at, one.Ref)
		} else {
			o.at[one.Ref] = span{l.at, len(l.text)}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, o.file.Close())
	}
	return o, nil
}

// Len is how many answers are corrected, those of texts that changed since included.
func (o *Overrides) Len() int { return len(o.at) }

// Refs gives the answers that are corrected, in no order.
func (o *Overrides) Refs() iter.Seq[Ref] { return maps.Keys(o.at) }

// Of gives the correction of an answer.
func (o *Overrides) Of(r Ref) (one Override, ok bool, err error) {
	s, ok := o.at[r]
	if !ok {
		return one, false, nil
	}
	text := make([]byte, s.n)
	if _, err := o.file.ReadAt(text, s.from); err != nil {
		return one, false, fmt.Errorf("read %s: %w", o.path, err)
	}
	if err := json.Unmarshal(text, &one); err != nil {
		return one, false, fmt.Errorf("read %s: %w", o.path, err)
	}
	one.Output = bytes.Clone(one.Output)
	return one, true, nil
}

// Close closes the file.
func (o *Overrides) Close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}
