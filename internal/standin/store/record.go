package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// inlineLimit is up to which size an object is kept in the index itself: below it a file and its fsync cost more than
// the copy.
const inlineLimit = 4 << 10

// Info is what listing and HeadObject need of an object; it is decoded without the rest of the record.
type Info struct {
	Generation uint64    `json:"g"`
	Size       int64     `json:"s"`
	ETag       string    `json:"e"` // without quotes
	Modified   time.Time `json:"m"`
	PartCount  int       `json:"n,omitempty"` // 0: not uploaded in parts
	Upload     string    `json:"u,omitempty"` // the multipart upload it came from
	Checksum   Checksum  `json:"c,omitzero"`
	Headers    Headers   `json:"h,omitzero"`
	Tags       Tags      `json:"t,omitempty"`
	VersionID  string    `json:"v,omitempty"` // "": the null version
	Marker     bool      `json:"d,omitempty"` // a delete marker, which has no bytes
}

// Headers are the HTTP headers that S3 gives back as they came.
type Headers struct {
	ContentType        string            `json:"t,omitempty"`
	ContentEncoding    string            `json:"e,omitempty"`
	ContentDisposition string            `json:"d,omitempty"`
	ContentLanguage    string            `json:"l,omitempty"`
	CacheControl       string            `json:"c,omitempty"`
	Expires            string            `json:"x,omitempty"`
	Redirect           string            `json:"r,omitempty"`
	StorageClass       string            `json:"s,omitempty"` // empty: STANDARD
	Encryption         string            `json:"k,omitempty"` // x-amz-server-side-encryption; empty: AES256
	KMSKeyID           string            `json:"i,omitempty"` // with aws:kms
	Metadata           map[string]string `json:"m,omitempty"`
}

// Tags are the tags of an object or a bucket.
type Tags map[string]string

// segment is a stretch of a blob.
type segment struct {
	Blob   blobID
	Offset int64
	Length int64
}

// Part is what is kept of a part once its upload is complete. Checksum is base64, of the object's algorithm.
type Part struct {
	Number   int
	Size     int64
	Checksum string
}

// object is a whole record: the info and where the bytes are. Exactly one of segments and inline holds them.
type object struct {
	Info
	segments []segment
	parts    []Part
	inline   []byte
}

// encode writes the record as: length of the header, header as JSON, segments, parts, inline bytes.
func (o *object) encode() ([]byte, error) {
	head, err := json.Marshal(&o.Info)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(head)+len(o.inline)+16+24*len(o.segments)+24*len(o.parts))
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	b = binary.AppendUvarint(b, uint64(len(o.segments)))
	for _, s := range o.segments {
		b = binary.AppendUvarint(b, uint64(s.Blob))
		b = binary.AppendUvarint(b, uint64(s.Offset))
		b = binary.AppendUvarint(b, uint64(s.Length))
	}
	b = binary.AppendUvarint(b, uint64(len(o.parts)))
	for _, p := range o.parts {
		b = binary.AppendUvarint(b, uint64(p.Number))
		b = binary.AppendUvarint(b, uint64(p.Size))
		b = binary.AppendUvarint(b, uint64(len(p.Checksum)))
		b = append(b, p.Checksum...)
	}
	return append(b, o.inline...), nil
}

var errRecord = errors.New("index record is damaged")

// decodeHeader reads the header alone and returns what follows it.
func decodeHeader(b []byte, h *Info) (rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, errRecord
	}
	if err := json.Unmarshal(b[used:used+int(n)], h); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	return b[used+int(n):], nil
}

// decodeObject reads a whole record. The inline bytes are copied: b belongs to the index transaction.
func decodeObject(b []byte) (*object, error) {
	o := &object{}
	rest, err := decodeHeader(b, &o.Info)
	if err != nil {
		return nil, err
	}
	r := fields{b: rest}
	o.segments = make([]segment, r.count(3))
	for i := range o.segments {
		o.segments[i] = segment{Blob: blobID(r.number()), Offset: int64(r.number()), Length: int64(r.number())}
	}
	o.parts = make([]Part, r.count(3))
	for i := range o.parts {
		o.parts[i] = Part{Number: int(r.number()), Size: int64(r.number()), Checksum: string(r.bytes(r.number()))}
	}
	if r.broken {
		return nil, errRecord
	}
	o.inline = append([]byte(nil), r.b...)
	return o, nil
}

// fields reads varints off a record; after the first damage everything is zero.
type fields struct {
	b      []byte
	broken bool
}

func (f *fields) number() uint64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.broken, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.broken, f.b = true, nil
		return nil
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

// count reads how many items follow, each of at least least bytes, so that damage cannot make it allocate all memory.
func (f *fields) count(least int) int {
	n := f.number()
	if n > uint64(len(f.b)/least) {
		f.broken, f.b = true, nil
		return 0
	}
	return int(n)
}
