package reread

import (
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/run/index"
)

func TestOfManyBlocksSomeAreKept(t *testing.T) {
	t.Parallel()
	p := &Pass{Index: index.Of(effect.New(nil), t.TempDir(), 1)}
	w, err := p.Index.Create()
	if err != nil {
		t.Fatal(err)
	}
	const all = 5*mostBlocks + 7
	for n := range int64(all) {
		if err := w.AddBlock(index.Block{Order: 3 * n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	list, err := p.blocks()
	if err != nil || len(list) >= mostBlocks || len(list) < mostBlocks/2 {
		t.Fatalf("%d blocks, %v", len(list), err)
	}
	for i, b := range list {
		if b.Order != int64(i)*3*8 {
			t.Fatalf("block %d begins with document %d", i, b.Order)
		}
	}
}
