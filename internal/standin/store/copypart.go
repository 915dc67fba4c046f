package store

import (
	"context"
	"fmt"

	"quarry/internal/standin/s3err"
)

// PartCopy is a part to be made of a stretch of an object. Stretch gives offset and length for a source of so many bytes.
type PartCopy struct {
	Upload  UploadID
	Number  int
	Source  Source
	Stretch func(size int64) (offset, length int64, err error)
}

// CopyPart makes a part of a stretch of an object. The bytes stay where they are; they are read once for the
// part's ETag and checksum.
func (s *Store) CopyPart(ctx context.Context, in PartCopy) (Info, error) {
	up, err := s.upload(ctx, in.Upload)
	if err != nil {
		return Info{}, err
	}
	if err := partNumber(in.Number); err != nil {
		return Info{}, err
	}
	o, h, err := s.open(ctx, in.Source.Bucket, in.Source.Key, in.Source.Version)
	if err != nil {
		return Info{}, in.Source.fault(err)
	}
	defer h.release() // the blobs stay until the part has counted them
	if err := in.Source.check(&o.Info); err != nil {
		return Info{}, err
	}
	offset, length, err := in.Stretch(o.Size)
	if err != nil {
		return Info{}, err
	}
	p, err := s.copyPart(ctx, up, in, o, h, offset, length)
	if err != nil {
		return Info{}, err
	}
	return p.Info, nil
}

func (s *Store) copyPart(ctx context.Context, up *upload, in PartCopy, o *object, h *handle, offset, length int64) (*object, error) {
	segments := o.cut(offset, length)
	if len(segments) == 0 { // inline bytes: small enough to be written again
		c, err := s.receive(Body{Reader: h.section(offset, length), Length: length, Algorithm: up.Algorithm}, false)
		if err != nil {
			return nil, err
		}
		return s.putPart(ctx, up, in.Number, c)
	}
	algorithm := up.Algorithm
	if algorithm == "" {
		algorithm = CRC64NVME
	}
	r := (&handle{blobs: s.blobs, segments: segments}).reader(length)
	etag, sum, err := digest(r, algorithm)
	if e := r.closeFile(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", in.Source.Bucket, in.Source.Key, err)
	}
	p := &object{segments: segments, Info: Info{Size: length, ETag: etag, Checksum: sum}}
	err = s.commit(ctx, func(tx *txn) error {
		// The pin keeps the files, not the reference counts: if the source lost its blobs meanwhile they are doomed.
		for _, g := range segments {
			if tx.Bucket(nameRefs).Get(g.Blob.key()) == nil {
				return refuse(s3err.New(s3err.PreconditionFailed))
			}
		}
		return tx.putPart(up, in.Number, p, s.generation())
	})
	return p, err
}
