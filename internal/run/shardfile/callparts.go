package shardfile

import (
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
