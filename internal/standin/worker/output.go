package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/standin/faults"
)

// writeFiles writes one output file for each input file, in the input's order
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html). It keeps pace with the segment:
// a file appears once the last of its records is finished, and so before others of the job. Records that are not
// finished when the segment is sealed are left out. Doing it again replaces what was written.
func (e *Engine) writeFiles(ctx context.Context, j Job, s *segment) error {
	var first int64
	for _, f := range j.Files {
		if err := e.writeFile(ctx, j, f, s, first); err != nil {
			return fmt.Errorf("write output of %s: %w", f.Key, err)
		}
		first += f.Records
	}
	return nil
}

func (e *Engine) writeFile(ctx context.Context, j Job, f inputFile, s *segment, first int64) (err error) {
	bucket, folder := j.folder()
	w, err := e.cfg.Store.Create(ctx, bucket, folder+f.Output)
	if err != nil {
		return noObject(err, "PutObject", bucket, folder+f.Output)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Abort())
		}
	}()
	out := &shuffler{w: bufio.NewWriterSize(w, lineBuffer)}
	if key := faults.JobKey(j.Number); e.faultsOf(j).Hits(faults.Shuffle, key) {
		seed := uint64(e.faultsOf(j).Detail(faults.Shuffle, key) * (1 << 53))
		out.order = rand.New(rand.NewPCG(seed, uint64(first)))
	}
	var line, body []byte
	index := first
	err = e.eachRecord(ctx, j, f, func(r record) error {
		at := index
		index++
		p := s.await(at)
		if err := ctx.Err(); err != nil {
			return err
		}
		if !p.there || p.flags&isDropped != 0 {
			return nil
		}
		var err error
		if body, err = s.body(p, body); err != nil {
			return err
		}
		if line, err = appendLine(line[:0], j, r, at, p, body); err != nil {
			return err
		}
		if p.flags&isDoubled != 0 {
			if err := out.write(line); err != nil {
				return err
			}
		}
		return out.write(line)
	})
	if err == nil {
		err = out.flush()
	}
	if err != nil {
		return err
	}
	return noObject(w.Commit(), "PutObject", bucket, folder+f.Output)
}

// appendLine makes an output line. recordId and modelInput are echoed byte for byte.
func appendLine(b []byte, j Job, r record, index int64, p place, body []byte) ([]byte, error) {
	b = append(b, `{"recordId":`...)
	if r.id != nil {
		b = append(b, r.id...)
	} else {
		var err error
		if b, err = jsontext.AppendQuote(b, givenID(j.ID, index)); err != nil {
			return nil, err
		}
	}
	b = append(b, `,"modelInput":`...)
	b = append(b, r.input...)
	if p.flags&isError != 0 {
		b = append(b, `,"error":`...)
	} else {
		b = append(b, `,"modelOutput":`...)
	}
	b = append(b, body...)
	return append(b, '}', '\n'), nil
}

func (e *Engine) writeManifest(ctx context.Context, j Job, t tally) error {
	t.put(&j)
	counts := j.Shown()
	b, err := json.Marshal(quarry.Manifest{
		TotalRecordCount: counts.Total, ProcessedRecordCount: counts.Processed,
		SuccessRecordCount: counts.Success, ErrorRecordCount: counts.Error,
		InputTokenCount: t.in, OutputTokenCount: t.out,
	})
	if err != nil {
		return err
	}
	bucket, folder := j.folder()
	w, err := e.cfg.Store.Create(ctx, bucket, path.Join(folder, "manifest.json.out"))
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return errors.Join(fmt.Errorf("write manifest: %w", err), w.Abort())
	}
	return w.Commit()
}

// shuffler writes lines as they come, or, with an order, in another one: it keeps some back and lets a random one of
// them go first.
type shuffler struct {
	w     *bufio.Writer
	order *rand.Rand // nil: as they come
	kept  [][]byte
	bytes int
}

// What a shuffler keeps back at most.
const (
	shuffleLines = 4096
	shuffleBytes = 16 << 20
)

func (s *shuffler) write(line []byte) error {
	if s.order == nil {
		_, err := s.w.Write(line)
		return err
	}
	s.kept = append(s.kept, append([]byte(nil), line...))
	s.bytes += len(line)
	for len(s.kept) > shuffleLines || s.bytes > shuffleBytes {
		if err := s.letGo(); err != nil {
			return err
		}
	}
	return nil
}

func (s *shuffler) letGo() error {
	last := len(s.kept) - 1
	at := s.order.IntN(last + 1)
	line := s.kept[at]
	s.kept[at], s.kept[last] = s.kept[last], nil
	s.kept = s.kept[:last]
	s.bytes -= len(line)
	_, err := s.w.Write(line)
	return err
}

func (s *shuffler) flush() error {
	for len(s.kept) > 0 {
		if err := s.letGo(); err != nil {
			return err
		}
	}
	return s.w.Flush()
}
