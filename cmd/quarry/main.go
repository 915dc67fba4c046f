// Command quarry pushes a collection of documents through a language model in bulk.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"quarry/internal/cli"
	"quarry/internal/config"
)

// version is set by the linker in releases.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	// The first Ctrl-C stops cleanly; stop gives the second one its usual meaning.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if _, set := config.Environ("GOGC"); !set {
		// Most of the heap is text that is dropped at once: collecting it twice as often costs a few percent of CPU and
		// a third less memory.
		debug.SetGCPercent(50)
	}
	context.AfterFunc(ctx, stop)
	app := &cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: config.Environ, Version: version}
	return cli.Main(ctx, app, os.Args[1:])
}
