package quarry_test

import (
	"testing"

	"quarry"
)

func TestAShardsIDNamesItsKindAndNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id   quarry.ShardID
		kind quarry.ShardKind
		n    int
	}{
		{"p00001", quarry.PilotShard, 1}, {"s00042", quarry.MainShard, 42}, {"r123456", quarry.RetryShard, 123456},
	} {
		if got := quarry.NewShardID(c.kind, c.n); got != c.id {
			t.Errorf("NewShardID(%s, %d) = %s, want %s", c.kind, c.n, got, c.id)
		}
		if kind, n := c.id.Kind(), c.id.Number(); kind != c.kind || n != c.n {
			t.Errorf("%s is %s %d, want %s %d", c.id, kind, n, c.kind, c.n)
		}
	}
	for _, id := range []quarry.ShardID{"", "x", "quarry"} {
		if kind, n := id.Kind(), id.Number(); kind != quarry.MainShard || n != 0 {
			t.Errorf("%q is %s %d, want %s 0", id, kind, n, quarry.MainShard)
		}
	}
}
