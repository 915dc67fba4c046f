package records

import (
	"compress/flate"
	"context"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/base/effect"
)

// state is what the index holds of a pass. The zero value: nothing.
type state struct {
	there    bool
	stamp    string // which results
	texts    string // with which texts
	next     int64  // order of the next document to take in; of results that are complete
	done     int64  // documents with a result
	kept     int64  // of them, those whose text is in the index
	complete bool
}

// stale reports whether the pass is to be read again for its texts: others were wanted, and none was found or they were not read to the end.
func (h *state) stale(t *target) bool {
	return h.there && t.texts != "" && h.texts != t.texts && (h.kept == 0 || !h.complete)
}

func readState(ctx context.Context, query rowsOf, pass int) (h state, err error) {
	rows, err := query(ctx, `SELECT stamp, texts, next, done, kept, complete FROM pass WHERE n = ?`, pass)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		h.there = true
		if err := rows.Scan(&h.stamp, &h.texts, &h.next, &h.done, &h.kept, &h.complete); err != nil {
			return h, err
		}
	}
	return h, rows.Err()
}

func (h *state) save(ctx context.Context, tx *effect.Tx, pass int) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO pass VALUES (?, ?, ?, ?, ?, ?, ?)`, pass, h.stamp, h.texts, h.next, h.done, h.kept, h.complete)
	return err
}

// record is a document as the index takes it in.
type record struct {
	order                 int64
	ended                 bool // it has a result
	status                quarry.Status
	class, language, pool string
	cost                  *quarry.USD
	digest                uint64 // of its line of results
	title, answer, text   []byte // words; text is nil where it is not kept
	attempts              []byte // of a pass under way: what Result makes its result of, packed
}

// errMoved says that another process took in what this one was about to.
var errMoved = errors.New("another process continued the index")

// taker takes records into the index, in one change.
type taker struct {
	ctx   context.Context
	tx    *effect.Tx
	pass  int
	have  state
	words vocabulary
	sizes [wordKinds]int

	n      int64 // number of the block at hand, -1: none
	block  *block
	insert func(args ...any) error // of words; nil: not compiled yet
	packer *flate.Writer           // of attempts; nil: not made yet
}

// change makes one change of the index of a pass: fn takes in records that follow the state it is given. Two processes never take in the
// same: what they have read is compared with the state inside of the change.
func (s *Store) change(ctx context.Context, t *target, fn func(*taker) error) error {
	what := fmt.Sprintf("ui: take in results of pass %d", t.pass)
	err := s.db.write.Change(ctx, what, func(tx *effect.Tx) (err error) {
		k := &taker{ctx: ctx, tx: tx, pass: t.pass, n: -1}
		if k.have, err = readState(ctx, tx.QueryContext, t.pass); err != nil {
			return err
		}
		if err := k.adapt(t); err != nil {
			return err
		}
		if k.words, err = loadVocabulary(ctx, tx.QueryContext, t.pass); err != nil {
			return err
		}
		k.sizes = k.words.sizes()
		if err := fn(k); err != nil {
			return err
		}
		return errors.Join(k.flush(), k.words.save(ctx, tx, t.pass, k.sizes), k.have.save(ctx, tx, t.pass))
	})
	if err != nil {
		return err
	}
	if t.texts != "" {
		s.tried.Store(true)
	}
	return s.note(ctx, t)
}

// adapt makes what the index has of the pass fit what it should have: nothing if other texts are to be in it, and a walk over all results if
// other results are.
func (k *taker) adapt(t *target) error {
	h := &k.have
	if h.stale(t) {
		if err := dropPass(k.ctx, k.tx, k.pass); err != nil {
			return err
		}
		*h = state{}
	}
	if !h.there {
		for _, statement := range []string{
			textTable(k.pass),
			// Segments of 8 MiB of words in memory, since each one of a MiB is merged more often.
			fmt.Sprintf(`INSERT INTO text_%d(text_%d, rank) VALUES ('hashsize', 8388608)`, k.pass, k.pass),
			fmt.Sprintf(`CREATE TABLE attempt_%d (ord INTEGER PRIMARY KEY, packed BLOB NOT NULL)`, k.pass),
		} {
			if _, err := k.tx.ExecContext(k.ctx, statement); err != nil {
				return err
			}
		}
		*h = state{there: true, stamp: t.stamp, texts: t.texts}
	}
	if h.stamp != t.stamp {
		h.stamp, h.next, h.complete = t.stamp, 0, false
	}
	return nil
}

// dropPass removes the index of a pass.
func dropPass(ctx context.Context, tx *effect.Tx, pass int) error {
	for _, statement := range []string{
		`DROP TABLE IF EXISTS text_%d`, `DROP TABLE IF EXISTS attempt_%d`, `DELETE FROM word WHERE pass = %d`, `DELETE FROM block WHERE pass = %d`,
		`DELETE FROM journal WHERE pass = %d`, `DELETE FROM pass WHERE n = %d`,
	} {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(statement, pass)); err != nil {
			return err
		}
	}
	return nil
}

// take takes in one record. Those of a change rise by their order.
func (k *taker) take(r *record) error {
	n, i := r.order/blockDocs, r.order%blockDocs
	if n != k.n {
		if err := k.flush(); err != nil {
			return err
		}
		var err error
		if k.block, err = loadBlock(k.ctx, k.tx, k.pass, n); err != nil {
			return err
		}
		k.n = n
	}
	was := k.block.entry(i)
	if was.status == 0 && !r.ended {
		return nil
	}
	if r.ended && was.status != 0 && k.block.digest(i) == r.digest && was.text == (r.text != nil) {
		return nil
	}
	e := entry{}
	if r.ended {
		e = entry{status: statusNumber(r.status), text: r.text != nil, cost: unknownCost}
		if r.cost != nil {
			e.cost = int64(*r.cost)
		}
		e.class, e.language, e.pool = k.words.number(classWord, r.class), k.words.number(languageWord, r.language), k.words.number(poolWord, r.pool)
	}
	k.block.put(i, &e, r.digest)
	k.have.done += one(e.status != 0) - one(was.status != 0)
	k.have.kept += one(e.text) - one(was.text)
	return k.write(r, was.status != 0)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// write writes the words of a record, in the place of earlier ones.
func (k *taker) write(r *record, again bool) error {
	if again {
		if _, err := k.tx.ExecContext(k.ctx, fmt.Sprintf(`DELETE FROM text_%d WHERE rowid = ?`, k.pass), r.order); err != nil {
			return err
		}
	}
	if r.attempts != nil {
		if _, err := k.tx.ExecContext(k.ctx, fmt.Sprintf(`INSERT OR REPLACE INTO attempt_%d VALUES (?, ?)`, k.pass), r.order, r.attempts); err != nil {
			return err
		}
	}
	if !r.ended {
		return nil
	}
	if k.insert == nil { // it lives as long as the change
		statement, err := k.tx.PrepareContext(k.ctx, fmt.Sprintf(`INSERT INTO text_%d(rowid, title, text, answer) VALUES (?, ?, ?, ?)`, k.pass))
		if err != nil {
			return err
		}
		k.insert = func(args ...any) error {
			_, err := statement.ExecContext(k.ctx, args...)
			return err
		}
	}
	return k.insert(r.order, string(r.title), string(r.text), string(r.answer))
}

func (k *taker) flush() error {
	if k.n < 0 {
		return nil
	}
	err := k.block.save(k.ctx, k.tx, k.pass, k.n)
	k.n = -1
	return err
}
