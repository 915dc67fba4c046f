package index_test

import (
	"os"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/run/index"
)

func TestHowOftenADocumentWasAskedIsKnownBeyondAByte(t *testing.T) {
	t.Parallel()
	p := index.Of(effect.New(nil), t.TempDir(), 1)
	must(t, os.MkdirAll(p.Path(""), 0o755))
	want := []index.Tried{{}, {Last: 255, Bad: 3}, {Last: 256, Bad: 255}, {Last: 65_535, Bad: 255}}
	given := []index.Tried{{}, {Last: 255, Bad: 3}, {Last: 256, Bad: 256}, {Last: 70_000, Bad: 70_000}}
	c, err := p.CreateColumns()
	must(t, err)
	for order, tried := range given {
		must(t, c.Add(index.Main, tried, int64(order), -1))
	}
	must(t, c.Commit())
	hold := func(want []index.Tried) {
		t.Helper()
		column, err := p.OpenTried()
		must(t, err)
		defer func() { must(t, column.Close()) }()
		for _, order := range []int64{3, 0, 1, 2} { // in any order
			if got, err := column.Of(order); err != nil || got != want[order] {
				t.Errorf("Of(%d) = %+v, %v, want %+v", order, got, err, want[order])
			}
		}
		if got, err := column.Of(4); err == nil {
			t.Errorf("Of(4) = %+v, want an error: there are four documents", got)
		}
	}
	hold(want)

	// An earlier version kept one byte.
	must(t, os.Remove(p.Path("tried")))
	must(t, os.WriteFile(p.Path("tries"), []byte{0, 7, 255, 9}, 0o600))
	hold([]index.Tried{{}, {Last: 7, Bad: 3}, {Last: 255, Bad: 255}, {Last: 9, Bad: 255}})
}
