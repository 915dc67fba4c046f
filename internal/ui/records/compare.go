package records

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/ui/difference"
)

// Comparison is a page of documents with their answers in two passes or runs.
type Comparison struct {
	Pairs []Pair
	Later bool // there are more after the last one
	// Continue is set where the time was up before the page was full: the place to continue from, as After.
	Continue int64
	Count    Count // of the records of the first that meet the query, whether they differ or not
	Progress [2]Progress
}

// Pair is one document in both. B is nil where the second does not have it.
type Pair struct {
	A, B   *Row
	Fields []FieldPair // of the answers; with one name that is empty, where they are texts
	Same   bool        // the answers are the same
}

// FieldPair is a member of both answers.
type FieldPair struct {
	Name string
	A, B []difference.Span
	Same bool
}

// How many documents are compared at a time, and for how long.
const (
	comparedAtOnce = 200
	compareFor     = 120 * time.Millisecond
)

// Compare finds the documents of a page in the first, and shows each next to itself in the second, which it finds by the id. A document that
// only the second has is found by the comparison the other way round. differing leaves out documents whose answers are the same. Pages go
// forward only: of the query, Before is not used.
func Compare(ctx context.Context, a, b *Store, q *Query, differing bool) (c Comparison, err error) {
	c.Progress = [2]Progress{a.Progress(), b.Progress()}
	limit := cmp.Or(q.Limit, 50)
	next := *q
	next.Before, next.Limit = 0, limit
	if differing {
		next.Limit = max(limit, comparedAtOnce)
	}
	for deadline := time.Now().Add(compareFor); ; next.Uncounted = true {
		page, err := a.Page(ctx, &next)
		if err != nil {
			return c, err
		}
		if !next.Uncounted {
			c.Count = page.Count
		}
		for i := range page.Rows {
			if time.Now().After(deadline) && i > 0 {
				c.Continue, c.Later = next.After, true
				return c, nil
			}
			p, err := pair(ctx, a, b, &page.Rows[i])
			if err != nil {
				return c, err
			}
			if next.After = page.Rows[i].Place; differing && p.Same {
				continue
			}
			if c.Pairs = append(c.Pairs, *p); len(c.Pairs) == limit {
				c.Later = i+1 < len(page.Rows) || page.Later
				return c, nil
			}
		}
		if !page.Later && page.Continue == 0 {
			return c, nil
		}
		if page.Continue > 0 {
			next.After = page.Continue
		}
		if time.Now().After(deadline) {
			c.Continue, c.Later = next.After, true
			return c, nil
		}
	}
}

func pair(ctx context.Context, a, b *Store, row *Row) (*Pair, error) {
	p := &Pair{A: row}
	inA, err := a.resultAt(ctx, row.Place-1)
	if err != nil {
		return nil, err
	}
	order, inB, err := b.lookUp(ctx, row.ID)
	if errors.Is(err, ErrNoRecord) {
		p.Fields = fieldPairs(inA, &quarry.Result{})
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	other := rowOf(order, inB)
	p.B = &other
	p.Fields = fieldPairs(inA, inB)
	p.Same = !slices.ContainsFunc(p.Fields, func(f FieldPair) bool { return !f.Same }) && inA.Status == inB.Status
	return p, nil
}

// lookUp is find, for who does not hold the files.
func (s *Store) lookUp(ctx context.Context, id quarry.DocumentID) (int64, *quarry.Result, error) {
	s.files.RLock()
	defer s.files.RUnlock()
	return s.find(ctx, id)
}

// resultAt gives the result of an order that a page had.
func (s *Store) resultAt(ctx context.Context, order int64) (*quarry.Result, error) {
	s.files.RLock()
	defer s.files.RUnlock()
	r := s.openResults(s.Progress().Pass)
	defer r.close()
	res, err := r.of(ctx, order)
	if err == nil && res == nil {
		err = ErrNoRecord // another pass is shown now
	}
	return res, err
}

// fieldPairs are the members of both answers, in the order of the first and then of the second.
func fieldPairs(a, b *quarry.Result) (list []FieldPair) {
	namesA, inA := answerFields(a)
	namesB, inB := answerFields(b)
	for _, name := range append(namesA, namesB...) {
		if slices.ContainsFunc(list, func(f FieldPair) bool { return f.Name == name }) {
			continue
		}
		f := FieldPair{Name: name, Same: inA[name] == inB[name]}
		f.A, f.B = difference.Of(inA[name], inB[name])
		list = append(list, f)
	}
	return list
}

// answerFields are the members of an answer as texts, and their names in order. An answer that is a text has one without a name.
func answerFields(res *quarry.Result) (names []string, values map[string]string) {
	values = map[string]string{}
	add := func(name, value string) {
		if _, ok := values[name]; !ok {
			names = append(names, name)
		}
		values[name] = value
	}
	switch {
	case len(res.Output) == 0 && res.Text == "":
	case len(res.Output) == 0:
		add("", res.Text)
	case res.Output[0] != '{':
		add("", valueText(res.Output))
	default:
		for name, value := range jsonl.Members(res.Output) {
			add(string(jsonl.Unescape(nil, name)), valueText(value))
		}
	}
	return names, values
}

// valueText is a text as it is, and any other value as JSON.
func valueText(value []byte) string {
	if len(value) > 1 && value[0] == '"' {
		return string(jsonl.Unescape(nil, value[1:len(value)-1]))
	}
	return string(value)
}
