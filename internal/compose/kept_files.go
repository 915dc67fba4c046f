package compose

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/book"
	"quarry/internal/run/state"
)

// checkFiles refuses a place for files that the run cannot have.
func checkFiles(s *config.Settings) error {
	switch {
	case s.Ledger != "" && s.Files == "dir":
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Err: errors.New("--files dir does not work with --ledger: another machine could not continue the run without its files"),
			Hint: "omit --files: the files of a run with --ledger are in its bucket",
		}
	case s.Ledger == "" && s.Files == "bucket" && s.Target != "aws":
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "run", Err: errors.New("--files bucket needs --target aws: the bucket of --target local is in the run directory"),
			Hint: "add --target aws (with AWS_ENDPOINT_URL of a `quarry local`, it is free), or omit --files",
		}
	}
	return nil
}

// keepFiles keeps the files of the run in a directory, and its ledger, in the bucket too, if s says so or an earlier command did. It gives the id
// of the run then.
func (pr *Program) keepFiles(ctx context.Context, s *config.Settings, deps *run.Deps, dir string, where *Provider, c *Closers) (quarry.RunID, error) {
	was, err := state.ReadPlace(dir)
	if err != nil || was.Run == "" && s.Files != "bucket" {
		return "", err
	}
	head, err := book.Of(deps.Ledger).Head(ctx)
	if err != nil {
		return "", err
	}
	id := head.Run
	if id == "" {
		id = was.Run // of a process that ended before there was a run
	}
	if id == "" {
		id = quarry.NewRunID()
	}
	if s.Files == "dir" && was.Run == id {
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: dir, Err: fmt.Errorf("its files are in the bucket %s too, and --files dir would let them become old", was.Bucket),
			Hint: "omit --files, or say --files bucket",
		}
	}
	files, err := state.OpenLocal(ctx, state.Config{Effects: deps.Effects, Dir: dir, Run: id, Bucket: where.Bucket, Ledger: deps.Ledger})
	if err != nil {
		return "", err
	}
	c.Add(func() error { return files.Close(context.WithoutCancel(ctx)) })
	deps.Commit = deps.Ledger.SaveFiles
	pr.Say("%-10s also in %s", "files", where.Bucket.URI(state.Prefix+string(id)+"/"))
	return id, nil
}

// Restored says what the bucket had of a run whose directory is lost.
type Restored struct {
	Created string
	Jobs    int // of which the ledger knows
}

// Restore makes the directory of s that of a run whose files are in the bucket too, as of the last change of its ledger. It gives nil if the bucket
// has no ledger of the run, and changes nothing in a directory that holds a run.
func (pr *Program) Restore(ctx context.Context, s *config.Settings, id quarry.RunID) (found *Restored, err error) {
	var c Closers
	defer func() { err = errors.Join(err, c.Close()) }()
	e := effect.New(nil)
	dir, err := OpenDir(e, s, &c)
	if err != nil {
		return nil, err
	}
	where, err := pr.OpenProvider(ctx, s, e, dir, &c)
	if err != nil {
		return nil, err
	}
	is, err := state.Restore(ctx, state.Config{Effects: e, Dir: dir, Run: id, Bucket: where.Bucket})
	if err != nil || !is {
		return nil, err
	}
	l, err := ledger.OpenReadOnly(ctx, e, filepath.Join(dir, "ledger.db"))
	if err != nil {
		return nil, err
	}
	c.Add(l.Close)
	head, err := book.Of(l).Head(ctx)
	if err != nil || head.Run != id { // it ended before there was a run
		return nil, err
	}
	rows, err := l.Shards(ctx)
	if err != nil {
		return nil, err
	}
	found = &Restored{Created: head.Created}
	for i := range rows {
		if rows[i].Job.ARN != "" {
			found.Jobs++
		}
	}
	return found, nil
}
