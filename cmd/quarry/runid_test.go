package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

// setRunID reads the id of the run in a directory: runid DIR VARIABLE.
func setRunID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: runid DIR VARIABLE")
	}
	book, err := ledger.OpenReadOnly(context.Background(), effect.New(nil), filepath.Join(ts.MkAbs(args[0]), "ledger.db"))
	ts.Check(err)
	defer func() { _ = book.Close() }()
	facts, err := book.Facts(context.Background(), "run")
	ts.Check(err)
	ts.Setenv(args[1], facts["run"])
}

// setJobARN reads the ARN of the first job of the run in a directory: jobarn DIR VARIABLE.
func setJobARN(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jobarn DIR VARIABLE")
	}
	book, err := ledger.OpenReadOnly(context.Background(), effect.New(nil), filepath.Join(ts.MkAbs(args[0]), "ledger.db"))
	ts.Check(err)
	defer func() { _ = book.Close() }()
	shards, err := book.Shards(context.Background())
	ts.Check(err)
	ts.Setenv(args[1], string(shards[0].Job.ARN))
}

// copyFixture copies a run directory that an older version left: fixture NAME DIR.
func copyFixture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fixture NAME DIR")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(filepath.Join(ts.Getenv("EXAMPLES"), "..", "cmd", "quarry", "testdata", "formats", args[0]))))
}

// setFact sets a fact of a ledger: setfact DIR NAME VALUE.
func setFact(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: setfact DIR NAME VALUE")
	}
	book, err := ledger.Open(context.Background(), effect.New(nil), filepath.Join(ts.MkAbs(args[0]), "ledger.db"))
	ts.Check(err)
	ts.Check(book.SetFacts(context.Background(), map[string]string{args[1]: args[2]}))
	ts.Check(book.Close())
}
