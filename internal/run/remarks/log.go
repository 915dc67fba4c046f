package remarks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/run/state"
)

// Log is a file of lines in a bucket, to which several machines add: each addition is an object of its own, so none replaces another. What was
// added by a process that had read the log comes after all that it had read. Safe for concurrent use.
type Log struct {
	bucket  *bucket.Bucket
	effects *effect.Effects
	prefix  string // of the objects
	path    string // of the copy

	mu     sync.Mutex
	names  []string // of the objects in the copy, sorted
	copied bool     // the copy is this process's
	last   int64    // the highest number of an object
}

// OpenLog gives the log of a run with a name, and its copy at a path. It makes no call.
func OpenLog(b *bucket.Bucket, e *effect.Effects, run quarry.RunID, name, path string) *Log {
	return &Log{bucket: b, effects: e, prefix: state.Prefix + string(run) + "/" + state.Added + name + "/", path: path}
}

// Update brings the copy up to date. Where nothing was ever added, there is none.
func (l *Log) Update(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.update(ctx)
}

func (l *Log) update(ctx context.Context) error {
	var names []string
	for o, err := range l.bucket.Objects(ctx, l.prefix) {
		if err != nil {
			return err
		}
		names = append(names, strings.TrimPrefix(o.Key, l.prefix))
	}
	slices.Sort(names)
	if l.copied && slices.Equal(names, l.names) {
		return nil
	}
	fresh := names
	var text []byte
	// Additions at the same moment may come before one that is copied already.
	if l.copied && len(names) > len(l.names) && slices.Equal(names[:len(l.names)], l.names) {
		fresh = names[len(l.names):]
		var err error
		if text, err = os.ReadFile(l.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	more, err := l.fetch(ctx, fresh)
	if err != nil {
		return err
	}
	for _, one := range more {
		text = append(text, one...)
	}
	if len(names) == 0 {
		if err := l.effects.Remove(l.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	} else if err := atomicfile.Write(l.effects, l.path, text); err != nil {
		return err
	}
	l.names, l.copied = names, true
	return l.count()
}

// count learns the highest number of an object.
func (l *Log) count() (err error) {
	if len(l.names) == 0 {
		return nil
	}
	newest := l.names[len(l.names)-1]
	number, _, _ := strings.Cut(newest, "-")
	if l.last, err = strconv.ParseInt(number, 10, 64); err != nil {
		return fmt.Errorf("read %s: object %s: no name of Quarry's", l.bucket.URI(l.prefix), newest)
	}
	return nil
}

// transfers is how many objects are downloaded at a time.
const transfers = 8

func (l *Log) fetch(ctx context.Context, names []string) ([][]byte, error) {
	out, faults := make([][]byte, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	slots := make(chan struct{}, transfers)
	for i, name := range names {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			faults[i] = l.bucket.Fetch(ctx, l.prefix+name, -1, func(r io.Reader) (err error) {
				out[i], err = io.ReadAll(r)
				return err
			})
		})
	}
	all.Wait()
	return out, errors.Join(faults...)
}

// Append is Add for a process that keeps others from adding since its last Update: it does not look for what they added, and leaves the copy
// as it is.
func (l *Log) Append(ctx context.Context, lines []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(ctx, lines)
}

// put adds an object after all that are known. The end of its name is no other process's, so nothing is replaced where two take the same number.
func (l *Log) put(ctx context.Context, lines []byte) error {
	if err := l.bucket.Put(ctx, l.prefix+fmt.Sprintf("%012d-%s", l.last+1, quarry.NewRunID()), bytes.NewReader(lines)); err != nil {
		return err
	}
	l.last++
	return nil
}

// Add adds whole lines. They are durable where all machines find them when it returns, and in the copy.
func (l *Log) Add(ctx context.Context, lines []byte) error {
	if !bytes.HasSuffix(lines, []byte("\n")) {
		return errors.New("what is added to a log ends with the end of a line")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.update(ctx); err != nil { // to come after all that is there
		return err
	}
	if err := l.put(ctx, lines); err != nil {
		return err
	}
	if l.update(ctx) != nil {
		l.copied = false // what was added is durable; the next look makes the copy
	}
	return nil
}
