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
		row := &t.rows[i]
		list := journals.Sealed(s.shardFiles(), t.rows[i:i+1], t.pass)
		if len(list) == 0 {
			continue
		}
		taken, err := s.hasJournal(ctx, t, row.ID)
		if err != nil {
			return err
		}
		if taken {
			continue
		}
		if texts == nil {
			texts = s.openTexts(ctx, t.pass)
		}
		if err := s.takeJournal(ctx, t, row.ID, list[0].Path, texts); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) hasJournal(ctx context.Context, t *target, id quarry.ShardID) (bool, error) {
	have, err := readState(ctx, s.db.read.Query, t.pass)
	if err != nil || have.stamp != t.stamp || t.texts != "" && have.texts != t.texts {
		return false, err
	}
	var n int
	err = s.db.read.QueryRow(ctx, `SELECT COUNT(*) FROM journal WHERE pass = ? AND shard = ?`, []any{t.pass, string(id)}, &n)
	return n > 0, err
}

// takeJournal takes in one journal by one change: what is known of it is that it is in the index.
func (s *Store) takeJournal(ctx context.Context, t *target, id quarry.ShardID, path string, texts *textReader) error {
	return s.change(ctx, t, func(k *taker) error {
		done, err := k.tx.ExecContext(ctx, `INSERT OR IGNORE INTO journal VALUES (?, ?)`, t.pass, string(id))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 { // another process has taken it in
			return err
		}
		var of []shardfile.Outcome
		take := func() error {
			if len(of) == 0 {
				return nil
			}
			return k.takeAttempts(of, texts)
		}
		for o, err := range lines.Sealed[shardfile.Outcome](path) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if len(of) > 0 && of[0].Order != o.Order {
				if err := take(); err != nil {
					return err
				}
				of = of[:0]
			}
			of = append(of, o)
		}
		return take()
	})
}

// takeAttempts takes in attempts at one document, together with earlier ones of other journals.
func (k *taker) takeAttempts(of []shardfile.Outcome, texts *textReader) error {
	order := of[0].Order
	all, err := loadAttempts(func(to *[]byte) error {
		return k.tx.QueryRowContext(k.ctx, fmt.Sprintf(`SELECT packed FROM attempt_%d WHERE ord = ?`, k.pass), order).Scan(to)
	})
	if err != nil {
		return err
	}
	all = append(all, of...)
	r := record{order: order}
	if r.attempts, err = k.pack(all); err != nil {
		return err
	}
	res := answers.Closing{Partial: true}.Result(all)
	line, err := resultline.Append(nil, res)
	if err != nil {
		return err
	}
	r.set(res, append(line, '\n'))
	if r.text, err = texts.of(order); err != nil {
		return err
	}
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
