// Command quarry pushes a collection of documents through a language model in bulk.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "quarry/internal/base/firstgc" // puts off the first garbage collection
	"quarry/internal/cli"
	"quarry/internal/config"
)

// Set by the linker in releases and by make; Go's own record of the build is used where they are empty.
var version, commit, date string

func main() { os.Exit(run()) }

func run() int {
	// The first Ctrl-C stops cleanly; stop gives the second one its usual meaning.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	build := cli.Linked(cli.Build{Version: version, Commit: commit, Date: date})
	app := &cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: config.Environ, Environ: config.Variables(), Build: build}
	return cli.Main(ctx, app, os.Args[1:])
}
