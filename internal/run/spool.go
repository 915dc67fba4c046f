package run

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/minio/crc64nvme"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/pack"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

const (
	spoolBufferBytes = 256 << 10
	spoolSyncBytes   = 16 << 20
	maxSpoolKeys     = 128 << 10
)

// spool keeps the records of a build while the sources are planned, so that nothing has to be read and cleaned twice.
// It is cut as pack cuts where nothing repeats and no remainder is short: such a file becomes a shard as it is. The
// others are copied from it record by record, without being parsed. A record that asks the same as one in its file will
// hardly be asked: it is laid aside, so that its file can be a shard all the same.
type spool struct {
	run        *Run
	maxRecords int64 // 0: no limit is known
	maxBytes   int64 // likewise
	files      []spoolFile
	out        *effect.OutFile
	buf        []byte // what was not written yet
	unsynced   int    // bytes
	syncing    chan error
	sum        hash.Hash
	asked      askedKeys
	aside      *atomicfile.Writer // records that were laid aside, one behind the other; nil while there are none
}

// spoolFile is one file of it: what lies in it, and what was laid aside of the records between its first and the next
// file's.
type spoolFile struct {
	pack.Span
	path  string
	sum   string
	aside int64
}

// askedKeys are the keys of one file. No more are held than a bound, and what is told of a key is the same whenever the
// same keys come in the same order.
type askedKeys struct{ keys map[dedupe.Hash]struct{} }

func (a *askedKeys) has(key dedupe.Hash) bool {
	_, ok := a.keys[key]
	return ok
}

func (a *askedKeys) add(key dedupe.Hash) {
	if a.keys == nil {
		a.keys = map[dedupe.Hash]struct{}{}
	}
	if len(a.keys) < maxSpoolKeys {
		a.keys[key] = struct{}{}
	}
}

func (r *Run) newSpool() *spool {
	cfg := pack.Config{Quotas: r.cfg.Quotas}
	return &spool{run: r, maxRecords: cfg.MaxRecords(), maxBytes: cfg.MaxBytes(), sum: crc64nvme.New()}
}

// add takes a record, whose turn is above all before.
func (s *spool) add(at index.Turn, id quarry.RecordID, key dedupe.Hash, modelInput []byte) error {
	size := shardfile.LineBytes(id, modelInput)
	if s.out != nil {
		f := &s.files[len(s.files)-1]
		if at.Part() == 0 && s.asked.has(key) { // the parts of a document share one key
			f.aside++
			return s.layAside(id, modelInput)
		}
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
	if at.Part() == 0 {
		s.asked.add(key)
	}
	s.buf = shardfile.AppendRecord(s.buf, id, modelInput)
	f := &s.files[len(s.files)-1]
	f.Last = int64(at)
	f.Records++
	f.Bytes += size
	if len(s.buf) >= spoolBufferBytes {
		return s.flush()
	}
	return nil
}

// layAside keeps a record apart from the files.
func (s *spool) layAside(id quarry.RecordID, modelInput []byte) error {
	if s.aside == nil {
		var err error
		if s.aside, err = atomicfile.Create(s.run.effects, filepath.Join(s.run.buildDir, "aside")); err != nil {
			return err
		}
	}
	_, err := s.aside.Write(shardfile.AppendRecord(nil, id, modelInput))
	return err
}

func (s *spool) flush() error {
	_, _ = s.sum.Write(s.buf) // a hash does not fail
	n, err := s.out.Write(s.buf)
	s.buf = s.buf[:0]
	if s.unsynced += n; err == nil && s.unsynced >= spoolSyncBytes {
		return s.sync()
	}
	return err
}

// sync begins to make the file durable, beside what goes on, so that little is left to wait for at its end. It waits for
// the sync before.
func (s *spool) sync() error {
	s.unsynced = 0
	if err := s.synced(); err != nil {
		return err
	}
	done, out := make(chan error, 1), s.out
	s.syncing = done
	go func() { done <- out.Sync() }()
	return nil
}

// synced waits for the sync under way.
func (s *spool) synced() error {
	if s.syncing == nil {
		return nil
	}
	err := <-s.syncing
	s.syncing = nil
	return err
}

// begin begins a file. It lies beside the shards, since a rename does not leave a file system.
func (s *spool) begin(at index.Turn) error {
	path := filepath.Join(s.run.buildDir, fmt.Sprintf("spool%05d.tmp", len(s.files)+1))
	out, err := s.run.effects.Create(path)
	if err != nil {
		return err
	}
	s.out = out
	s.files = append(s.files, spoolFile{Span: pack.Span{First: int64(at)}, path: path})
	return nil
}

// seal ends the file at hand. One that can become a shard is on the disk then.
func (s *spool) seal() error {
	if s.out == nil {
		return nil
	}
	err := s.flush()
	s.files[len(s.files)-1].sum = checksum(s.sum)
	err = errors.Join(err, s.synced(), s.out.Sync(), s.out.Close())
	s.out = nil
	s.sum.Reset()
	clear(s.asked.keys)
	return err
}

// close removes what is left of the spool.
func (s *spool) close() {
	_ = s.synced()
	if s.out != nil {
		_ = s.out.Close()
		s.out = nil
	}
	if s.aside != nil {
		s.aside.Abort()
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
		// As many records between the same ones: they are the same, unless one that was laid aside is asked in place of
		// one that is left out for its id.
		if f := &s.files[i]; f.Span == span && (f.aside == 0 || s.run.planned.SameID == 0) {
			shard.Digest = f.sum
			return s.run.effects.Rename(f.path, s.run.files().Input(shard.ID))
		}
	}
	out, err := atomicfile.Create(s.run.effects, s.run.files().Input(shard.ID))
	if err != nil {
		return err
	}
	defer out.Abort()
	sum := crc64nvme.New()
	records, bytes, err := from.copy(ctx, io.MultiWriter(out, sum), shard)
	if err != nil {
		return err
	}
	if records != shard.Records || bytes != shard.Bytes {
		return fmt.Errorf("%d records of %d bytes instead of %d of %d", records, bytes, shard.Records, shard.Bytes)
	}
	shard.Digest = checksum(sum)
	return out.Commit()
}

// checksum writes a sum as S3 writes the checksum that it keeps of every object: the bytes, the highest first, in Base64
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
func checksum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// spoolReader copies records out of the spool, once and in order. How long each is stands in the index, and by the
// keys that stand there too it finds out again which were laid aside.
type spoolReader struct {
	spool  *spool
	column *index.Column
	next   func() (index.FirstRecord, error, bool)
	stop   func()
	head   index.FirstRecord // that was read and not copied yet
	held   bool
	file   int // where the next record lies
	at     int64
	aside  int64 // where the next record lies that was laid aside
	asked  askedKeys
	in     *os.File // the file of that number, where it is open
	opened int
	buf    []byte
}

// laidAside stands for a file's number.
const laidAside = -1

// stretch is a part of a file of the spool.
type stretch struct {
	file     int
	from, to int64
}

// place finds the next record, and goes on behind it.
func (r *spoolReader) place(f *index.FirstRecord) (s stretch) {
	if f.Turn.Part() == 0 && r.asked.has(f.Key) {
		s = stretch{laidAside, r.aside, r.aside + f.Bytes}
		r.aside = s.to
		return s
	}
	if int64(f.Turn) > r.spool.files[r.file].Last {
		r.file, r.at = r.file+1, 0
		clear(r.asked.keys)
	}
	if f.Turn.Part() == 0 {
		r.asked.add(f.Key)
	}
	s = stretch{r.file, r.at, r.at + f.Bytes}
	r.at = s.to
	return s
}

// copy writes a shard's records, and counts them and their bytes.
func (r *spoolReader) copy(ctx context.Context, out io.Writer, shard *ledger.Shard) (records, bytes int64, err error) {
	if r.column == nil {
		if r.column, err = r.spool.run.index(shard.Pass).OpenTakes(); err != nil {
			return 0, 0, err
		}
		r.next, r.stop = iter.Pull2(r.spool.run.index(shard.Pass).FirstRecords())
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
		if !r.held || r.head.Turn > last {
			break
		}
		r.held = false
		this := r.place(&r.head)
		if r.head.Turn < first { // in a shard that was a file of the spool as it is, or in none
			continue
		}
		t, err := r.column.Take(r.head.Turn.Order())
		if err != nil {
			return 0, 0, err
		}
		if !t.Among(shard.Takes) {
			continue
		}
		records++
		bytes += r.head.Bytes
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
	var in io.ReaderAt = r.spool.aside
	if s.file != laidAside {
		if r.in == nil || r.opened != s.file {
			r.done()
			file, err := os.Open(r.spool.files[s.file].path)
			if err != nil {
				return err
			}
			r.in, r.opened = file, s.file
		}
		in = r.in
	}
	for s.from < s.to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := in.ReadAt(r.buf[:min(int64(len(r.buf)), s.to-s.from)], s.from)
		if n == 0 {
			return fmt.Errorf("read the records of the build again: %w", err)
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
		_ = r.column.Close()
	}
}
