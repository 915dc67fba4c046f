package answered

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
)

// Path is where the file of a run's directory is.
func Path(run string) string { return filepath.Join(run, "index", "answered") }

// format is the number of the file's form. A file of a newer one is refused, and one of format 1, which has no foot, is read.
const format = 2

// footBytes is the length of what follows the last entry: how many entries there are, and the CRC-32C of their bytes.
const footBytes = 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the first line of the file: JSON. The entries follow it, 46 bytes each.
type header struct {
	Format int              `json:"format"`
	Shards []quarry.ShardID `json:"shards"` // whose outcomes are in the file, sorted
	Known  []int            `json:"known"`  // passes whose documents are in it that have an answer the run was given
}

// File is index/answered as it is on the disk. Where there is none, it is empty.
type File struct {
	path      string
	head      header
	from, end int64 // where the entries begin and end
}

// ErrDamaged says that the file is not what was written. All that it holds can be read again from the journals.
var ErrDamaged = errors.New("damaged")

// Open reads the file's first line, and checks the rest against its foot. What is no whole file fails with ErrDamaged.
func Open(run string) (*File, error) {
	f := &File{path: Path(run)}
	in, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReaderSize(in, 64<<10).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	f.from = int64(len(line))
	if json.Unmarshal(line, &f.head) != nil || f.head.Format < 1 {
		return nil, f.damaged("its first line is no header")
	}
	if f.head.Format > format {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read", Subject: f.path, Err: fmt.Errorf("it has format %d, and this version reads format %d", f.head.Format, format),
			Hint: "use the version of Quarry that wrote it, or a newer version",
		}
	}
	f.end = info.Size()
	if f.head.Format > 1 {
		f.end -= footBytes
	}
	if f.end < f.from || (f.end-f.from)%int64(entryBytes) != 0 {
		return nil, f.damaged("its last entry is not whole")
	}
	if f.head.Format == 1 {
		return f, nil
	}
	foot, sum := make([]byte, footBytes), crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(in, f.from, f.end-f.from)); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	if _, err := in.ReadAt(foot, f.end); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	if !bytes.Equal(foot, appendFoot(nil, (f.end-f.from)/int64(entryBytes), sum.Sum32())) {
		return nil, f.damaged("its entries are not those that were written")
	}
	return f, nil
}

func appendFoot(b []byte, entries int64, sum uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, uint64(entries)), sum)
}

func (f *File) damaged(how string) error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: f.path, Err: fmt.Errorf("%w: %s", ErrDamaged, how), Hint: "`quarry run` makes it again from the journals",
	}
}

// Has reports whether the outcomes of a shard are in the file.
func (f *File) Has(shard quarry.ShardID) bool {
	_, ok := slices.BinarySearch(f.head.Shards, shard)
	return ok
}

// HasKnown reports whether the documents of a pass are in the file that have an answer the run was given.
func (f *File) HasKnown(pass int) bool { return slices.Contains(f.head.Known, pass) }

// Empty reports whether nothing was ever written.
func (f *File) Empty() bool { return f.from == 0 }

// records gives the entries' bytes in order. A slice holds until the next one.
func (f *File) records() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if f.Empty() {
			return
		}
		in, err := os.Open(f.path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = in.Close() }()
		if _, err := in.Seek(f.from, io.SeekStart); err != nil {
			yield(nil, err)
			return
		}
		r, b := bufio.NewReaderSize(io.LimitReader(in, f.end-f.from), 256<<10), make([]byte, entryBytes)
		for {
			if _, err := io.ReadFull(r, b); err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, fmt.Errorf("read %s: %w", f.path, err))
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Entries gives the entries by key, document, part and attempt.
func (f *File) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for b, err := range f.records() {
			var e Entry
			if err == nil {
				e.read(b)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// News are entries that are not in the file yet, and what they cover.
type News struct {
	sorter *extsort.Sorter[record]
	shards []quarry.ShardID
	known  []int
	count  int64
}

// NewNews gives empty news, which are sorted below the directory of a run. memory bounds the entries held; 0: 96 Ki, which are
// 5 MiB.
func NewNews(e *effect.Effects, run string, memory int) *News {
	return &News{sorter: newSorter(e, filepath.Join(run, "index", "sort"), "answered", entryBytes, memory)}
}

// Add takes an entry.
func (n *News) Add(e *Entry) error {
	n.count++
	var r record
	e.append(r[:0])
	return n.sorter.Add(r)
}

// Count is how many entries were added.
func (n *News) Count() int64 { return n.count }

// Cover says that all outcomes of a shard were added.
func (n *News) Cover(shard quarry.ShardID) { n.shards = append(n.shards, shard) }

// CoverKnown says that all documents of a pass were added that have an answer the run was given.
func (n *News) CoverKnown(pass int) { n.known = append(n.known, pass) }

// Close removes what was written for sorting.
func (n *News) Close() error { return n.sorter.Close() }

// Merge writes the file with the news in it, and gives it. Until that is done, the file on the disk is the old one.
func (f *File) Merge(ctx context.Context, e *effect.Effects, n *News) (*File, error) {
	head := header{Format: format, Shards: sortedUnion(f.head.Shards, n.shards), Known: sortedUnion(f.head.Known, n.known)}
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	if err := e.MkdirAll(filepath.Dir(f.path)); err != nil {
		return nil, err
	}
	out, err := atomicfile.Create(e, f.path)
	if err != nil {
		return nil, err
	}
	defer out.Abort()
	line = append(line, '\n')
	if _, err := out.Write(line); err != nil {
		return nil, err
	}
	old, stop := iter.Pull2(f.records())
	defer stop()
	was, err, more := old()
	last, entries, sum := make([]byte, 0, entryBytes), int64(0), uint32(0)
	write := func(b []byte) error {
		if bytes.Equal(b, last) {
			return nil
		}
		last = append(last[:0], b...)
		entries, sum = entries+1, crc32.Update(sum, castagnoli, b)
		_, err := out.Write(b)
		return err
	}
	var fresh record
	for r, newErr := range n.sorter.Sorted() {
		if err := errors.Join(err, newErr, ctx.Err()); err != nil {
			return nil, err
		}
		fresh = r
		b := fresh[:entryBytes]
		for ; more && err == nil && bytes.Compare(was, b) <= 0; was, err, more = old() {
			if err := write(was); err != nil {
				return nil, err
			}
		}
		if err := errors.Join(err, write(b)); err != nil {
			return nil, err
		}
	}
	for ; more && err == nil; was, err, more = old() {
		if err := write(was); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	if _, err := out.Write(appendFoot(nil, entries, sum)); err != nil {
		return nil, err
	}
	if err := out.Commit(); err != nil {
		return nil, err
	}
	from := int64(len(line))
	return &File{path: f.path, head: head, from: from, end: from + entries*int64(entryBytes)}, nil
}

func sortedUnion[T int | quarry.ShardID](a, b []T) []T {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	all = slices.Compact(all)
	if all == nil {
		all = []T{}
	}
	return all
}
