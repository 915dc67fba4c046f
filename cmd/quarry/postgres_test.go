package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/rogpeppe/go-internal/testscript"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/testdata/pgcluster"
)

var withPostgres = flag.Bool("postgres", false, "start a Postgres of Debian's package, and run the scripts of testdata/postgres")

// TestScriptsInPostgres runs the real program with ledgers in a real Postgres. $LEDGER is the address of a database of the script's own.
func TestScriptsInPostgres(t *testing.T) {
	t.Parallel()
	if !*withPostgres {
		t.Skip("needs -postgres")
	}
	c, err := pgcluster.New()
	if c != nil {
		t.Cleanup(func() { _ = c.Remove() })
	}
	if err != nil {
		t.Fatal(err)
	}
	p := scripts(t, "testdata/postgres")
	setup := p.Setup
	var made atomic.Int64
	p.Setup = func(env *testscript.Env) error {
		n := made.Add(1)
		db, err := sql.Open("pgx", pgcluster.Address(c.Dir))
		if err == nil {
			_, err = db.Exec(fmt.Sprintf("CREATE DATABASE s%d", n))
			err = errors.Join(err, db.Close())
		}
		env.Setenv("LEDGER", fmt.Sprintf("postgres://quarry@/s%d?host=%s", n, c.Dir))
		return errors.Join(err, setup(env))
	}
	for name, do := range map[string]func(*testscript.TestScript, bool, []string){
		"ledgerrun": setLedgerRun, "ledgerhas": ledgerHas, "inbucket": inBucket, "holdpublish": holdPublish, "halted": setHalted,
		"granted":   grantRoles,
		"plant":     plants(`UPDATE quarry.fact SET value = $2 WHERE name = $1`),
		"plantfile": plants(`UPDATE quarry.file SET name = $1 WHERE name = 'results.jsonl'`),
	} {
		p.Cmds[name] = do
	}
	testscript.Run(t, p)
}

// setLedgerRun sets RUN to the id of the one run of $LEDGER.
func setLedgerRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: ledgerrun")
	}
	runs, err := ledger.Runs(context.Background(), effect.New(nil), ts.Getenv("LEDGER"))
	ts.Check(err)
	if len(runs) != 1 {
		ts.Fatalf("the ledger has runs %v, want one", runs)
	}
	ts.Setenv("RUN", string(runs[0]))
}

// setHalted sets a variable to the id of the one run of $LEDGER that is halted: halted NAME.
func setHalted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: halted NAME")
	}
	db, err := sql.Open("pgx", ts.Getenv("LEDGER"))
	ts.Check(err)
	defer func() { _ = db.Close() }()
	var run string
	ts.Check(db.QueryRow(`SELECT run FROM quarry.fact WHERE name = 'halted'`).Scan(&run))
	ts.Setenv(args[0], run)
}

// grantRoles executes the statements of docs/machines.md as the owner of $LEDGER, and sets WORKER and READER to its address for the roles
// that they make.
func grantRoles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: granted")
	}
	_, statements, ok := strings.Cut(ts.ReadFile(filepath.Join(filepath.Dir(ts.Getenv("README")), "docs", "machines.md")), "```sql\n")
	if !ok {
		ts.Fatalf("docs/machines.md has no statements")
	}
	statements, _, _ = strings.Cut(statements, "```")
	db, err := sql.Open("pgx", ts.Getenv("LEDGER"))
	ts.Check(err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec(statements)
	ts.Check(err)
	for name, role := range map[string]string{"WORKER": "quarry_worker", "READER": "quarry_reader"} {
		ts.Setenv(name, strings.Replace(ts.Getenv("LEDGER"), "quarry@", role+"@", 1))
	}
}

// ledgerHas reports whether any value of any row in $LEDGER holds a text: ledgerhas TEXT.
func ledgerHas(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] ledgerhas TEXT")
	}
	db, err := sql.Open("pgx", ts.Getenv("LEDGER"))
	ts.Check(err)
	defer func() { _ = db.Close() }()
	tables, err := db.Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'quarry'`)
	ts.Check(err)
	var names []string
	for tables.Next() {
		var name string
		ts.Check(tables.Scan(&name))
		names = append(names, name)
	}
	ts.Check(errors.Join(tables.Err(), tables.Close()))
	found := ""
	for _, name := range names {
		var row sql.NullString
		err := db.QueryRow(`SELECT max(t::text) FROM quarry.`+name+` AS t WHERE position($1 IN t::text) > 0`, args[0]).Scan(&row)
		ts.Check(err)
		if row.Valid {
			found = name + ": " + row.String
		}
	}
	if (found != "") == neg {
		ts.Fatalf("of tables %v, the text is in %q", names, found)
	}
}

// plants changes rows as someone else who may write the ledger could.
func plants(statement string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		db, err := sql.Open("pgx", ts.Getenv("LEDGER"))
		ts.Check(err)
		defer func() { _ = db.Close() }()
		values := make([]any, len(args))
		for i, arg := range args {
			values[i] = arg
		}
		done, err := db.Exec(statement, values...)
		ts.Check(err)
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			ts.Fatalf("%d rows were changed, %v", n, err)
		}
	}
}

// holdPublish publishes $RUN to a target for the rest of the script, as a process elsewhere does: holdpublish TARGET.
func holdPublish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: holdpublish TARGET")
	}
	lock, err := runner.Hold(context.Background(), ts.Getenv("LEDGER"), quarry.RunID(ts.Getenv("RUN")), "publish to "+args[0])
	ts.Check(err)
	ts.Defer(func() { _ = lock.Close() })
}

// inBucket reports whether a bucket of the stand-in has an object with a text in its key: inbucket TEXT.
func inBucket(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] inbucket TEXT")
	}
	aws, err := account.Load(context.Background(), account.Config{HTTP: http.DefaultClient, Fixed: &account.FixedKeys{
		Endpoint: ts.Getenv("AWS_ENDPOINT_URL"), KeyID: ts.Getenv("ADMIN_ID"), Secret: ts.Getenv("ADMIN_SECRET"),
	}})
	ts.Check(err)
	found := ""
	for o, err := range bucket.New(aws, "quarry-123456789012-us-west-2").Objects(context.Background(), "") {
		ts.Check(err)
		if strings.Contains(o.Key, args[0]) {
			found = o.Key
		}
	}
	if (found != "") == neg {
		ts.Fatalf("the object with it is %q", found)
	}
}
