package relocate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/relocate"
)

func hash(id string) dedupe.Hash {
	sum := sha256.Sum256([]byte(id))
	return dedupe.Hash(sum[:16])
}

// plan is the sorted ids of a plan, which had them in this order. An empty id has an order and no document.
func plan(ids ...string) iter.Seq2[dedupe.Entry, error] {
	var all []dedupe.Entry
	for i, id := range ids {
		if id != "" {
			all = append(all, dedupe.Entry{Hash: hash(id), Order: int64(i)})
		}
	}
	slices.SortFunc(all, func(a, b dedupe.Entry) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	return func(yield func(dedupe.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// sources are the ids that the sources hold now, in blocks of two, each at the position of its number.
func sources(ids ...string) iter.Seq2[relocate.Block, error] {
	return func(yield func(relocate.Block, error) bool) {
		for i := 0; i < len(ids); i += 2 {
			b := relocate.Block{Block: index.Block{Order: int64(i), At: at(i)}}
			for _, id := range ids[i:min(i+2, len(ids))] {
				b.Hashes = append(b.Hashes, hash(id))
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

func at(i int) quarry.Position { return quarry.Position{File: "docs.jsonl", Offset: int64(100 * i)} }

func find(t *testing.T, orders int64, planned iter.Seq2[dedupe.Entry, error], now iter.Seq2[relocate.Block, error]) (*relocate.Places, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sort")
	p, err := relocate.Find(t.Context(), effect.New(nil), dir, planned, orders, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, dir
}

func TestEachPlannedDocumentIsFoundWhereItIsNow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		planned []string
		now     []string
		want    []int64 // -1: the sources do not hold it
	}{
		"nothing moved":             {[]string{"a", "b", "c"}, []string{"a", "b", "c"}, []int64{0, 1, 2}},
		"one came before":           {[]string{"a", "b", "c"}, []string{"x", "a", "b", "c"}, []int64{1, 2, 3}},
		"the order is another":      {[]string{"a", "b", "c"}, []string{"c", "a", "b"}, []int64{1, 2, 0}},
		"one is gone":               {[]string{"a", "b", "c"}, []string{"a", "c"}, []int64{0, -1, 1}},
		"the last is gone":          {[]string{"a", "b", "c"}, []string{"a"}, []int64{0, -1, -1}},
		"all are gone":              {[]string{"a", "b"}, []string{"x", "y"}, []int64{-1, -1}},
		"the sources are empty":     {[]string{"a", "b"}, nil, []int64{-1, -1}},
		"an id is there twice":      {[]string{"a", "b"}, []string{"b", "b", "a", "b"}, []int64{2, 0}},
		"an order has no document":  {[]string{"a", "", "c"}, []string{"c", "a"}, []int64{1, -1, 0}},
		"the plan has no documents": {nil, []string{"a"}, nil},
	} {
		p, _ := find(t, int64(len(tt.planned)), plan(tt.planned...), sources(tt.now...))
		for order, want := range tt.want {
			now, ok, err := p.Of(int64(order))
			if err != nil || ok != (want >= 0) || (ok && now != want) {
				t.Errorf("%s: Of(%d) = %d, %v, %v, want %d", name, order, now, ok, err, want)
			}
		}
	}
}

func TestOrdersBeyondThePlanAreNotFound(t *testing.T) {
	t.Parallel()
	// The third id is known of an earlier pass only: the plan has two orders.
	p, _ := find(t, 2, plan("a", "b", "c"), sources("c", "b", "a"))
	for order, want := range []int64{2, 1} {
		if now, ok, err := p.Of(int64(order)); err != nil || !ok || now != want {
			t.Errorf("Of(%d) = %d, %v, %v, want %d", order, now, ok, err, want)
		}
	}
	for _, order := range []int64{-1, 2} {
		if _, _, err := p.Of(order); err == nil {
			t.Errorf("Of(%d) of two orders: no error", order)
		}
	}
}

func TestManyDocumentsAreFoundInAnyOrder(t *testing.T) {
	t.Parallel()
	const n = 10_000 // the table is read in pieces of 4,096
	ids, now := make([]string, n), make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprint(i)
		now[n-1-i] = ids[i]
	}
	p, _ := find(t, n, plan(ids...), sources(now...))
	check := func(order int64) {
		if at, ok, err := p.Of(order); err != nil || !ok || at != n-1-order {
			t.Fatalf("Of(%d) = %d, %v, %v, want %d", order, at, ok, err, n-1-order)
		}
	}
	for order := range int64(n) {
		check(order)
	}
	for order := int64(n - 1); order >= 0; order -= 997 {
		check(order)
	}
}

func TestAStretchBeginsAtTheBlockOfItsFirstDocument(t *testing.T) {
	t.Parallel()
	p, _ := find(t, 6, plan("a", "b", "c", "d", "e", "gone"), sources("x", "e", "d", "c", "b", "a"))
	for name, tt := range map[string]struct {
		orders []int64
		from   int
		last   int64
		none   bool
	}{
		"one document":                      {[]int64{2}, 2, 3, false},
		"the first of its block":            {[]int64{3}, 2, 2, false},
		"the second of its block":           {[]int64{4}, 0, 1, false},
		"several":                           {[]int64{0, 3}, 2, 5, false},
		"all":                               {[]int64{0, 1, 2, 3, 4, 5}, 0, 5, false},
		"the last block":                    {[]int64{1, 0}, 4, 5, false},
		"one that is there and one that is": {[]int64{5, 1}, 4, 4, false},
		"none that is there":                {[]int64{5}, 0, 0, true},
		"none":                              {nil, 0, 0, true},
	} {
		s, ok, err := p.Stretch(slices.Values(tt.orders))
		if err != nil || ok == tt.none {
			t.Errorf("%s: Stretch = %v, %v, want none: %v", name, ok, err, tt.none)
			continue
		}
		if ok && (s.From.Order != int64(tt.from) || s.From.At != at(tt.from) || s.Last != tt.last) {
			t.Errorf("%s: Stretch = %+v, want from block %d until document %d", name, s, tt.from, tt.last)
		}
	}
	if _, _, err := p.Stretch(slices.Values([]int64{6})); err == nil {
		t.Error("a stretch of an order that was not planned: no error")
	}
}

func TestNothingIsLeftAfterCloseOrAnError(t *testing.T) {
	t.Parallel()
	left := func(dir string) []os.DirEntry {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return entries
	}
	p, dir := find(t, 1, plan("a"), sources("a"))
	p.Close()
	if l := left(dir); len(l) > 0 {
		t.Errorf("after Close: %v", l)
	}
	unreadable := errors.New("unreadable")
	fails := func(yield func(relocate.Block, error) bool) { yield(relocate.Block{}, unreadable) }
	failsToo := func(yield func(dedupe.Entry, error) bool) { yield(dedupe.Entry{}, unreadable) }
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx     context.Context
		planned iter.Seq2[dedupe.Entry, error]
		now     iter.Seq2[relocate.Block, error]
		want    error
	}{
		"the sources":     {t.Context(), plan("a"), fails, unreadable},
		"the plan":        {t.Context(), failsToo, sources("a"), unreadable},
		"an interruption": {canceled, plan("a"), sources("a"), context.Canceled},
	} {
		dir := filepath.Join(t.TempDir(), "sort")
		p, err := relocate.Find(tt.ctx, effect.New(nil), dir, tt.planned, 1, tt.now)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Find = %v, %v, want %v", name, p, err, tt.want)
		}
		if l := left(dir); len(l) > 0 {
			t.Errorf("after an error of %s: %v", name, l)
		}
	}
}
