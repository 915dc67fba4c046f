package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
)

// blobID names a blob file: the epoch it was made in (high 32 bits) and its number there. It is never used again.
type blobID uint64

func (id blobID) key() []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

// blobs are the files with the bytes: written once, synced, then only read, unlinked when the index has let go of
// them and no reader holds them.
type blobs struct {
	dir    string
	epoch  uint64
	noSync bool
	made   sync.Once
	madeOK error
	next   atomic.Uint64
	dirty  atomic.Bool // files were made since the directory was last synced

	mu       sync.Mutex
	pins     map[blobID]int
	doomed   map[blobID]struct{} // dead, still pinned
	writing  int
	leftover bool // a file could not be removed: the next opening sweeps
	unswept  bool // the sweep of this opening did not finish: the next opening sweeps
}

func newBlobs(dir string, epoch uint64, noSync bool) *blobs {
	return &blobs{dir: dir, epoch: epoch, noSync: noSync, pins: map[blobID]int{}, doomed: map[blobID]struct{}{}}
}

func (b *blobs) epochDir(epoch uint64) string {
	return filepath.Join(b.dir, fmt.Sprintf("%08x", epoch))
}

func (b *blobs) path(id blobID) string {
	return filepath.Join(b.epochDir(uint64(id)>>32), fmt.Sprintf("%08x", uint32(id)))
}

// create makes a new empty blob file.
func (b *blobs) create() (blobID, *os.File, error) {
	b.made.Do(func() { b.madeOK = b.makeEpochDir() })
	if b.madeOK != nil {
		return 0, nil, b.madeOK
	}
	n := b.next.Add(1)
	if n > 1<<32-1 {
		return 0, nil, errors.New("blob numbers of this epoch are used up; open the store again")
	}
	id := blobID(b.epoch<<32 | n)
	f, err := os.OpenFile(b.path(id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, nil, fmt.Errorf("make blob: %w", err)
	}
	b.dirty.Store(true)
	b.mu.Lock()
	b.writing++
	b.mu.Unlock()
	return id, f, nil
}

// written says that the file of create is closed; keep is false when it was not sealed and has to go.
func (b *blobs) written(id blobID, keep bool) {
	b.mu.Lock()
	b.writing--
	b.mu.Unlock()
	if !keep {
		b.remove(id)
	}
}

func (b *blobs) makeEpochDir() error {
	if err := os.MkdirAll(b.epochDir(b.epoch), 0o700); err != nil {
		return fmt.Errorf("make blob directory: %w", err)
	}
	if b.noSync {
		return nil
	}
	return syncDirs(b.dir)
}

// syncDir makes the names of new files durable; it costs nothing when there are none.
func (b *blobs) syncDir() error {
	if !b.dirty.Swap(false) || b.noSync {
		return nil
	}
	if err := syncDirs(b.epochDir(b.epoch)); err != nil {
		b.dirty.Store(true)
		return err
	}
	return nil
}

// pin keeps the blobs of the segments from being unlinked until unpin.
func (b *blobs) pin(segments []segment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range segments {
		b.pins[s.Blob]++
	}
}

func (b *blobs) unpin(segments []segment) {
	var dead []blobID
	b.mu.Lock()
	for _, s := range segments {
		b.pins[s.Blob]--
		if b.pins[s.Blob] > 0 {
			continue
		}
		delete(b.pins, s.Blob)
		if _, ok := b.doomed[s.Blob]; ok {
			delete(b.doomed, s.Blob)
			dead = append(dead, s.Blob)
		}
	}
	b.mu.Unlock()
	for _, id := range dead {
		b.remove(id)
	}
}

// discard unlinks blobs that the index no longer names, at once or when their last reader is done.
func (b *blobs) discard(ids []blobID) {
	for _, id := range ids {
		b.mu.Lock()
		pinned := b.pins[id] > 0
		if pinned {
			b.doomed[id] = struct{}{}
		}
		b.mu.Unlock()
		if !pinned {
			b.remove(id)
		}
	}
}

func (b *blobs) remove(id blobID) {
	if err := os.Remove(b.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// Windows refuses while anything still has the file open. It is garbage, not harm.
		b.keepLeftovers()
	}
}

func (b *blobs) keepLeftovers() {
	b.mu.Lock()
	b.leftover = true
	b.mu.Unlock()
}

// tidy reports whether no file is left over that the index does not name.
func (b *blobs) tidy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.leftover && !b.unswept && len(b.doomed) == 0 && b.writing == 0
}

// sweep removes the blobs of older epochs that the index does not name: what a crash left. No new reference to such
// a blob can appear, because references are only made from records that have one.
func (s *Store) sweep() {
	epochs, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		return
	}
	for _, e := range epochs {
		epoch, err := strconv.ParseUint(e.Name(), 16, 32)
		if err != nil || epoch >= s.blobs.epoch {
			continue
		}
		if !s.sweepEpoch(epoch) {
			return
		}
	}
	s.blobs.mu.Lock()
	s.blobs.unswept = false
	s.blobs.mu.Unlock()
}

func (s *Store) sweepEpoch(epoch uint64) (goOn bool) {
	dir := s.blobs.epochDir(epoch)
	d, err := os.Open(dir)
	if err != nil {
		return true
	}
	defer d.Close() //nolint:errcheck // only read
	for {
		names, err := d.Readdirnames(512)
		if len(names) == 0 || err != nil {
			break
		}
		select {
		case <-s.closing:
			return false
		default:
		}
		var orphans []blobID
		err = s.db.View(func(tx *bolt.Tx) error {
			refs := tx.Bucket(nameRefs)
			for _, name := range names {
				n, err := strconv.ParseUint(name, 16, 32)
				id := blobID(epoch<<32 | n)
				if err == nil && refs.Get(id.key()) == nil {
					orphans = append(orphans, id)
				}
			}
			return nil
		})
		if err != nil {
			return false
		}
		for _, id := range orphans {
			s.blobs.remove(id)
		}
	}
	_ = os.Remove(dir) // goes when it is empty
	return true
}

// addRefs counts one more user for every segment's blob.
func (t *txn) addRefs(segments []segment) error {
	refs := t.Bucket(nameRefs)
	for _, s := range segments {
		key := s.Blob.key()
		n, _ := binary.Uvarint(refs.Get(key))
		if err := refs.Put(key, binary.AppendUvarint(nil, n+1)); err != nil {
			return err
		}
	}
	return nil
}

// dropRefs takes one user away; blobs without any are unlinked after the commit.
func (t *txn) dropRefs(segments []segment) error {
	refs := t.Bucket(nameRefs)
	for _, s := range segments {
		key := s.Blob.key()
		n, _ := binary.Uvarint(refs.Get(key))
		if n > 1 {
			if err := refs.Put(key, binary.AppendUvarint(nil, n-1)); err != nil {
				return err
			}
			continue
		}
		if err := refs.Delete(key); err != nil {
			return err
		}
		t.freed = append(t.freed, s.Blob)
	}
	return nil
}

func syncDirs(dirs ...string) error {
	if runtime.GOOS == "windows" { // a directory cannot be synced there
		return nil
	}
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return fmt.Errorf("sync directory: %w", err)
		}
		err = d.Sync()
		if e := d.Close(); err == nil {
			err = e
		}
		if err != nil {
			return fmt.Errorf("sync directory %s: %w", dir, err)
		}
	}
	return nil
}
