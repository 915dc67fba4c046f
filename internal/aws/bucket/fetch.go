package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's ETag is an MD5; it tells damage, not malice
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
)

// ErrIncomplete says that an object came several times with another number of bytes than the listing says.
var ErrIncomplete = errors.New("the object arrives incomplete")

const (
	// fetchTries is how often an object is downloaded from its beginning.
	fetchTries = 4
	// resumeTries is how often in a row a download continues where it broke without getting a byte further.
	resumeTries = 3
	fetchPause  = 100 * time.Millisecond // before the second try, and twice as long before each further one
)

// Fetch gives the content of an object to a function, which reads to the end. size is what the listing says in bytes; -1:
// it is not known. A connection that breaks or stalls is opened again where it broke. The function is called again, up to four times
// in all, while the content has another size or another MD5 than S3 says. ErrIncomplete where the size never is right; the content that
// came last was given to the function then, and must not be used.
func (b *Bucket) Fetch(ctx context.Context, key string, size int64, to func(io.Reader) error) error {
	var got int64
	before := ""
	for try := range fetchTries {
		if try > 0 {
			if err := pause(ctx, fetchPause<<(try-1)); err != nil {
				return err
			}
		}
		r := &resumed{b: b, ctx: ctx, key: key, sum: md5.New()} //nolint:gosec // see above
		err := r.open()
		if err == nil {
			err = to(r)
		}
		_ = r.close()
		if err != nil {
			if !errors.Is(err, ErrLater) || errors.Is(err, ErrExpired) || errors.Is(err, effect.ErrHook) || ctx.Err() != nil || try == fetchTries-1 {
				return err
			}
			before = ""
			continue
		}
		got = r.at
		if size >= 0 && got != size {
			continue
		}
		sum := hex.EncodeToString(r.sum.Sum(nil))
		// Not every store's ETag is an MD5. Two downloads with the same content show that it is the store's content.
		if r.md5 == "" || r.md5 == sum || before == sum {
			return nil
		}
		before = sum
		size = max(size, got)
	}
	if got == size {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "download", Subject: b.URI(key),
			Err:  &later{nil, "its content differs each time and never matches the MD5 from S3"},
			Hint: "check the network and any proxy or gateway before S3, then rerun the same command",
		}
	}
	return &quarry.Error{
		Kind: quarry.Provider, Op: "download", Subject: b.URI(key),
		Err:  fmt.Errorf("%w: %s arrived, the listing says %s", ErrIncomplete, figure.Count(got, "byte"), figure.Thousands(size)),
		Hint: "check what is between this machine and S3 (a proxy, a gateway, AWS_ENDPOINT_URL), then rerun the same command; nothing is sent again until the object is complete",
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// resumed reads an object over as many connections as that takes. All of them read the same object, by its ETag.
type resumed struct {
	b     *Bucket
	ctx   context.Context //nolint:containedctx // a reader's calls have none
	key   string
	etag  string
	md5   string // that the content must have; empty: S3 says none
	sum   hash.Hash
	size  int64 // as the first answer says; -1: not said
	at    int64
	body  io.ReadCloser
	stuck int // connections in a row that gave no byte
}

func (r *resumed) open() error {
	in := &s3.GetObjectInput{Bucket: &r.b.name, Key: &r.key}
	if r.at > 0 {
		in.Range, in.IfMatch = aws.String(fmt.Sprintf("bytes=%d-", r.at)), &r.etag
	}
	out, err := r.b.client.GetObject(r.ctx, in)
	if err != nil {
		return r.b.fault(r.ctx, "download", r.key, err)
	}
	r.body = out.Body
	if r.at > 0 {
		if !strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", r.at)) {
			return r.later(errors.New("it answers with another part than was requested"))
		}
		return nil
	}
	r.etag, r.size = aws.ToString(out.ETag), -1
	if out.ContentLength != nil {
		r.size = *out.ContentLength
	}
	tag := strings.Trim(r.etag, `"`)
	if _, err := hex.DecodeString(tag); err == nil && len(tag) == 2*md5.Size &&
		(out.ServerSideEncryption == "" || out.ServerSideEncryption == types.ServerSideEncryptionAes256) {
		r.md5 = tag
	}
	return nil
}

func (r *resumed) later(err error) error {
	return &quarry.Error{
		Kind: quarry.Provider, Op: "download", Subject: r.b.URI(r.key), Err: &later{err, err.Error()},
		Hint: "rerun the same command; it resumes where it stopped",
	}
}

func (r *resumed) close() error {
	if r.body == nil {
		return nil
	}
	body := r.body
	r.body = nil
	return body.Close()
}

// Read reads on, over another connection where one broke.
func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		r.sum.Write(p[:n])
		r.at += int64(n)
		if n > 0 {
			r.stuck = 0
		}
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return n, err
		case r.at >= r.size || r.etag == "" || errors.Is(err, effect.ErrHook) || r.ctx.Err() != nil || r.stuck == resumeTries:
			return n, r.b.fault(r.ctx, "download", r.key, err)
		case n > 0:
			return n, nil // the error comes again
		}
		_ = r.close()
		r.stuck++
		if err := pause(r.ctx, fetchPause<<(r.stuck-1)); err != nil {
			return 0, err
		}
		if err := r.open(); err != nil {
			r.body = broken{err}
			return 0, err
		}
	}
}

// broken is the body of an answer that never came.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }
func (b broken) Close() error             { return nil }
