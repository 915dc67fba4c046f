package find

import (
	"errors"
	"slices"
	"time"
)

// count counts the records that meet the query, and those of each facet.
func (f *finder) count(p *Found) error {
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
			t.broken = ErrDamaged
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
