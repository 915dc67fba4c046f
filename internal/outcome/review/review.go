// Package review keeps what people say of a run: marks of its answers, corrected answers, and approvals of what it sends.
//
// It owns four files of a run directory: review.jsonl (marks), overrides.jsonl (corrected answers), question.json (what the run
// waits for) and approvals.jsonl. It does not own the results: results.jsonl keeps the model's answers, and a View shows them with
// the corrections. It knows no ledger and no page.
//
// What always holds: the files of lines only grow, and of two lines about the same answer the later counts; a line is whole, or it
// is cut off by the next writer; several processes may write at the same time, also while the run's own process is at work; a
// mark belongs to one answer, and a correction to one text, so they count no longer when the article changes; an approval counts for the
// question that was shown, and for no other.
package review

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
)

// The files in the run directory.
const (
	MarksFile     = "review.jsonl"
	OverridesFile = "overrides.jsonl"
	QuestionFile  = "question.json"
	ApprovalsFile = "approvals.jsonl"
	LockFile      = "review.lock"
)

// Bounds of what a person writes, in bytes.
const (
	MaxNote   = 20_000
	MaxAnswer = 4 << 20
	maxWho    = 200
)

// Dir is the review of one run directory. Its methods are safe for concurrent use, also by several processes.
type Dir struct {
	Path    string
	Effects *effect.Effects
	// Check reports why a corrected answer does not fit the answer schema. nil: the answers of the run are texts.
	Check func(output json.RawMessage) error
	// Elsewhere keeps what people say where all machines find it; the directory has copies then. nil: the directory is the only place.
	Elsewhere Elsewhere
}

// Elsewhere is where the review of a run is that any machine can continue. Safe for concurrent use, also by several machines.
type Elsewhere interface {
	// Question gives what the run waits for, without its text; nil: for nothing.
	Question(ctx context.Context) (*Question, error)
	// Ask makes a question what the run waits for; nil: it waits for nothing. Only the process that works on the run calls it.
	Ask(ctx context.Context, q *Question) error
	// Approval gives the approval of a question; nil: there is none.
	Approval(ctx context.Context, q *Question) (*Approval, error)
	// Approve keeps an approval, unless still refuses what the run waits for at that moment.
	Approve(ctx context.Context, a *Approval, still func(*Question) error) error
	// Add adds a line to a file of lines.
	Add(ctx context.Context, file string, line []byte) error
	// Update brings the copy of a file of lines up to date.
	Update(ctx context.Context, file string) error
}

// Ref names one answer: the document, and the text that was answered.
type Ref struct {
	ID quarry.DocumentID `json:"id"`
	// Key is the document's key as a recordId has it, 12 hex digits: it is another one when the article changes.
	Key string `json:"key"`
}

// RefOf names the answer of a result. ok is false if the result does not say which text it answers: a given answer, and one that was
// taken from a text that is only nearly the same.
func RefOf(r *quarry.Result) (ref Ref, ok bool) {
	prefix, ours := r.RecordID.KeyPrefix()
	if !ours || r.Similarity > 0 {
		return Ref{}, false
	}
	return Ref{ID: r.ID, Key: hex.EncodeToString(prefix[:])}, true
}

// check refuses a name that no answer can have.
func (r Ref) check() error {
	key, err := hex.DecodeString(r.Key)
	switch {
	case r.ID == "" || !utf8.ValidString(string(r.ID)):
		return errors.New("no document is named")
	case err != nil || len(key) != 6 || strings.ToLower(r.Key) != r.Key:
		return fmt.Errorf("the answer to document %s has no key: it does not say which text it answers", r.ID)
	}
	return nil
}

// refused is the error of what cannot be kept.
func refused(op string, id quarry.DocumentID, err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: op, Subject: string(id), Err: err, Hint: hint}
}

// author checks the name of a person.
func author(who string) error {
	if strings.TrimSpace(who) == "" || len(who) > maxWho || !utf8.ValidString(who) {
		return fmt.Errorf("a person's name has at least 1 byte and at most %s, in UTF-8", figure.Count(maxWho, "byte"))
	}
	return nil
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func (d *Dir) file(name string) string { return filepath.Join(d.Path, name) }

// patience is how long a writer waits for the others, each of which writes one line.
const patience = 10 * time.Second

// add appends a line to a file, durably.
func (d *Dir) add(ctx context.Context, name string, value any) (err error) {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if d.Elsewhere != nil {
		return d.Elsewhere.Add(ctx, name, line.Bytes())
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	release, err := d.Effects.WaitLock(ctx, d.file(LockFile))
	if errors.Is(err, effect.ErrLocked) {
		return &quarry.Error{
			Kind: quarry.Locked, Op: "write", Subject: d.file(name), Err: fmt.Errorf("another process holds %s", d.file(LockFile)),
			Hint: "end the process that holds it, then try again",
		}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	path := d.file(name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return atomicfile.Write(d.Effects, path, line.Bytes()) // its name is durable too
	}
	f, err := d.Effects.Append(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := cutTorn(f); err != nil {
		return err
	}
	if _, err := f.Write(line.Bytes()); err != nil {
		return err
	}
	return f.Sync()
}

// cutTorn removes what follows the last line: a process died while it wrote there.
func cutTorn(f *effect.OutFile) error {
	info, err := f.File().Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	block := make([]byte, 64<<10)
	for end := size; end > 0; {
		from := max(0, end-int64(len(block)))
		part := block[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			if whole := from + int64(i) + 1; whole < size {
				return f.Truncate(whole)
			}
			return nil
		}
		end = from
	}
	if size == 0 {
		return nil
	}
	return f.Truncate(0)
}

// line is one line of a file, its number from 1, and the place of its first byte.
type line struct {
	text []byte
	n    int
	at   int64
}

// each reads the whole lines of a file as values. A line holds until the next one.
func each[T any](ctx context.Context, path string, f io.Reader, do func(value *T, l line) error) error {
	in := bufio.NewReaderSize(f, 64<<10)
	l := line{}
	for next := int64(0); ; {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) { // the rest is not written yet, or never will be
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		l.text, l.n, l.at = text[:len(text)-1], l.n+1, next
		next += int64(len(text))
		if jsonl.Blank(l.text) {
			continue
		}
		var value T
		if err = jsonl.Check(l.text); err == nil {
			err = json.Unmarshal(l.text, &value)
		}
		if err != nil {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "read", Subject: fmt.Sprintf("%s:%d", path, l.n), Err: err,
				Hint: "Quarry did not write this line: remove it, or bring the file back from a copy",
			}
		}
		if err := do(&value, l); err != nil {
			return err
		}
	}
}

// open opens a file of lines for reading; nil where it does not exist.
func (d *Dir) open(ctx context.Context, name string) (*os.File, error) {
	if d.Elsewhere != nil {
		if err := d.Elsewhere.Update(ctx, name); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// tooLong is the error of a text that is longer than it may be.
func tooLong(what string, got, most int) error {
	return fmt.Errorf("%s has %s; at most %s are kept", what, figure.Count(int64(got), "byte"), figure.Thousands(int64(most)))
}
