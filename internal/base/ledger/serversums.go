package ledger

import (
	"fmt"
	"slices"
	"strings"
)

// In Postgres, table total is changed once for each statement, not once for each row. A transaction that changes a row of total again and
// again leaves a version of it each time, and each further change reads all of them: the time of a plan grew with the square of its
// shards.

// hasServerSums says whether a database has these triggers; those of dropRowSums, which came before them, change total for each row.
// Processes of the version that made the latter work with both.
const (
	hasServerSums = `SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = 'shards_inserted' AND tgrelid = 'quarry.shard'::regclass)`
	dropRowSums   = `
DROP TRIGGER IF EXISTS shard_added ON shard;
DROP TRIGGER IF EXISTS shard_changed ON shard;
`
)

// serverSums makes the triggers that add what a statement did to rows.
func serverSums() string {
	var b strings.Builder
	for _, event := range []struct {
		name, of   string
		gone, came bool
	}{{"shards_inserted", "INSERT", false, true}, {"shards_deleted", "DELETE", true, false}, {"shards_updated", "UPDATE", true, true}} {
		var tables []string
		if event.gone {
			tables = append(tables, "OLD TABLE AS gone")
		}
		if event.came {
			tables = append(tables, "NEW TABLE AS came")
		}
		fmt.Fprintf(&b, `
CREATE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %[4]s RETURN NULL; END $$;
CREATE TRIGGER %[1]s AFTER %[2]s ON shard REFERENCING %[3]s FOR EACH STATEMENT EXECUTE FUNCTION %[1]s();
`, event.name, event.of, strings.Join(tables, " "), sumChanges(event.gone, event.came))
	}
	return b.String()
}

// sumChanges are the statements that take the rows of table gone from total and add those of table came. A group that does not
// change is not written, and one without rows is not kept.
func sumChanges(gone, came bool) string {
	var keys, values, same, changed, sums, adds []string
	for _, g := range slices.Concat([][2]string{{"run", "%s.run"}}, grouped) {
		keys, values = append(keys, g[0]), append(values, fmt.Sprintf(g[1], "r")+" AS "+g[0])
		same = append(same, "t."+g[0]+" = d."+g[0])
	}
	columns := append([]string{"shards"}, summed...)
	for _, c := range columns {
		sums, changed = append(sums, "SUM(d."+c+")"), append(changed, "SUM(d."+c+") <> 0")
		adds = append(adds, fmt.Sprintf("%s = total.%[1]s + excluded.%[1]s", c))
	}
	rows := func(table, sign string) string {
		of := append(slices.Clone(values), sign+"1::bigint AS shards")
		for _, c := range summed {
			of = append(of, sign+"r."+c+" AS "+c)
		}
		return "SELECT " + strings.Join(of, ", ") + " FROM " + table + " AS r"
	}
	var from []string
	if gone {
		from = append(from, rows("gone", "-"))
	}
	if came {
		from = append(from, rows("came", "+"))
	}
	text := fmt.Sprintf("INSERT INTO total (%[1]s, %[2]s) SELECT d.%[3]s, %[4]s FROM (%[5]s) AS d GROUP BY d.%[3]s HAVING %[6]s ON CONFLICT (%[1]s) DO UPDATE SET %[7]s;",
		strings.Join(keys, ", "), strings.Join(columns, ", "), strings.Join(keys, ", d."), strings.Join(sums, ", "), strings.Join(from, " UNION ALL "),
		strings.Join(changed, " OR "), strings.Join(adds, ", "))
	if gone {
		text += fmt.Sprintf(" DELETE FROM total AS t USING (SELECT DISTINCT %s FROM gone AS r) AS d WHERE %s AND t.shards = 0;",
			strings.Join(values, ", "), strings.Join(same, " AND "))
	}
	return text
}
