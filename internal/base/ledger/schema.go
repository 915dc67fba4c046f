package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
)

// tables are those of formats 1 to 3.
const tables = `
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shard (
	id     TEXT PRIMARY KEY,
	seq    BIGINT NOT NULL,
	kind   TEXT NOT NULL,
	state  TEXT NOT NULL,
	mode   TEXT NOT NULL,
	due    BIGINT NOT NULL,
	owner  TEXT NOT NULL DEFAULT '',
	lease  BIGINT NOT NULL DEFAULT 0,
	fence  BIGINT NOT NULL DEFAULT 0,
	detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS step (
	name    TEXT PRIMARY KEY,
	state   TEXT NOT NULL,
	began   BIGINT NOT NULL,
	ended   BIGINT NOT NULL,
	taken   BIGINT NOT NULL,
	done    BIGINT NOT NULL,
	failed  BIGINT NOT NULL,
	skipped BIGINT NOT NULL
);`

// heldDue is the due time of a held row, as indexes and triggers name it.
const heldDue = "9223372036854775807"

// grouped are the columns of a row that its group in table total has too, and what they are in a row.
var grouped = [][2]string{
	{"pass", "%s.pass"},
	{"kind", "%s.kind"},
	{"state", "%s.state"},
	{"mode", "%s.mode"},
	{"unasked", "%s.unasked"},
	{"held", "CASE WHEN %s.state <> 'done' AND %[1]s.due = " + heldDue + " THEN 1 ELSE 0 END"},
}

// summed are the columns of rows that table total has the sums of.
var summed = []string{"records", "answered", "settled", "forecast", "input", "output", "unpriced"}

// Format 4 lets no step of a shard read the rows of the others.

// columns4 are columns for what was in detail only, and an index for each question of a step.
func columns4() string {
	var b strings.Builder
	for _, column := range append([]string{"pass", "number", "unasked"}, summed...) {
		fmt.Fprintf(&b, "ALTER TABLE shard ADD COLUMN %s BIGINT NOT NULL DEFAULT 0;\n", column)
	}
	b.WriteString(`
ALTER TABLE shard ADD COLUMN ratio REAL NOT NULL DEFAULT 0;
ALTER TABLE shard ADD COLUMN factor REAL NOT NULL DEFAULT 0;
DROP INDEX IF EXISTS shard_due;
CREATE INDEX shard_due ON shard (due, seq) WHERE state <> 'done';
CREATE INDEX shard_held ON shard (kind, seq) WHERE state <> 'done' AND due = ` + heldDue + `;
CREATE INDEX shard_unreserved ON shard (pass, kind, seq) WHERE state = 'planned' AND unasked = 0 AND output = 0;
CREATE INDEX shard_seq ON shard (seq, id);
CREATE INDEX shard_number ON shard (kind, number);
CREATE INDEX shard_ratio ON shard (pass, ratio);
CREATE INDEX shard_factor ON shard (pass, factor);
`)
	return b.String()
}

// totals4 are the sums of rows in groups. Triggers change them in the transaction that changes a row, whatever statement does.
func totals4() string {
	var b strings.Builder
	var names, values, sums []string
	for _, g := range grouped {
		names, values = append(names, g[0]), append(values, fmt.Sprintf(g[1], "shard"))
	}
	for _, s := range summed {
		sums = append(sums, "SUM("+s+")")
	}
	keys := strings.Join(names, ", ")
	b.WriteString(`
CREATE TABLE total (
	pass BIGINT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, mode TEXT NOT NULL, unasked BIGINT NOT NULL, held BIGINT NOT NULL,
	shards BIGINT NOT NULL, ` + strings.Join(summed, " BIGINT NOT NULL, ") + ` BIGINT NOT NULL,
	PRIMARY KEY (` + keys + `)
);
`)
	fmt.Fprintf(&b, "INSERT INTO total (%s, shards, %s) SELECT %s, COUNT(*), %s FROM shard GROUP BY 1, 2, 3, 4, 5, 6;\n",
		keys, strings.Join(summed, ", "), strings.Join(values, ", "), strings.Join(sums, ", "))
	fmt.Fprintf(&b, "CREATE TRIGGER shard_added AFTER INSERT ON shard BEGIN %s END;\n", addToTotal(grouped, "NEW", ""))
	fmt.Fprintf(&b, "CREATE TRIGGER shard_removed AFTER DELETE ON shard BEGIN %s END;\n", addToTotal(grouped, "OLD", "-"))
	fmt.Fprintf(&b, "CREATE TRIGGER shard_changed AFTER UPDATE ON shard WHEN %s BEGIN %s %s END;\n",
		changedInTotal(), addToTotal(grouped, "OLD", "-"), addToTotal(grouped, "NEW", ""))
	return b.String()
}

// changedInTotal says of an update whether table total changes by it.
func changedInTotal() string {
	changed := make([]string, 0, len(grouped)+len(summed))
	for _, column := range append([]string{"pass", "kind", "state", "mode", "due", "unasked"}, summed...) {
		changed = append(changed, "OLD."+column+" <> NEW."+column)
	}
	return strings.Join(changed, " OR ")
}

// addToTotal are the statements that add a row to its group, or take it away. A group without rows is not kept.
func addToTotal(grouped [][2]string, row, sign string) string {
	var columns, values, sums, same []string
	for _, g := range grouped {
		value := fmt.Sprintf(g[1], row)
		columns, values, same = append(columns, g[0]), append(values, value), append(same, g[0]+" = "+value)
	}
	columns, values, sums = append(columns, "shards"), append(values, sign+"1"), []string{"shards = total.shards + excluded.shards"}
	for _, s := range summed {
		columns, values = append(columns, s), append(values, sign+row+"."+s)
		sums = append(sums, fmt.Sprintf("%s = total.%[1]s + excluded.%[1]s", s))
	}
	keys := strings.Join(columns[:len(grouped)], ", ")
	text := fmt.Sprintf("INSERT INTO total (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s;",
		strings.Join(columns, ", "), strings.Join(values, ", "), keys, strings.Join(sums, ", "))
	if sign != "" {
		text += " DELETE FROM total WHERE " + strings.Join(same, " AND ") + " AND shards = 0;"
	}
	return text
}

// upgradeTo4 fills the columns that the details of rows decide. It does not know what shards take of a cap: a run that has one
// states it before the first step.
func (l *Ledger) upgradeTo4(ctx context.Context, tx *effect.Tx) error {
	if _, err := tx.ExecContext(ctx, columns4()); err != nil {
		return err
	}
	rows, err := readRows(tx.QueryContext(ctx, rowsBefore5))
	if err != nil {
		return err
	}
	cutOff := map[quarry.ShardID]int64{}
	for i := range rows {
		cutOff[rows[i].ID] = rows[i].Tally.Classes[quarry.ClassTruncated]
	}
	for i := range rows {
		s := &rows[i]
		for _, from := range s.Sources {
			s.CutOff += cutOff[from]
		}
		b, err := json.Marshal(s.Detail)
		if err != nil {
			return err
		}
		args := append([]any{string(s.ID), string(b)}, s.columns4()...)
		if err := update(ctx, tx, s, `UPDATE shard SET detail = $2, `+setTo(3, derived4)+` WHERE id = $1`, args...); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, totals4())
	return err
}

// rowsBefore5 are all rows of a ledger whose details have the sources of retry shards.
const rowsBefore5 = `SELECT ` + rowColumns + `, '', fence FROM shard ORDER BY seq, id`

// tables5 say which job slots and queues rows take, by the quota of open jobs that their jobs count against, and keep each list of
// sources once. Table quota has a row for each of these quotas, which a transaction that takes a slot of it locks; table place the
// pools where jobs were made.
const tables5 = `
ALTER TABLE shard ADD COLUMN quota TEXT NOT NULL DEFAULT '';
ALTER TABLE shard ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shard ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shard ADD COLUMN took BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shard ADD COLUMN sources TEXT NOT NULL DEFAULT '';
CREATE INDEX shard_open ON shard (quota, id, since) WHERE ` + hasSlot + `;
CREATE INDEX shard_queued ON shard (quota, id) WHERE ` + isQueued + `;
CREATE INDEX shard_took ON shard (quota, ended, took) WHERE took > 0;
CREATE TABLE source (id TEXT PRIMARY KEY, shards TEXT NOT NULL);
CREATE TABLE quota (id TEXT PRIMARY KEY, full_until BIGINT NOT NULL);
CREATE TABLE place (region TEXT NOT NULL, model TEXT NOT NULL, bucket TEXT NOT NULL, PRIMARY KEY (region, model, bucket));
`

// upgradeTo5 fills what tables5 adds from the details of rows.
func (l *Ledger) upgradeTo5(ctx context.Context, tx *effect.Tx) error {
	if _, err := tx.ExecContext(ctx, tables5); err != nil {
		return err
	}
	rows, err := readRows(tx.QueryContext(ctx, rowsBefore5))
	if err != nil {
		return err
	}
	for i := range rows {
		s := &rows[i]
		list, err := addSources(ctx, tx, s.Sources)
		if err != nil {
			return err
		}
		if err := update(ctx, tx, s, `UPDATE shard SET sources = $2 WHERE id = $1`, string(s.ID), list); err != nil {
			return err
		}
		if err := l.save(ctx, tx, s); err != nil {
			return err
		}
	}
	return nil
}
