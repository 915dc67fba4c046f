package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/fields"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
)

// Counts says what became of the results.
type Counts struct {
	Rows int64 // results that are in the file
	// Unanswered results met the conditions, but the format holds only good answers.
	Unanswered int64
}

// File writes the results, lines of results.jsonl, to a file of a format. The results are
// read twice, first for the columns: what cannot be rewound is kept next to path for as long as that takes. An error
// leaves nothing at path that was not there before.
func File(ctx context.Context, e *effect.Effects, results io.Reader, format, path string, cfg Config) (n Counts, err error) {
	if !Known(format) {
		_, err := Create(ctx, e, format, path, nil, cfg)
		return n, err
	}
	again, err := rewindable(ctx, e, results, path+".input.tmp")
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, again.close()) }()
	columns, err := Find(ctx, again, cfg)
	if err != nil {
		return n, err
	}
	if err := again.rewind(); err != nil {
		return n, err
	}
	w, err := Create(ctx, e, format, path, columns, cfg)
	if err != nil {
		return n, err
	}
	defer w.Abort()
	if n, err = write(ctx, w, again, format, cfg.Where); err != nil {
		return n, fmt.Errorf("export to %s: %w", path, err)
	}
	return n, w.Close(ctx)
}

func write(ctx context.Context, w Writer, results io.Reader, format string, where *fields.Filter) (n Counts, err error) {
	for r, err := range Results(ctx, results) {
		switch {
		case err != nil:
			return n, err
		case where != nil && !where.Keep(r.Line):
			continue
		case answersOnly(format) && r.Status != quarry.StatusOK:
			n.Unanswered++
			continue
		}
		if err := w.Write(ctx, r); err != nil {
			return n, err
		}
		n.Rows++
	}
	return n, nil
}

// Results reads the lines of results.jsonl. A line that is no result ends them with an error that wraps ErrNotOurs.
func Results(ctx context.Context, r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var check jsonl.Checker
		for l, err := range lines(ctx, r) {
			if err != nil {
				yield(Row{}, err)
				return
			}
			res, err := parseResult(&check, l.Text)
			if err != nil {
				yield(Row{}, fmt.Errorf("read results line %d: %w: %w", l.Line, ErrNotOurs, err))
				return
			}
			if !yield(Row{res, l.Text}, nil) {
				return
			}
		}
	}
}

func parseResult(check *jsonl.Checker, line []byte) (*quarry.Result, error) {
	// encoding/json repairs broken UTF-8 and takes the last of two members of a name; a result has neither.
	if err := check.Check(line); err != nil {
		return nil, err
	}
	var res quarry.Result
	if err := json.Unmarshal(line, &res); err != nil {
		return nil, err
	}
	if res.ID == "" {
		return nil, errors.New("no id")
	}
	switch res.Status {
	case quarry.StatusOK, quarry.StatusInvalid, quarry.StatusFailed, quarry.StatusSkipped:
		return &res, nil
	}
	return nil, fmt.Errorf("status %s is unknown", jsonl.Quote([]byte(res.Status)))
}

// lines gives the lines that are not blank.
func lines(ctx context.Context, r io.Reader) iter.Seq2[jsonl.Line, error] {
	return func(yield func(jsonl.Line, error) bool) {
		for chunk, err := range jsonl.Chunks(ctx, r, jsonl.Place{}, maxLineBytes) {
			if err == nil && chunk.Skipped > 0 {
				err = fmt.Errorf("line %d has %s, more than %s", chunk.Line, figure.Count(chunk.Skipped, "byte"), figure.Thousands(maxLineBytes))
			}
			if err != nil {
				yield(jsonl.Line{}, fmt.Errorf("read results: %w", err))
				return
			}
			for line := range chunk.Lines() {
				if !jsonl.Blank(line.Text) && !yield(line, nil) {
					return
				}
			}
		}
	}
}

// input is results that can be read twice.
type input struct {
	io.Reader
	rewind func() error
	close  func() error
}

// rewindable makes it so: a file is rewound, what comes from a pipe is kept at spool.
func rewindable(ctx context.Context, e *effect.Effects, results io.Reader, spool string) (*input, error) {
	if s, ok := results.(io.Seeker); ok {
		if start, err := s.Seek(0, io.SeekCurrent); err == nil {
			rewind := func() error {
				if _, err := s.Seek(start, io.SeekStart); err != nil {
					return fmt.Errorf("read results again: %w", err)
				}
				return nil
			}
			return &input{Reader: results, rewind: rewind, close: func() error { return nil }}, nil
		}
	}
	w, err := atomicfile.Create(e, spool) // never committed: it goes when it is aborted
	if err != nil {
		return nil, fmt.Errorf("keep results: %w", err)
	}
	if _, err := io.Copy(w, withContext{ctx, results}); err != nil {
		w.Abort()
		return nil, fmt.Errorf("keep results: %w", err)
	}
	section := io.NewSectionReader(w, 0, math.MaxInt64)
	rewind := func() error {
		_, err := section.Seek(0, io.SeekStart)
		return err
	}
	return &input{Reader: section, rewind: rewind, close: func() error { w.Abort(); return nil }}, nil
}

// withContext ends a copy between two reads when its context ends.
type withContext struct {
	ctx context.Context
	r   io.Reader
}

func (r withContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
