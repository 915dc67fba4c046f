package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/config"
	"quarry/internal/prepare/source/dir"
	"quarry/internal/run/state"
)

// Closers are closed in the reverse of the order in which they were opened.
type Closers []func() error

// Add puts something on top.
func (c *Closers) Add(f func() error) { *c = append(*c, f) }

// Close closes all, also after one that fails, and gives their errors.
func (c *Closers) Close() error {
	var errs []error
	for _, f := range slices.Backward(*c) {
		errs = append(errs, f())
	}
	*c = nil
	return errors.Join(errs...)
}

// foreignName gives a name that a run needs in a directory in which no run was: another program wrote it. A run's own
// directory has the lock, which is the first thing written, or a ledger.
func foreignName(folder string) string {
	if b, err := os.ReadFile(filepath.Join(folder, "lock")); err == nil && len(b) <= 32 && strings.Trim(string(b), "0123456789\n") == "" {
		return ""
	}
	if isLedger(filepath.Join(folder, "ledger.db")) {
		return ""
	}
	for _, name := range dir.RunNames {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			return name
		}
	}
	return ""
}

// isLedger reports whether a file is a database, or an empty one, which the ledger itself refuses with the way out.
func isLedger(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 16)
	n, _ := io.ReadFull(f, head) // a short file is compared as it is
	return n == 0 || string(head[:n]) == "SQLite format 3\x00"
}

// runOfLine finds the run's id in a line of quarry.log.
var runOfLine = regexp.MustCompile(` run=([a-z0-9]{10})\b`)

// LedgerLost refuses a directory in which a run sent something and whose ledger is gone: a new ledger would give new shards the names of
// old ones, whose journals hold answers that were paid for. The error is of the kind quarry.BadUsage.
func LedgerLost(folder string) error {
	if id, err := state.Marked(folder); err != nil || id != "" {
		return cmp.Or(err, error(&quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: folder, Err: fmt.Errorf("it is a copy of the files of run %s, whose ledger is in Postgres", id),
			Hint: fmt.Sprintf("add --ledger postgres://USER@HOST/NAME --run %s, or name another directory with --dir", id),
		}))
	}
	if _, err := os.Lstat(filepath.Join(folder, "ledger.db")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	sent := false
	for _, name := range []string{"journal", filepath.Join("index", "parts")} {
		files, err := os.ReadDir(filepath.Join(folder, name))
		sent = sent || err == nil && len(files) > 0
	}
	if !sent {
		return nil
	}
	id := "ID"
	if log, err := os.ReadFile(filepath.Join(folder, "quarry.log")); err == nil {
		if found := runOfLine.FindSubmatch(log); found != nil {
			id = string(found[1])
		}
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "open run", Subject: folder,
		Err: errors.New("ledger.db is missing, and without it Quarry does not know what the run sent and paid for"),
		Hint: fmt.Sprintf("restore ledger.db from a backup; without one, use an empty directory: "+
			"`quarry adopt --run %s --target aws --dir NEW` takes over the jobs, "+
			"and `quarry run SOURCE… --dir NEW --known %s` keeps the answers in it", id, filepath.Join(folder, "results.jsonl")),
	}
}

// OpenDir makes and locks the run directory, and gives its whole path. The error is of the kind quarry.Locked where another
// process works on it, quarry.BadUsage where it cannot be written to.
func OpenDir(e *effect.Effects, s *config.Settings, c *Closers) (string, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return "", BadSetting("dir", err)
	}
	if name := foreignName(dir); name != "" {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run directory", Subject: dir,
			Err:  fmt.Errorf("it holds %s, which Quarry did not write and would replace", name),
			Hint: "name an empty or new directory with --dir",
		}
	}
	if err := e.MkdirAll(dir); err != nil {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "make run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir",
		}
	}
	release, err := e.Lock(dir)
	if errors.Is(err, effect.ErrLocked) {
		return "", &quarry.Error{
			Kind: quarry.Locked, Op: "open run directory", Subject: dir, Err: errors.New("another process works on it"),
			Hint: "wait for it, follow it with: quarry watch --dir " + s.Dir + "; or name another directory with --dir",
		}
	}
	if err != nil {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir",
		}
	}
	c.Add(release)
	return dir, nil
}
