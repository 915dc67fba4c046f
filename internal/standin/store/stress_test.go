package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"quarry/internal/standin/store"
)

// copyParts makes target of two stretches of source, without moving bytes.
func copyParts(ctx context.Context, s *store.Store, source, target string) error {
	be, b := s.Backend(), bucket
	up, err := be.CreateMultipartUpload(ctx, s3response.CreateMultipartUploadInput{Bucket: &b, Key: &target})
	if err != nil {
		return err
	}
	from, one, first := b+"/"+source, int32(1), "bytes=0-9999"
	part, err := be.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: &b, Key: &target, UploadId: &up.UploadId, PartNumber: &one, CopySource: &from, CopySourceRange: &first})
	if err != nil {
		return errors.Join(err, be.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b, Key: &target, UploadId: &up.UploadId}))
	}
	_, _, err = be.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b, Key: &target, UploadId: &up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: &one, ETag: part.ETag}}},
	})
	return err
}

func TestNoFileIsLeftWhenEverythingIsDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
		t.Fatal(err)
	}
	be, b := s.Backend(), bucket
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
			from := b + "/" + other
			_, err := be.CopyObject(ctx, s3response.CopyObjectInput{Bucket: &b, Key: &key, CopySource: &from, MetadataDirective: types.MetadataDirectiveReplace})
			return err
		case 3:
			return copyParts(ctx, s, other, key)
		case 4:
			_, err := be.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: &key})
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
				var gone s3err.S3Error // the source may have been deleted or replaced meanwhile
				if err := step(r); err != nil && !errors.As(err, &gone) && !errors.Is(err, store.ErrNoSuchKey) {
					t.Errorf("%v", err)
				} else if gone != nil && gone.StatusCode() >= 500 {
					t.Errorf("%v", err)
				}
			}
		})
	}
	group.Wait()
	for o, err := range s.Objects(ctx, bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := be.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b, Key: &o.Key}); err != nil {
			t.Fatal(err)
		}
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
