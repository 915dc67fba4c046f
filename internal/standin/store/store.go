// Package store keeps the stand-in's S3 objects: one bbolt index and immutable blob files below one directory.
//
// It owns buckets, objects, multipart uploads and what becomes of them in a crash. It does not speak HTTP, check
// signatures or judge rights: package s3api does the first two in front of it, and the stand-in the third. The job
// engine uses Stat, Objects, Read and Create; package s3api the other methods, one for each operation of S3.
//
// What always holds: an object is visible whole or not at all; what was acknowledged is on disk (Config.NoSync
// excepted); a reader keeps the bytes it opened while the object is overwritten or deleted; no key ever becomes a
// path; memory does not grow with the size of an object. All paths are absolute and nothing is global, so dozens of
// stores live in one process.
package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"quarry/internal/standin/boltfile"
)

// What the index holds when a request names something that does not exist, and when the store is gone.
var (
	ErrNoSuchBucket = errors.New("no such bucket")
	ErrNoSuchKey    = errors.New("no such key")
	ErrClosed       = errors.New("store is closed")
	ErrLocked       = errors.New("store is open in another process")
	ErrBucketName   = errors.New("not a bucket name")
	ErrKeyTooLong   = errors.New("key is longer than 1024 bytes")
	ErrKeyEncoding  = errors.New("key is not UTF-8")
)

// defaultAccount owns the buckets for which no account was named: the one that AWS's documentation uses in its examples.
const defaultAccount = "123456789012"

// Config is where and how a store keeps its data.
type Config struct {
	Dir    string // made when missing; made absolute by Open
	NoSync bool   // true: nothing is fsynced, a power cut may lose what was acknowledged; for tests
}

// Validate reports a setting that Open would refuse.
func (c Config) Validate() error {
	if c.Dir == "" {
		return errors.New("store directory is empty")
	}
	return nil
}

// Store is one object store. Its methods may be called from many goroutines.
type Store struct {
	dir     string
	db      *bolt.DB
	blobs   *blobs
	queue   queue
	serial  atomic.Uint64 // the generation of the newest record of this epoch
	closing chan struct{}
	closed  atomic.Bool
	work    sync.WaitGroup
}

// Open opens the store below cfg.Dir and makes it when it is not there. It fails when another process holds it.
func Open(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs"), 0o700); err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", dir, err)
	}
	if err := boltfile.Check(filepath.Join(dir, "index.db"), len(blobs) > 0); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := bolt.Open(filepath.Join(dir, "index.db"), 0o600, &bolt.Options{
		Timeout:      time.Second,
		FreelistType: bolt.FreelistMapType,
		NoSync:       cfg.NoSync,
		NoGrowSync:   cfg.NoSync,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open index of store %s: %w", dir, err)
	}
	s := &Store{dir: dir, db: db, closing: make(chan struct{})}
	epoch, clean, err := beginEpoch(db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index of store %s: %w", dir, err), db.Close())
	}
	s.serial.Store(epoch << 32)
	s.blobs = newBlobs(filepath.Join(dir, "blobs"), epoch, cfg.NoSync)
	if !cfg.NoSync {
		if err := syncDirs(filepath.Dir(dir), dir, filepath.Join(dir, "blobs")); err != nil {
			return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), db.Close())
		}
	}
	if !clean {
		s.blobs.unswept = true
		s.work.Go(s.sweep)
	}
	return s, nil
}

// Close waits for the commits under way and closes the index. What comes later gets ErrClosed; readers that are open
// may be read to their end.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	close(s.closing)
	s.work.Wait()
	s.queue.leader.Lock() // later callers see closed
	defer s.queue.leader.Unlock()
	var err error
	if s.blobs.tidy() {
		err = markClean(s.db)
	}
	if e := s.db.Close(); e != nil && err == nil {
		err = fmt.Errorf("close index of store %s: %w", s.dir, e)
	}
	return err
}

// Names in the index. Every bucket of the store has a bucket of its own inside objects and uploads.
var (
	nameMeta     = []byte("meta")     // epoch, clean
	nameBuckets  = []byte("buckets")  // bucket → bucketRecord as JSON
	nameObjects  = []byte("objects")  // bucket → key → object
	nameVersions = []byte("versions") // bucket → key → age → object: the versions that are not current
	nameUploads  = []byte("uploads")  // bucket → key, 0, upload id → upload as JSON
	nameParts    = []byte("parts")    // upload id → part number, big endian → part
	nameRefs     = []byte("refs")     // blob id, big endian → how many segments use it
	keyEpoch     = []byte("epoch")
	keyClean     = []byte("clean")
	keyFormat    = []byte("format")
)

const format = "1"

// beginEpoch numbers this opening of the store. Blob ids carry the number, so an id is never used twice, and after a
// crash every blob of an older epoch that the index does not name is garbage.
func beginEpoch(db *bolt.DB) (epoch uint64, clean bool, err error) {
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{nameMeta, nameBuckets, nameObjects, nameVersions, nameUploads, nameParts, nameRefs} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(nameMeta)
		if have := meta.Get(keyFormat); have != nil && string(have) != format {
			return fmt.Errorf("index has format %q, this program knows %q", have, format)
		}
		old := meta.Get(keyEpoch)
		if len(old) == 8 {
			epoch = binary.BigEndian.Uint64(old)
		}
		clean = old == nil || meta.Get(keyClean) != nil
		epoch++
		if err := meta.Delete(keyClean); err != nil {
			return err
		}
		if err := meta.Put(keyFormat, []byte(format)); err != nil {
			return err
		}
		return meta.Put(keyEpoch, binary.BigEndian.AppendUint64(nil, epoch))
	})
	return epoch, clean, err
}

func markClean(db *bolt.DB) error {
	return db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(nameMeta).Put(keyClean, []byte{1})
	})
}

// view runs do on a consistent picture of the index. It must not call back into the store: a long read transaction
// keeps the index from growing and would stop every writer.
func (s *Store) view(ctx context.Context, do func(tx *bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return ErrClosed
	}
	err := s.db.View(do)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// generation numbers a record, so that a reader knows whether what it looked up is still what the index holds.
func (s *Store) generation() uint64 { return s.serial.Add(1) }

// now is S3's clock: Last-Modified has whole seconds on the wire.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
