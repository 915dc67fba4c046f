package review

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
)

// View reads results.jsonl with the corrected answers in the place of the model's. A corrected result has status ok, no error, and
// says who corrected it and when. Lines without a correction are given as they are. One goroutine at a time.
type View struct {
	Results   io.ReadSeeker
	Overrides *Overrides
	// Only keeps the results that a person marked right or corrected.
	Only bool
	// Marks are those that Only looks at.
	Marks Marks

	in     *bufio.Reader
	n      int64 // lines with a corrected answer
	line   int64
	at     int64 // bytes given so far
	rest   []byte
	out    []byte
	reader resultline.Reader
}

// Seek goes back to the start, or gives the position. It can do nothing else: no line has a place before it is read.
func (v *View) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekCurrent && offset == 0:
		return v.at, nil
	case whence != io.SeekStart || offset != 0:
		return v.at, errors.New("results with corrections are read from their start")
	}
	_, err := v.Results.Seek(0, io.SeekStart)
	v.in, v.line, v.at, v.n, v.rest = nil, 0, 0, 0, nil
	return 0, err
}

// Read gives the next bytes of the lines.
func (v *View) Read(p []byte) (int, error) {
	if v.in == nil {
		v.in = bufio.NewReaderSize(v.Results, 1<<20)
	}
	for len(v.rest) == 0 {
		line, err := v.in.ReadBytes('\n')
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return 0, err
		}
		v.line++
		if v.rest, err = v.shown(line); err != nil {
			return 0, fmt.Errorf("results.jsonl:%d: %w", v.line, err)
		}
	}
	n := copy(p, v.rest)
	v.rest = v.rest[n:]
	v.at += int64(n)
	return n, nil
}

// Corrected is how many corrected answers were given since the start.
func (v *View) Corrected() int64 {
	if v == nil {
		return 0
	}
	return v.n
}

// Unreviewed reports that only reviewed answers are read, and that people have neither marked an answer right nor corrected one.
func (v *View) Unreviewed() bool {
	return v.Only && v.Overrides.Len() == 0 && !slices.ContainsFunc(v.Marks.All(), func(m Mark) bool { return m.Verdict == Right })
}

// shown is a line as it is given; nothing where it is left out.
func (v *View) shown(line []byte) ([]byte, error) {
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return line, nil
	}
	ref, record, ok, err := refOfLine(text)
	if err != nil { // the reader of the lines names what is wrong
		return line, nil
	}
	var one Override
	corrected := false
	if ok {
		if one, corrected, err = v.Overrides.Of(ref); err != nil {
			return nil, err
		}
	}
	if !corrected {
		if mark, _ := v.Marks.Of(ref, record, false); v.Only && mark.Verdict != Right {
			return nil, nil
		}
		return line, nil
	}
	var r quarry.Result
	if err := v.reader.Read(text, &r); err != nil {
		return nil, err
	}
	one.apply(&r)
	v.n++
	if v.out, err = resultline.Append(v.out[:0], &r); err != nil {
		return nil, err
	}
	v.out = append(v.out, '\n')
	return v.out, nil
}

// apply puts the corrected answer in the place of the model's.
func (o *Override) apply(r *quarry.Result) {
	r.Status, r.Error = quarry.StatusOK, nil
	r.Output, r.Text = o.Output, o.Text
	r.CorrectedBy, r.CorrectedAt = o.Who, quarry.Timestamp(o.At)
}

// refOfLine names the answer of a line of results.jsonl, and its attempt, without reading all of it.
func refOfLine(text []byte) (Ref, quarry.RecordID, bool, error) {
	if err := jsonl.Check(text); err != nil {
		return Ref{}, "", false, err
	}
	var r quarry.Result
	var values jsonl.Values
	if id, ok := jsonl.Lookup(text, "id"); ok {
		jsonl.Text(&values, id, &r.ID)
	}
	if id, ok := jsonl.Lookup(text, "record_id"); ok {
		jsonl.Text(&values, id, &r.RecordID)
	}
	if _, near := jsonl.Lookup(text, "similarity"); near {
		return Ref{}, "", false, values.Err()
	}
	ref, ok := RefOf(&r)
	return ref, r.RecordID, ok, values.Err()
}
