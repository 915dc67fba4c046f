// Package bucket puts a run's input into S3 and takes the output from it.
//
// It owns the S3 client and is its only importer on the run's side. It does not know what the objects hold. What always
// holds: an upload appears whole or not at all, with a checksum that S3 verified; a download is streamed.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"quarry"
	"quarry/internal/base/effect"
)

// multipartBytes is the size from which an upload goes in parts, which S3 can take side by side.
const multipartBytes = 8 << 20

// Bucket is one bucket.
type Bucket struct {
	client *s3.Client
	upload *transfermanager.Client
	name   string
	region string
}

// Object is one object of a listing.
type Object struct {
	Key  string
	Size int64
}

// ErrNoObject says that there is no such object; ErrNoBucket that there is no such bucket.
var (
	ErrNoObject = errors.New("no such object")
	ErrNoBucket = errors.New("no such bucket")
	// ErrLater says that the same call may succeed later: no answer, or an answer that tells the client to wait.
	ErrLater = errors.New("not now")
	// ErrExpired says, next to ErrLater, that the credentials ran out.
	ErrExpired = errors.New("credentials expired")
)

// New names a bucket. It makes no call.
func New(c aws.Config, name string) *Bucket {
	client := s3.NewFromConfig(c)
	return &Bucket{
		client: client,
		upload: transfermanager.New(client, func(o *transfermanager.Options) {
			o.MultipartUploadThreshold = multipartBytes
			o.PartSizeBytes = multipartBytes
			o.Concurrency = 4
		}),
		name: name, region: c.Region,
	}
}

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.name }

// URI gives s3://bucket/key.
func (b *Bucket) URI(key string) string { return "s3://" + b.name + "/" + key }

// Key gives the key of one of the bucket's own URIs.
func (b *Bucket) Key(uri string) (string, bool) { return strings.CutPrefix(uri, "s3://"+b.name+"/") }

// Get opens an object. The caller closes the reader.
func (b *Bucket) Get(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, 0, b.fault(ctx, "download", key, err)
	}
	fault := func(err error) error { return b.fault(ctx, "download", key, err) }
	return body{out.Body, fault}, aws.ToInt64(out.ContentLength), nil
}

// body is an object under way. A connection that ends before the object does is reported like a call that failed.
type body struct {
	io.ReadCloser
	fault func(error) error
}

func (r body) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.fault(err)
	}
	return n, err
}

// Objects lists what is under a prefix, in the order of the keys.
func (b *Bucket) Objects(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, b.fault(ctx, "list", prefix, err))
				return
			}
			for _, o := range page.Contents {
				if !yield(Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size)}, nil) {
					return
				}
			}
		}
	}
}

// Region reads the Region of the bucket. It returns ErrNoBucket if the bucket does not exist.
func (b *Bucket) Region(ctx context.Context) (string, error) {
	out, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	if err != nil {
		return "", b.fault(ctx, "look at", "", err)
	}
	return aws.ToString(out.BucketRegion), nil
}

// Make makes the bucket in the Region of its client; that it is ours already is no error.
func (b *Bucket) Make(ctx context.Context) error {
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if b.region != "us-east-1" { // the one Region that must not be named
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	_, err := b.client.CreateBucket(ctx, in)
	var owned *types.BucketAlreadyOwnedByYou
	if errors.As(err, &owned) {
		return nil
	}
	return b.fault(ctx, "make", "", err)
}

// later is ErrLater in the words of what happened.
type later struct {
	why  error // may be nil
	text string
}

func (l *later) Error() string { return l.text }
func (l *later) Unwrap() []error {
	if l.why == nil {
		return []error{ErrLater}
	}
	return []error{ErrLater, l.why}
}

// fault says what was done to which object, and sorts the errors that callers or people act on.
func (b *Bucket) fault(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	subject := b.URI(key)
	var api smithy.APIError
	if !errors.As(err, &api) {
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Subject: subject, Err: &later{err, effect.Unanswered(err).Error()},
			Hint: "check the network and AWS_ENDPOINT_URL, then rerun the same command; it resumes where it stopped",
		}
	}
	switch code := api.ErrorCode(); code {
	case "NoSuchKey":
		return fmt.Errorf("%s %s: %w", op, subject, ErrNoObject)
	case "NoSuchBucket", "NotFound":
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Subject: subject, Err: ErrNoBucket,
			Hint: fmt.Sprintf("name an existing bucket with --bucket, or create this one: aws s3 mb s3://%s --region %s", b.name, b.region),
		}
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return &quarry.Error{
			Kind: quarry.Denied, Op: op, Subject: subject, Err: &later{ErrExpired, code + ": " + api.ErrorMessage()},
			Hint: "log in again (`aws sso login`, or set new AWS_… variables), then rerun the same command; it resumes where it stopped",
		}
	case "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return &quarry.Error{
			Kind: quarry.Denied, Op: op, Subject: subject, Err: fmt.Errorf("%s: %s", code, api.ErrorMessage()),
			Hint: "the caller needs s3:PutObject, s3:GetObject and s3:ListBucket on this bucket",
		}
	case "InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "503", "500":
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Subject: subject, Err: &later{nil, code + ": " + api.ErrorMessage()},
			Hint: "rerun the same command; it resumes where it stopped",
		}
	default:
		return &quarry.Error{
			Kind: quarry.Provider, Op: op, Subject: subject, Err: err, Hint: "rerun the same command; it resumes where it stopped",
		}
	}
}
