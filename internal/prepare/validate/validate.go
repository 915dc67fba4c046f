// Package validate checks files of Bedrock batch input, ours or not, before a job is spent on them.
//
// It owns the rules of the format: what a line must hold, what a recordId may be, what the bodies of a family need,
// how many and how large. Limits and the family of a model come from the caller. It sends nothing, and writes nothing
// but what the caller's Sorter does.
//
// What always holds: all faults are found in one pass, each with file, line and byte; faults come in the order of the
// files and their lines, but that recordIds of which the first came beyond those that are held come after the last file,
// in the same order, and the files' sizes after them; the result is the same for any number of workers; memory does not
// grow with the number of records where there is a Sorter, and by 24 to 48 bytes each where there is none.
package validate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
)

// Config is what files are checked against.
type Config struct {
	// Quotas are the limits of the model; a field that is 0 is not checked.
	Quotas quarry.Quotas
	// Model is the model id that the files are for. Bodies of a model that is not known are checked as far as all bodies
	// have it in common.
	Model string
	// Calls: the records are sent as on-demand calls, which take more than a job does.
	Calls bool
	// Type says whose body modelInput is. Empty: detected from the first record.
	Type quarry.InvocationType
	// MaxLineBytes is the longest line that is read; 0 means 32 MiB. A longer one is a fault and is not held.
	MaxLineBytes int64
	// Workers is how many goroutines check; 0 means one for each processor.
	Workers int
	// HeldIDs is how many recordIds are held in memory; 0 means 196,608, which take 6 MiB.
	HeldIDs int
	// Sorter makes a sorter for the recordIds beyond those, and by another name for those that come again. nil holds all.
	Sorter func(name string) (Sorter, error)
	// Found is called for every fault as it is found, from one goroutine, in the order of the files. nil only counts.
	Found func(Fault)
}

// Validate reports the first setting that cannot be.
func (c Config) Validate() error {
	if c.MaxLineBytes < 0 || c.MaxLineBytes > 1<<30 {
		return fmt.Errorf("longest line of %s: want 1 to %s, or 0 for %s", figure.Count(c.MaxLineBytes, "byte"), figure.Thousands(1<<30),
			figure.Thousands(defaultLineBytes))
	}
	if c.Workers < 0 {
		return fmt.Errorf("%d workers: want 1 or more, or 0 for one a processor", c.Workers)
	}
	if c.HeldIDs < 0 {
		return fmt.Errorf("%d recordIds in memory: want 1 or more, or 0 for %d", c.HeldIDs, heldIDs)
	}
	switch c.Type {
	case "", quarry.InvokeModel, quarry.Converse:
		return nil
	}
	return fmt.Errorf("invocation type %q: want %s or %s", c.Type, quarry.InvokeModel, quarry.Converse)
}

const defaultLineBytes = 32 << 20

// Fault is one thing that is wrong.
type Fault struct {
	File   string `json:"file,omitempty"` // empty: the files together
	Line   int64  `json:"line,omitempty"` // from 1; 0: the file as a whole
	Offset int64  `json:"offset"`         // of the byte in the file that is wrong, from 0
	Reason string `json:"reason"`
	// Warning: the provider is not known to refuse it. Warnings are not counted as faults.
	Warning bool `json:"warning,omitempty"`
}

// String gives "FILE:LINE: reason (byte N)", the form in which people see it.
func (f Fault) String() string {
	if f.Warning {
		return fmt.Sprintf("%s:%d: warning: %s (byte %d)", f.File, f.Line, f.Reason, f.Offset)
	}
	switch {
	case f.File == "":
		return "all files: " + f.Reason
	case f.Line == 0:
		return f.File + ": " + f.Reason
	}
	return fmt.Sprintf("%s:%d: %s (byte %d)", f.File, f.Line, f.Reason, f.Offset)
}

// Report is what was found in all.
type Report struct {
	Files  []File  `json:"files"`
	Limits []Limit `json:"limits"`
	Faults int64   `json:"faults"`
	// Warnings are what the provider is not known to refuse.
	Warnings int64 `json:"warnings"`
	// Body says what modelInputs were checked as, "Anthropic Messages"; empty: nothing but that they are objects.
	Body string `json:"body"`
}

// File is one file's size.
type File struct {
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Records int64  `json:"records"`
	Faults  int64  `json:"faults"`
}

// Limit is one figure next to its limit. A limit that is not known is null.
type Limit struct {
	What string `json:"what"` // "records in FILE"
	Is   int64  `json:"is"`
	Min  *int64 `json:"min,omitempty"`
	Max  *int64 `json:"max"`
	OK   bool   `json:"ok"`
}

// Files checks files that are to be the input of one job. The error is about reading and sorting, never about what is in
// the files.
func Files(ctx context.Context, cfg Config, files []string) (_ Report, err error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, &quarry.Error{Kind: quarry.BadUsage, Op: "validate", Err: err}
	}
	if len(files) == 0 {
		return Report{}, &quarry.Error{
			Kind: quarry.BadUsage, Op: "validate", Err: errors.New("no file is named"), Hint: "name one or more *.jsonl files",
		}
	}
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxLineBytes == 0 {
		cfg.MaxLineBytes = defaultLineBytes
	}
	if cfg.HeldIDs == 0 {
		cfg.HeldIDs = heldIDs
	}
	r := &run{cfg: cfg, ids: newIDSet(files, cfg), buffers: jsonl.NewBuffers(min(2*cfg.Workers, mostUnderWay>>19) + 2)}
	r.buffers.KeepLong()
	defer func() {
		if closeErr := r.ids.close(); err == nil && closeErr != nil {
			err = sorting(closeErr)
		}
	}()
	bases := map[string]string{}
	for n, name := range files {
		r.report.Files = append(r.report.Files, File{Name: name})
		r.file = &r.report.Files[n]
		// AWS takes files that end in .jsonl (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html).
		if !strings.HasSuffix(name, ".jsonl") {
			r.fault(Fault{File: name, Reason: "its name does not end in .jsonl"})
		}
		// Each output is called by its input file's last name.
		if other, ok := bases[filepath.Base(name)]; ok {
			r.fault(Fault{File: name, Reason: "has the same file name as " + other})
		}
		bases[filepath.Base(name)] = name
		if err := r.read(ctx, n, name); err != nil {
			return r.report, err
		}
	}
	if err := r.laterIDs(ctx, files); err != nil {
		return r.report, err
	}
	if !r.foreign {
		r.limits()
	}
	return r.report, nil
}

// laterIDs tells which recordIds came again among those that were not held.
func (r *run) laterIDs(ctx context.Context, files []string) error {
	for a, err := range r.ids.later.repeated(ctx, r.ids) {
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return sorting(err)
		}
		r.file = &r.report.Files[a.file]
		r.again(files[a.file], a.id, a.first)
	}
	return nil
}

// sorting is an error about the disk next to the files: none of theirs.
func sorting(err error) error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "sort recordIds beyond those that memory holds", Err: err,
		Hint: "set TMPDIR to a directory that you can write to, with 48 free bytes per record",
	}
}

// run is one check under way. Only the goroutine that called Files touches it.
type run struct {
	cfg     Config
	report  Report
	file    *File
	ids     *idSet
	body    *rules.Table
	decided bool // the body is decided

	foreign bool // a file is in another format: its counts say nothing

	// What follows is used again and again, so that hardly anything is left to collect.
	buffers *jsonl.Buffers
	jobs    []*job // that are free
	check   jsonl.Checker
	single  job // a line of the rest of a job
}

// mostUnderWay is how many bytes of chunks are with the workers, unless it is one line that is longer: next to a long line
// nothing else is in memory, whatever the number of workers.
const mostUnderWay = 8 << 20

func (r *run) fault(f Fault) {
	if f.Warning {
		r.report.Warnings++
		if r.cfg.Found != nil {
			r.cfg.Found(f)
		}
		return
	}
	r.report.Faults++
	if r.file != nil && f.File != "" {
		r.file.Faults++
	}
	if r.cfg.Found != nil {
		r.cfg.Found(f)
	}
}

// read checks one file: chunks go to the workers, and their findings come back in order.
func (r *run) read(ctx context.Context, index int, name string) (err error) {
	in, err := os.Open(name)
	if err != nil {
		return unreadable(name, err)
	}
	defer func() { _ = in.Close() }()
	if info, err := in.Stat(); err == nil && info.IsDir() {
		return unreadable(name, errors.New("it is a folder"))
	}
	var start int64
	for i := range index {
		start += r.report.Files[i].Bytes
	}
	r.ids.later.starts = append(r.ids.later.starts, start)
	w := startWorkers(r.cfg.Workers)
	defer w.stop()
	pending, underWay := make([]*job, 0, 2*r.cfg.Workers), 0
	finish := func() {
		j := pending[0]
		pending = append(pending[:0], pending[1:]...)
		<-j.done
		r.take(index, name, j)
		underWay -= j.chunk.Held()
		r.buffers.Give(j.chunk)
		r.jobs = append(r.jobs, j)
	}
	for chunk, err := range jsonl.ChunksIn(ctx, r.buffers, in, jsonl.Place{}, int(r.cfg.MaxLineBytes)) {
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			return unreadable(name, err)
		}
		r.file.Bytes = chunk.Offset + int64(len(chunk.Data)) + chunk.Skipped
		if chunk.Offset == 0 {
			if packed := packing(chunk.Data); packed != "" {
				r.fault(Fault{File: name, Reason: "is packed (" + packed + "); Bedrock's documentation does not mention compressed input"})
				break
			}
			if what := foreign(chunk); what != "" {
				r.foreign = true
				r.fault(Fault{File: name, Reason: what})
				break
			}
		}
		if !r.decided && chunk.Skipped == 0 {
			r.tellBody(chunk)
		}
		if len(pending) == cap(pending) {
			finish()
		}
		pending = append(pending, w.start(r.job(chunk)))
		// The next chunk is read while the workers check, unless what they have is so much that it must go first.
		for underWay += chunk.Held(); underWay > mostUnderWay && len(pending) > 0; {
			finish()
		}
		if r.ids.err != nil {
			break
		}
	}
	for len(pending) > 0 {
		finish()
	}
	if r.ids.err != nil {
		return sorting(r.ids.err)
	}
	if r.file.Records == 0 && r.file.Faults == 0 {
		r.fault(Fault{File: name, Reason: "is empty"})
	}
	return nil
}

// job gives a job of the chunk, in the memory of one that is done.
func (r *run) job(chunk jsonl.Chunk) *job {
	j := &job{hash: r.ids.hash, done: make(chan struct{}, 1)}
	if n := len(r.jobs) - 1; n >= 0 {
		j, r.jobs = r.jobs[n], r.jobs[:n]
	}
	j.reset(chunk, r.body)
	return j
}

func unreadable(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: name, Err: err, Hint: "name one or more *.jsonl files that this user can read",
	}
}

func packing(data []byte) string {
	switch {
	case strings.HasPrefix(string(data[:min(4, len(data))]), "\x1f\x8b"):
		return "gzip"
	case strings.HasPrefix(string(data[:min(4, len(data))]), "\x28\xb5\x2f\xfd"):
		return "zstd"
	}
	return ""
}

// tellBody decides what bodies are checked as, by the first record that can be read.
func (r *run) tellBody(chunk jsonl.Chunk) {
	var c jsonl.Checker
	for l := range chunk.Lines() {
		members, err := c.Object(l.Text)
		if err != nil {
			continue
		}
		for _, m := range members {
			if string(m.Name) == "modelInput" && m.Value[0] == '{' {
				r.body, r.decided = rulesFor(r.cfg, m.Value), true
				r.report.Body = r.body.Name()
				return
			}
		}
	}
}

// take hands on what a chunk's worker found, and looks its recordIds up among all before.
func (r *run) take(index int, name string, j *job) {
	r.file.Records += j.records
	next := 0
	for _, f := range j.faults {
		next = r.lookUp(index, name, j, next, f.line)
		r.fault(Fault{File: name, Line: f.line, Offset: f.offset, Reason: f.reason, Warning: f.warning})
	}
	r.lookUp(index, name, j, next, 1<<62)
	if j.rest.Data == nil {
		return
	}
	// A chunk full of faults: the worker stopped so as not to hold them all, and the rest is reported as it is found.
	for l := range j.rest.Lines() {
		one := &r.single
		one.hash = j.hash
		one.reset(jsonl.Chunk{}, j.body)
		one.line(&r.check, l)
		r.take(index, name, one)
	}
}

// lookUp notes recordIds up to a line, so that their faults come in the order of the lines.
func (r *run) lookUp(index int, name string, j *job, next int, line int64) int {
	for ; next < len(j.ids) && j.ids[next].line <= line; next++ {
		id := j.ids[next]
		if first, twice := r.ids.add(index, id); twice {
			r.again(name, id, first)
		}
	}
	return next
}

func (r *run) again(name string, id idRef, first earlier) {
	r.fault(Fault{File: name, Line: id.line, Offset: id.at, Reason: "recordId " + first.quoted + " again; first at " + first.place})
}
