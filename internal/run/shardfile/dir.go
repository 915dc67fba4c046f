// Package shardfile reads and writes the files of one shard.
//
// It owns their paths and the form of their lines: the input file, the shard's part of the index, the calls that were made for
// it, its journal of outcomes and its retry queue. It does not decide what is sent, judges no answer, and knows neither the
// ledger nor a provider. What always holds: a file is complete or absent, except the calls, of which each line is durable
// before its effect is relied upon; memory holds a line, or for one shard the places of its records.
package shardfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
)

// Dir is the directory of the files of a run's shards.
type Dir struct {
	effects *effect.Effects
	dir     string // of the run
	inputs  string // of the input files, if they have their own; empty: in the run's directory

	commit func(context.Context) error // makes what was written durable elsewhere too; nil: it is in the run's directory alone
}

// In gives the files of the run in a directory. built, unless it is empty, is the directory of the input files alone.
func In(e *effect.Effects, run, built string) Dir {
	return Dir{effects: e, dir: run, inputs: built}
}

// Committing gives the same files, of which calls are relied upon only when commit has made them durable where other machines find them.
func (d Dir) Committing(commit func(context.Context) error) Dir {
	d.commit = commit
	return d
}

// Input is the shard's input file.
func (d Dir) Input(id quarry.ShardID) string {
	if d.inputs != "" {
		return filepath.Join(d.inputs, string(id)+".jsonl")
	}
	return filepath.Join(d.dir, "shards", string(id)+".jsonl")
}

// Base holds, for a shard of further attempts, the modelInput of the first one.
func (d Dir) Base(id quarry.ShardID) string {
	return filepath.Join(d.dir, "shards", string(id)+".base.jsonl.zst")
}

// Part is the shard's part of the index.
func (d Dir) Part(id quarry.ShardID) string {
	return filepath.Join(d.dir, "index", "parts", string(id)+".jsonl.zst")
}

// Journal has the outcome of each of the shard's records, in the order of the sources.
func (d Dir) Journal(id quarry.ShardID) string {
	return filepath.Join(d.dir, "journal", string(id)+".jsonl.zst")
}

// Queue has the records that need another attempt, in the same order.
func (d Dir) Queue(id quarry.ShardID) string {
	return filepath.Join(d.dir, "journal", string(id)+".left.jsonl.zst")
}

// Unbuilt has the outcome of each record that was planned and not built, in the same order.
func (d Dir) Unbuilt(id quarry.ShardID) string {
	return filepath.Join(d.dir, "journal", string(id)+".unbuilt.jsonl.zst")
}

// Calls are the on-demand calls that were made for the shard.
func (d Dir) Calls(id quarry.ShardID) string {
	return filepath.Join(d.dir, "journal", string(id)+".calls.jsonl")
}

// CallParts is the folder of the lines of Calls as they became durable elsewhere, a file for those that became so together; see
// Committing.
func (d Dir) CallParts(id quarry.ShardID) string {
	return filepath.Join(d.dir, "journal", string(id)+".calls")
}

// Remove removes what was written for a shard that was dropped before it was sent.
func (d Dir) Remove(id quarry.ShardID) error {
	for _, path := range []string{d.Input(id), d.Base(id), d.Part(id), d.Queue(id), d.Journal(id), d.Unbuilt(id)} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := d.effects.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// Raw is the folder of the output of the shard's nth job, or of its calls, as it came.
func (d Dir) Raw(id quarry.ShardID, attempt int) string {
	return filepath.Join(d.dir, "raw", fmt.Sprintf("%s-a%d", id, attempt))
}
