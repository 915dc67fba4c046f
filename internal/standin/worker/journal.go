package worker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"quarry/internal/standin/model"
)

// finished is one record that needs no more work.
type finished struct {
	index    int64  // of the record in the job, from 0; of no meaning in the log of calls
	id       string // recordId
	flags    byte
	in, out  int64  // tokens; 0 for an error, and where the back end did not count
	body     []byte // modelOutput or error, one line of JSON
	recorded chan<- error
}

// Flags of a finished record.
const (
	isError     = 1 << iota // body is an error, nothing was answered
	isDropped               // by fault: the line is not written
	isDoubled               // by fault: the line is written twice
	isUncounted             // answered by a server that did not count its tokens
)

// count takes an answer's tokens. An estimate is none: the bill says what is known.
func (f *finished) count(r *model.Response) {
	if r.Uncounted {
		f.flags |= isUncounted
		return
	}
	f.in, f.out = r.InputTokens, r.OutputTokens
}

// total is what one answer cost.
func (f *finished) total() Totals {
	t := Totals{Answered: 1, InputTokens: f.in, OutputTokens: f.out}
	if f.flags&isUncounted != 0 {
		t.Uncounted = 1
	}
	return t
}

// place is the position of a record's body in a segment.
type place struct {
	at    int64
	size  uint32
	flags byte
	there bool
}

// A frame is: length of the payload, CRC-32C of the payload, payload. The payload is: index, flags, tokens in, tokens
// out, length of the id, id, body; numbers as varints.
const frameHead = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b []byte, f *finished) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = binary.AppendUvarint(b, uint64(f.index))
	b = append(b, f.flags)
	b = binary.AppendUvarint(b, uint64(f.in))
	b = binary.AppendUvarint(b, uint64(f.out))
	b = binary.AppendUvarint(b, uint64(len(f.id)))
	b = append(b, f.id...)
	b = append(b, f.body...)
	payload := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(payload, castagnoli))
	return b
}

var errFrame = errors.New("frame is torn")

func parseFrame(payload []byte) (finished, error) {
	var f finished
	number := func() int64 {
		v, n := binary.Uvarint(payload)
		if n <= 0 || v > 1<<62 {
			payload, n, v = nil, 0, 0
		}
		payload = payload[n:]
		return int64(v)
	}
	f.index = number()
	if len(payload) == 0 {
		return f, errFrame
	}
	f.flags, payload = payload[0], payload[1:]
	f.in, f.out = number(), number()
	n := number()
	if payload == nil || n > int64(len(payload)) {
		return f, errFrame
	}
	f.id, f.body = string(payload[:n]), payload[n:]
	return f, nil
}

// maxFrame bounds what a damaged length can make the reader allocate: an id and a body, each as long as they may be.
const maxFrame = maxLine + maxAnswer + 1<<10

// readFrames calls each for every whole frame and returns where the last one ends. A torn frame ends the reading: it
// was never counted. The body is valid during the call only.
func readFrames(f io.ReaderAt, each func(f finished, bodyAt int64) error) (end int64, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 64<<10)
	var head [frameHead]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return end, tornIsEnd(err)
		}
		size := binary.LittleEndian.Uint32(head[:])
		if size > maxFrame {
			return end, nil
		}
		if cap(payload) < int(size) {
			payload = make([]byte, size)
		}
		payload = payload[:size]
		if _, err := io.ReadFull(r, payload); err != nil {
			return end, tornIsEnd(err)
		}
		if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return end, nil
		}
		fin, err := parseFrame(payload)
		if err != nil {
			return end, nil
		}
		next := end + frameHead + int64(size)
		if err := each(fin, next-int64(len(fin.body))); err != nil {
			return end, err
		}
		end = next
	}
}

func tornIsEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// journal is an append-only file of frames. What is added together is synced together.
type journal struct {
	file   *os.File
	noSync bool
	queue  chan *finished
	gate   sync.RWMutex // held for reading while adding, for writing while closing the queue
	closed bool
	after  func([]*finished, []int64) // called in order of the file, once a group is on disk, with the offsets of the bodies
	broken chan struct{}              // closed when a write failed; err says why
	disk   *disk
	err    error
	done   chan struct{}
}

// openJournal opens or makes the file, cuts a torn end off and calls each for every frame in it. What finds no room on the disk
// is kept in memory until there is some.
func openJournal(path string, noSync bool, d *disk, each func(f finished, bodyAt int64) error,
	after func([]*finished, []int64),
) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &journal{
		file: file, noSync: noSync, disk: d, after: after,
		queue: make(chan *finished, 512), broken: make(chan struct{}), done: make(chan struct{}),
	}
	end, err := j.recover(path, each)
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, fmt.Errorf("open journal %s: %w", filepath.Base(path), err)
	}
	go j.write(end)
	return j, nil
}

func (j *journal) recover(path string, each func(finished, int64) error) (int64, error) {
	end, err := readFrames(j.file, each)
	if err != nil {
		return 0, err
	}
	if err := j.file.Truncate(end); err != nil {
		return 0, err
	}
	if j.noSync {
		return end, nil
	}
	if err := j.file.Sync(); err != nil {
		return 0, err
	}
	return end, syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	if runtime.GOOS == "windows" { // a directory cannot be synced there
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// errClosed says that the engine is being closed.
var errClosed = errors.New("the journal is closed")

// add hands a record over. It returns before the record is on disk; who has to know sets recorded.
func (j *journal) add(f *finished) error {
	j.gate.RLock()
	defer j.gate.RUnlock()
	if j.closed {
		return errClosed
	}
	select {
	case j.queue <- f:
		return nil
	case <-j.broken:
		return j.err
	}
}

// A group is what has come in while the group before it was written, up to these bounds.
const (
	groupRecords = 1024
	groupBytes   = 4 << 20
)

func (j *journal) write(end int64) {
	defer close(j.done)
	var (
		buf   []byte
		group []*finished
		at    []int64
	)
	for f := range j.queue {
		if j.err != nil {
			f.acknowledge(j.err)
			continue
		}
		buf, group, at = buf[:0], group[:0], at[:0]
		for f != nil {
			buf = appendFrame(buf, f)
			group = append(group, f)
			at = append(at, end+int64(len(buf))-int64(len(f.body)))
			f = nil
			if len(group) < groupRecords && len(buf) < groupBytes {
				select {
				case f = <-j.queue: // nil when the queue is closed
				default:
				}
			}
		}
		if err := j.disk.kept(func() error { return j.put(buf, end) }); err != nil {
			j.err = fmt.Errorf("write journal %s: %w", filepath.Base(j.file.Name()), err)
			close(j.broken)
		} else {
			end += int64(len(buf))
			if j.after != nil {
				j.after(group, at)
			}
		}
		for i, f := range group {
			f.acknowledge(j.err)
			group[i] = nil
		}
		if cap(buf) > 2*groupBytes {
			buf = nil
		}
	}
}

func (f *finished) acknowledge(err error) {
	if f.recorded != nil {
		f.recorded <- err
	}
}

func (j *journal) put(buf []byte, at int64) error {
	if _, err := j.file.WriteAt(buf, at); err != nil {
		return err
	}
	if j.noSync {
		return nil
	}
	return j.file.Sync()
}

// flush writes what was added; nothing can be added any more. The file stays open for reading until close.
func (j *journal) flush() error {
	j.gate.Lock()
	if !j.closed {
		j.closed = true
		close(j.queue)
	}
	j.gate.Unlock()
	<-j.done
	return j.err
}

func (j *journal) close() error {
	if err := j.file.Close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
