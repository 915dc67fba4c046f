package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// upgrades makes of a ledger of each format one of the next. What they change is changed in one transaction, together with
// the number.
var upgrades = map[int]func(*Ledger, context.Context, *effect.Tx) error{
	1: func(*Ledger, context.Context, *effect.Tx) error { return nil }, // rows and facts of format 1 are as they were; others came
	2: func(*Ledger, context.Context, *effect.Tx) error { return nil }, // index/answered is made when the next pass is planned
	3: (*Ledger).upgradeTo4,
	4: (*Ledger).upgradeTo5,
}

// format reads the ledger's number, and refuses a newer one.
func (l *Ledger) format(ctx context.Context) (int, error) {
	facts, err := l.Facts(ctx, "format", "version")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(facts["format"])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("format %q: not a number above 0", facts["format"])
	}
	if n <= Format {
		return n, nil
	}
	return 0, newerFormat(n, facts["version"])
}

// newerFormat refuses a ledger that a newer version wrote; empty: it is not known which one.
func newerFormat(n int, version string) error {
	wanted := "the version of Quarry that wrote it"
	if version != "" {
		wanted = "Quarry " + version + ", which wrote it,"
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read ledger", Subject: fmt.Sprintf("of format %d", n), Err: ErrNewerFormat,
		Hint: fmt.Sprintf("this version reads format %d at most; use %s or a newer one", Format, wanted),
	}
}

// CopyPath is where the ledger at path is copied before it is upgraded from a format.
func CopyPath(path string, format int) string { return fmt.Sprintf("%s.v%d", path, format) }

// upgrade brings a ledger to the format of this version. The copy is whole before anything is changed, and is made again
// after a crash between the two: nothing was changed then.
func (l *Ledger) upgrade(ctx context.Context, e *effect.Effects, path string, from int) error {
	var busy, frames, moved int64
	if err := l.db.QueryRow(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`, nil, &busy, &frames, &moved); err != nil {
		return fmt.Errorf("upgrade from format %d: %w", from, err)
	}
	if busy != 0 {
		return fmt.Errorf("upgrade from format %d: %w", from, errors.New("another process is reading it; try again in a moment"))
	}
	if err := copyFile(e, path, CopyPath(path, from)); err != nil {
		return fmt.Errorf("upgrade from format %d: %w", from, err)
	}
	return l.db.Change(ctx, fmt.Sprintf("ledger: upgrade from format %d", from), func(tx *effect.Tx) error {
		for n := from; n < Format; n++ {
			if err := upgrades[n](l, ctx, tx); err != nil {
				return fmt.Errorf("upgrade from format %d: %w", n, err)
			}
		}
		return setFacts(ctx, tx, map[string]string{"format": strconv.Itoa(Format)})
	})
}

// readableCopy closes a ledger that cannot be read where it is, and opens a copy of it that has the format of this version. fill makes
// the copy, and Close removes it. It returns the ledger that is to be closed, also with an error.
func (l *Ledger) readableCopy(ctx context.Context, e *effect.Effects, fill func(to string) error) (*Ledger, error) {
	dir, err := e.TempDir("")
	if err != nil {
		return l, fmt.Errorf("copy it: %w", err)
	}
	drop := func() error { return e.RemoveAll(dir) }
	path := filepath.Join(dir, "ledger.db")
	if err := fill(path); err != nil {
		l.drop = drop
		return l, fmt.Errorf("copy it: %w", err)
	}
	copied, err := Open(ctx, e, path)
	if err != nil {
		l.drop = drop
		return l, err
	}
	copied.drop = drop
	return copied, l.Close()
}

// vacuumInto copies what SQLite reads. What the log holds is part of the copy, also while another process writes.
func (l *Ledger) vacuumInto(ctx context.Context, to string) error {
	rows, err := l.db.Query(ctx, `VACUUM INTO $1`, to)
	if err != nil {
		return err
	}
	return errors.Join(rows.Err(), rows.Close())
}

// copyFiles copies the ledger and its log, if there is one. The log comes last: what moves from it into the ledger meanwhile is in
// the copy of one of them. A copy of a ledger that was written meanwhile may be torn, so it is refused.
func (l *Ledger) copyFiles(e *effect.Effects, to string) error {
	before, err := os.Stat(l.path)
	if err != nil {
		return err
	}
	if err := copyFile(e, l.path, to); err != nil {
		return err
	}
	if err := copyFile(e, l.path+"-wal", to+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	after, err := os.Stat(l.path)
	if err == nil && !after.ModTime().Equal(before.ModTime()) {
		err = errors.New("another process is writing it; try again in a moment")
	}
	return err
}

func copyFile(e *effect.Effects, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := atomicfile.Create(e, to)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(struct{ io.Writer }{out}, in); err != nil {
		return err
	}
	return out.Commit()
}
