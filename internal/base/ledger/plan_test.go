package ledger

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
)

// steps are the statements that the steps of one shard need, and what ticks them.
var steps = map[string]string{
	"next": nextShard, "next due": nextDue, "one": oneShard, "late": countLate, "hasten": hasten,
	"release": release, "release of a kind": releaseKind, "save": saveShard, "reserve": saveMoney, "own money": ownMoney, "unreserved": unreserved, "most per byte": mostPerByte, "most factor": mostFactor,
	"last": lastSeq, "last number": lastNumber, "sums": passGroups,
	"insert": insertShard, "open jobs": countOpen, "queued": countWait, "last jobs": lastTook, "lock a quota": readQuota, "a quota": addQuota,
	"full": fillQuota, "a pool": addPlace, "a list of sources": addList, "read a list": readList,
}

// filled is a ledger with so many rows, of which most are held, as early in a run.
func filled(t testing.TB, n int) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), effect.New(nil), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	rows := make([]Shard, n)
	for i := range rows {
		rows[i] = Shard{
			ID: quarry.NewShardID(quarry.MainShard, i+1), Seq: int64(i + 1), Kind: quarry.MainShard,
			State: quarry.ShardPlanned, Mode: quarry.ModeJob,
			Detail: Detail{Pass: 1, Records: 10, Bytes: 10_000, Attempt: 1},
		}
	}
	if err := l.AddShards(t.Context(), rows, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context(), time.UnixMilli(1), int64(n)/10, ""); err != nil {
		t.Fatal(err)
	}
	return l
}

// scans gives what a statement reads whole, in SQLite's words (https://www.sqlite.org/eqp.html).
func scans(t *testing.T, l *Ledger, statement string) (found []string) {
	t.Helper()
	args := make([]any, 30) // as many as any statement has
	for i := len(args); i > 0 && !strings.Contains(statement, fmt.Sprintf("$%d", i)); i-- {
		args = args[:i-1]
	}
	rows, err := l.db.Query(t.Context(), "EXPLAIN QUERY PLAN "+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		// The ids of rows in hand and the result of a subquery are few.
		few := strings.HasPrefix(detail, "SCAN json_each") || detail == "SCAN found"
		if strings.HasPrefix(detail, "SCAN ") && !few || strings.Contains(detail, "TEMP B-TREE") {
			found = append(found, detail)
		}
	}
	return found
}

func TestNoStatementOfAStepReadsAllRows(t *testing.T) {
	t.Parallel()
	l := filled(t, 50)
	for name, statement := range steps {
		if found := scans(t, l, statement); found != nil {
			t.Errorf("%s: %q", name, found)
		}
	}
	if found := scans(t, l, allShards+` LIMIT 1`); found == nil {
		t.Error("the listing of all shards scans nothing: this test sees no scan")
	}
}

// BenchmarkStep is what the ledger does for one step of a shard that reserves money. Its time must not depend on the number of rows.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{200, 2000, 20_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			l, now := filled(b, n), time.Now()
			for b.Loop() {
				s, err := l.Next(b.Context(), now)
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err = l.NextDue(b.Context(), s.ID); err != nil {
					b.Fatal(err)
				}
				if _, err = l.Count(b.Context(), ""); err != nil {
					b.Fatal(err)
				}
				if err := l.Reserve(b.Context(), &s, func(*Balance) (Money, error) { return Money{Output: 1}, nil }); err != nil {
					b.Fatal(err)
				}
				if err := l.Save(b.Context(), &s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
