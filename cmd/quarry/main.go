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

// version is set by the linker in releases.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	// The first Ctrl-C stops cleanly; stop gives the second one its usual meaning.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	app := &cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: config.Environ, Environ: config.Variables(), Version: version}
	return cli.Main(ctx, app, os.Args[1:])
}
