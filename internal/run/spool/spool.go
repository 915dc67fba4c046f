// Package spool keeps the records of a build while the sources are planned, so that nothing has to be read and cleaned twice.
//
// It owns files of records that are cut as pack cuts, and how shards' input files are made of them. It plans nothing, makes no
// record, and knows neither the ledger nor a provider. What always holds: a shard's file has exactly the bytes that it would
// have if its records were made again; the disk never holds much more than what was built; memory does not grow with the
// number of records.
package spool

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/minio/crc64nvme"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

const (
	bufferBytes = 256 << 10
	syncBytes   = 16 << 20
	maxKeys     = 128 << 10
)

// Config says where the records are kept and when a file is full.
type Config struct {
	Effects    *effect.Effects
	Dir        string        // where the shards' files go, too: a rename does not leave a file system
	Files      shardfile.Dir // of the shards
	MaxRecords int64         // of a file; 0: no limit is known
	MaxBytes   int64         // likewise
}

// Spool keeps records in sequence. It is cut as pack cuts if nothing repeats and no remainder is short: such a file becomes a
// shard unchanged. Other shards are copied from it record by record, without being parsed. A record with the same request as
// one in its file will hardly be sent: it is set aside, so that the file can still become a shard. One goroutine at a time.
type Spool struct {
	cfg      Config
	files    []file
	out      *effect.OutFile
	buf      []byte // what was not written yet
	unsynced int    // bytes
	syncing  chan error
	sum      hash.Hash
	seen     keySet
	aside    *atomicfile.Writer // records that were set aside, in sequence; nil while there are none
}

// Shard is one of the shards that the records are sent in.
type Shard struct {
	ID             quarry.ShardID
	First, Last    index.RecordPos
	Records, Bytes int64
	Marks          string // marks of the documents that are its own
}

// file is one file of it: its records, and the bytes of those that were set aside between its first record and that of the
// next file.
type file struct {
	pack.Span
	path  string
	sum   string
	aside int64
}

// keySet is the keys of one file. Their number is bounded; the answer to has is the same whenever the same keys come in
// the same order.
type keySet struct{ keys map[dedupe.Hash]struct{} }

func (a *keySet) has(key dedupe.Hash) bool {
	_, ok := a.keys[key]
	return ok
}

func (a *keySet) add(key dedupe.Hash) {
	if a.keys == nil {
		a.keys = map[dedupe.Hash]struct{}{}
	}
	if len(a.keys) < maxKeys {
		a.keys[key] = struct{}{}
	}
}

// New gives an empty spool. It writes nothing.
func New(cfg Config) *Spool { return &Spool{cfg: cfg, sum: crc64nvme.New()} }

// Add takes a record, whose position is above all before.
func (s *Spool) Add(at index.RecordPos, id quarry.RecordID, key dedupe.Hash, modelInput []byte) error {
	size := shardfile.LineBytes(id, modelInput)
	if s.out != nil {
		f := &s.files[len(s.files)-1]
		if at.Part() == 0 && s.seen.has(key) { // the parts of a document share one key
			f.aside++
			return s.layAside(id, modelInput)
		}
		if (s.cfg.MaxRecords > 0 && f.Records >= s.cfg.MaxRecords) || (s.cfg.MaxBytes > 0 && f.Bytes+size > s.cfg.MaxBytes) {
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
		s.seen.add(key)
	}
	s.buf = shardfile.AppendRecord(s.buf, id, modelInput)
	f := &s.files[len(s.files)-1]
	f.Last = int64(at)
	f.Records++
	f.Bytes += size
	if len(s.buf) >= bufferBytes {
		return s.flush()
	}
	return nil
}

// layAside keeps a record apart from the files.
func (s *Spool) layAside(id quarry.RecordID, modelInput []byte) error {
	if s.aside == nil {
		var err error
		if s.aside, err = atomicfile.Create(s.cfg.Effects, filepath.Join(s.cfg.Dir, "aside")); err != nil {
			return err
		}
	}
	_, err := s.aside.Write(shardfile.AppendRecord(nil, id, modelInput))
	return err
}

func (s *Spool) flush() error {
	_, _ = s.sum.Write(s.buf) // a hash does not fail
	n, err := s.out.Write(s.buf)
	s.buf = s.buf[:0]
	if s.unsynced += n; err == nil && s.unsynced >= syncBytes {
		return s.sync()
	}
	return err
}

// sync begins to make the file durable while more is written, so that little is left to wait for at its end. It waits for
// the sync before.
func (s *Spool) sync() error {
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
func (s *Spool) synced() error {
	if s.syncing == nil {
		return nil
	}
	err := <-s.syncing
	s.syncing = nil
	return err
}

// begin begins a file. It is in the directory of the shards, since a rename cannot leave a file system.
func (s *Spool) begin(at index.RecordPos) error {
	path := filepath.Join(s.cfg.Dir, fmt.Sprintf("spool%05d.tmp", len(s.files)+1))
	out, err := s.cfg.Effects.Create(path)
	if err != nil {
		return err
	}
	s.out = out
	s.files = append(s.files, file{Span: pack.Span{First: int64(at)}, path: path})
	return nil
}

// seal ends the file at hand. One that can become a shard is on the disk then.
func (s *Spool) seal() error {
	if s.out == nil {
		return nil
	}
	err := s.flush()
	s.files[len(s.files)-1].sum = checksum(s.sum)
	err = errors.Join(err, s.synced(), s.out.Sync(), s.out.Close())
	s.out = nil
	s.sum.Reset()
	clear(s.seen.keys)
	return err
}

// Close removes what is left of the spool.
func (s *Spool) Close() {
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
			_ = s.cfg.Effects.Remove(f.path)
		}
	}
	s.files = nil
}

// Cut makes the shards' files, which come in the order of their records, and tells of each, by its place among them, when it is
// there, with the checksum that S3 keeps of it. pass is the index of the documents; leftOut says that some of them are left out for their ids.
func (s *Spool) Cut(ctx context.Context, pass index.Pass, leftOut bool, shards []Shard, made func(i int, checksum string)) error {
	if err := s.seal(); err != nil {
		return err
	}
	from := reader{spool: s, pass: pass}
	defer from.close()
	for i := range shards {
		sum, err := s.shard(ctx, &shards[i], leftOut, &from)
		if err != nil {
			return fmt.Errorf("build shard %s: %w", shards[i].ID, err)
		}
		made(i, sum)
	}
	return nil
}

func (s *Spool) shard(ctx context.Context, sh *Shard, leftOut bool, from *reader) (string, error) {
	span := pack.Span{First: int64(sh.First), Last: int64(sh.Last), Records: sh.Records, Bytes: sh.Bytes}
	for i := range s.files {
		// As many records between the same ones: they are the same, unless one that was laid aside is sent in place of
		// one that is left out for its id.
		if f := &s.files[i]; f.Span == span && (f.aside == 0 || !leftOut) {
			return f.sum, s.cfg.Effects.Rename(f.path, s.cfg.Files.Input(sh.ID))
		}
	}
	out, err := atomicfile.Create(s.cfg.Effects, s.cfg.Files.Input(sh.ID))
	if err != nil {
		return "", err
	}
	defer out.Abort()
	sum := crc64nvme.New()
	records, bytes, err := from.copy(ctx, io.MultiWriter(out, sum), sh)
	if err != nil {
		return "", err
	}
	if records != sh.Records || bytes != sh.Bytes {
		return "", fmt.Errorf("%s of %s instead of %s of %s", figure.Count(records, "record"), figure.Count(bytes, "byte"), figure.Thousands(sh.Records), figure.Thousands(sh.Bytes))
	}
	return checksum(sum), out.Commit()
}

// leftover is how files are called that a build which was killed leaves in its directory.
var leftover = regexp.MustCompile(`^(spool[0-9]{5}|aside|s[0-9]{5,}\.jsonl|shards\.json)\.tmp$`)

// Leftover tells a file that a build which was killed left in its directory, by its name.
func Leftover(name string) bool { return leftover.MatchString(name) }

// Checksum is that of a file, as Cut tells it.
func Checksum(path string) (sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := crc64nvme.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return checksum(h), nil
}

// checksum writes a sum as S3 writes the checksum that it keeps of every object: the bytes, the highest first, in Base64
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
func checksum(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }
