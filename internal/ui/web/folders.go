package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"quarry/internal/ui/view"
)

// Runs is where runs are found.
type Runs interface {
	// List gives the runs, each once, and how many more there are.
	List(ctx context.Context) (runs []view.Run, more int, err error)
}

// MaxRuns and maxDepth say how far and how much is searched.
const (
	MaxRuns  = 500 // that are listed
	maxDepth = 2   // how many folders below one that was named
)

// Folders are run directories, and folders that hold them.
type Folders []string

// List searches the folders in their order, and each in the order of its names. Links are not followed, so that nothing outside of them is
// found; hidden folders are left out.
func (f Folders) List(ctx context.Context) ([]view.Run, int, error) {
	s := search{ctx: ctx, listed: map[string]bool{}}
	for _, dir := range f {
		s.base = dir
		if err := s.in(dir, maxDepth); err != nil {
			return nil, 0, err
		}
	}
	more := max(len(s.found)-MaxRuns, 0)
	return s.found[:len(s.found)-more], more, nil
}

type search struct {
	ctx   context.Context
	base  string
	found []view.Run
	// listed has the IDs of found: a folder may be named twice, or be within another one.
	listed map[string]bool
}

func (s *search) in(dir string, depth int) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if info, err := os.Lstat(filepath.Join(dir, "ledger.db")); err == nil && info.Mode().IsRegular() {
		run, err := s.run(dir)
		if err == nil && !s.listed[run.ID] {
			s.listed[run.ID] = true
			s.found = append(s.found, run)
		}
		return err
	}
	if depth == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrPermission) && dir != s.base {
		return nil
	}
	if err != nil {
		return fmt.Errorf("search for runs: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" {
			continue
		}
		if err := s.in(filepath.Join(dir, e.Name()), depth-1); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// run is named after its place below the folder that was searched, with that folder's own name.
func (s *search) run(dir string) (view.Run, error) {
	base, err := filepath.Abs(s.base)
	if err != nil {
		return view.Run{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return view.Run{}, err
	}
	below, err := filepath.Rel(filepath.Dir(base), dir)
	if err != nil {
		return view.Run{}, err
	}
	hash := sha256.Sum256([]byte(dir))
	return view.Run{ID: hex.EncodeToString(hash[:6]), Name: filepath.ToSlash(below), Dir: dir}, nil
}
