package ledger_test

import (
	"database/sql"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/ledgertest"
)

// inFile gives ledgers of SQLite.
func inFile(t *testing.T) ledgertest.Open {
	path := filepath.Join(t.TempDir(), "ledger.db")
	return func(hook effect.Hook) (*ledger.Ledger, error) {
		return ledger.Open(t.Context(), effect.New(hook), path)
	}
}

func TestLedgerInAFile(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, inFile)
}

// openAt opens the ledger at a path until the test ends.
func openAt(t *testing.T, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestAnUpgradedLedgerHasTheSumsOfItsRows(t *testing.T) {
	t.Parallel()
	b := openAt(t, older(t, "3"))
	ledgertest.CheckSums(t, b, 1)
	c, err := b.Count(t.Context(), quarry.RetryShard)
	one := map[quarry.ShardState]int64{quarry.ShardSubmitted: 1, quarry.ShardIntended: 1, quarry.ShardCalling: 1, quarry.ShardBuilt: 1}
	if err != nil || !maps.Equal(c.States, one) {
		t.Errorf("retry shards are %v, %v, want %v", c.States, err, one)
	}
	s, err := b.Shard(t.Context(), "r00001")
	if err != nil || s.CutOff != 11 { // one of p00001, and two of each of the others
		t.Errorf("shard r00001 takes on %d answers that were cut off, %v, want 11", s.CutOff, err)
	}
	seq, numbers, err := b.Last(t.Context())
	if err != nil || seq != 10 || numbers[quarry.MainShard] != 5 || numbers[quarry.RetryShard] != 4 || numbers[quarry.PilotShard] != 1 {
		t.Errorf("Last = %d, %v, %v, want 10, and 1, 5 and 4 shards", seq, numbers, err)
	}
}

func TestAListOfSourcesIsStoredOnce(t *testing.T) {
	t.Parallel()
	many := make([]quarry.ShardID, 5000)
	for i := range many {
		many[i] = quarry.NewShardID(quarry.MainShard, i+1)
	}
	rows := make([]ledger.Shard, 3)
	for i := range rows {
		rows[i] = ledger.Shard{ID: quarry.NewShardID(quarry.RetryShard, i+1), Detail: ledger.Detail{Sources: many}}
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := openAt(t, path).AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	s, err := openAt(t, path).Shard(t.Context(), rows[1].ID)
	if err != nil || !slices.Equal(s.Sources, many) {
		t.Errorf("%d sources, %v, want all %d", len(s.Sources), err, len(many))
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var lists, longest int
	err = db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM source), MAX(LENGTH(detail)) FROM shard`).Scan(&lists, &longest)
	if err != nil || lists != 1 || longest > 1000 {
		t.Errorf("%d lists, and rows of up to %d bytes, %v, want one list, in no row", lists, longest, err)
	}
}
