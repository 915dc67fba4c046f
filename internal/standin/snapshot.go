package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"quarry/internal/standin/iamapi"
)

// resetPatience is how long a reset, save or restore waits for the requests under way.
const resetPatience = 10 * time.Second

// snapshotsDir holds the snapshots, below the data directory.
const snapshotsDir = "snapshots"

var snapshotName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Why a snapshot cannot be saved or restored.
var (
	ErrSnapshotName = errors.New("a snapshot's name has up to 64 letters, digits, - and _, and begins with a letter or digit")
	ErrNoSnapshot   = errors.New("there is no such snapshot")
)

// Reset brings the server back to its start: buckets, jobs, roles, calls and bill are removed, the clock, the faults and the quotas are those
// of the start, and what Config.SeedFile names is there again. Keys stay. It waits for requests under way, until ctx ends.
func (s *Server) Reset(ctx context.Context) error {
	err := s.replace(ctx, func() error { return s.prepare("") }, func(st *state) error {
		s.faults.Store(&s.first)
		s.held.Store(&s.listed)
		return s.addSeed(context.WithoutCancel(ctx), st)
	})
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}

// asItIs leaves a state that was opened again as it is.
func asItIs(*state) error { return nil }

// Save keeps buckets, jobs, roles, bill and clock under a name, in place of what the name kept before. Jobs that run continue afterwards.
// It waits for requests under way, until ctx ends.
func (s *Server) Save(ctx context.Context, name string) error {
	if !snapshotName.MatchString(name) {
		return fmt.Errorf("save %q: %w", name, ErrSnapshotName)
	}
	if err := s.replace(ctx, func() error { return s.saveState(name) }, asItIs); err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	return nil
}

// Restore brings back what Save kept under a name. Faults and quotas stay as they are. Jobs that were running when it was saved continue
// from there. It waits for requests under way, until ctx ends.
func (s *Server) Restore(ctx context.Context, name string) error {
	if !snapshotName.MatchString(name) {
		return fmt.Errorf("restore %q: %w", name, ErrSnapshotName)
	}
	from := s.snapshotDir(name)
	if accounts, err := accountsIn(from, nil); err != nil || len(accounts) == 0 {
		return fmt.Errorf("restore %s: %w", name, ErrNoSnapshot)
	}
	if err := s.replace(ctx, func() error { return s.prepare(from) }, asItIs); err != nil {
		return fmt.Errorf("restore %s: %w", name, err)
	}
	return nil
}

// Snapshots names what Save has kept, in order.
func (s *Server) Snapshots() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.cfg.Dir, snapshotsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := []string{}
	for _, entry := range entries {
		if snapshotName.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

func (s *Server) snapshotDir(name string) string {
	return filepath.Join(s.cfg.Dir, snapshotsDir, name)
}

// A replacement of the state is made in a folder of its own, and survives a kill at any moment: until that folder is whole the old state
// stays, and from then on the next start completes what is left. No snapshot has one of these names.
const (
	nextDir    = ".next"    // being made
	replaceDir = ".replace" // whole; the old state is removed
	moveDir    = ".move"    // the old state is gone; the files move to their places
	part       = ".part"    // ends the name of a snapshot that is being copied
	whole      = ".whole"   // and of one that takes the place of another
)

// prepare makes what replaces the state: a copy of a state, or an empty one. openState puts it in place.
func (s *Server) prepare(from string) error {
	next := s.snapshotDir(nextDir)
	err := os.RemoveAll(next)
	if err == nil {
		err = os.MkdirAll(next, 0o700)
	}
	if err == nil && from != "" {
		err = copyState(from, next)
	}
	if err == nil {
		err = os.Rename(next, s.snapshotDir(replaceDir))
	}
	return err
}

// completeReplacement puts in place what prepare made whole, and a snapshot that saveState made whole, also after a kill between any two of
// its steps.
func (s *Server) completeReplacement() error {
	replacement, move := s.snapshotDir(replaceDir), s.snapshotDir(moveDir)
	if _, err := os.Lstat(replacement); err == nil {
		if err := removeState(s.cfg.Dir); err != nil {
			return err
		}
		if err := os.Rename(replacement, move); err != nil {
			return err
		}
	}
	names, err := stateFiles(move)
	if err == nil {
		for _, name := range names {
			if err := os.Rename(filepath.Join(move, name), filepath.Join(s.cfg.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		err = os.RemoveAll(move)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.completeSaves()
}

func (s *Server) completeSaves() error {
	entries, err := os.ReadDir(s.snapshotDir(""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), whole); ok && strings.HasPrefix(name, ".") {
			if err := s.publishSnapshot(name[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace closes the state, changes its files, opens it again and does with it what is left to do. The state is opened again after a failed
// change too.
func (s *Server) replace(ctx context.Context, change func() error, opened func(*state) error) (err error) {
	reopen, err := s.gate.shut(ctx)
	if err != nil {
		return err
	}
	defer reopen()
	ctx = context.WithoutCancel(ctx) // from here it is done whole
	if s.state != nil {
		err = s.state.close(ctx)
		s.state = nil
	}
	if err == nil {
		err = change()
	}
	st, openErr := s.openState(ctx)
	s.state = st
	if err = errors.Join(err, openErr); err != nil {
		return err
	}
	return opened(st)
}

// stateFiles are the names of the files and folders of a state, whether they exist or not. The files of identities come first: a directory
// without one is not the stand-in's (CheckDir).
func stateFiles(dir string) ([]string, error) {
	accounts, err := accountsIn(dir, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, account := range accounts {
		names = append(names, iamapi.FileOf(account))
	}
	return append(names, "s3", "jobs"), nil
}

func removeState(dir string) error {
	names, err := stateFiles(dir)
	for i := len(names) - 1; i >= 0; i-- {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, names[i])))
	}
	return err
}

// saveState copies the closed state. A copy that is not complete has another name, which no snapshot has.
func (s *Server) saveState(name string) error {
	to, temp := s.snapshotDir(name), s.snapshotDir("."+name+part)
	if accounts, err := accountsIn(to, nil); err == nil && len(accounts) == 0 {
		return fmt.Errorf("%s: %w", to, ErrForeign)
	}
	err := os.RemoveAll(temp)
	if err == nil {
		err = copyState(s.cfg.Dir, temp)
	}
	if err == nil {
		err = os.Rename(temp, s.snapshotDir("."+name+whole))
	}
	if err == nil {
		err = s.publishSnapshot(name)
	}
	return err
}

// publishSnapshot gives a whole copy the name of its snapshot, in place of an older one.
func (s *Server) publishSnapshot(name string) error {
	to := s.snapshotDir(name)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(s.snapshotDir("."+name+whole), to)
}

func copyState(from, to string) error {
	names, err := stateFiles(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		if err := copyTree(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a file, or a folder with what is in it.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		return copyFile(path, filepath.Join(to, name))
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// reset is POST /_quarry/reset. It has no body.
func (s *Server) reset(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), resetPatience)
	defer stop()
	s.answerReplace(w, r, s.Reset(ctx), map[string]string{"message": "the server is as it was when it started"})
}

// listSnapshots is GET /_quarry/snapshot.
func (s *Server) listSnapshots(w http.ResponseWriter, r *http.Request) {
	names, err := s.Snapshots()
	s.answerReplace(w, r, err, map[string][]string{"snapshots": names})
}

// snapshot is POST /_quarry/snapshot: {"save":"NAME"} or {"restore":"NAME"}.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Save    string `json:"save"`
		Restore string `json:"restore"`
	}
	const want = `{"save":"NAME"} or {"restore":"NAME"}`
	if !readLocal(w, r, &body, want) {
		return
	}
	ctx, stop := context.WithTimeout(r.Context(), resetPatience)
	defer stop()
	switch {
	case body.Save != "" && body.Restore == "":
		s.answerReplace(w, r, s.Save(ctx, body.Save), map[string]string{"saved": body.Save})
	case body.Restore != "" && body.Save == "":
		s.answerReplace(w, r, s.Restore(ctx, body.Restore), map[string]string{"restored": body.Restore})
	default:
		refuseLocal(w, http.StatusBadRequest, "want "+want)
	}
}

func (s *Server) answerReplace(w http.ResponseWriter, r *http.Request, err error, done any) {
	switch {
	case err == nil:
		writeJSON(w, http.StatusOK, done)
	case errors.Is(err, ErrSnapshotName):
		refuseLocal(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, ErrNoSnapshot):
		refuseLocal(w, http.StatusNotFound, err.Error())
	case errors.Is(err, errBusy), errors.Is(err, ErrForeign):
		refuseLocal(w, http.StatusConflict, err.Error())
	default:
		s.log.ErrorContext(r.Context(), "replace the data", "error", err)
		refuseLocal(w, http.StatusInternalServerError, err.Error())
	}
}
