package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// copyParts makes target of two stretches of source, without moving bytes.
func copyParts(ctx context.Context, s *store.Store, source, target string) error {
	id, err := s.CreateUpload(ctx, store.NewUpload{Bucket: bucket, Key: target})
	if err != nil {
		return err
	}
	part, err := s.CopyPart(ctx, store.PartCopy{
		Upload: id, Number: 1, Source: store.Source{Bucket: bucket, Key: source},
		Stretch: func(int64) (int64, int64, error) { return 0, 10_000, nil },
	})
	if err != nil {
		return errors.Join(err, s.Abort(ctx, id, time.Time{}))
	}
	_, err = s.Complete(ctx, store.Complete{Upload: id, Parts: []store.Named{{Number: 1, ETag: part.ETag}}})
	return err
}

func TestNoFileIsLeftWhenEverythingIsDeleted(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"", store.Suspended, store.Enabled} {
		t.Run("versioning "+status, func(t *testing.T) {
			t.Parallel()
			leavesNoFile(t, status)
		})
	}
}

func leavesNoFile(t *testing.T, versioning string) {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetVersioning(ctx, bucket, versioning); err != nil {
		t.Fatal(err)
	}
	// Every object is one byte repeated, wherever it was copied: a mixture of two, or a hole, would show.
	step := func(r *rand.Rand) error {
		key, other := fmt.Sprint("k", r.IntN(4)), fmt.Sprint("k", r.IntN(4))
		body := bytes.Repeat([]byte{byte(1 + r.IntN(255))}, 15_000+r.IntN(50_000))
		switch r.IntN(6) {
		case 0:
			_, err := write(ctx, s, key, body)
			return err
		case 1:
			return multipart(ctx, s, key, body)
		case 2:
			_, err := s.Copy(ctx, store.Copy{Bucket: bucket, Key: key, Source: store.Source{Bucket: bucket, Key: other}, Headers: &store.Headers{}})
			return err
		case 3:
			return copyParts(ctx, s, other, key)
		case 4:
			version := ""
			if page, err := s.ListVersions(ctx, bucket, store.Query{Prefix: key, Limit: 10}, ""); err == nil && len(page.Versions) > 0 && r.IntN(2) == 0 {
				version = page.Versions[r.IntN(len(page.Versions))].Version()
			}
			_, err := s.Delete(ctx, bucket, key, version, store.Conditions{})
			return err
		}
		got, err := read(ctx, s, key, 0)
		if err == nil && bytes.Count(got, got[:1]) != len(got) {
			return fmt.Errorf("%s holds bytes of several objects", key)
		}
		return err
	}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 150 {
				var gone *s3err.Error // the source may have been deleted or replaced meanwhile
				if err := step(r); err != nil && !errors.As(err, &gone) && !errors.Is(err, store.ErrNoSuchKey) {
					t.Errorf("%v", err)
				} else if gone != nil && gone.Status >= 500 {
					t.Errorf("%v", err)
				}
			}
		})
	}
	group.Wait()
	page, err := s.ListVersions(ctx, bucket, store.Query{Limit: 1 << 20}, "")
	if err != nil {
		t.Fatal(err)
	}
	if versioning == store.Enabled && len(page.Versions) < 100 {
		t.Errorf("%d versions were kept", len(page.Versions))
	}
	for _, v := range page.Versions {
		if _, err := s.Delete(ctx, bucket, v.Key, v.Version(), store.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteBucket(ctx, bucket); err != nil {
		t.Error(err)
	}
	if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	if n := pendingParts(t, s); n != 0 {
		t.Errorf("%d parts are pending", n)
	}
	if n := blobFiles(t, dir); n != 0 {
		t.Errorf("%d blob files are left", n)
	}
}

func TestACancelledWriterStoresNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Create(ctx, bucket, "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write([]byte("y")); !errors.Is(err, context.Canceled) {
		t.Errorf("Write after cancel: %v", err)
	}
	if _, err := w.Commit(); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after cancel: %v", err)
	}
	if _, err := s.Stat(t.Context(), bucket, "k"); !errors.Is(err, store.ErrNoSuchKey) {
		t.Errorf("Stat: %v", err)
	}
}
