package store

import (
	"context"
	"crypto/md5" // S3 defines its ETag by it
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"quarry/internal/standin/s3err"

	bolt "go.etcd.io/bbolt"
)

// minPartSize is S3's, for every part but the last.
const minPartSize = 5 << 20

// Named is a part as the client names it when it completes an upload. Sums may be nil.
type Named struct {
	Number int
	ETag   string
	Sums   map[Algorithm]string
}

// Complete is an upload to be made an object.
type Complete struct {
	Upload UploadID
	Parts  []Named
	If     Conditions           // of writing
	Type   string               // FullObject, Composite or empty
	Sums   map[Algorithm]string // of the whole object
	Size   *int64               // x-amz-mp-object-size
}

// Complete makes an object of the parts named, without touching their bytes. Asked again after it
// succeeded (the first answer may have been lost) it gives the same answer, as long as the object is still that one.
func (s *Store) Complete(ctx context.Context, in Complete) (Info, error) {
	bucket, key, id := in.Upload.Bucket, in.Upload.Key, in.Upload.ID
	var made Info
	err := s.commit(ctx, func(tx *txn) error {
		up, err := readUpload(tx.Tx, in.Upload)
		if err != nil {
			if done := tx.completed(in.Upload); done != nil {
				made = *done
				return nil
			}
			return refuse(err)
		}
		o, err := tx.assemble(up, in)
		if err != nil {
			return refuse(err)
		}
		if err := s.replace(tx, bucket, key, o, in.If.write); err != nil {
			return err
		}
		if err := tx.dropParts(id); err != nil {
			return err
		}
		made = o.Info
		return tx.Bucket(nameUploads).Bucket([]byte(bucket)).Delete(uploadKey(key, id))
	})
	return made, err
}

// completed gives the object that an upload became, nil when the key holds another or none.
func (t *txn) completed(id UploadID) *Info {
	o, _, _, err := find(t.Tx, id.Bucket, id.Key, "")
	if err != nil || id.ID == "" || o.Upload != id.ID {
		return nil
	}
	return &o.Info
}

// assemble checks the parts a client names against those that are there, and puts them together.
func (t *txn) assemble(up *upload, in Complete) (*object, error) {
	if len(in.Parts) == 0 {
		return nil, s3err.New(s3err.MalformedXML)
	}
	if in.Type != "" && up.Type != "" && in.Type != up.Type {
		return nil, s3err.Request(fmt.Sprintf("The upload was created using the %s checksum mode. The complete request must use "+
			"the same checksum mode.", up.Type))
	}
	for i := 1; i < len(in.Parts); i++ {
		if in.Parts[i].Number <= in.Parts[i-1].Number {
			return nil, s3err.New(s3err.InvalidPartOrder)
		}
	}
	stored := t.Bucket(nameParts).Bucket([]byte(up.ID))
	o := &object{Info: Info{Headers: up.Headers, Tags: up.Tags, PartCount: len(in.Parts), Upload: up.ID}}
	sums := &partSums{algorithm: up.Algorithm, kind: up.Type}
	etags := md5.New()
	for i, n := range in.Parts {
		p, err := readPart(stored, up, n)
		if err != nil {
			return nil, err
		}
		if i < len(in.Parts)-1 && p.Size < minPartSize {
			return nil, s3err.New(s3err.EntityTooSmall).With("ProposedSize", fmt.Sprint(p.Size)).
				With("MinSizeAllowed", strconv.Itoa(minPartSize)).With("PartNumber", strconv.Itoa(n.Number)).With("ETag", p.ETag)
		}
		raw, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, fmt.Errorf("%w: part %d of upload %s: %w", errRecord, n.Number, up.ID, err)
		}
		etags.Write(raw)
		if err := sums.add(p); err != nil {
			return nil, err
		}
		o.Size += p.Size
		o.segments = append(o.segments, p.segments...)
		o.parts = append(o.parts, Part{Number: n.Number, Size: p.Size, Checksum: p.Checksum.Value})
	}
	if in.Size != nil && *in.Size != o.Size {
		return nil, s3err.Request(fmt.Sprintf("The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d",
			*in.Size, o.Size))
	}
	o.ETag = fmt.Sprintf("%x-%d", etags.Sum(nil), len(in.Parts))
	o.Checksum = sums.result(len(in.Parts))
	return o, checkWhole(o.Checksum, in.Sums)
}

// readPart finds a part and compares what the client says of it.
func readPart(stored *bolt.Bucket, up *upload, n Named) (*object, error) {
	etag := strings.Trim(n.ETag, `"`)
	invalid := s3err.New(s3err.InvalidPart).With("UploadId", up.ID).With("PartNumber", strconv.Itoa(n.Number)).With("ETag", etag)
	if n.Number < 1 || n.Number > maxParts || stored == nil {
		return nil, invalid
	}
	b := stored.Get(partKey(n.Number))
	if b == nil {
		return nil, invalid
	}
	p, err := decodeObject(b)
	if err != nil {
		return nil, err
	}
	if etag != p.ETag {
		return nil, invalid
	}
	for algorithm, value := range n.Sums {
		if algorithm != p.Checksum.Algorithm || value != p.Checksum.Value {
			return nil, invalid
		}
	}
	if len(n.Sums) == 0 && up.Type == Composite {
		return nil, s3err.Request(fmt.Sprintf("The upload was created using a %s checksum. The complete request must include the "+
			"checksum for each part. It was missing for part %d in the request.", lower(up.Algorithm), n.Number))
	}
	return p, nil
}

// checkWhole compares the checksum of the whole object that a client may send along. A composite one may come without "-N" at its end,
// as minio-go sends it.
func checkWhole(have Checksum, sums map[Algorithm]string) error {
	value, ok := sums[have.Algorithm]
	if !ok || value == have.Value {
		return nil
	}
	if bare, _, composite := strings.Cut(have.Value, "-"); composite && value == bare {
		return nil
	}
	return badChecksum(have.Algorithm)
}

func lower(a Algorithm) string { return strings.ToLower(string(a)) }
