package records

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Attempt is one record that was sent for a document.
type Attempt struct {
	RecordID quarry.RecordID
	Shard    quarry.ShardID
	Pass     int
	Part     int // of a long document, from 1; 0: the whole of it, or the merge
	Job      quarry.JobARN
	JobName  string
	Mode     quarry.Mode
	Class    quarry.Class
	Result   quarry.Result // of this attempt: message, tokens, cost
	// ModelInput is the echo in the output; nil: an on-demand call, or the output has none.
	ModelInput  []byte
	ModelOutput []byte // as it came; nil: there is none
	Raw         string // FILE:LINE of the output; empty: there is no line
}

// Attempts gives all attempts at a document, in the order in which they were made, with the raw output of each. It reads the journals and the
// output of their shards up to the record: for shards of 100,000 records that takes seconds.
func (s *Store) Attempts(ctx context.Context, id quarry.DocumentID) (all []Attempt, err error) {
	s.files.RLock()
	defer s.files.RUnlock()
	order, res, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	t, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	for i := range t.rows {
		row := &t.rows[i]
		if row.Times.Collected.IsZero() || !mayHold(row, t.pass, order, res) {
			continue
		}
		found, err := s.attemptsIn(ctx, row, id, stem(res.RecordID))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mayHold reports whether a shard may have sent a record of a document: one of the pass whose stretch it is in, or the one that its answer is
// from, where that is of an earlier pass.
func mayHold(row *ledger.Shard, pass int, order int64, res *quarry.Result) bool {
	switch {
	case row.Pass > pass:
		return false
	case row.Pass < pass && res.Job == "": // calls have no job
		return row.Job.ARN == ""
	case row.Pass < pass:
		return string(row.Job.ARN) == res.Job || slices.ContainsFunc(row.Past, func(j ledger.Job) bool { return string(j.ARN) == res.Job })
	}
	return res.SameAs != "" || len(row.Sources) > 0 || row.Kind == quarry.RetryShard || row.First <= order && order <= row.Last
}

// stem is what all recordIds of a document's request have in common; empty: it has none.
func stem(id quarry.RecordID) string {
	whole := string(id.Whole())
	if at := strings.LastIndex(whole, "-a"); at >= 0 {
		return whole[:at]
	}
	return ""
}

func (s *Store) attemptsIn(ctx context.Context, row *ledger.Shard, id quarry.DocumentID, of string) (found []Attempt, err error) {
	want := []byte(of)
	if of == "" {
		want = jsonl.AppendQuoted(nil, id)
	}
	var reader lines.Reader
	err = eachLine(ctx, s.shardFiles().Journal(row.ID), want, func(line []byte) error {
		var o shardfile.Outcome
		if err := reader.Read(line, &o); err != nil {
			return fmt.Errorf("read the journal of shard %s: %w", row.ID, err)
		}
		if o.Result.ID != id && stem(o.RecordID) != of || o.RecordID == "" {
			return nil
		}
		found = append(found, Attempt{
			RecordID: o.RecordID, Shard: row.ID, Pass: row.Pass, Part: o.RecordID.PartNumber(), Job: row.Job.ARN, JobName: row.Job.Name, Mode: row.Mode,
			Class: o.Class, Result: o.Result,
		})
		return nil
	})
	if err != nil || len(found) == 0 {
		return found, err
	}
	return found, s.rawOf(ctx, row, found)
}

// rawOf adds the lines of output to attempts of one shard.
func (s *Store) rawOf(ctx context.Context, row *ledger.Shard, found []Attempt) error {
	missing := len(found)
	for n := row.Attempt; n >= 0 && missing > 0; n-- {
		path := s.shardFiles().Raw(row.ID, n)
		if s.cfg.Fetch != nil {
			if err := s.cfg.Fetch(ctx, path); err != nil {
				return err
			}
		}
		out, err := collect.Open(path)
		if err != nil {
			return err
		}
		for _, path := range out.Files {
			if missing == 0 {
				break
			}
			if err := rawIn(ctx, path, found, &missing); err != nil {
				return err
			}
		}
	}
	return nil
}

// errEnough ends a walk over lines.
var errEnough = errors.New("enough")

func rawIn(ctx context.Context, path string, found []Attempt, missing *int) error {
	var c jsonl.Checker
	n := int64(0)
	err := eachLine(ctx, path, nil, func(line []byte) error {
		n++
		for i := range found {
			a := &found[i]
			if a.Raw != "" || !bytes.Contains(line, []byte(a.RecordID)) {
				continue
			}
			l, err := collect.Parse(&c, line)
			if err != nil || l.RecordID != a.RecordID {
				continue // what cannot be read is named in the shard's row
			}
			a.ModelInput, a.ModelOutput = slices.Clone(l.ModelInput), slices.Clone(l.ModelOutput)
			a.Raw = fmt.Sprintf("%s:%d", path, n)
			if *missing--; *missing == 0 {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) || errors.Is(err, io.ErrUnexpectedEOF) { // damaged output is read as far as it goes
		return nil
	}
	return err
}

// eachLine gives the lines of a file that have a text in them; nil: all lines. A line holds until the next one.
func eachLine(ctx context.Context, path string, having []byte, fn func(line []byte) error) error {
	in, err := lines.Open(path)
	if err != nil {
		return lines.Damaged(path, err)
	}
	defer func() { _ = in.Close() }()
	r := bufio.NewReaderSize(in, 1<<20)
	var long []byte
	for n := 0; ; n++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			for long = long[:0]; errors.Is(err, bufio.ErrBufferFull); line, err = r.ReadSlice('\n') {
				long = append(long, line...)
			}
			long = append(long, line...)
			line = long
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 && (having == nil || bytes.Contains(line, having)) {
			if err := fn(line); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		if n%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
