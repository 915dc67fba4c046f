package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"quarry"
	"quarry/internal/base/effect"
)

// The sources of a retry shard are all shards of its round. Each list is stored once, by its digest, and read once by each process: a
// step of one of a thousand retry shards neither writes nor reads a thousand ids.

const (
	addList  = `INSERT INTO source (/*run,*/ id, shards) VALUES (/*'run',*/ $1, $2) ON CONFLICT (/*run,*/ id) DO NOTHING`
	readList = `SELECT shards FROM source WHERE /*run and*/ id = $1`
)

// addSources stores a list of sources and gives its key; empty: the list is empty.
func addSources(ctx context.Context, tx *effect.Tx, ids []quarry.ShardID) (key string, err error) {
	if len(ids) == 0 {
		return "", nil
	}
	b, err := json.Marshal(ids)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(b)
	key = hex.EncodeToString(digest[:16])
	_, err = tx.ExecContext(ctx, addList, key, string(b))
	return key, err
}

// complete gives a row its sources, and the time of this process. Rows share the list, which nothing changes.
func (l *Ledger) complete(ctx context.Context, s *Shard) error {
	s.Due = l.time(s.Due.UnixMilli())
	if s.list == "" {
		return nil
	}
	if known, ok := l.sources.Load(s.list); ok {
		s.Sources = known.([]quarry.ShardID)
		return nil
	}
	var text string
	err := l.db.QueryRow(ctx, readList, []any{s.list}, &text)
	if err == nil {
		err = json.Unmarshal([]byte(text), &s.Sources)
	}
	if err != nil {
		return fmt.Errorf("read the sources of shard %s: %w", s.ID, err)
	}
	l.sources.Store(s.list, s.Sources)
	return nil
}
