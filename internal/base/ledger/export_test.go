package ledger

import (
	"context"
	"fmt"
	"time"

	"quarry/internal/base/effect"
)

// SetClock gives the process that opened a ledger in Postgres another clock.
func SetClock(l *Ledger, now func() time.Time) { l.server.clock = now }

// WhileHeld does something while a transaction holds the row of the run.
func WhileHeld(ctx context.Context, l *Ledger, do func()) error {
	return l.db.Change(ctx, "ledger: hold run", func(tx *effect.Tx) error {
		var fence, ms int64
		if err := tx.QueryRowContext(ctx, holdsRow, l.server.run).Scan(&fence, &ms); err != nil {
			return err
		}
		do()
		return nil
	})
}

// RowSums makes of the triggers of a database those of the version before: they change table total for each row.
func RowSums() string {
	by := append([][2]string{{"run", "%s.run"}}, grouped...)
	return fmt.Sprintf(`
DROP FUNCTION quarry.shards_inserted() CASCADE;
DROP FUNCTION quarry.shards_deleted() CASCADE;
DROP FUNCTION quarry.shards_updated() CASCADE;
SET search_path TO quarry;
CREATE FUNCTION add_to_total() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF TG_OP <> 'INSERT' THEN %s END IF;
	IF TG_OP <> 'DELETE' THEN %s END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER shard_added AFTER INSERT OR DELETE ON shard FOR EACH ROW EXECUTE FUNCTION add_to_total();
CREATE TRIGGER shard_changed AFTER UPDATE ON shard FOR EACH ROW WHEN (%s) EXECUTE FUNCTION add_to_total();
`, addToTotal(by, "OLD", "-"), addToTotal(by, "NEW", ""), changedInTotal())
}
