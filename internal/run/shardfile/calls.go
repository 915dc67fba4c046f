package shardfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/lines"
)

// On-demand calls cannot be queried afterwards. So each is written down before it is made, and its answer when it has
// come, in one append-only file in the form of a job's output. A call that was begun and has no answer in the file when
// the run resumes may have been paid: it is called again, once for a record, and audit lists it.

// Call is one line of a shard's calls: the intent, or what came of it.
type Call struct {
	RecordID    quarry.RecordID `json:"recordId"`
	Intent      int             `json:"intent,omitempty"` // number of the call for this record, from 1
	ModelOutput json.RawMessage `json:"modelOutput,omitempty"`
	Error       *CallError      `json:"error,omitempty"`
}

// CallError says why a call has no answer, as the error of a job's line of output does.
type CallError struct {
	Code    int    `json:"errorCode"`
	Message string `json:"errorMessage"`
}

// NoReply begins the error of a record of which two calls had no reply.
const NoReply = "no reply to two on-demand calls"

// Resent gives the records of a shard of which a call had no reply and was made again, from its sealed journal of calls. None if the
// shard was not sent by calls.
func (d Dir) Resent(id quarry.ShardID) (map[quarry.RecordID]bool, error) {
	type call struct {
		RecordID quarry.RecordID `json:"recordId"`
		Intent   int             `json:"intent"`
	}
	return recordsOf(d.Calls(id)+".zst", func(c *call) (quarry.RecordID, bool) { return c.RecordID, c.Intent > 1 })
}

// ResentBefore gives the records of a shard of which a call of an earlier attempt was made again.
func (d Dir) ResentBefore(id quarry.ShardID) (map[quarry.RecordID]bool, error) {
	type part struct {
		RecordID quarry.RecordID `json:"record_id"`
		Resent   bool            `json:"resent"`
	}
	return recordsOf(d.Part(id), func(p *part) (quarry.RecordID, bool) { return p.RecordID, p.Resent })
}

// recordsOf gives the records that lines of a file name.
func recordsOf[T any](path string, named func(*T) (quarry.RecordID, bool)) (map[quarry.RecordID]bool, error) {
	records := map[quarry.RecordID]bool{}
	for line, err := range lines.Read[T](path) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		if id, ok := named(&line); ok {
			records[id] = true
		}
	}
	return records, nil
}

// OpenCalls reads which calls were made before and opens the file for more: which records have an answer, and the number of the last
// call that was begun for each. A torn last line is cut off: its call was not made, or its answer is requested again. The log
// is to be closed.
func (d Dir) OpenCalls(
	ctx context.Context, id quarry.ShardID,
) (log *CallLog, answered map[quarry.RecordID]bool, begun map[quarry.RecordID]int, err error) {
	path := d.Calls(id)
	if err := d.effects.MkdirAll(filepath.Dir(path)); err != nil {
		return nil, nil, nil, err
	}
	answered, begun = map[quarry.RecordID]bool{}, map[quarry.RecordID]int{}
	f, err := d.effects.Append(path)
	if err != nil {
		return nil, nil, nil, err
	}
	var whole int64
	for line, err := range lines.Raw(path) {
		if err != nil {
			return nil, nil, nil, errors.Join(err, f.Close())
		}
		var l Call
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &l) != nil {
			break
		}
		whole += int64(len(line))
		if l.Intent > 0 {
			begun[l.RecordID] = l.Intent
		} else {
			answered[l.RecordID] = true
		}
	}
	if info, err := os.Stat(path); err == nil && info.Size() > whole {
		if err := f.Truncate(whole); err != nil {
			return nil, nil, nil, errors.Join(err, f.Close())
		}
	}
	var parts *callParts
	if d.commit != nil {
		if parts, err = d.openCallParts(context.WithoutCancel(ctx), id); err != nil {
			return nil, nil, nil, errors.Join(err, f.Close())
		}
	}
	return newCallLog(d.effects, f, whole, parts), answered, begun, nil
}

// SealCalls copies what came of the calls into the raw output of the shard's attempt, which it gives, and all lines, the intents with them, into its
// sealed journal of calls, from which audit tells what may have been paid twice.
func (d Dir) SealCalls(id quarry.ShardID, attempt int) (collect.Output, error) {
	dir := d.Raw(id, attempt)
	if err := d.effects.MkdirAll(dir); err != nil {
		return collect.Output{}, err
	}
	raw, err := atomicfile.CreateZstd(d.effects, filepath.Join(dir, "calls.jsonl.out.zst"))
	if err != nil {
		return collect.Output{}, err
	}
	defer raw.Abort()
	all, err := atomicfile.CreateZstd(d.effects, d.Calls(id)+".zst")
	if err != nil {
		return collect.Output{}, err
	}
	defer all.Abort()
	for line, err := range lines.Raw(d.Calls(id)) {
		if err != nil {
			return collect.Output{}, err
		}
		var l Call
		if err := json.Unmarshal(line, &l); err != nil {
			return collect.Output{}, fmt.Errorf("read calls of shard %s: %w", id, err)
		}
		if _, err := all.Write(line); err != nil {
			return collect.Output{}, err
		}
		if l.Intent > 0 {
			continue
		}
		if _, err := raw.Write(line); err != nil {
			return collect.Output{}, err
		}
	}
	if err := atomicfile.CommitAll(all, raw); err != nil {
		return collect.Output{}, err
	}
	return collect.Open(dir)
}
