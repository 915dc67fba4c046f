package records

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/resultline"
	"quarry/internal/run/answers"
	"quarry/internal/run/journals"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// takeJournals takes in what a pass under way has answered so far, one sealed journal after the other.
func (s *Store) takeJournals(ctx context.Context, t *target) error {
	var texts *textReader
	defer func() {
		if texts != nil {
			texts.close()
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
		if upto == wholeJournal {
			continue
		}
		if texts == nil {
			texts = s.openTexts(ctx, t.pass)
		}
		if err := s.takeJournal(ctx, t, id, upto, list[0].Path, texts); err != nil {
			return err
		}
	}
	return nil
}

// wholeJournal is the order up to which a journal is in the index that is in it as a whole.
const wholeJournal = math.MaxInt64

// takenUpTo gives the last order of a journal that is in the index; -1: none.
func (s *Store) takenUpTo(ctx context.Context, t *target, id quarry.ShardID) (upto int64, err error) {
	have, err := readState(ctx, s.db.read.Query, t.pass)
	if err != nil || have.stamp != t.stamp || have.stale(t) {
		return -1, err
	}
	err = s.db.read.QueryRow(ctx, selectUpTo, []any{t.pass, string(id)}, &upto)
	return upto, err
}

const selectUpTo = `SELECT COALESCE(MAX(upto), -1) FROM journal WHERE pass = ? AND shard = ?`

// ended is what attempts at one document of a journal came to.
type ended struct {
	attempts []shardfile.Outcome
	text     []byte
}

// takeJournal takes in what follows an order in a journal, in changes of a moment.
func (s *Store) takeJournal(ctx context.Context, t *target, id quarry.ShardID, upto int64, path string, texts *textReader) error {
	var list []ended
	flush := func(last int64) error {
		err := s.change(ctx, t, func(k *taker) error { return k.takeEnded(id, list, upto, last) })
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
		text, err := texts.of(o.Order)
		if err != nil {
			return err
		}
		list = append(list, ended{[]shardfile.Outcome{o}, text})
		size += len(text) + len(o.Result.Output) + len(o.Result.Text)
	}
	return flush(wholeJournal)
}

// takeEnded takes in the attempts of a journal that follow an order, up to another one.
func (k *taker) takeEnded(id quarry.ShardID, list []ended, from, to int64) error {
	var at int64
	if err := k.tx.QueryRowContext(k.ctx, selectUpTo, k.pass, string(id)).Scan(&at); err != nil {
		return err
	}
	if at != from {
		return errMoved
	}
	for i := range list {
		if err := k.takeAttempts(&list[i]); err != nil {
			return err
		}
	}
	_, err := k.tx.ExecContext(k.ctx, `INSERT OR REPLACE INTO journal VALUES (?, ?, ?)`, k.pass, string(id), to)
	return err
}

// takeAttempts takes in attempts at one document, together with earlier ones of other journals.
func (k *taker) takeAttempts(e *ended) error {
	order := e.attempts[0].Order
	all, err := loadAttempts(func(to *[]byte) error {
		return k.tx.QueryRowContext(k.ctx, fmt.Sprintf(`SELECT packed FROM attempt_%d WHERE ord = ?`, k.pass), order).Scan(to)
	})
	if err != nil {
		return err
	}
	all = append(all, e.attempts...)
	r := record{order: order, text: e.text}
	if r.attempts, err = k.pack(all); err != nil {
		return err
	}
	res := answers.Closing{Partial: true}.Result(all)
	line, err := resultline.Append(nil, res)
	if err != nil {
		return err
	}
	r.set(res, append(line, '\n'))
	return k.take(&r)
}

// pack gives the attempts as lines of a journal, compressed.
func (k *taker) pack(all []shardfile.Outcome) ([]byte, error) {
	var b bytes.Buffer
	if k.packer == nil {
		var err error
		if k.packer, err = flate.NewWriter(&b, flate.BestSpeed); err != nil {
			return nil, err
		}
	}
	k.packer.Reset(&b)
	enc := json.NewEncoder(k.packer)
	enc.SetEscapeHTML(false)
	for i := range all {
		if err := enc.Encode(&all[i]); err != nil {
			return nil, err
		}
	}
	err := k.packer.Close()
	return b.Bytes(), err
}

// loadAttempts reads what pack gave; none where there is no row.
func loadAttempts(scan func(*[]byte) error) (all []shardfile.Outcome, err error) {
	var packed []byte
	if err := scan(&packed); err != nil {
		if errors.Is(err, effect.ErrNoRows) {
			return nil, nil
		}
		return nil, err
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	var reader lines.Reader
	for line := range bytes.Lines(text) {
		var o shardfile.Outcome
		if err := reader.Read(line, &o); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		all = append(all, o)
	}
	return all, nil
}
