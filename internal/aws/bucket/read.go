package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"quarry"
)

// ErrChanged says that an object is not any more what its ETag was taken of.
var ErrChanged = errors.New("the object was changed")

const preconditionFailed = 412

// Entry is one object of a listing for reading.
type Entry struct {
	Key, ETag string
	Size      int64
}

// List lists what is under a prefix, in the order of the keys, those after a key alone where it is not empty.
func (b *Bucket) List(ctx context.Context, prefix, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix}
		if after != "" {
			in.StartAfter = &after
		}
		for pages := s3.NewListObjectsV2Paginator(b.client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Entry{}, b.sourceFault(ctx, prefix, err))
				return
			}
			for i := range page.Contents {
				o := &page.Contents[i]
				if !yield(Entry{Key: aws.ToString(o.Key), ETag: aws.ToString(o.ETag), Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// sourceFault is the error of a list of a source. That there is no such bucket is the user's to correct: a source is not made.
func (b *Bucket) sourceFault(ctx context.Context, prefix string, err error) error {
	err = b.fault(ctx, "list", prefix, err)
	if !errors.Is(err, ErrNoBucket) {
		return err
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "list", Subject: b.URI(prefix), Err: ErrNoBucket,
		Hint: "check the name of the bucket in the source, s3://BUCKET/PREFIX; `aws s3 ls` lists the account's buckets",
	}
}

// Read opens an object at a byte, for so many bytes or, with 0, to its end. An ETag that is not empty has to be the
// object's still: ErrChanged.
func (b *Bucket) Read(ctx context.Context, key, etag string, from, bytes int64) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	switch {
	case bytes > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", from, from+bytes-1))
	case from > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", from))
	}
	if etag != "" {
		in.IfMatch = &etag
	}
	out, err := b.client.GetObject(ctx, in)
	if status(err) == preconditionFailed {
		return nil, fmt.Errorf("read %s: %w", b.URI(key), ErrChanged)
	}
	if err != nil {
		return nil, b.fault(ctx, "read", key, err)
	}
	return body{out.Body, func(err error) error { return b.fault(ctx, "read", key, err) }}, nil
}

// InItsRegion gives the bucket with a client of the Region where it is, which the buckets of others need not share with
// the jobs. A caller who may not ask finds out with the next call.
func (b *Bucket) InItsRegion(ctx context.Context, c aws.Config) *Bucket {
	out, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	region := ""
	var answer *smithyhttp.ResponseError
	switch {
	case err == nil:
		region = aws.ToString(out.BucketRegion)
	case errors.As(err, &answer):
		// Said with every refusal too (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html).
		region = answer.Response.Header.Get("X-Amz-Bucket-Region")
	}
	if region == "" || region == c.Region {
		return b
	}
	c = c.Copy()
	c.Region = region
	return New(c, b.name)
}

// status is the HTTP status of an error; 0: none.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
