package records

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"quarry"
	"quarry/internal/base/resultline"
	"quarry/internal/run/answers"
	"quarry/internal/run/journals"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
	"quarry/internal/ui/find"
	"quarry/internal/ui/reread"
)

// takeJournals takes in what a pass under way has answered so far, one sealed journal after the other.
func (s *Store) takeJournals(ctx context.Context, t *target) error {
	var texts *reread.Reader
	defer func() {
		if texts != nil {
			s.noteTexts(texts.Close())
		}
	}()
	for i := range t.rows {
		list := journals.Sealed(s.shardFiles(), t.rows[i:i+1], t.pass)
		if len(list) == 0 {
			continue
		}
		id := t.rows[i].ID
		upto, err := s.takenUpTo(ctx, t, id)
		if err != nil {
			return err
		}
		if upto == find.Whole {
			continue
		}
		if texts == nil {
			texts = s.pass(t.pass).Words(ctx)
		}
		if err := s.takeJournal(ctx, t, id, upto, list[0].Path, texts); err != nil {
			return err
		}
	}
	return nil
}

// takenUpTo gives the last order of a journal that is in the index; -1: none.
func (s *Store) takenUpTo(ctx context.Context, t *target, id quarry.ShardID) (upto int64, err error) {
	have, err := s.db.State(ctx, t.pass)
	if err != nil || have.Stamp != t.stamp || have.Stale(t.want()) {
		return -1, err
	}
	return s.db.UpTo(ctx, t.pass, id)
}

// ended is what attempts at one document of a journal came to.
type ended struct {
	attempts []shardfile.Outcome
	text     []byte
}

// takeJournal takes in what follows an order in a journal, in changes of a moment.
func (s *Store) takeJournal(ctx context.Context, t *target, id quarry.ShardID, upto int64, path string, texts *reread.Reader) error {
	packer, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		return err
	}
	var list []ended
	flush := func(last int64) error {
		err := s.change(ctx, t, func(k *find.Taker) error { return errors.Join(k.Reach(id, upto, last), takeEnded(k, list, packer)) })
		upto, list = last, list[:0]
		return err
	}
	size := 0
	for o, err := range lines.Sealed[shardfile.Outcome](path) {
		switch n := len(list); {
		case err != nil || ctx.Err() != nil:
			return errors.Join(err, context.Cause(ctx))
		case o.Order <= upto:
			continue
		case n > 0 && list[n-1].attempts[0].Order == o.Order:
			list[n-1].attempts = append(list[n-1].attempts, o)
			continue
		case n >= changeRecords || size > changeBytes:
			if err := flush(list[n-1].attempts[0].Order); err != nil {
				return err
			}
			size = 0
		}
		text, err := texts.Of(o.Order)
		if err != nil {
			return err
		}
		list = append(list, ended{[]shardfile.Outcome{o}, text})
		size += len(text) + len(o.Result.Output) + len(o.Result.Text)
	}
	return flush(find.Whole)
}

// takeEnded takes in attempts of a journal, each together with earlier ones of other journals.
func takeEnded(k *find.Taker, list []ended, packer *flate.Writer) error {
	for i := range list {
		e := &list[i]
		order := e.attempts[0].Order
		kept, err := k.Attempts(order)
		if err != nil {
			return err
		}
		all, err := unpack(kept)
		if err != nil {
			return err
		}
		all = append(all, e.attempts...)
		r := find.Record{Order: order, Text: e.text}
		if r.Attempts, err = pack(packer, all); err != nil {
			return err
		}
		res := answers.Closing{Partial: true}.Result(all)
		line, err := resultline.Append(nil, res)
		if err != nil {
			return err
		}
		set(&r, res, append(line, '\n'))
		if err := k.Take(&r); err != nil {
			return err
		}
	}
	return nil
}

// pack gives attempts as lines of a journal, compressed.
func pack(packer *flate.Writer, all []shardfile.Outcome) ([]byte, error) {
	var b bytes.Buffer
	packer.Reset(&b)
	enc := json.NewEncoder(packer)
	enc.SetEscapeHTML(false)
	for i := range all {
		if err := enc.Encode(&all[i]); err != nil {
			return nil, err
		}
	}
	err := packer.Close()
	return b.Bytes(), err
}

// unpack reads what pack gave; none of nothing.
func unpack(packed []byte) (all []shardfile.Outcome, err error) {
	if len(packed) == 0 {
		return nil, nil
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", find.ErrDamaged, err)
	}
	var reader lines.Reader
	for line := range bytes.Lines(text) {
		var o shardfile.Outcome
		if err := reader.Read(line, &o); err != nil {
			return nil, fmt.Errorf("%w: %w", find.ErrDamaged, err)
		}
		all = append(all, o)
	}
	return all, nil
}
