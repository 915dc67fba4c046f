package records

import (
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/run/index"
)

func TestOfManyBlocksSomeAreKept(t *testing.T) {
	t.Parallel()
	s := &Store{cfg: Config{Dir: t.TempDir()}}
	w, err := index.Of(effect.New(nil), s.cfg.Dir, 1).Create()
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
	list, err := s.blocks(1)
	if err != nil || len(list) >= mostBlocks || len(list) < mostBlocks/2 {
		t.Fatalf("%d blocks, %v", len(list), err)
	}
	for i, b := range list {
		if b.Order != int64(i)*3*8 {
			t.Fatalf("block %d begins with document %d", i, b.Order)
		}
	}
}
