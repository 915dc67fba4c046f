package store_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/store"
)

const bucket = "docs"

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// setup opens a store with one bucket.
func setup(t *testing.T) *store.Store {
	t.Helper()
	s := open(t, t.TempDir())
	if err := s.MakeBucket(t.Context(), bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	return s
}

func write(ctx context.Context, s *store.Store, key string, body []byte) (store.Object, error) {
	w, err := s.Create(ctx, bucket, key)
	if err != nil {
		return store.Object{}, err
	}
	defer w.Abort() //nolint:errcheck // after Commit it does nothing
	if _, err := w.Write(body); err != nil {
		return store.Object{}, err
	}
	return w.Commit()
}

func mustWrite(t *testing.T, s *store.Store, key string, body []byte) store.Object {
	t.Helper()
	o, err := write(t.Context(), s, key, body)
	if err != nil {
		t.Fatalf("write %q: %v", key, err)
	}
	return o
}

func read(ctx context.Context, s *store.Store, key string, offset int64) ([]byte, error) {
	r, _, err := s.Read(ctx, bucket, key, offset)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

// noise is size bytes that no part of the store can mistake for others.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	_, _ = r.Read(b)
	return b
}

// blobFiles counts the files below blobs/.
func blobFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatWasWrittenIsReadFromAnyOffset(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, size := range []int{0, 1, 4095, 4096, 4097, 65_536, 300_000} {
		body := noise(uint64(size), size)
		o := mustWrite(t, s, "k", body)
		sum := md5.Sum(body)
		want := store.Object{Key: "k", Size: int64(size), ETag: hex.EncodeToString(sum[:]), Modified: o.Modified}
		if diff := cmp.Diff(want, o); diff != "" {
			t.Errorf("Commit of %d bytes (-want +got):\n%s", size, diff)
		}
		if stat, err := s.Stat(t.Context(), bucket, "k"); err != nil || stat != o {
			t.Errorf("Stat = %v, %v, want %v", stat, err, o)
		}
		for _, offset := range []int{0, 1, size / 2, size - 1, size, size + 10} {
			if offset < 0 {
				continue
			}
			got, err := read(t.Context(), s, "k", int64(offset))
			if err != nil || !bytes.Equal(got, body[min(offset, size):]) {
				t.Errorf("Read of %d bytes from %d = %d bytes, %v", size, offset, len(got), err)
			}
		}
		if size > 0 {
			r, _, err := s.Read(t.Context(), bucket, "k", 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(r, body); err != nil {
				t.Errorf("reader of %d bytes: %v", size, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSmallWritesMakeOneObject(t *testing.T) {
	t.Parallel()
	s := setup(t)
	w, err := s.Create(t.Context(), bucket, "lines")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&want, "line %d\n", i)
		if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Stat(t.Context(), bucket, "lines"); !errors.Is(err, store.ErrNoSuchKey) {
		t.Errorf("Stat before Commit: %v, want ErrNoSuchKey", err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t.Context(), s, "lines", 0); err != nil || string(got) != want.String() {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, want.Len())
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("Write after Commit succeeded")
	}
	if _, err := w.Commit(); err == nil {
		t.Error("second Commit succeeded")
	}
}

func TestAbortedWritesLeaveNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.MakeBucket(t.Context(), bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, "k", []byte("old"))
	w, err := s.Create(t.Context(), bucket, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(noise(1, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	if got, err := read(t.Context(), s, "k", 0); err != nil || string(got) != "old" {
		t.Errorf("Read = %q, %v, want the old object", got, err)
	}
	if n := blobFiles(t, dir); n != 0 {
		t.Errorf("%d blob files are left over", n)
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx := t.Context()
	_, _, errRead := s.Read(ctx, bucket, "nope", 0)
	_, errStat := s.Stat(ctx, "nope", "k")
	_, errCreate := s.Create(ctx, "nope", "k")
	_, errBucket := s.Bucket(ctx, "nope")
	_, errLong := s.Create(ctx, bucket, strings.Repeat("x", 1025))
	_, errBytes := s.Create(ctx, bucket, "\xff")
	_, errEmpty := s.Create(ctx, bucket, "")
	for _, c := range []struct {
		name      string
		got, want error
	}{
		{"MakeBucket of a path", s.MakeBucket(ctx, "../x", "us-west-2"), store.ErrBucketName},
		{"Read of no key", errRead, store.ErrNoSuchKey},
		{"Stat in no bucket", errStat, store.ErrNoSuchBucket},
		{"Create in no bucket", errCreate, store.ErrNoSuchBucket},
		{"Bucket of no bucket", errBucket, store.ErrNoSuchBucket},
		{"Create of a key that is too long", errLong, store.ErrKeyTooLong},
		{"Create of a key that is no text", errBytes, store.ErrKeyEncoding},
		{"Create of an empty key", errEmpty, store.ErrNoSuchKey},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	for _, err := range s.Objects(ctx, "nope", "") {
		if !errors.Is(err, store.ErrNoSuchBucket) {
			t.Errorf("Objects of no bucket: %v", err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Stat(cancelled, bucket, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Stat after cancel: %v", err)
	}
}

func TestObjectsAreListedInKeyOrderWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var want []string
	for i := range 2_300 { // more than two pages of the index
		key := fmt.Sprintf("in/%05d", i)
		want = append(want, key)
		mustWrite(t, s, key, nil)
	}
	mustWrite(t, s, "im/before", nil)
	mustWrite(t, s, "in0after", nil)
	var got []string
	for o, err := range s.Objects(t.Context(), bucket, "in/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
		if len(got)%500 == 0 { // a write between two objects must not wait for the list
			mustWrite(t, s, "out/"+o.Key, noise(1, 50_000))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Objects (-want +got):\n%s", diff)
	}
}

func TestReadersKeepTheObjectTheyOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.MakeBucket(t.Context(), bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	body := noise(7, 1<<20)
	mustWrite(t, s, "k", body)
	var readers []io.ReadCloser
	for range 3 {
		r, _, err := s.Read(t.Context(), bucket, "k", 0)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
		mustWrite(t, s, "k", body) // takes the blob away from the one before
	}
	mustWrite(t, s, "k", []byte("small"))
	for i, r := range readers {
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("reader %d: %d bytes, %v", i, len(got), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := blobFiles(t, dir); n != 0 {
		t.Errorf("%d blob files are left after the last reader", n)
	}
}

func TestManyWritersAndReadersSeeWholeObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	// Every body is one byte repeated: a mixture of two would show.
	mustWrite(t, s, "k", bytes.Repeat([]byte{'a'}, 20_000))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 40 {
				if _, err := write(ctx, s, "k", bytes.Repeat([]byte{byte(i*40 + j)}, 5_000+j*1_000)); err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
		group.Go(func() {
			for range 80 {
				got, err := read(ctx, s, "k", 0)
				if err != nil || len(got) == 0 || bytes.Count(got, got[:1]) != len(got) {
					t.Errorf("read %d bytes, %v, not of one write", len(got), err)
					return
				}
			}
		})
	}
	group.Wait()
	if n := blobFiles(t, dir); n != 1 {
		t.Errorf("%d blob files for one object", n)
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := store.Open(store.Config{Dir: dir, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.MakeBucket(t.Context(), bucket, "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	if err := first.MakeBucket(t.Context(), bucket, "us-east-1"); err != nil {
		t.Errorf("MakeBucket of one that is there: %v", err)
	}
	mustWrite(t, first, "small", []byte("s"))
	big := mustWrite(t, first, "big", noise(3, 100_000))
	if err := first.SetPolicy(t.Context(), bucket, []byte(`{"Statement":[]}`)); err != nil {
		t.Fatal(err)
	}
	if err := first.SetDocument(t.Context(), bucket, "encryption", []byte(`<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>`+
		`<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>k1</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`)); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := first.Stat(t.Context(), bucket, "big"); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Stat after Close: %v, want ErrClosed", err)
	}
	if _, err := write(t.Context(), first, "big", nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("write after Close: %v, want ErrClosed", err)
	}

	second := open(t, dir)
	info, err := second.Bucket(t.Context(), bucket)
	want := store.BucketInfo{Name: bucket, Account: "123456789012", Region: "eu-west-1", Created: info.Created, Policy: []byte(`{"Statement":[]}`), KMSKeyID: "k1", Encryption: "aws:kms"}
	if diff := cmp.Diff(want, info); err != nil || diff != "" {
		t.Errorf("Bucket: %v (-want +got):\n%s", err, diff)
	}
	var keys []string
	for o, err := range second.Objects(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, o.Key)
	}
	if !slices.Equal(keys, []string{"big", "small"}) {
		t.Errorf("Objects = %q", keys)
	}
	if got, err := second.Stat(t.Context(), bucket, "big"); err != nil || got != big {
		t.Errorf("Stat = %v, %v, want %v", got, err, big)
	}
	if got, err := read(t.Context(), second, "big", 0); err != nil || !bytes.Equal(got, noise(3, 100_000)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

func TestOneDirectoryHasOneStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	if _, err := store.Open(store.Config{Dir: dir}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second store on the same directory: %v, want ErrLocked", err)
	}
	if _, err := store.Open(store.Config{}); err == nil {
		t.Error("a store opened without a directory")
	}
}
