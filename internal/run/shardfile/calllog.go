package shardfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"quarry"
	"quarry/internal/base/effect"
)

// CallLog appends to a shard's calls. A line is durable before its effect is relied upon; many callers share one sync.
//
// A disk that fills up must not lose an answer that was paid for. So room for the answer is reserved before a call: a file of
// so many bytes next to the log. Once a line cannot be written, no further call can begin, that room is given back, and the
// answers that are still to come are written into it. An answer without room stays in memory, and its write is repeated until
// Patience has passed.
type CallLog struct {
	e    *effect.Effects
	file *effect.OutFile
	size int64 // of the lines that are whole and durable

	parts *callParts // where the lines have to be too; nil: nowhere

	mu      sync.Mutex
	waiting []*waitingLine
	full    error     // why no call can be begun any more
	until   time.Time // when answers are given up that cannot be written
	open    map[quarry.RecordID]int64
	needed  int64 // room for the answers to all open calls

	room     *effect.OutFile // nil as long as none was needed, and once it was given back
	roomSize int64
	kick     chan struct{}
	done     sync.WaitGroup
}

// waitingLine is a line that is not durable yet.
type waitingLine struct {
	text   []byte
	intent bool
	ended  chan struct{} // closed when it is durable or err is set
	err    error
}

// How long an answer is kept in memory that cannot be written, and how often it is tried.
const (
	Patience   = time.Minute
	triedEvery = 250 * time.Millisecond
	roomStep   = 256 << 10
)

func newCallLog(e *effect.Effects, f *effect.OutFile, size int64, parts *callParts) *CallLog {
	l := &CallLog{e: e, file: f, size: size, parts: parts, open: map[quarry.RecordID]int64{}, kick: make(chan struct{}, 1)}
	l.done.Go(l.flush)
	return l
}

// Begin writes down that a call is about to be made, and takes room for its answer, in bytes. It returns once both are
// durable; where it fails the call must not be made. Many goroutines may call it.
func (l *CallLog) Begin(line *Call, room int64) error {
	l.mu.Lock()
	if l.full != nil {
		defer l.mu.Unlock()
		return l.full
	}
	if _, again := l.open[line.RecordID]; !again {
		l.open[line.RecordID] = room
		l.needed += room
	}
	l.mu.Unlock()
	return l.append(line)
}

// Append writes down what came of a call. It returns once the line is durable. Many goroutines may call it.
func (l *CallLog) Append(line *Call) error {
	err := l.append(line)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.needed -= l.open[line.RecordID]
	delete(l.open, line.RecordID)
	return err
}

func (l *CallLog) append(line *Call) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	w := &waitingLine{text: append(b, '\n'), intent: line.Intent > 0, ended: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, w)
	l.mu.Unlock()
	select {
	case l.kick <- struct{}{}:
	default:
	}
	<-w.ended
	return w.err
}

// flush writes what waits, one sync for all of it.
func (l *CallLog) flush() {
	for range l.kick {
		l.mu.Lock()
		batch, needed := l.waiting, l.needed
		l.waiting = nil
		l.mu.Unlock()
		if len(batch) > 0 {
			l.writeAll(batch, needed)
		}
	}
}

// writeAll makes a batch durable. If the disk does not take it, the intents fail, and the rest is kept and tried again.
func (l *CallLog) writeAll(batch []*waitingLine, needed int64) {
	l.mu.Lock()
	full := l.full
	l.mu.Unlock()
	if full == nil {
		if full = l.reserve(needed); full == nil {
			full = l.write(batch)
		}
		if full == nil {
			end(batch, nil)
			return
		}
		l.mu.Lock()
		l.full, l.until = full, time.Now().Add(Patience)
		l.mu.Unlock()
	}
	var kept []*waitingLine
	for _, w := range batch {
		if w.intent {
			end([]*waitingLine{w}, full)
		} else {
			kept = append(kept, w)
		}
	}
	if len(kept) == 0 {
		return
	}
	if died(full) {
		end(kept, full)
		return
	}
	err := l.freeRoom()
	for {
		if err = errors.Join(err, l.write(kept)); err == nil || died(err) || time.Now().After(l.until) {
			break
		}
		<-time.After(triedEvery)
		err = nil
	}
	end(kept, err)
}

func end(lines []*waitingLine, err error) {
	for _, w := range lines {
		w.err = err
		close(w.ended)
	}
}

// died reports whether a hook ended the process's effects: then nothing is tried again.
func died(err error) bool { return errors.Is(err, effect.ErrHook) && !errors.Is(err, syscall.ENOSPC) }

// write appends lines and makes them durable, or leaves the file as it was.
func (l *CallLog) write(batch []*waitingLine) error {
	var b bytes.Buffer
	for _, w := range batch {
		b.Write(w.text)
	}
	_, err := l.file.Write(b.Bytes())
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil && l.parts != nil {
		err = l.parts.add(b.Bytes())
	}
	if err == nil {
		l.size += int64(b.Len())
		return nil
	}
	if died(err) {
		return err
	}
	return errors.Join(err, l.file.Truncate(l.size)) // half a line, or lines that are not durable
}

// reserve takes room for answers that are still to come.
func (l *CallLog) reserve(needed int64) (err error) {
	if needed <= l.roomSize {
		return nil
	}
	path := l.file.Path() + ".room"
	if l.room == nil {
		if l.room, err = l.e.Create(path); err != nil {
			return fmt.Errorf("take room for answers: %w", err)
		}
	}
	// Bytes that no file system packs: those of a file of zeros might take no room at all.
	b := make([]byte, max(roomStep, needed-l.roomSize))
	src := rand.NewChaCha8([32]byte{byte(l.roomSize >> 18)})
	_, _ = src.Read(b) // it does not fail
	if _, err = l.room.Write(b); err == nil {
		err = l.room.Sync()
	}
	if err != nil {
		return fmt.Errorf("take room for answers: %w", err)
	}
	l.roomSize += int64(len(b))
	return nil
}

// freeRoom gives the room back.
func (l *CallLog) freeRoom() error {
	if l.room == nil {
		return nil
	}
	path := l.room.Path()
	err := l.room.Close()
	l.room = nil
	return errors.Join(err, l.e.Remove(path))
}

// Close makes what waits durable and closes the file.
func (l *CallLog) Close() error {
	close(l.kick)
	l.done.Wait()
	return errors.Join(l.file.Close(), l.freeRoom())
}
