package find

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// mostCounts bounds the counts that are kept, until something is taken in.
const mostCounts = 64

// count counts the records that meet the query, and those of each facet.
func (f *finder) count(p *Found) error {
	key := fmt.Sprintf("%s %+v", f.text, f.want)
	f.index.mu.Lock()
	kept, ok := f.index.cache.counts[key]
	f.index.mu.Unlock()
	if ok {
		p.Count, p.Facets = kept.Count, kept.Facets
		return nil
	}
	t := tally{finder: f}
	for i, n := range [4]int{len(statuses) + 1, len(f.words[classWord]), len(f.words[languageWord]), len(f.words[poolWord])} {
		t.of[i] = make([]int64, n)
	}
	if !f.nothing {
		if err := errors.Join(t.run(f.index.deadline()), t.broken); err != nil {
			return err
		}
	}
	p.Count = t.capped(t.all)
	if t.part && f.match != f.text { // the values make that fast; facets have the values that the filter leaves out
		if err := f.countMatches(p); err != nil {
			return err
		}
	}
	p.Facets.Status = t.facet(0, func(n int) string { return string(statuses[n-1]) })
	p.Facets.Class = t.facet(1, func(n int) string { return f.words[classWord][n] })
	p.Facets.Language = t.facet(2, func(n int) string { return f.words[languageWord][n] })
	p.Facets.Pool = t.facet(3, func(n int) string { return f.words[poolWord][n] })
	if !t.part || t.all > Most { // else more of it is counted at another time
		f.keep(key, p)
	}
	return nil
}

// keep keeps counts for the next page of the same query.
func (f *finder) keep(key string, p *Found) {
	f.index.mu.Lock()
	defer f.index.mu.Unlock()
	c := &f.index.cache
	if c.counts == nil || c.pass != f.pass {
		return
	}
	if len(c.counts) >= mostCounts {
		clear(c.counts)
	}
	c.counts[key] = Found{Count: p.Count, Facets: p.Facets}
}

// countMatches counts the records that meet the query.
func (f *finder) countMatches(p *Found) error {
	p.Count = Count{}
	if f.want.none() {
		return nil
	}
	deadline := f.index.deadline()
	for next, done := int64(0), false; !done; {
		if p.Count.N > Most || time.Now().After(deadline) {
			p.Count = Count{min(p.Count.N, Most), true}
			return nil
		}
		hits, to, end, err := f.hits(f.match, next, f.last*blockDocs+blockDocs-1)
		if err != nil {
			return err
		}
		for _, order := range hits {
			ok, err := f.meets(order)
			if err != nil {
				return err
			}
			if ok {
				p.Count.N++
			}
		}
		next, done = to, end
	}
	if p.Count.N > Most {
		p.Count = Count{Most, true}
	}
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

// add counts an entry: for a property that it alone does not meet, or for all.
func (t *tally) add(e *entry) {
	if e.status == 0 {
		return
	}
	status, class, language, pool := t.of[0], t.of[1], t.of[2], t.of[3]
	if int(e.status) >= len(status) || int(e.class) >= len(class) || int(e.language) >= len(language) || int(e.pool) >= len(pool) {
		t.broken = ErrDamaged
		return
	}
	switch t.want.misses(e) {
	case 0:
		t.all++
		status[e.status]++
		class[e.class]++
		language[e.language]++
		pool[e.pool]++
	case statusFacet:
		status[e.status]++
	case classFacet:
		class[e.class]++
	case languageFacet:
		language[e.language]++
	case poolFacet:
		pool[e.pool]++
	}
}

// run looks at all records, or with a text at as many as the time allows, up to where counts end.
func (t *tally) run(deadline time.Time) error {
	if t.text == "" {
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
		hits, to, end, err := t.hits(t.text, next, t.last*blockDocs+blockDocs-1)
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
