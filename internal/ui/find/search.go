package find

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"quarry/internal/base/figure"
	"quarry/internal/ui/words"
)

const (
	mostRows      = 10_000
	defaultRows   = 50
	defaultWithin = 40 * time.Millisecond
)

// Find finds the orders of a page, counts all records that meet the query, and says which values they have.
func (x *Index) Find(ctx context.Context, pass int, q *Query) (p Found, err error) {
	f, err := x.newFinder(ctx, pass, q)
	if err != nil {
		return p, err
	}
	p.Ignored = f.ignored
	if p.Orders, err = f.page(&p); err != nil || q.Uncounted {
		return p, err
	}
	return p, f.count(&p)
}

// deadline is when a part of a query ends.
func (x *Index) deadline() time.Time { return time.Now().Add(cmp.Or(x.within, defaultWithin)) }

// maxQuery is the longest text that is searched, in bytes.
const maxQuery = 1000

// finder answers one query.
type finder struct {
	index *Index
	ctx   context.Context
	query *Query
	pass  int

	text    string // of FTS5; empty: all
	match   string // the same with the values of the filter, but for the cost
	reach   int64  // how many orders one search looks at
	most    int    // how many hits it gives
	nothing bool   // no record can meet the query
	ignored []string

	// first is the search from the first record on, which the first page and the count have in common.
	first struct {
		searched
		hits []int64 // nil: none
	}

	want    wanted
	last    int64 // number of the last block
	words   vocabulary
	stretch []span // where records are that the filter lets through; of a query with a text and a filter
}

// searched is an expression and the orders among which it was searched.
type searched struct {
	match    string
	from, to int64
}

// span is the orders from, up to and with to.
type span struct{ from, to int64 }

func (x *Index) newFinder(ctx context.Context, pass int, q *Query) (*finder, error) {
	f := &finder{index: x, ctx: ctx, query: q, pass: pass}
	var err error
	if f.words, f.last, err = x.columns(ctx, pass); err != nil {
		return nil, err
	}
	if len(q.Text) > maxQuery {
		return nil, fmt.Errorf("search for %s: at most %s possible", figure.Count(len(q.Text), "byte"), figure.Clause(maxQuery, "byte", "is", "are"))
	}
	if q.Text != "" {
		phrases, ignored := words.Phrases(q.Text)
		f.ignored, f.nothing = ignored, len(phrases) == 0
		f.text = words.Match(phrases)
		// All words that begin so are looked up for each search, so there are few; otherwise one that finds nothing ends soon.
		if f.reach, f.most = searchReach, mostHits; words.Open(phrases) {
			f.reach, f.most = math.MaxInt32, Most+1
		}
		switch q.In {
		case Title, Text, Answer:
			f.text = "{" + string(q.In) + "} : (" + f.text + ")"
		case "":
		default:
			return nil, fmt.Errorf("search in %q: there is no such part of a record", q.In)
		}
	}
	f.want = f.wanted(&q.Where)
	if f.match = f.text; f.match != "" {
		f.match += f.want.values()
	}
	if f.match != "" && f.want.cost && !f.nothing && f.reach == searchReach {
		f.stretch, err = f.stretches()
	} else {
		f.stretch = []span{{0, f.last*blockDocs + blockDocs - 1}}
	}
	return f, err
}

// wanted is a filter in numbers. Of each property it says whether an entry meets it.
type wanted struct {
	status                uint8 // 0: any
	class, language, pool int   // -1: any, -2: none has it
	costMin, costMax      int64
	cost                  bool
}

func (f *finder) wanted(w *Filter) wanted {
	number := func(kind int, word string) int {
		if word == "" {
			return -1
		}
		n, ok := f.words.find(kind, word)
		if !ok {
			return -2
		}
		return int(n)
	}
	out := wanted{
		class: number(classWord, w.Class), language: number(languageWord, w.Language), pool: number(poolWord, w.Pool),
		costMin: math.MinInt64 + 1, costMax: math.MaxInt64, cost: w.CostMin != nil || w.CostMax != nil,
	}
	if w.Status != "" {
		if out.status = statusNumber(w.Status); out.status == 0 {
			out.status = math.MaxUint8
		}
	}
	if w.CostMin != nil {
		out.costMin = int64(*w.CostMin)
	}
	if w.CostMax != nil {
		out.costMax = int64(*w.CostMax)
	}
	return out
}

// values are conditions of FTS5 that a record has the values of the filter.
func (w *wanted) values() (match string) {
	and := func(property byte, n int) { match += ` AND "` + valueWord(property, n) + `"` }
	if w.status != 0 {
		and(statusLetter, int(w.status))
	}
	if w.class >= 0 {
		and(classLetter, w.class)
	}
	if w.language >= 0 {
		and(languageLetter, w.language)
	}
	if w.pool >= 0 {
		and(poolLetter, w.pool)
	}
	return match
}

// none reports whether no record has one of the values.
func (w *wanted) none() bool { return w.class == -2 || w.language == -2 || w.pool == -2 }

// The properties of an entry that a facet counts, and the one that has none.
const (
	statusFacet = 1 << iota
	classFacet
	languageFacet
	poolFacet
	costBound
)

// misses gives the properties that an entry does not meet.
func (w *wanted) misses(e *entry) (missed int) {
	if w.status != 0 && e.status != w.status {
		missed |= statusFacet
	}
	if w.class != -1 && int(e.class) != w.class {
		missed |= classFacet
	}
	if w.language != -1 && int(e.language) != w.language {
		missed |= languageFacet
	}
	if w.pool != -1 && int(e.pool) != w.pool {
		missed |= poolFacet
	}
	if w.cost && (e.cost < w.costMin || e.cost > w.costMax || e.cost == unknownCost) {
		missed |= costBound
	}
	return missed
}

// meets reports whether an entry is there and meets the filter.
func (w *wanted) meets(e *entry) bool { return e.status != 0 && w.misses(e) == 0 }

// mostStretches bounds how many searches one query makes; each takes about a tenth of a millisecond.
const mostStretches = 200

// stretches are where records are that meet the filter, so that a search for a frequent word with a bound of the cost does not look at all
// others. Where the time is up, the last one has all the rest.
func (f *finder) stretches() (list []span, err error) {
	gap, deadline := int64(64), f.index.deadline()
	for n := int64(0); n <= f.last; n++ {
		if n > 0 && time.Now().After(deadline) {
			list = append(list, span{n * blockDocs, f.last*blockDocs + blockDocs - 1})
			break
		}
		b, err := f.block(n)
		if err != nil {
			return nil, err
		}
		for i := range int64(len(b) / entryBytes) {
			e := readEntry(b[entryBytes*i:])
			if !f.want.meets(&e) {
				continue
			}
			order := n*blockDocs + i
			if len(list) > 0 && order-list[len(list)-1].to <= gap {
				list[len(list)-1].to = order
				continue
			}
			if list = append(list, span{order, order}); len(list) > 2*mostStretches {
				gap *= 4
				list = joined(list, gap)
			}
		}
	}
	for len(list) > mostStretches {
		gap *= 4
		list = joined(list, gap)
	}
	return list, nil
}

// joined joins stretches that are near to each other.
func joined(list []span, gap int64) []span {
	out := list[:1]
	for _, s := range list[1:] {
		if last := &out[len(out)-1]; s.from-last.to <= gap {
			last.to = s.to
		} else {
			out = append(out, s)
		}
	}
	return out
}

// page finds the orders of the page's rows, in their order.
func (f *finder) page(p *Found) (orders []int64, err error) {
	limit := min(max(f.query.Limit, 0), mostRows)
	if limit == 0 {
		limit = defaultRows
	}
	after := max(f.query.After, 0)
	if f.nothing || f.want.none() {
		return nil, nil
	}
	back, from := f.query.Before > 0, after
	if back {
		from = f.query.Before - 2
	}
	orders, rest, err := f.orders(from, limit+1, back)
	more := len(orders) > limit || rest >= 0
	orders = orders[:min(len(orders), limit)]
	if !back {
		p.Earlier, p.Later, p.Continue = after > 0, more, max(rest, 0)
		return orders, err
	}
	if p.Earlier, p.Later = more, true; rest >= 0 {
		p.Continue = rest + 2
	}
	slices.Reverse(orders)
	return orders, err
}

// orders finds up to so many orders from one on, or downwards. rest is the first one that was not looked at; -1: there is none.
func (f *finder) orders(from int64, most int, back bool) (orders []int64, rest int64, err error) {
	deadline := f.index.deadline()
	for _, s := range f.spans(from, back) {
		next, done := s.from, false
		for !done {
			if time.Now().After(deadline) && next != from {
				return orders, next, nil
			}
			var hits []int64
			if back {
				hits, next, done, err = f.hitsBack(next, s.to)
			} else {
				hits, next, done, err = f.hits(f.match, next, s.to)
			}
			for _, order := range hits {
				ok, failed := f.meets(order)
				if err = errors.Join(err, failed); !ok {
					continue
				}
				if orders = append(orders, order); len(orders) == most {
					return orders, -1, err
				}
			}
			if err != nil {
				return nil, -1, err
			}
		}
	}
	return orders, -1, nil
}

// spans are the stretches from an order on, or downwards and then each from its end.
func (f *finder) spans(from int64, back bool) (list []span) {
	for _, s := range f.stretch {
		switch {
		case !back && s.to >= from:
			list = append(list, span{max(from, s.from), s.to})
		case back && s.from <= from:
			list = append(list, span{min(from, s.to), s.from})
		}
	}
	if back {
		slices.Reverse(list)
	}
	return list
}

// How many hits are read at a time, and among how many orders.
const (
	mostHits    = 4096
	searchReach = 1 << 15
)

// hits gives orders from one up to another that an expression lets through, and the next order to look at.
func (f *finder) hits(match string, from, to int64) (hits []int64, next int64, done bool, err error) {
	if match == "" {
		next = min((from/blockDocs+1)*blockDocs, to+1)
		for order := from; order < next; order++ {
			hits = append(hits, order)
		}
		return hits, next, next > to, nil
	}
	end := min(to, from+f.reach-1)
	if key := (searched{match, from, end}); f.first.searched == key && f.first.hits != nil {
		hits = f.first.hits
	} else {
		if hits, err = f.search(match, `rowid BETWEEN ? AND ? ORDER BY rowid`, from, end); from == 0 {
			f.first.searched, f.first.hits = key, hits
		}
	}
	if next = end + 1; len(hits) == f.most {
		next = hits[len(hits)-1] + 1
	}
	return hits, next, next > to, err
}

// hitsBack gives orders from one down to another.
func (f *finder) hitsBack(from, to int64) (hits []int64, next int64, done bool, err error) {
	if f.match == "" {
		next = max(from/blockDocs*blockDocs, to) - 1
		for order := from; order > next; order-- {
			hits = append(hits, order)
		}
		return hits, next, next < to, nil
	}
	end := max(to, from-f.reach+1)
	hits, err = f.search(f.match, `rowid BETWEEN ? AND ? ORDER BY rowid DESC`, end, from)
	if next = end - 1; len(hits) == f.most {
		next = hits[len(hits)-1] - 1
	}
	return hits, next, next < to, err
}

func (f *finder) search(match, where string, from, to int64) (hits []int64, err error) {
	rows, err := f.index.read.Query(f.ctx, fmt.Sprintf(`SELECT rowid FROM text_%[1]d WHERE text_%[1]d MATCH ? AND %[2]s LIMIT ?`, f.pass, where),
		match, from, to, f.most)
	if err != nil {
		if noTable(err) { // nothing was taken in yet
			return nil, nil
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var order int64
		if err := rows.Scan(&order); err != nil {
			return nil, err
		}
		hits = append(hits, order)
	}
	return hits, rows.Err()
}

// meets reports whether the record of an order meets the filter.
func (f *finder) meets(order int64) (bool, error) {
	e, err := f.entry(order)
	return err == nil && f.want.meets(&e), err
}

func (f *finder) entry(order int64) (entry, error) {
	b, err := f.block(order / blockDocs)
	if err != nil || len(b) == 0 {
		return entry{}, err
	}
	return readEntry(b[entryBytes*(order%blockDocs):]), nil
}
