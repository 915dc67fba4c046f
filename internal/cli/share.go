package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
	"quarry/internal/run/shardfile"
)

// bindLedger adds the flags of a run whose ledger is in Postgres to a command that reads one.
func bindLedger(cmd *cobra.Command) {
	bind(cmd, "ledger")
	if cmd.Flags().Lookup("profile") == nil {
		bind(cmd, "profile")
	}
	cmd.Flags().String("run", "", "`ID` of the run in the ledger")
	complete(cmd, "run", cobra.NoFileCompletions)
}

// ownDirectory are the commands that work on the run of a directory, and not on one of a ledger in Postgres, which quarry run continues anywhere.
var ownDirectory = []string{"collect", "adopt"}

// ledgerOf takes the ledger and the run of the flags into the settings.
func ledgerOf(cmd *cobra.Command, s *config.Loaded) error {
	if cmd.Flags().Lookup("ledger") != nil {
		if f := cmd.Flags().Lookup("run"); f != nil {
			s.Run = quarry.RunID(f.Value.String())
		}
		if s.Run != "" && s.Ledger == "" {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: cmd.Name(), Err: errors.New("--run names a run of a ledger, and no ledger is named"),
				Hint: "add --ledger postgres://USER@HOST/NAME, or name the run directory with --dir and omit --run",
			}
		}
		return nil
	}
	if s.Ledger != "" && slices.Contains(ownDirectory, cmd.Name()) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: cmd.Name(), Subject: s.Origin["ledger"], Err: errors.New("this command works on the run of a directory only"),
			Hint: "a run of a ledger is collected and continued by: quarry run SOURCE… --run ID; for a run directory, unset the ledger for this command",
		}
	}
	s.Ledger = "" // the command concerns no run
	return nil
}

// share lets a command read the run in Postgres that the settings name, if they do: its directory is a copy then, of the files that want takes.
func (a *App) share(ctx context.Context, s *config.Settings, want func(name string) bool, open *compose.Closers) (err error) {
	if s.Ledger == "" {
		return nil
	}
	if a.shared != nil { // pages follow it
		s.Dir = a.shared.Dir
		return nil
	}
	if a.shared, err = a.parts().OpenShared(ctx, s, open); err != nil {
		return err
	}
	s.Dir = a.shared.Dir
	if want == nil {
		return nil
	}
	return a.shared.Copy(ctx, want)
}

// only takes the files of these names.
func only(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// place names where a run is, for people.
func (a *App) place(dir string) string {
	if a.shared != nil {
		return a.shared.Name
	}
	return dir
}

// named gives the flag that names the run of a command in another one, after a space.
func (a *App) named(dir string) string {
	if in := a.inLedger(); in != nil {
		return " --run " + string(in.Run())
	}
	return " --dir " + dir
}

// held reports whether a process works on a run.
func (a *App) held(ctx context.Context, dir string) (bool, error) {
	if a.shared != nil {
		return a.shared.Held(ctx)
	}
	return effect.Held(dir)
}

// filesIn is the directory in which people find the files of a run; empty: in none of theirs.
func (a *App) filesIn(dir string) string {
	if a.shared != nil {
		return ""
	}
	return dir
}

// failuresNow gives the most frequent messages that attempts of a run failed with so far.
func (a *App) failuresNow(ctx context.Context, dir string, rows []ledger.Shard) ([]report.Failure, error) {
	if a.shared != nil {
		needs := map[string]bool{}
		for _, id := range failures.Needs(rows) {
			path := shardfile.In(nil, dir, "").Journal(id)
			if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
				needs[filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))] = true
			}
		}
		if err := a.shared.Copy(ctx, func(name string) bool { return needs[name] }); err != nil {
			return nil, err
		}
	}
	return failures.Now(ctx, dir, rows)
}
