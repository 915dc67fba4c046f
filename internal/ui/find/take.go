package find

import (
	"context"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/base/effect"
)

// Want is what an index should hold of a pass.
type Want struct {
	Pass  int
	Stamp string // names the results: those of another stamp are walked over again
	Texts string // names what gives the documents' texts; empty: whichever are there
}

// State is what the index holds of a pass. The zero value: nothing.
type State struct {
	There    bool
	Stamp    string // of Want
	Texts    string
	Next     int64 // order of the next document to take in; of results that are complete
	Done     int64 // documents with a result
	Kept     int64 // of them, those whose text is in the index
	Complete bool
}

// Stale reports whether the pass is to be read again for its texts: others were wanted, and none was found or they were not read to the end.
func (h *State) Stale(w *Want) bool {
	return h.There && w.Texts != "" && h.Texts != w.Texts && (h.Kept == 0 || !h.Complete)
}

// Begin is the order from which results are to be taken in; done says that all are there.
func (h *State) Begin(w *Want) (next int64, done bool) {
	if h.Stamp != w.Stamp || h.Stale(w) {
		return 0, false
	}
	return h.Next, h.Complete
}

// State reads what the index holds of a pass.
func (x *Index) State(ctx context.Context, pass int) (State, error) {
	return readState(ctx, x.read.Query, pass)
}

func readState(ctx context.Context, query rowsOf, pass int) (h State, err error) {
	rows, err := query(ctx, `SELECT stamp, texts, next, done, kept, complete FROM pass WHERE n = ?`, pass)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		h.There = true
		if err := rows.Scan(&h.Stamp, &h.Texts, &h.Next, &h.Done, &h.Kept, &h.Complete); err != nil {
			return h, err
		}
	}
	return h, rows.Err()
}

func (h *State) save(ctx context.Context, tx *effect.Tx, pass int) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO pass VALUES (?, ?, ?, ?, ?, ?, ?)`, pass, h.Stamp, h.Texts, h.Next, h.Done, h.Kept, h.Complete)
	return err
}

// Record is a document as the index takes it in.
type Record struct {
	Order                 int64
	Ended                 bool // it has a result
	Status                quarry.Status
	Class, Language, Pool string
	Cost                  *quarry.USD
	Digest                uint64 // of its line of results
	// Words of the title, the answer and the text, as package words gives them. Text is nil where it is not kept.
	Title, Answer, Text []byte
	Attempts            []byte // of a pass under way: what is kept for Attempts; nil: nothing
}

// ErrMoved says that another process took in what this one was about to.
var ErrMoved = errors.New("another process continued the index")

// Taker takes records into the index, in one change.
type Taker struct {
	ctx   context.Context
	tx    *effect.Tx
	pass  int
	Have  State
	words vocabulary
	sizes [wordKinds]int

	n      int64 // number of the block at hand, -1: none
	block  *block
	insert func(args ...any) error // of words; nil: not compiled yet
}

// Change makes one change of the index of a pass: fn takes in records that follow the state it is given. Two processes never take in the
// same: what they have read is compared with the state inside of the change.
func (x *Index) Change(ctx context.Context, w *Want, fn func(*Taker) error) error {
	return x.write.Change(ctx, fmt.Sprintf("ui: take in results of pass %d", w.Pass), func(tx *effect.Tx) (err error) {
		k := &Taker{ctx: ctx, tx: tx, pass: w.Pass, n: -1}
		if k.Have, err = readState(ctx, tx.QueryContext, w.Pass); err != nil {
			return err
		}
		if err := k.adapt(w); err != nil {
			return err
		}
		if k.words, err = loadVocabulary(ctx, tx.QueryContext, w.Pass); err != nil {
			return err
		}
		k.sizes = k.words.sizes()
		if err := fn(k); err != nil {
			return err
		}
		return errors.Join(k.flush(), k.words.save(ctx, tx, w.Pass, k.sizes), k.Have.save(ctx, tx, w.Pass))
	})
}

// adapt makes what the index has of the pass fit what it should have: nothing if other texts are to be in it, and a walk over all results if
// other results are.
func (k *Taker) adapt(w *Want) error {
	h := &k.Have
	if h.Stale(w) {
		if err := dropPass(k.ctx, k.tx, k.pass); err != nil {
			return err
		}
		*h = State{}
	}
	if !h.There {
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
		*h = State{There: true, Stamp: w.Stamp, Texts: w.Texts}
	}
	if h.Stamp != w.Stamp {
		h.Stamp, h.Next, h.Complete = w.Stamp, 0, false
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

// Take takes in one record. Those of a change rise by their order.
func (k *Taker) Take(r *Record) error {
	n, i := r.Order/blockDocs, r.Order%blockDocs
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
	if was.status == 0 && !r.Ended {
		return nil
	}
	if r.Ended && was.status != 0 && k.block.digest(i) == r.Digest && was.text == (r.Text != nil) {
		return nil
	}
	e := entry{}
	if r.Ended {
		e = entry{status: statusNumber(r.Status), text: r.Text != nil, cost: unknownCost}
		if r.Cost != nil {
			e.cost = int64(*r.Cost)
		}
		e.class, e.language, e.pool = k.words.number(classWord, r.Class), k.words.number(languageWord, r.Language), k.words.number(poolWord, r.Pool)
	}
	k.block.put(i, &e, r.Digest)
	k.Have.Done += one(e.status != 0) - one(was.status != 0)
	k.Have.Kept += one(e.text) - one(was.text)
	return k.write(r, &e, was.status != 0)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// write writes the words of a record and of its values, in the place of earlier ones.
func (k *Taker) write(r *Record, e *entry, again bool) error {
	if again {
		if _, err := k.tx.ExecContext(k.ctx, fmt.Sprintf(`DELETE FROM text_%d WHERE rowid = ?`, k.pass), r.Order); err != nil {
			return err
		}
	}
	if r.Attempts != nil {
		if _, err := k.tx.ExecContext(k.ctx, fmt.Sprintf(`INSERT OR REPLACE INTO attempt_%d VALUES (?, ?)`, k.pass), r.Order, r.Attempts); err != nil {
			return err
		}
	}
	if !r.Ended {
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
	return k.insert(r.Order, string(r.Title)+e.values(), string(r.Text), string(r.Answer))
}

func (k *Taker) flush() error {
	if k.n < 0 {
		return nil
	}
	err := k.block.save(k.ctx, k.tx, k.pass, k.n)
	k.n = -1
	return err
}

// Passes are the passes that have something in the index.
func (x *Index) Passes(ctx context.Context) (passes []int, err error) {
	rows, err := x.read.Query(ctx, `SELECT n FROM pass`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		passes = append(passes, n)
	}
	return passes, rows.Err()
}

// Drop removes the index of a pass.
func (x *Index) Drop(ctx context.Context, pass int) error {
	return x.write.Change(ctx, fmt.Sprintf("ui: remove pass %d", pass), func(tx *effect.Tx) error { return dropPass(ctx, tx, pass) })
}
