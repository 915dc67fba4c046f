package audit

import (
	"iter"

	"quarry"
)

// Two sequences of documents are compared with each other without holding either: what the index expects, in its order,
// and what a file or a source has.

// Bounds of memory: how far ahead a document is looked for, and how many that are out of place are remembered.
const (
	lookAhead   = 1 << 17
	maxStranded = 1 << 17
)

// have is one document of the sequence that is checked.
type have struct {
	hash hash
	id   quarry.DocumentID
}

// alignment is how two sequences differ. Its callbacks are called in the order of the expected sequence.
type alignment struct {
	match  func(e *entry) error // the checked sequence is at this document
	absent func(e *entry) error // it was expected and is not there
	// Documents that were not expected where they are, and those that were expected and not there.
	extra    []have
	gone     map[hash]bool
	overflow bool // there were more than can be remembered
}

// run walks over both. Neither sequence has to be whole.
func (al *alignment) run(expected iter.Seq2[entry, error], checked iter.Seq2[have, error]) error {
	next, stop := iter.Pull2(expected)
	defer stop()
	q := &queue{next: next, ahead: map[hash]int64{}}
	al.gone = map[hash]bool{}
	for h, err := range checked {
		if err != nil {
			return err
		}
		e, err := q.head()
		if err != nil {
			return err
		}
		if e != nil && e.id != h.hash {
			skip, ok, err := q.find(h.hash)
			if err != nil {
				return err
			}
			for ; ok && skip > 0; skip-- {
				if err := al.miss(q); err != nil {
					return err
				}
			}
			if e, err = q.head(); err != nil {
				return err
			}
		}
		if e == nil || e.id != h.hash {
			if len(al.extra) < maxStranded {
				al.extra = append(al.extra, h)
			} else {
				al.overflow = true
			}
			continue
		}
		if err := al.match(e); err != nil {
			return err
		}
		q.pop()
	}
	for {
		e, err := q.head()
		if err != nil || e == nil {
			return err
		}
		if err := al.miss(q); err != nil {
			return err
		}
	}
}

func (al *alignment) miss(q *queue) error {
	e := q.held[0]
	if len(al.gone) < maxStranded {
		al.gone[e.id] = true
	} else {
		al.overflow = true
	}
	if err := al.absent(&e); err != nil {
		return err
	}
	q.pop()
	return nil
}

// queue holds expected documents from the one that is due to the farthest that was looked at.
type queue struct {
	next          func() (entry, error, bool)
	held          []entry
	popped, total int64          // of all that came
	ahead         map[hash]int64 // number of a held document, from the first search on
	search        bool
	drained       bool
}

func (q *queue) fill(n int) error {
	for len(q.held) < n && !q.drained {
		e, err, ok := q.next()
		if err != nil {
			return err
		}
		if !ok {
			q.drained = true
			return nil
		}
		if q.search {
			q.note(e.id, q.total)
		}
		q.held = append(q.held, e)
		q.total++
	}
	return nil
}

// note keeps the first of several places.
func (q *queue) note(id hash, n int64) {
	if _, ok := q.ahead[id]; !ok {
		q.ahead[id] = n
	}
}

// head is the document that is due; nil after the last.
func (q *queue) head() (*entry, error) {
	if err := q.fill(1); err != nil || len(q.held) == 0 {
		return nil, err
	}
	return &q.held[0], nil
}

func (q *queue) pop() {
	if e := &q.held[0]; q.search && q.ahead[e.id] == q.popped {
		delete(q.ahead, e.id)
	}
	q.held = q.held[1:]
	q.popped++
}

// find tells how far ahead a document is due.
func (q *queue) find(id hash) (int, bool, error) {
	if !q.search {
		q.search = true
		for i := range q.held {
			q.note(q.held[i].id, q.popped+int64(i))
		}
	}
	if err := q.fill(lookAhead); err != nil {
		return 0, false, err
	}
	n, ok := q.ahead[id]
	return int(n - q.popped), ok && n >= q.popped, nil
}
