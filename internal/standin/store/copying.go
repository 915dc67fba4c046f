package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"quarry/internal/standin/s3err"
)

// maxCopyBytes is S3's limit for CopyObject; what is larger is copied in parts.
const maxCopyBytes = 5 << 30

// Source is the object that a copy is made of.
type Source struct {
	Bucket, Key string
	Version     string     // its id on the wire; "": the current one
	If          Conditions // of reading; NotModified counts as PreconditionFailed
}

func (src Source) check(h *Info) error {
	err := src.If.Read(h)
	if errors.Is(err, s3err.New(s3err.NotModified)) { // a copy has no "not modified"
		return s3err.New(s3err.PreconditionFailed)
	}
	return err
}

// fault names the source, not the copy, in an error of S3.
func (src Source) fault(err error) error {
	if errors.Is(err, ErrNoSuchBucket) || errors.Is(err, ErrNoSuchKey) {
		return S3Error(err, src.Bucket, src.Key)
	}
	return err
}

// read finds the source inside the transaction that copies it, so that it cannot go away in between.
func (src Source) read(tx *txn) (*object, error) {
	o, _, _, err := find(tx.Tx, src.Bucket, src.Key, src.Version)
	if err != nil {
		return nil, refuse(src.fault(err))
	}
	return o, refuse(src.check(&o.Info))
}

// Copy is an object to be made of another.
type Copy struct {
	Bucket, Key string
	Source      Source
	Headers     *Headers // nil: those of the source
	Redirect    string   // never the source's
	Tags        *Tags    // nil: those of the source
	Algorithm   Algorithm
	If          Conditions // of writing
	// Class, Encryption and KMSKeyID hold whatever Headers says: none of them is copied.
	Class, Encryption, KMSKeyID string
}

// Copy makes a second record for the same blobs; no data moves, unless another checksum is requested, which has
// to be computed. As in S3 the copy of an object that was uploaded in parts is one piece with an ETag of its own.
func (s *Store) Copy(ctx context.Context, in Copy) (Info, error) {
	if err := checkKey(in.Key); err != nil {
		return Info{}, err
	}
	for {
		sums, err := s.resum(ctx, in.Source, in.Algorithm)
		if err != nil {
			return Info{}, in.Source.fault(err)
		}
		var made *object
		err = s.commit(ctx, func(tx *txn) error {
			o, err := in.Source.read(tx)
			if err != nil {
				return err
			}
			if err := in.apply(o, sums); err != nil {
				return refuse(err)
			}
			made = o
			return s.replace(tx, in.Bucket, in.Key, o, in.If.write)
		})
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return Info{}, err
		}
		return made.Info, nil
	}
}

// apply makes the source's record the copy's.
func (in Copy) apply(o *object, sums computed) error {
	if o.Size > maxCopyBytes {
		return s3err.Request(fmt.Sprintf("The specified copy source is larger than the maximum allowable size for a copy source: %d",
			int64(maxCopyBytes)))
	}
	if sums.generation != 0 {
		if o.Generation != sums.generation { // replaced while it was read: the checksums are another's
			return errChanged
		}
		o.ETag, o.Checksum, o.parts, o.PartCount = sums.etag, sums.checksum, nil, 0
	}
	o.Upload = ""
	if in.Headers != nil {
		o.Headers = *in.Headers
	}
	o.Headers.Redirect = in.Redirect
	o.Headers.StorageClass, o.Headers.Encryption, o.Headers.KMSKeyID = in.Class, in.Encryption, in.KMSKeyID
	if in.Tags != nil {
		o.Tags = *in.Tags
	}
	return nil
}

var errChanged = errors.New("object changed while it was read")

// computed are an object's ETag and checksum as if it had been put in one piece; generation says of which record.
type computed struct {
	generation uint64
	etag       string
	checksum   Checksum
}

// resum reads the source of a copy when its stored sums do not do for the copy: it was uploaded in parts, or another
// algorithm is requested. A zero result means they do.
func (s *Store) resum(ctx context.Context, src Source, algorithm Algorithm) (computed, error) {
	head, err := s.lookup(ctx, src.Bucket, src.Key, src.Version)
	if err != nil {
		return computed{}, err
	}
	if err := src.check(&head.Info); err != nil {
		return computed{}, err
	}
	if algorithm == "" {
		algorithm = head.Checksum.Algorithm
	}
	if head.PartCount == 0 && algorithm == head.Checksum.Algorithm || head.Size > maxCopyBytes {
		return computed{}, nil
	}
	if algorithm == "" {
		algorithm = CRC64NVME
	}
	o, h, err := s.open(ctx, src.Bucket, src.Key, src.Version)
	if err != nil {
		return computed{}, err
	}
	r := h.section(0, o.Size)
	etag, sum, err := digest(r, algorithm)
	if e := r.Close(); err == nil {
		err = e
	}
	if err != nil {
		return computed{}, fmt.Errorf("read %s/%s: %w", src.Bucket, src.Key, err)
	}
	return computed{generation: o.Generation, etag: etag, checksum: sum}, nil
}

// digest reads r for its ETag and a checksum.
func digest(r io.Reader, algorithm Algorithm) (etag string, sum Checksum, err error) {
	hash, ok := newHasher(algorithm)
	if !ok {
		return "", Checksum{}, unknownAlgorithm(algorithm)
	}
	md, _ := newHasher(MD5)
	buf, _ := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	if _, err := io.CopyBuffer(io.MultiWriter(md, hash), struct{ io.Reader }{r}, *buf); err != nil {
		return "", Checksum{}, err
	}
	return hex.EncodeToString(md.Sum(nil)), Checksum{Algorithm: algorithm, Type: FullObject, Value: hash.value()}, nil
}

// cut gives the segments of a stretch of the object; an inline object has none.
func (o *object) cut(offset, length int64) []segment {
	var out []segment
	for _, s := range o.segments {
		if length == 0 {
			break
		}
		if offset >= s.Length {
			offset -= s.Length
			continue
		}
		n := min(s.Length-offset, length)
		out = append(out, segment{Blob: s.Blob, Offset: s.Offset + offset, Length: n})
		offset, length = 0, length-n
	}
	return out
}
