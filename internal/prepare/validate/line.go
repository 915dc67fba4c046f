package validate

import (
	"errors"
	"fmt"
	"sync"

	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/rules"
)

// job is one chunk on its way through a worker.
type job struct {
	chunk jsonl.Chunk
	body  *rules.Table
	hash  func(id []byte) uint64
	done  chan struct{} // takes one

	records int64
	faults  []found
	ids     []idRef
	rest    jsonl.Chunk // what was not looked at because the faults were too many
}

// found is a fault before it knows its file.
type found struct {
	line, offset int64
	reason       string
	warning      bool
}

// mostFaults is how many faults of one chunk are held, mostOfLine how many of one line are reported: a line of 32 MiB can
// hold millions.
const (
	mostFaults = 1000
	mostOfLine = 100
	moreFaults = "more faults in this line"
)

type workers struct {
	jobs chan *job
	all  sync.WaitGroup
}

func startWorkers(n int) *workers {
	w := &workers{jobs: make(chan *job, n)}
	for range n {
		w.all.Go(func() {
			var c jsonl.Checker
			for j := range w.jobs {
				j.run(&c)
				j.done <- struct{}{}
			}
		})
	}
	return w
}

func (w *workers) start(j *job) *job {
	w.jobs <- j
	return j
}

// reset makes a job that is done the job of another chunk.
func (j *job) reset(chunk jsonl.Chunk, b *rules.Table) {
	clear(j.faults) // their reasons
	j.chunk, j.body, j.records, j.faults, j.ids, j.rest = chunk, b, 0, j.faults[:0], j.ids[:0], jsonl.Chunk{}
}

// stop ends the workers and waits for them.
func (w *workers) stop() {
	close(w.jobs)
	w.all.Wait()
}

func (j *job) run(c *jsonl.Checker) {
	if j.chunk.Skipped > 0 {
		j.records = 1
		j.fault(j.chunk.Line, j.chunk.Offset, fmt.Sprintf("line of %s is too long to check", figure.Count(j.chunk.Skipped, "byte")))
		return
	}
	for l := range j.chunk.Lines() {
		if len(j.faults) >= mostFaults {
			j.rest = jsonl.Chunk{Data: j.chunk.Data[l.Offset-j.chunk.Offset:], Line: l.Line, Offset: l.Offset}
			return
		}
		j.line(c, l)
	}
}

func (j *job) fault(line, offset int64, reason string) {
	j.add(found{line: line, offset: offset, reason: reason})
}

func (j *job) add(f found) {
	line, offset := f.line, f.offset
	if n := len(j.faults) - mostOfLine; n >= 0 && j.faults[n].line == line {
		if n := len(j.faults) - 1; j.faults[n].reason != moreFaults {
			j.faults = append(j.faults, found{line: line, offset: offset, reason: moreFaults})
		}
		return
	}
	j.faults = append(j.faults, f)
}

const mark = "\ufeff"

// line checks one line.
func (j *job) line(c *jsonl.Checker, l jsonl.Line) {
	text, base := l.Text, l.Offset
	if base == 0 && len(text) >= len(mark) && string(text[:len(mark)]) == mark {
		j.fault(l.Line, base, "byte order mark")
		text, base = text[len(mark):], base+int64(len(mark))
	}
	if jsonl.Blank(text) {
		j.fault(l.Line, base, "blank line")
		return
	}
	j.records++
	members, err := c.Object(text)
	if err != nil {
		var s *jsonl.SyntaxError
		if errors.As(err, &s) {
			j.fault(l.Line, base+int64(s.Offset), s.Reason)
		} else {
			j.fault(l.Line, base, err.Error())
		}
		return
	}
	// A value's place is where it begins in the line: members point into it.
	at := func(v []byte) int64 { return base + int64(cap(text)-cap(v)) }
	var id, input *jsonl.Member
	for i := range members {
		switch m := &members[i]; string(m.Name) {
		case "recordId":
			id = m
		case "modelInput":
			input = m
		default:
			j.fault(l.Line, at(m.Value), "unknown member "+jsonl.Quote(m.Name))
		}
	}
	switch {
	case id == nil:
		// Bedrock would make one up, and the answer could not be distinguished from others.
		j.fault(l.Line, base, "no recordId")
	case !id.String():
		j.fault(l.Line, at(id.Value), "recordId is not a string")
	default:
		j.recordID(l, at(id.Value), id)
	}
	switch {
	case input == nil:
		j.fault(l.Line, base, "no modelInput")
	case input.Value[0] != '{':
		j.fault(l.Line, at(input.Value), "modelInput is not an object")
	default:
		j.body.Check(c, input.Value, func(f rules.Finding) {
			j.add(found{line: l.Line, offset: at(f.Part), reason: reason(f), warning: f.Warning})
		})
	}
}

// maxRecordID is what fits the custom ids of other batch interfaces too; AWS names no limit.
const maxRecordID = 64

// maxRawID is how long a recordId may be as it is written for its characters to be looked at, and for it to be compared
// with others: each byte can be written as an escape of six.
const maxRawID = 4 << 10

func (j *job) recordID(l jsonl.Line, at int64, m *jsonl.Member) {
	id := m.Value[1 : len(m.Value)-1]
	if len(id) > maxRawID {
		j.fault(l.Line, at, fmt.Sprintf("recordId that takes %s; want at most %s", figure.Count(len(id), "byte"), figure.Thousands(maxRecordID)))
		return
	}
	if !m.Plain {
		id = jsonl.Unescape(nil, id)
	}
	switch {
	case len(id) == 0:
		j.fault(l.Line, at, "recordId is empty")
		return
	case len(id) > maxRecordID:
		j.fault(l.Line, at, fmt.Sprintf("recordId of %s; want at most %s", figure.Count(len(id), "byte"), figure.Thousands(maxRecordID)))
	}
	for _, c := range id {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '_' && c != '-' {
			j.fault(l.Line, at, "recordId "+jsonl.Quote(id)+" holds other characters than A-Z a-z 0-9 _ -")
			break
		}
	}
	j.ids = append(j.ids, idRef{hash: j.hash(id), at: at, line: l.Line})
}
