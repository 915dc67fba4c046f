package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/rogpeppe/go-internal/testscript"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
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
	p.Cmds["ledgerrun"] = setLedgerRun
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
