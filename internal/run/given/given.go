// Package given reads a file of existing answers (--known).
//
// It owns which forms such a file may have; its content says which it is: JSON lines with id and output, a table (CSV) with these columns or one
// that quarry export wrote, and Bedrock's output of a job. It does not know which documents there are. What always holds: a line
// that says nothing about an answer is an *quarry.ItemError, and the lines after it are read; an answer that its own file calls bad is
// no answer.
package given

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/answers"
)

// Config says what is read, and how a model's raw output is checked.
type Config struct {
	Path string
	// Judges are tried one after the other at an output line of Bedrock's; the first that finds a good answer counts.
	Judges []answers.Judge
	Schema json.RawMessage // of the answers: which columns of a table are no texts. Empty: all are
}

// Answer is a good answer.
type Answer struct {
	ID quarry.DocumentID // empty: only Record says what it is about
	// Record is the recordId of a line of Bedrock's output: a document's id, or a name that a run made (see [quarry.RecordID]).
	Record quarry.RecordID
	Output json.RawMessage
	Text   string
}

// Counts is what was passed over.
type Counts struct {
	Bad   int64 // lines without a good answer: errors, answers that do not pass the checks, results that are not ok
	Parts int64 // answers about parts of long documents
}

// maxLine bounds one line: Bedrock's repeats the request.
const maxLine = 512 << 20

// Read reads the file. Errors of lines are *quarry.ItemError; any other error ends it.
func Read(ctx context.Context, cfg Config, counts *Counts) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		f, err := collect.OpenOutput(cfg.Path)
		if err != nil {
			yield(Answer{}, cfg.refused(err))
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 64<<10)
		if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
			_, _ = in.Discard(len(mark)) // it was peeked at
		}
		first, err := firstByte(in)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			yield(Answer{}, fmt.Errorf("read known answers %s: %w", cfg.Path, err))
		case errors.Is(err, io.EOF):
			yield(Answer{}, cfg.refused(errors.New("it is empty")))
		case first == '[':
			yield(Answer{}, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read known answers", Subject: cfg.Path, Err: errors.New("it is one JSON array"),
				Hint: "write one object per line, for example with: jq -c '.[]' " + cfg.Path,
			})
		case first == '{':
			readLines(ctx, cfg, in, counts, yield)
		default:
			readTable(ctx, cfg, in, counts, yield)
		}
	}
}

func (c *Config) refused(err error) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "read known answers", Subject: c.Path, Err: err, Hint: hint}
}

const hint = "name a JSONL file with id and output, a CSV file with these columns, an export of quarry export, or the .jsonl.out of a job"

// firstByte looks at the first byte that is no blank.
func firstByte(in *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		head, err := in.Peek(n)
		if len(head) == n {
			if c := head[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return c, nil
			}
			if n < in.Size() {
				continue
			}
			return ' ', nil
		}
		return 0, err
	}
}

// readLines reads JSON lines. Each may be of another form.
func readLines(ctx context.Context, cfg Config, in io.Reader, counts *Counts, yield func(Answer, error) bool) {
	var check jsonl.Checker
	for chunk, err := range jsonl.Chunks(ctx, in, jsonl.Place{}, maxLine) {
		if err != nil {
			yield(Answer{}, fmt.Errorf("read known answers %s: %w", cfg.Path, err))
			return
		}
		for l := range chunk.Lines() {
			if jsonl.Blank(l.Text) {
				continue
			}
			a, reason := cfg.line(&check, l.Text, counts)
			if reason == "" && a == nil {
				continue
			}
			if reason != "" {
				if !yield(Answer{}, cfg.fault(l.Line, reason)) {
					return
				}
			} else if !yield(*a, nil) {
				return
			}
		}
	}
}

func (c *Config) fault(line int64, reason string) error {
	return &quarry.ItemError{At: quarry.Position{File: c.Path, Line: line}, Reason: reason}
}

// line reads one line; nil without a reason: it holds no good answer.
func (c *Config) line(check *jsonl.Checker, text []byte, counts *Counts) (a *Answer, reason string) {
	object, err := check.Object(text)
	if err != nil {
		return nil, err.Error()
	}
	members := map[string][]byte{}
	for i := range object {
		members[string(object[i].Name)] = object[i].Value
	}
	if members["recordId"] != nil && members["id"] == nil {
		return c.outputLine(check, text, counts)
	}
	id, reason := idOf(members["id"])
	if reason != "" {
		return nil, reason
	}
	a = &Answer{ID: id}
	if failed(string(members["status"])) {
		counts.Bad++
		return nil, ""
	}
	if output := members["output"]; output != nil && string(output) != "null" {
		a.Output = bytes.Clone(output)
		return a, ""
	}
	if err := json.Unmarshal(orNull(members["text"]), &a.Text); err != nil || a.Text == "" {
		return nil, "it has an id but neither output nor text"
	}
	return a, ""
}

// failed reports whether a status, as JSON, is that of a result without a good answer. Others have a status too, of a post for
// example, which says nothing about an answer.
func failed(status string) bool {
	switch status {
	case `"invalid"`, `"failed"`, `"skipped"`:
		return true
	}
	return false
}

func orNull(value []byte) []byte {
	if value == nil {
		return []byte("null")
	}
	return value
}

// idOf reads an id: a text, or a number as it is written, as sources do.
func idOf(value []byte) (quarry.DocumentID, string) {
	switch {
	case value == nil:
		return "", "it has no id"
	case value[0] == '-' || (value[0] >= '0' && value[0] <= '9'):
		return quarry.DocumentID(value), ""
	}
	var id string
	if value[0] != '"' || json.Unmarshal(value, &id) != nil {
		return "", "its id is not a string or a number"
	}
	if id == "" {
		return "", "its id is empty"
	}
	return quarry.DocumentID(id), ""
}

// outputLine reads a line of Bedrock's output.
func (c *Config) outputLine(check *jsonl.Checker, text []byte, counts *Counts) (*Answer, string) {
	line, err := collect.Parse(check, text)
	if err != nil {
		return nil, err.Error()
	}
	if line.RecordID.PartNumber() > 0 {
		counts.Parts++
		return nil, ""
	}
	for i := range c.Judges {
		found := c.Judges[i].Line(&answers.Job{}, line, answers.Place{})
		if res := &found.Outcome.Result; found.Outcome.Class == quarry.ClassOK {
			return &Answer{Record: line.RecordID, Output: res.Output, Text: res.Text}, ""
		}
	}
	counts.Bad++
	return nil, ""
}
