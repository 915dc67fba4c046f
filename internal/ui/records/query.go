package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/ui/words"
)

const (
	defaultRows   = 50
	defaultWithin = 60 * time.Millisecond
)

// Page finds the rows of a page, counts all records that meet the query, and says which values they have.
func (s *Store) Page(ctx context.Context, q *Query) (p Page, err error) {
	s.files.RLock()
	defer s.files.RUnlock()
	if p.Progress = s.Progress(); p.Progress.Pass == 0 {
		return p, nil
	}
	if err = s.fill(ctx, q, &p); damaged(err) {
		s.broken.Store(true)
		err = fmt.Errorf("%s is damaged, and the next update makes it again: %w", File, err)
	}
	return p, err
}

func (s *Store) fill(ctx context.Context, q *Query, p *Page) error {
	f, err := s.newFinder(ctx, p.Progress.Pass, q)
	if err != nil {
		return err
	}
	p.Ignored = f.ignored
	orders, err := f.page(p)
	if err != nil {
		return err
	}
	if p.Rows, err = s.rows(ctx, f, orders); err != nil {
		return err
	}
	return f.count(p)
}

// deadline is when a part of a query ends.
func (s *Store) deadline() time.Time { return time.Now().Add(cmp.Or(s.cfg.Within, defaultWithin)) }

// maxQuery is the longest text that is searched, in bytes.
const maxQuery = 1000

// finder answers one query.
type finder struct {
	store *Store
	ctx   context.Context
	query *Query
	pass  int

	match   string // of FTS5; empty: all
	reach   int64  // how many orders one search looks at
	most    int    // how many hits it gives
	nothing bool   // no record can meet the query
	ignored []string

	want    wanted
	last    int64 // number of the last block
	words   vocabulary
	stretch []span // where records are that the filter lets through; of a query with a text and a filter
}

// span is the orders from, up to and with to.
type span struct{ from, to int64 }

func (s *Store) newFinder(ctx context.Context, pass int, q *Query) (*finder, error) {
	f := &finder{store: s, ctx: ctx, query: q, pass: pass}
	var err error
	if f.words, f.last, err = s.columns(ctx, pass); err != nil {
		return nil, err
	}
	if len(q.Text) > maxQuery {
		return nil, fmt.Errorf("search for %d bytes: at most %d are possible", len(q.Text), maxQuery)
	}
	if q.Text != "" {
		phrases, ignored := words.Phrases(q.Text)
		f.ignored, f.nothing = ignored, len(phrases) == 0
		f.match = words.Match(phrases)
		// All words that begin so are looked up for each search, so there are few; otherwise one that finds nothing ends soon.
		if f.reach, f.most = searchReach, mostHits; words.Open(phrases) {
			f.reach, f.most = math.MaxInt32, Most+1
		}
		switch q.In {
		case Title, Text, Answer:
			f.match = "{" + string(q.In) + "} : (" + f.match + ")"
		case "":
		default:
			return nil, fmt.Errorf("search in %q: there is no such part of a record", q.In)
		}
	}
	f.want = f.wanted(&q.Where)
	if f.match != "" && f.want.any() && !f.nothing && f.reach == searchReach {
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

func (w *wanted) any() bool {
	return w.status != 0 || w.class != -1 || w.language != -1 || w.pool != -1 || w.cost
}

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

// stretches are where records are that meet the filter, so that a search for a frequent word does not look at all others. Where the time
// is up, the last one has all the rest.
func (f *finder) stretches() (list []span, err error) {
	gap, deadline := int64(64), f.store.deadline()
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
func (f *finder) page(p *Page) (orders []int64, err error) {
	limit := f.query.Limit
	if limit <= 0 {
		limit = defaultRows
	}
	if f.nothing {
		return nil, nil
	}
	deadline := f.store.deadline()
	if f.query.Before > 0 {
		orders, p.Continue, err = f.back(f.query.Before-2, limit+1, deadline)
		if p.Earlier = len(orders) > limit || p.Continue > 0; len(orders) > limit {
			orders = orders[:limit]
		}
		slices.Reverse(orders)
		p.Later = true
		return orders, err
	}
	orders, p.Continue, err = f.forth(f.query.After, limit+1, deadline)
	if p.Later = len(orders) > limit || p.Continue > 0; len(orders) > limit {
		orders = orders[:limit]
	}
	p.Earlier = f.query.After > 0
	return orders, err
}

// forth finds up to so many orders from one on. at is the place before the first order that was not looked at; 0: there is none.
func (f *finder) forth(from int64, most int, deadline time.Time) (orders []int64, at int64, err error) {
	for _, s := range f.stretch {
		if s.to < from {
			continue
		}
		next, done := max(from, s.from), false
		for !done {
			if time.Now().After(deadline) && next > from {
				return orders, next, nil
			}
			var hits []int64
			if hits, next, done, err = f.hits(next, s.to); err != nil {
				return nil, 0, err
			}
			for _, order := range hits {
				if ok, err := f.meets(order); err != nil || !ok {
					if err != nil {
						return nil, 0, err
					}
					continue
				}
				if orders = append(orders, order); len(orders) == most {
					return orders, 0, nil
				}
			}
		}
	}
	return orders, 0, nil
}

// back finds up to so many orders from one downwards. at is the place after the last order that was not looked at; 0: there is none.
func (f *finder) back(from int64, most int, deadline time.Time) (orders []int64, at int64, err error) {
	for _, s := range slices.Backward(f.stretch) {
		if s.from > from {
			continue
		}
		next, done := min(from, s.to), false
		for !done {
			if time.Now().After(deadline) && next < from {
				return orders, next + 2, nil
			}
			var hits []int64
			if hits, next, done, err = f.hitsBack(next, s.from); err != nil {
				return nil, 0, err
			}
			for _, order := range hits {
				if ok, err := f.meets(order); err != nil || !ok {
					if err != nil {
						return nil, 0, err
					}
					continue
				}
				if orders = append(orders, order); len(orders) == most {
					return orders, 0, nil
				}
			}
		}
	}
	return orders, 0, nil
}

// How many hits are read at a time, and among how many orders.
const (
	mostHits    = 4096
	searchReach = 1 << 15
)

// hits gives orders from one up to another that the text lets through, and the next order to look at.
func (f *finder) hits(from, to int64) (hits []int64, next int64, done bool, err error) {
	if f.match == "" {
		next = min((from/blockDocs+1)*blockDocs, to+1)
		for order := from; order < next; order++ {
			hits = append(hits, order)
		}
		return hits, next, next > to, nil
	}
	end := min(to, from+f.reach-1)
	hits, err = f.search(`rowid BETWEEN ? AND ? ORDER BY rowid`, from, end)
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
	hits, err = f.search(`rowid BETWEEN ? AND ? ORDER BY rowid DESC`, end, from)
	if next = end - 1; len(hits) == f.most {
		next = hits[len(hits)-1] - 1
	}
	return hits, next, next < to, err
}

func (f *finder) search(where string, from, to int64) (hits []int64, err error) {
	rows, err := f.store.db.read.Query(f.ctx, fmt.Sprintf(`SELECT rowid FROM text_%[1]d WHERE text_%[1]d MATCH ? AND %[2]s LIMIT ?`, f.pass, where),
		f.match, from, to, f.most)
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

// count counts the records that meet the query, and those of each facet.
func (f *finder) count(p *Page) error {
	t := tally{finder: f}
	for i, n := range [4]int{len(statuses) + 1, len(f.words[classWord]), len(f.words[languageWord]), len(f.words[poolWord])} {
		t.of[i] = make([]int64, n)
	}
	if !f.nothing {
		if err := errors.Join(t.run(f.store.deadline()), t.broken); err != nil {
			return err
		}
	}
	p.Count = t.capped(t.all)
	p.Facets.Status = t.facet(0, func(n int) string { return string(statuses[n-1]) })
	p.Facets.Class = t.facet(1, func(n int) string { return f.words[classWord][n] })
	p.Facets.Language = t.facet(2, func(n int) string { return f.words[languageWord][n] })
	p.Facets.Pool = t.facet(3, func(n int) string { return f.words[poolWord][n] })
	return nil
}

// tally adds up.
type tally struct {
	*finder
	all    int64
	of     [4][]int64 // status, class, language, pool: by number
	part   bool       // not all records were looked at
	broken error
}

func (t *tally) add(e *entry) {
	if e.status == 0 {
		return
	}
	missed := t.want.misses(e)
	if missed == 0 {
		t.all++
	}
	for i, value := range [4]int{int(e.status), int(e.class), int(e.language), int(e.pool)} {
		if value >= len(t.of[i]) {
			t.broken = errDamaged
			return
		}
		if missed&^(1<<i) == 0 {
			t.of[i][value]++
		}
	}
}

// run looks at all records, or with a text at as many as the time allows, up to where counts end.
func (t *tally) run(deadline time.Time) error {
	if t.match == "" {
		for n := int64(0); n <= t.last; n++ {
			if t.part = time.Now().After(deadline); t.part {
				return nil
			}
			b, err := t.finder.block(n)
			if err != nil {
				return err
			}
			for i := 0; i+entryBytes <= len(b); i += entryBytes {
				e := readEntry(b[i:])
				t.add(&e)
			}
		}
		return nil
	}
	for next, done := int64(0), false; !done; {
		if t.part = t.all > Most || time.Now().After(deadline); t.part {
			return nil
		}
		hits, to, end, err := t.hits(next, t.last*blockDocs+blockDocs-1)
		if err != nil {
			return err
		}
		for _, order := range hits {
			e, err := t.entry(order)
			if err != nil {
				return err
			}
			t.add(&e)
		}
		next, done = to, end
	}
	return nil
}

func (t *tally) capped(n int64) Count {
	if n > Most {
		return Count{Most, true}
	}
	return Count{n, t.part}
}

func (t *tally) facet(of int, name func(int) string) (list []Facet) {
	type counted struct {
		n     int
		count int64
	}
	var all []counted
	for n, count := range t.of[of] {
		if count > 0 {
			all = append(all, counted{n, count})
		}
	}
	slices.SortStableFunc(all, func(a, b counted) int { return int(min(max(b.count-a.count, -1), 1)) })
	for _, c := range all {
		list = append(list, Facet{name(c.n), t.capped(c.count)})
	}
	return list
}

// rows reads the results of a page.
func (s *Store) rows(ctx context.Context, f *finder, orders []int64) ([]Row, error) {
	r := s.openResults(f.pass)
	defer r.close()
	rows := make([]Row, 0, len(orders))
	for _, order := range orders {
		res, err := r.of(ctx, order)
		if err != nil {
			return nil, err
		}
		if res != nil {
			rows = append(rows, rowOf(order, res))
		}
	}
	return rows, nil
}

// maxAnswer is how many characters of an answer a row has.
const maxAnswer = 240

func rowOf(order int64, res *quarry.Result) Row {
	row := Row{
		Place: order + 1, ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Status: res.Status, Class: classOf(res),
		Language: res.Document.Lang, Pool: poolOf(res), Answer: AnswerText(res), Cost: res.CostUSD,
	}
	if res.Similarity == 0 {
		row.RecordID = res.RecordID
	}
	if row.Answer == "" && res.Error != nil {
		row.Answer = res.Error.Message
	}
	row.Answer = beginning(row.Answer, maxAnswer)
	return row
}

// beginning is a text up to so many characters, on one line.
func beginning(text string, most int) string {
	text = strings.Join(strings.Fields(text[:min(len(text), 16*most)]), " ")
	n := 0
	for at := range text {
		if n++; n > most {
			return text[:at] + "…"
		}
	}
	return strings.ToValidUTF8(text, "")
}
