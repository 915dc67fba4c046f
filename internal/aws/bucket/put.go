package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/base/figure"
)

// putTries is how often an upload whose bytes arrive damaged is made.
const putTries = 4

// PutFile uploads a file, in parts above 8 MiB.
func (b *Bucket) PutFile(ctx context.Context, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("upload %s: %w", path, err)
	}
	defer func() { _ = f.Close() }()
	return b.Put(ctx, key, f)
}

// Put uploads what r holds, from where it is to its end. An upload that S3 refuses since its bytes do not have their checksum is
// made again, up to four times in all: what flipped a bit on the way seldom does so twice. The error is of the kind
// quarry.Provider where it does.
func (b *Bucket) Put(ctx context.Context, key string, r io.ReadSeeker) error {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("upload %s: %w", b.URI(key), err)
	}
	for try := range putTries {
		if try > 0 {
			if err := pause(ctx, fetchPause<<(try-1)); err != nil {
				return err
			}
			if _, err := r.Seek(start, io.SeekStart); err != nil {
				return fmt.Errorf("upload %s: %w", b.URI(key), err)
			}
		}
		_, err = b.upload.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &b.name, Key: &key, Body: r})
		if !damaged(err) {
			return b.fault(ctx, "upload", key, err)
		}
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: "upload", Subject: b.URI(key),
		Err:  fmt.Errorf("its bytes arrived damaged in %s: %w", figure.Count(putTries, "try"), err),
		Hint: "check what is between this machine and S3 (a proxy, a gateway, AWS_ENDPOINT_URL) and this machine's memory and disk, then rerun the same command",
	}
}

// damaged reports whether S3 refused an upload since its bytes do not have the checksum that came with them
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func damaged(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest":
		return true
	}
	return false
}

// Remove removes an object; that it is gone already is no error. Where the bucket keeps versions, it keeps this one.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	return b.fault(ctx, "remove", key, err)
}
