package worker

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxLine is the longest line that is taken: an invocation's body is at most 25 MB
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html), and a line holds one.
const maxLine = 32 << 20

// record is one line of an input file, taken apart. The slices are parts of the line.
type record struct {
	id    []byte // the JSON string, unchanged, or empty
	input []byte // the JSON object, unchanged
}

// parseRecord checks the form that Validating requires: an object with a modelInput that is an object, and a recordId
// that, if there, is a string (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html). Whether
// modelInput suits the model is found out when the model answers.
func parseRecord(line []byte) (record, error) {
	var r record
	dec := jsontext.NewDecoder(bytes.NewBuffer(line), jsontext.AllowDuplicateNames(true))
	if dec.PeekKind() != '{' {
		return r, badLine(dec, "is not a JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return r, fmt.Errorf("is not valid JSON: %w", err)
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return r, fmt.Errorf("is not valid JSON: %w", err)
		}
		member := name.String()
		value, err := dec.ReadValue()
		if err != nil {
			return r, fmt.Errorf("is not valid JSON: %w", err)
		}
		end := dec.InputOffset()
		raw := line[end-int64(len(value)) : end]
		switch member {
		case "recordId":
			if raw[0] != '"' {
				return r, errors.New("has a recordId that is not a string")
			}
			r.id = raw
		case "modelInput":
			if raw[0] != '{' {
				return r, errors.New("has a modelInput that is not a JSON object")
			}
			r.input = raw
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return r, fmt.Errorf("is not valid JSON: %w", err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return r, errors.New("holds more than one JSON value")
	}
	if r.input == nil {
		return r, errors.New("has no modelInput")
	}
	return r, nil
}

func badLine(dec *jsontext.Decoder, otherwise string) error {
	if _, err := dec.ReadToken(); err != nil {
		return fmt.Errorf("is not valid JSON: %w", err)
	}
	return errors.New(otherwise)
}

// idText is the recordId as a string.
func (r record) idText() (string, error) {
	id, err := jsontext.AppendUnquote(nil, r.id)
	return string(id), err
}

// givenID is the recordId that a record without one gets: 11 alphanumeric characters, as AWS's older pages describe
// them, and the same whenever the job comes to that record.
func givenID(jobID string, index int64) string {
	sum := sha256.Sum256([]byte(jobID + "/" + strconv.FormatInt(index, 10)))
	return base32.StdEncoding.EncodeToString(sum[:])[:11]
}

// errLongLine says that a line is longer than maxLine.
var errLongLine = fmt.Errorf("is longer than %d bytes", maxLine)

// lineBuffer holds most lines whole; every open job has two.
const lineBuffer = 64 << 10

// lines reads the lines of a file that are not blank.
type lines struct {
	r      *bufio.Reader
	buf    []byte
	number int64 // of the line last read, from 1
	blank  int64 // of the first blank line since then, or 0
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, lineBuffer)} }

// next gives the next line without its end. It is valid until the next call. At the end of the file it gives io.EOF.
func (l *lines) next() ([]byte, error) {
	l.blank = 0
	for {
		line, err := l.read()
		if err != nil {
			return nil, err
		}
		l.number++
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
		if l.blank == 0 {
			l.blank = l.number
		}
	}
}

func (l *lines) read() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf) == 0 && err == nil {
			return trimEnd(part), nil // most lines fit in the reader's buffer
		}
		l.buf = append(l.buf, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(l.buf) > 0:
			return trimEnd(l.buf), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(l.buf) > maxLine:
			return nil, errLongLine
		}
	}
}

func trimEnd(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}
