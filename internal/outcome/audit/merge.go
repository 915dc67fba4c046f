package audit

import (
	"errors"
	"iter"
	"slices"

	"quarry/internal/base/ledger"
)

// journalLines gives the lines of all journals of the planned pass by order, and those of one document in the order in
// which its attempts were made. Journals are sorted; a line that is out of order was named with its shard and is
// passed over here. A journal is opened when its first line may be due, so few are open at once.
func (a *audit) journalLines() iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		type file struct {
			row  *ledger.Shard
			path string
		}
		var waiting []file
		for i := range a.rows {
			row := &a.rows[i]
			if row.Pass != a.plan.Pass {
				continue
			}
			if !row.Times.Collected.IsZero() {
				waiting = append(waiting, file{row, a.journalPath(row.ID)})
			}
			if row.Unbuilt > 0 { // planned and not sent, because documents changed in the sources
				waiting = append(waiting, file{row, a.unbuiltPath(row.ID)})
			}
		}
		from := func(row *ledger.Shard) int64 {
			if len(row.Sources) > 0 { // First of a retry shard is a place in the retry queue, no order
				return 0
			}
			return row.First
		}
		slices.SortStableFunc(waiting, func(x, y file) int { return int(max(min(from(x.row)-from(y.row), 1), -1)) })
		var open []*journal
		defer func() {
			for _, j := range open {
				j.stop()
			}
		}()
		for {
			least := leastOf(open)
			for len(waiting) > 0 && (least == nil || from(waiting[0].row) <= least.head.Order) {
				j := openJournal(waiting[0].path, waiting[0].row)
				waiting = waiting[1:]
				if j.advance() {
					open = append(open, j)
				}
				least = leastOf(open)
			}
			if least == nil {
				return
			}
			if !yield(least.head) {
				return
			}
			if !least.advance() {
				open = slices.DeleteFunc(open, func(j *journal) bool { return j == least })
			}
		}
	}
}

// leastOf finds the journal whose line is due. A pilot, a stretch or two and the rounds of retries are open at a time.
func leastOf(open []*journal) *journal {
	var least *journal
	for _, j := range open {
		if least == nil || j.head.Order < least.head.Order || (j.head.Order == least.head.Order && j.row.Seq < least.row.Seq) {
			least = j
		}
	}
	return least
}

// journal is one of them while it is read.
type journal struct {
	head outcome
	row  *ledger.Shard
	next func() (outcome, error, bool)
	stop func()
	any  bool
}

func openJournal(path string, row *ledger.Shard) *journal {
	j := &journal{row: row}
	j.next, j.stop = iter.Pull2(held[outcome](path))
	return j
}

// advance goes to the next line that can be read and is in order.
func (j *journal) advance() bool {
	for {
		o, err, ok := j.next()
		if !ok || errors.Is(err, errUnreadable) {
			j.stop()
			return false
		}
		if err != nil || (j.any && o.Order < j.head.Order) {
			continue
		}
		j.head, j.any = o, true
		j.head.shard = j.row.ID
		return true
	}
}

// column gives the lines of a sorted file by order.
type column[T any] struct {
	next  func() (T, error, bool)
	stop  func()
	order func(*T) int64
	head  T
	live  bool
	fault func(error)
}

func openColumn[T any, P lineOf[T]](path string, order func(*T) int64, fault func(error)) *column[T] {
	c := &column[T]{order: order, fault: fault}
	c.next, c.stop = iter.Pull2(decoded[T, P](path))
	c.advance()
	return c
}

func (c *column[T]) advance() {
	for {
		v, err, ok := c.next()
		if err != nil {
			c.fault(err)
			if errors.Is(err, errUnreadable) {
				ok = false
			} else {
				continue
			}
		}
		c.head, c.live = v, ok
		return
	}
}

// at gives the line of an order, nil where there is none. It is called in ascending order.
func (c *column[T]) at(order int64) *T {
	for c.live && c.order(&c.head) < order {
		c.advance()
	}
	if !c.live || c.order(&c.head) != order {
		return nil
	}
	v := c.head
	return &v
}
