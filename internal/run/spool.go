package run

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/pack"
)

const (
	spoolBufferBytes = 256 << 10
	maxSpoolKeys     = 128 << 10
)

// spool keeps the records of a build while the sources are planned, so that nothing has to be read and cleaned twice.
// It is cut as pack cuts where nothing repeats and no remainder is short: such a file becomes a shard as it is. The
// others are copied from it record by record, without being parsed.
type spool struct {
	run        *Run
	maxRecords int64 // 0: no limit is known
	maxBytes   int64 // likewise
	files      []spoolFile
	out        *effect.OutFile
	buf        *bufio.Writer
	digest     hash.Hash
	asked      map[uint64]struct{} // the heads of the keys in the file at hand
	shifted    bool                // a record seems to repeat: from its file on, all are copied
	line       []byte
}

// spoolFile is one file of it. All its records are in it, those too that turn out to repeat an earlier one.
type spoolFile struct {
	pack.Span
	path   string
	digest string // empty: it has to be copied
}

func (r *Run) newSpool() *spool {
	cfg := pack.Config{Quotas: r.cfg.Quotas}
	return &spool{
		run: r, maxRecords: cfg.MaxRecords(), maxBytes: cfg.MaxBytes(),
		buf: bufio.NewWriterSize(nil, spoolBufferBytes), digest: sha256.New(), asked: map[uint64]struct{}{},
	}
}

// add takes a record, whose turn is above all before.
func (s *spool) add(at turn, id quarry.RecordID, key quarry.DocumentKey, modelInput []byte) error {
	s.line = appendRecord(s.line[:0], id, modelInput)
	size := int64(len(s.line))
	if s.out != nil {
		f := &s.files[len(s.files)-1]
		if (s.maxRecords > 0 && f.Records >= s.maxRecords) || (s.maxBytes > 0 && f.Bytes+size > s.maxBytes) {
			if err := s.seal(); err != nil {
				return err
			}
		}
	}
	if s.out == nil {
		if err := s.begin(at); err != nil {
			return err
		}
	}
	if _, err := s.buf.Write(s.line); err != nil {
		return err
	}
	// Hashing twice what will be copied is spared where a repeat lies in one file, which needs no more memory than the
	// keys of a file.
	head := binary.BigEndian.Uint64(key[:])
	if _, repeats := s.asked[head]; repeats && at.part() < 2 {
		s.shifted = true
	}
	if len(s.asked) < maxSpoolKeys {
		s.asked[head] = struct{}{}
	}
	if !s.shifted {
		_, _ = s.digest.Write(s.line) // a hash does not fail
	}
	f := &s.files[len(s.files)-1]
	f.Last = int64(at)
	f.Records++
	f.Bytes += size
	return nil
}

// begin begins a file. It lies beside the shards, since a rename does not leave a file system.
func (s *spool) begin(at turn) error {
	path := filepath.Join(s.run.buildDir, fmt.Sprintf("spool%05d.tmp", len(s.files)+1))
	out, err := s.run.effects.Create(path)
	if err != nil {
		return err
	}
	s.out = out
	s.buf.Reset(out)
	s.files = append(s.files, spoolFile{Span: pack.Span{First: int64(at)}, path: path})
	return nil
}

// seal ends the file at hand. One that can become a shard is on the disk then.
func (s *spool) seal() error {
	if s.out == nil {
		return nil
	}
	err := s.buf.Flush()
	if !s.shifted {
		s.files[len(s.files)-1].digest = hex.EncodeToString(s.digest.Sum(nil))
		err = errors.Join(err, s.out.Sync())
	}
	err = errors.Join(err, s.out.Close())
	s.out = nil
	s.digest.Reset()
	clear(s.asked)
	return err
}

// close removes what is left of the spool.
func (s *spool) close() {
	if s.out != nil {
		_ = s.out.Close()
		s.out = nil
	}
	for _, f := range s.files { // those that became shards, and those read to their end, are gone
		if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
			_ = s.run.effects.Remove(f.path)
		}
	}
	s.files = nil
}

// cut makes the shards' files, which come in the order of their records, and tells of each when it is there.
func (s *spool) cut(ctx context.Context, shards []ledger.Shard, made func(*ledger.Shard)) error {
	if err := s.seal(); err != nil {
		return err
	}
	from := spoolReader{spool: s}
	defer from.close()
	for i := range shards {
		shard := &shards[i]
		if err := s.shard(ctx, shard, &from); err != nil {
			return fmt.Errorf("build shard %s: %w", shard.ID, err)
		}
		made(shard)
	}
	return nil
}

func (s *spool) shard(ctx context.Context, shard *ledger.Shard, from *spoolReader) error {
	first, last := turnsOf(shard)
	span := pack.Span{First: int64(first), Last: int64(last), Records: shard.Records, Bytes: shard.Bytes}
	for i := range s.files {
		// As many records between the same ones: none of them repeats another.
		if f := &s.files[i]; f.Span == span && f.digest != "" {
			shard.Digest = f.digest
			return s.run.effects.Rename(f.path, s.run.shardPath(shard.ID))
		}
	}
	out, err := atomicfile.Create(s.run.effects, s.run.shardPath(shard.ID))
	if err != nil {
		return err
	}
	defer out.Abort()
	digest := sha256.New()
	records, bytes, err := from.copy(ctx, io.MultiWriter(out, digest), shard)
	if err != nil {
		return err
	}
	if records != shard.Records || bytes != shard.Bytes {
		return fmt.Errorf("%d records of %d bytes instead of %d of %d", records, bytes, shard.Records, shard.Bytes)
	}
	shard.Digest = hex.EncodeToString(digest.Sum(nil))
	return out.Commit()
}

// spoolReader copies records out of the spool, once and in order. How long each is stands in the index.
type spoolReader struct {
	spool  *spool
	column *takes
	next   func() (firstRecord, error, bool)
	stop   func()
	head   firstRecord // that was read and not copied yet
	held   bool
	file   int // where the next record lies
	at     int64
	in     *os.File // the file of that number, where it is open
	opened int
	buf    []byte
}

// stretch is a part of a file of the spool.
type stretch struct {
	file     int
	from, to int64
}

// copy writes a shard's records, and counts them and their bytes.
func (r *spoolReader) copy(ctx context.Context, out io.Writer, shard *ledger.Shard) (records, bytes int64, err error) {
	if r.column == nil {
		if r.column, err = r.spool.run.openTakes(shard.Pass); err != nil {
			return 0, 0, err
		}
		r.next, r.stop = iter.Pull2(r.spool.run.firstRecords(shard.Pass))
		r.buf = make([]byte, spoolBufferBytes)
	}
	first, last := turnsOf(shard)
	var held stretch // records that lie one behind the other go on together
	for {
		if !r.held {
			if r.head, err, r.held = r.next(); err != nil {
				return 0, 0, err
			}
		}
		if !r.held || r.head.turn > last {
			break
		}
		r.held = false
		if int64(r.head.turn) > r.spool.files[r.file].Last {
			r.file, r.at = r.file+1, 0
		}
		this := stretch{r.file, r.at, r.at + r.head.bytes}
		r.at = this.to
		if r.head.turn < first { // in a shard that was a file of the spool as it is, or in none
			continue
		}
		t, err := r.column.of(r.head.turn.order())
		if err != nil {
			return 0, 0, err
		}
		if !strings.ContainsRune(shard.Takes, rune(t)) {
			continue
		}
		records++
		bytes += r.head.bytes
		if held.file == this.file && held.to == this.from {
			held.to = this.to
			continue
		}
		if err := r.stretch(ctx, out, held); err != nil {
			return 0, 0, err
		}
		held = this
	}
	return records, bytes, r.stretch(ctx, out, held)
}

func (r *spoolReader) stretch(ctx context.Context, out io.Writer, s stretch) error {
	if s.from == s.to {
		return ctx.Err()
	}
	if r.in == nil || r.opened != s.file {
		r.done()
		in, err := os.Open(r.spool.files[s.file].path)
		if err != nil {
			return err
		}
		r.in, r.opened = in, s.file
	}
	for s.from < s.to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := r.in.ReadAt(r.buf[:min(int64(len(r.buf)), s.to-s.from)], s.from)
		if n == 0 {
			return fmt.Errorf("read %s: %w", r.in.Name(), err)
		}
		if _, err := out.Write(r.buf[:n]); err != nil {
			return err
		}
		s.from += int64(n)
	}
	return nil
}

// done closes the file at hand and gives its room back: the disk never holds much more than what was built.
func (r *spoolReader) done() {
	if r.in != nil {
		_ = r.in.Close()
		_ = r.spool.run.effects.Remove(r.spool.files[r.opened].path)
		r.in = nil
	}
}

func (r *spoolReader) close() {
	r.done()
	if r.column != nil {
		r.stop()
		_ = r.column.close()
	}
}
