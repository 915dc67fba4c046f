package run

import (
	"context"
	"crypto/sha256"
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
	"quarry/internal/ledger"
	"quarry/internal/pack"
)

const spoolCopyBytes = 256 << 10

// spool keeps the records of a build while the sources are planned, so that nothing has to be read and cleaned twice.
// It is cut as pack cuts where nothing repeats and no remainder is short: such a file becomes a shard as it is. The
// others are copied from it record by record, without being parsed.
type spool struct {
	run        *Run
	maxRecords int64 // 0: no limit is known
	maxBytes   int64 // likewise
	files      []spoolFile
	w          *atomicfile.Writer
	digest     hash.Hash
	line       []byte
}

// spoolFile is one file of it. All its records are in it, those too that turn out to repeat an earlier one.
type spoolFile struct {
	pack.Span
	path   string
	digest string
}

func (r *Run) newSpool() *spool {
	cfg := pack.Config{Quotas: r.cfg.Quotas}
	return &spool{run: r, maxRecords: cfg.MaxRecords(), maxBytes: cfg.MaxBytes(), digest: sha256.New()}
}

// add takes a record, whose order is above all before.
func (s *spool) add(order int64, id quarry.RecordID, modelInput []byte) error {
	s.line = appendRecord(s.line[:0], id, modelInput)
	size := int64(len(s.line))
	if s.w != nil {
		f := &s.files[len(s.files)-1]
		if (s.maxRecords > 0 && f.Records >= s.maxRecords) || (s.maxBytes > 0 && f.Bytes+size > s.maxBytes) {
			if err := s.seal(); err != nil {
				return err
			}
		}
	}
	if s.w == nil {
		// Beside the shards, since a rename does not leave a file system. The name is that of a temporary file, which
		// the next attempt overwrites.
		path := filepath.Join(s.run.buildDir, fmt.Sprintf("spool%05d.tmp", len(s.files)+1))
		w, err := atomicfile.Create(s.run.effects, path)
		if err != nil {
			return err
		}
		s.w = w
		s.files = append(s.files, spoolFile{Span: pack.Span{First: order}, path: path})
	}
	if _, err := s.w.Write(s.line); err != nil {
		return err
	}
	_, _ = s.digest.Write(s.line) // a hash does not fail
	f := &s.files[len(s.files)-1]
	f.Last = order
	f.Records++
	f.Bytes += size
	return nil
}

// seal ends the file at hand.
func (s *spool) seal() error {
	if s.w == nil {
		return nil
	}
	w := s.w
	s.w = nil
	f := &s.files[len(s.files)-1]
	f.digest = hex.EncodeToString(s.digest.Sum(nil))
	s.digest.Reset()
	return w.Commit()
}

// close removes what is left of the spool.
func (s *spool) close() {
	if s.w != nil {
		s.w.Abort()
		s.w, s.files = nil, s.files[:len(s.files)-1]
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
	span := pack.Span{First: shard.First, Last: shard.Last, Records: shard.Records, Bytes: shard.Bytes}
	for i := range s.files {
		// As many records between the same ones: none of them repeats another.
		if f := &s.files[i]; f.Span == span {
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
	next   func() (entry, error, bool)
	stop   func()
	order  int64 // of the next entry of the index
	file   int   // where the next record lies
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
		r.next, r.stop = iter.Pull2(r.spool.run.entries(shard.Pass))
		r.buf = make([]byte, spoolCopyBytes)
	}
	var held stretch // records that lie one behind the other go on together
	for ; r.order <= shard.Last; r.order++ {
		e, err, ok := r.next()
		if err != nil || !ok {
			return 0, 0, errors.Join(err, fmt.Errorf("find document %d in the index: it has %t", r.order, ok))
		}
		if e.bytes == 0 || e.bytes == brokenBytes || e.bytes == tooLargeBytes {
			continue // it never was in the spool
		}
		if r.order > r.spool.files[r.file].Last {
			r.file, r.at = r.file+1, 0
		}
		this := stretch{r.file, r.at, r.at + int64(e.bytes)}
		r.at = this.to
		if r.order < shard.First { // in a shard that was a file of the spool as it is, or in none
			continue
		}
		t, err := r.column.of(r.order)
		if err != nil {
			return 0, 0, err
		}
		if !strings.ContainsRune(shard.Takes, rune(t)) {
			continue
		}
		records++
		bytes += int64(e.bytes)
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
