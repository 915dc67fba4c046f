// Package cli is the command line: flags to settings, settings to one call, and what came of it to people or programs.
//
// It owns the commands, their help and the exit codes. It decides nothing about documents,
// jobs or money. What always holds: stdout is data, stderr is for people; text that comes from documents, models or
// providers is stripped of control characters before a terminal sees it.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/prepare/source/stream"
)

// App is one call of the program.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            func(string) (string, bool)
	Environ        []string // NAME=VALUE, to find misspelled names of ours; nil: they are not looked for
	Build          Build

	json, quiet bool
	args        []string
	file        string
	logFormat   string      // text or json
	output      string      // the folder that the command writes into
	input       io.Reader   // Stdin, until the command is interrupted
	typed       chan string // a line that is being read from input; nil: none is
	showing     *progress   // what prints while a run is shown; nil: none is

	shared *compose.Shared                 // the run in Postgres that the command reads; nil: the one of a directory
	owned  *atomic.Pointer[compose.Shared] // the run in Postgres that the command works on, once it does; nil: likewise

	ledgerRuns *ledgerRuns // the runs in Postgres that pages show; nil: none
	ledger     string      // the address of the ledger of shared, which a page shows
}

// Main runs the program and gives its exit code.
func Main(ctx context.Context, app *App, args []string) int {
	if app.Stdin != nil {
		app.input = stream.UntilDone(ctx, app.Stdin)
	}
	app.args = args
	root := app.root()
	root.SetArgs(args)
	root.SetIn(app.Stdin)
	root.SetOut(app.Stdout)
	root.SetErr(app.Stderr)
	toShell := wantsLines(args) && !isTerminal(app.Stdout)
	defer func() { // also when this program has a fault of its own
		if toShell {
			app.leadNowhere(args)
		}
	}()
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && strings.HasPrefix(err.Error(), "unknown command") {
		err = unknownCommand(root, args, err)
	}
	toShell = toShell && err != nil && !ranCommand(err)
	return app.exit(ctx, cmd, err)
}

func (a *App) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "quarry COMMAND",
		Short: "Send a collection of documents through a language model, in bulk, on Amazon Bedrock",
		Long: `Quarry sends a collection of documents through a language model with Amazon Bedrock batch inference:
half the on-demand price, no record lost, none paid for twice.

Without an account, everything runs on a stand-in for S3 and Bedrock inside this program.

Settings come from flags, then QUARRY_… variables, then -c FILE or ./quarry.yaml. quarry config
prints each value and its origin; quarry help COMMAND prints the help of a command.

Exit codes: 0 done · 1 internal · 2 usage · 3 an item could not be read, or a document ended invalid
or failed · 4 denied · 5 quota, cap or gate · 6 provider · 7 run locked · 8 audit found a fault ·
130 interrupted`,
		Example: `  quarry inspect articles.jsonl
  quarry run articles.jsonl                      # stand-in, no account needed
  quarry run articles.jsonl --target aws --yes   # on Amazon Bedrock`,
		SilenceErrors: true, SilenceUsage: true, DisableSuggestions: true, // the hint has them
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: false},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.collectGarbage(cmd)
			if err := cmp.Or(notEmpty(cmd), a.knownVariables(cmd), a.fromEnvironment(cmd)); err != nil || a.file == "" || readsNothing(cmd) {
				return err
			}
			return config.Exists(a.file) // also for a command that reads no settings
		},
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON on stdout, and text for people on stderr")
	root.PersistentFlags().BoolVar(&a.quiet, "quiet", false, "print only errors on stderr")
	root.PersistentFlags().StringVarP(&a.file, "config", "c", "", "read settings from `FILE`; default: ./quarry.yaml, if it exists")
	complete(root, "config", files("yaml", "yml"))
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		fmt.Fprint(a.Stdout, helpText(cmd, min(a.pageWidth(), helpWidth)))
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &quarry.Error{Kind: quarry.BadUsage, Err: badFlag(err), Hint: flagHint(cmd, err)}
	})
	root.AddCommand(a.runCommand(), a.inspectCommand(), a.planCommand(), a.cleanCommand(), a.buildCommand(), a.validateCommand(), a.statusCommand(), a.watchCommand(), a.uiCommand(), a.approveCommand(), a.stopCommand(),
		a.adoptCommand(), a.collectCommand(),
		a.exportCommand(), a.publishCommand(), a.reportCommand(), a.historyCommand(), a.runsCommand(), a.auditCommand(), a.setupCommand(), a.preflightCommand(), a.localCommand(), a.pricesCommand(), a.initCommand(), a.configCommand(), a.versionCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"help"}); err == nil {
		cmd.Short, cmd.Example = "Print the help of a command", "  quarry help run"
		cmd.Run, cmd.RunE = nil, func(_ *cobra.Command, args []string) error { // cobra's own exits with 0 for a command that it does not know
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "help", Subject: strings.Join(args, " "), Err: errors.New("no such command"), Hint: commandHint(root, args),
				}
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		}
	}
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		for _, c := range append(cmd.Commands(), cmd) {
			c.Long = strings.TrimRight(c.Long, "\n") + "\n\nExit codes: 0 done · 2 usage"
		}
		cmd.Short, cmd.Example = "Print a script that makes a shell complete commands and flags", "  source <(quarry completion bash)"
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(cmd *cobra.Command, args []string) error { // cobra prints the help of a shell that it does not know
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return cmd.Help()
		}
	}
	return root
}

// parts puts together what the commands work with.
func (a *App) parts() *compose.Program {
	return &compose.Program{Stdin: a.input, Env: a.Env, Say: a.say, Version: a.Build.Version, Output: a.output}
}
