package find

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"

	"quarry"
	"quarry/internal/base/effect"
)

// blockDocs is how many documents a block has.
const blockDocs = 2048

// entryBytes is what the columns keep of a document: its cost, how it ended, and the numbers of its words.
const entryBytes = 16

// entry is what filters compare of one document. The zero value: it has no result.
type entry struct {
	status                uint8 // number of the status, from 1
	text                  bool  // its text is in the index
	class, language, pool uint16
	cost                  int64 // pico-dollars; unknownCost
}

const unknownCost = math.MinInt64

var statuses = []quarry.Status{quarry.StatusOK, quarry.StatusInvalid, quarry.StatusFailed, quarry.StatusSkipped}

func statusNumber(s quarry.Status) uint8 { return uint8(slices.Index(statuses, s) + 1) }

func (e *entry) put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(e.cost))
	b[8], b[9] = e.status, 0
	if e.text {
		b[9] = 1
	}
	binary.LittleEndian.PutUint16(b[10:], e.class)
	binary.LittleEndian.PutUint16(b[12:], e.language)
	binary.LittleEndian.PutUint16(b[14:], e.pool)
}

func readEntry(b []byte) entry {
	return entry{
		status: b[8], text: b[9] == 1, cost: int64(binary.LittleEndian.Uint64(b)),
		class: binary.LittleEndian.Uint16(b[10:]), language: binary.LittleEndian.Uint16(b[12:]), pool: binary.LittleEndian.Uint16(b[14:]),
	}
}

// valueMark begins the words by which values are found together with words of texts. No text has it: it is for private use, which
// package words takes for a gap.
const valueMark = "\ue000"

// valueWord is the word of one value: the letter of the property and the number of the value.
func valueWord(property byte, n int) string { return valueMark + string(property) + strconv.Itoa(n) }

// The letters of properties.
const (
	statusLetter   = 's'
	classLetter    = 'c'
	languageLetter = 'l'
	poolLetter     = 'p'
)

// values are the words of all values of an entry.
func (e *entry) values() string {
	return valueWord(statusLetter, int(e.status)) + " " + valueWord(classLetter, int(e.class)) + " " +
		valueWord(languageLetter, int(e.language)) + " " + valueWord(poolLetter, int(e.pool))
}

// block has the columns of blockDocs documents.
type block struct {
	columns []byte // entryBytes each
	digests []byte // 8 bytes each: of the line of results
}

func newBlock() *block {
	return &block{columns: make([]byte, entryBytes*blockDocs), digests: make([]byte, 8*blockDocs)}
}

func (b *block) entry(i int64) entry { return readEntry(b.columns[entryBytes*i:]) }

func (b *block) digest(i int64) uint64 { return binary.LittleEndian.Uint64(b.digests[8*i:]) }

func (b *block) put(i int64, e *entry, digest uint64) {
	e.put(b.columns[entryBytes*i : entryBytes*(i+1)])
	binary.LittleEndian.PutUint64(b.digests[8*i:], digest)
}

// loadBlock reads a block in a change; one that is not there is empty.
func loadBlock(ctx context.Context, tx *effect.Tx, pass int, n int64) (*block, error) {
	b := &block{}
	err := tx.QueryRowContext(ctx, `SELECT columns, digests FROM block WHERE pass = ? AND n = ?`, pass, n).Scan(&b.columns, &b.digests)
	if errors.Is(err, effect.ErrNoRows) {
		return newBlock(), nil
	}
	if err == nil && (len(b.columns) != entryBytes*blockDocs || len(b.digests) != 8*blockDocs) {
		err = ErrDamaged
	}
	return b, err
}

func (b *block) save(ctx context.Context, tx *effect.Tx, pass int, n int64) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?)`, pass, n, b.columns, b.digests)
	return err
}

// The kinds of words that have numbers.
const (
	classWord = iota
	languageWord
	poolWord
	wordKinds
)

// maxWords is how many words of a kind are counted separately: documents can say anything for their language. All others are otherWord.
const (
	maxWords  = 1000
	otherWord = "(other)"
)

// vocabulary numbers the words of a pass, from 0 in each kind.
type vocabulary [wordKinds][]string

// number gives the number of a word, which may be a new one.
func (v *vocabulary) number(kind int, word string) uint16 {
	if word == "" {
		word = NotGiven
	}
	if len(word) > 200 {
		word = otherWord
	}
	at := slices.Index(v[kind], word)
	if at < 0 && len(v[kind]) >= maxWords {
		word = otherWord
		at = slices.Index(v[kind], word)
	}
	if at >= 0 {
		return uint16(at)
	}
	v[kind] = append(v[kind], word)
	return uint16(len(v[kind]) - 1)
}

// find gives the number of a word; ok is false where no record has it.
func (v *vocabulary) find(kind int, word string) (n uint16, ok bool) {
	at := slices.Index(v[kind], word)
	return uint16(max(at, 0)), at >= 0
}

type rowsOf func(ctx context.Context, query string, args ...any) (*effect.Rows, error)

func loadVocabulary(ctx context.Context, query rowsOf, pass int) (v vocabulary, err error) {
	rows, err := query(ctx, `SELECT kind, word FROM word WHERE pass = ? ORDER BY kind, n`, pass)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var kind int
		var word string
		if err := rows.Scan(&kind, &word); err != nil {
			return v, err
		}
		if kind >= 0 && kind < wordKinds {
			v[kind] = append(v[kind], word)
		}
	}
	return v, rows.Err()
}

// save adds the words from a number on, of each kind.
func (v *vocabulary) save(ctx context.Context, tx *effect.Tx, pass int, from [wordKinds]int) error {
	for kind := range v {
		for n := from[kind]; n < len(v[kind]); n++ {
			if _, err := tx.ExecContext(ctx, `INSERT INTO word VALUES (?, ?, ?, ?)`, pass, kind, n, v[kind][n]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *vocabulary) sizes() (n [wordKinds]int) {
	for kind := range v {
		n[kind] = len(v[kind])
	}
	return n
}

// mostCached bounds the blocks that are kept: 32 KiB each, two million documents.
const mostCached = 1024

// blockCache keeps the columns of blocks that were read, until something was committed.
type blockCache struct {
	version int64 // of the database, as the reading connection sees it
	pass    int
	blocks  map[int64][]byte
	last    int64 // number of the last block
	words   vocabulary
	counts  map[string]Found // of queries: Count and Facets alone
}
