package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/outfile"
)

// Delivery is one export and the place that it goes to. It replaces an earlier export of the same run, and anything else only with Force.
type Delivery struct {
	Effects *effect.Effects
	Dir     string // the run directory
	Target  outfile.Target
	Format  string
	Table   string // as it was named; empty: DefaultTable
	Force   bool   // replace what is not an earlier export
	Record  *outfile.Record
}

const forceHint = "name another file with -o, or replace it with --force"

// name is the table as the record has it, empty where the target is no database: SQLite's names have no case.
func (w *Delivery) name() string {
	if w.Format != "sqlite" {
		return ""
	}
	if w.Table == "" {
		return DefaultTable
	}
	return strings.ToLower(w.Table)
}

// merges reports whether the target is a database that keeps what else it holds.
func (w *Delivery) merges() bool {
	return w.Target.Kind == outfile.File && w.Format == "sqlite" && IsSQLite(w.Target.Path)
}

func (w *Delivery) refuse(err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: w.Target.Name, Err: err, Hint: hint}
}

// Check refuses a target that is not an earlier export, before anything is written.
func (w *Delivery) Check(ctx context.Context) error {
	if w.Format == "sqlite" && w.Target.Kind == outfile.New {
		for _, suffix := range []string{"-journal", "-wal", "-shm"} { // SQLite would apply them to the new file
			if _, err := os.Lstat(w.Target.Path + suffix); err == nil {
				return w.refuse(fmt.Errorf("%s is left over from another database of this name", w.Target.Path+suffix), "name another file with -o")
			}
		}
	}
	if w.Target.Kind != outfile.File || w.Force && !w.merges() {
		return nil
	}
	earlier := w.Record.Digests(w.Target.Path, w.name())
	if w.merges() {
		digest, exists, err := TableDigest(ctx, w.Effects, w.Target.Path, w.name())
		switch {
		case err != nil:
			return w.tableError(err)
		case exists && !w.Force && !slices.Contains(earlier, digest):
			return w.tableError(ErrTable)
		}
		return nil
	}
	if len(earlier) > 0 {
		digest, err := outfile.Digest(ctx, w.Target.Path)
		if err != nil {
			return w.refuse(err, forceHint)
		}
		if slices.Contains(earlier, digest) {
			return nil
		}
		return w.refuse(errors.New("it was changed after an earlier export wrote it"), forceHint)
	}
	return w.refuse(fmt.Errorf("it exists and is not an earlier export of the run in %s", w.Dir), forceHint)
}

func (w *Delivery) tableError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, effect.ErrHook) {
		return err
	}
	hint := "check that no other program uses the database and that you can write to it, or name another file with -o"
	switch {
	case errors.Is(err, ErrTable):
		err, hint = fmt.Errorf("table %s exists and is not an earlier export of the run in %s", w.name(), w.Dir), "name another table with --table, or replace this one with --force"
	case errors.Is(err, ErrNoTable):
		hint = "name another table with --table"
	}
	return w.refuse(err, hint)
}

// Commit moves the draft to its target. The record names it first, so that a crash between the two leaves an export that is known.
func (w *Delivery) Commit(ctx context.Context, draft *outfile.Draft, stdout io.Writer) (err error) {
	if w.Target.Kind == outfile.Stdout || w.Target.Kind == outfile.Stream {
		return draft.Commit(ctx, stdout)
	}
	var digest string
	if w.Format == "sqlite" {
		digest, _, err = TableDigest(ctx, w.Effects, draft.Path, w.name())
	} else {
		digest, err = outfile.Digest(ctx, draft.Path)
	}
	if err != nil {
		return err
	}
	earlier := w.Record.Digests(w.Target.Path, w.name())
	w.Record.Add(w.Target.Path, w.name(), digest)
	if err := w.Record.Save(w.Effects, w.Dir); err != nil {
		return err
	}
	if w.merges() {
		table := w.Table
		if table == "" {
			table = DefaultTable
		}
		if err := IntoTable(ctx, w.Effects, draft.Path, w.Target.Path, table, earlier, w.Force); err != nil {
			return w.tableError(err)
		}
	} else if err := draft.Commit(ctx, nil); err != nil {
		return err
	}
	w.Record.Done(w.Target.Path, w.name())
	return w.Record.Save(w.Effects, w.Dir)
}
