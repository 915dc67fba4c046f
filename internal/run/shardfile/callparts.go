package shardfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// Where several machines may continue a run, lines of calls have to be durable for all of them before they are relied upon. An object cannot
// be appended to, so lines that wait at the same time become a file of their own, in the order of their numbers.

// callParts are those files of one shard.
type callParts struct {
	ctx    context.Context //nolint:containedctx // of the calls, which a line outlives
	e      *effect.Effects
	dir    string
	commit func(context.Context) error
	next   int
}

const partsSuffix = ".calls"

func (d Dir) openCallParts(ctx context.Context, id quarry.ShardID) (*callParts, error) {
	p := &callParts{ctx: ctx, e: d.effects, dir: d.CallParts(id), commit: d.commit}
	if err := d.effects.MkdirAll(p.dir); err != nil {
		return nil, err
	}
	there, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	if len(there) > 0 { // in the order of their names
		_, err = fmt.Sscanf(there[len(there)-1].Name(), "%d", &p.next)
	}
	return p, err
}

// add makes lines durable everywhere, or leaves nothing of them.
func (p *callParts) add(text []byte) error {
	path := filepath.Join(p.dir, fmt.Sprintf("%08d.jsonl", p.next+1))
	err := atomicfile.Write(p.e, path, text)
	if err == nil {
		err = p.commit(p.ctx)
	}
	if err != nil {
		if died(err) {
			return err
		}
		return errors.Join(err, p.e.Remove(path))
	}
	p.next++
	return nil
}

// JoinCalls makes the calls of each shard from the parts of them that are in a run's directory: a copy from elsewhere has nothing else of
// them.
func JoinCalls(e *effect.Effects, run string) error {
	folder := filepath.Join(run, "journal")
	there, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, shard := range there {
		id, is := strings.CutSuffix(shard.Name(), partsSuffix)
		if !is || !shard.IsDir() {
			continue
		}
		if err := joinParts(e, filepath.Join(folder, shard.Name()), In(e, run, "").Calls(quarry.ShardID(id))); err != nil {
			return fmt.Errorf("join the calls of shard %s: %w", id, err)
		}
	}
	return nil
}

func joinParts(e *effect.Effects, from, to string) error {
	parts, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	out, err := atomicfile.Create(e, to)
	if err != nil {
		return err
	}
	defer out.Abort()
	for _, part := range parts {
		text, err := os.ReadFile(filepath.Join(from, part.Name()))
		if err != nil {
			return err
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	return out.Commit()
}

// SplitCalls makes the parts of each shard's calls hold what its file of them holds, where a process ended between the two, or the run had no parts
// before.
func SplitCalls(e *effect.Effects, run string) error {
	folder := filepath.Join(run, "journal")
	there, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, file := range there {
		id, is := strings.CutSuffix(file.Name(), ".calls.jsonl")
		if !is {
			continue
		}
		d := In(e, run, "")
		if err := splitCalls(e, d.Calls(quarry.ShardID(id)), d.CallParts(quarry.ShardID(id))); err != nil {
			return fmt.Errorf("split the calls of shard %s: %w", id, err)
		}
	}
	return nil
}

func splitCalls(e *effect.Effects, from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1] // a torn line is of a call that was not made
	parts, err := os.ReadDir(to)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var has []byte
	for _, part := range parts {
		b, err := os.ReadFile(filepath.Join(to, part.Name()))
		if err != nil {
			return err
		}
		has = append(has, b...)
	}
	if bytes.HasPrefix(has, text) {
		if len(has) == len(text) {
			return nil
		}
		return joinParts(e, to, from)
	}
	missing, begins := bytes.CutPrefix(text, has)
	if !begins {
		if err := e.RemoveAll(to); err != nil {
			return err
		}
		parts, missing = nil, text
	}
	if err := e.MkdirAll(to); err != nil {
		return err
	}
	next := 1
	if len(parts) > 0 {
		if _, err := fmt.Sscanf(parts[len(parts)-1].Name(), "%d", &next); err != nil {
			return err
		}
		next++
	}
	return atomicfile.Write(e, filepath.Join(to, fmt.Sprintf("%08d.jsonl", next)), missing)
}
