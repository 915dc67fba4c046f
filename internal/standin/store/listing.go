package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
	bolt "go.etcd.io/bbolt"
)

// maxListBytes bounds the names of one page. s3api refuses to send more than 4 MiB of XML, and a page of long keys
// full of characters that XML escapes would pass that; S3 may always send fewer keys than asked for.
const maxListBytes = 512 << 10

// listing is one page: what to look for, and what was found.
type listing struct {
	prefix, delimiter string
	after             string // exclusive
	limit             int

	objects   []s3response.Object
	prefixes  []types.CommonPrefix
	last      string // the last key or common prefix of the page
	truncated bool
	bytes     int
}

// list fills a page in one pass over the keys; a common prefix is skipped in one step however many keys it has.
func (s *Store) list(ctx context.Context, bucket string, l *listing, owner *types.Owner) error {
	return s.view(ctx, func(tx *bolt.Tx) error {
		keys := tx.Bucket(nameObjects).Bucket([]byte(bucket))
		if keys == nil {
			return ErrNoSuchBucket
		}
		if l.limit == 0 {
			return nil
		}
		c := keys.Cursor()
		k, v := l.start(c)
		for k != nil && bytes.HasPrefix(k, []byte(l.prefix)) {
			if l.full() {
				l.truncated = true
				return nil
			}
			key := string(k)
			if common, ok := l.common(key); ok {
				l.add(common)
				l.prefixes = append(l.prefixes, types.CommonPrefix{Prefix: &common})
				k, v = seekPast(c, common)
				continue
			}
			var h header
			if _, err := decodeHeader(v, &h); err != nil {
				return err
			}
			l.add(key)
			l.objects = append(l.objects, listed(key, &h, owner))
			k, v = c.Next()
		}
		return nil
	})
}

func (l *listing) full() bool {
	return len(l.objects)+len(l.prefixes) >= l.limit || l.bytes > maxListBytes
}

func (l *listing) add(name string) {
	l.last = name
	l.bytes += len(name)
}

// common gives the common prefix a key is counted under, if it is.
func (l *listing) common(key string) (string, bool) {
	if l.delimiter == "" || !strings.HasPrefix(key, l.prefix) {
		return "", false
	}
	i := strings.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(l.prefix)+i+len(l.delimiter)], true
}

// start goes to the first key of the page. A marker that is itself a common prefix was on the page before, so all
// that it stands for is behind us.
func (l *listing) start(c *bolt.Cursor) (k, v []byte) {
	if l.after < l.prefix {
		return c.Seek([]byte(l.prefix))
	}
	if common, ok := l.common(l.after); ok && common == l.after {
		return seekPast(c, common)
	}
	k, v = c.Seek([]byte(l.after))
	if k != nil && string(k) == l.after {
		k, v = c.Next()
	}
	return k, v
}

// seekPast goes to the first key after all that begin with prefix.
func seekPast(c *bolt.Cursor, prefix string) (k, v []byte) {
	next := []byte(prefix)
	for len(next) > 0 {
		if next[len(next)-1] < 0xff {
			next[len(next)-1]++
			return c.Seek(next)
		}
		next = next[:len(next)-1]
	}
	return nil, nil
}

func listed(key string, h *header, owner *types.Owner) s3response.Object {
	o := s3response.Object{
		Key: &key, Size: &h.Size, ETag: some(quoted(h.ETag)), LastModified: &h.Modified,
		StorageClass: types.ObjectStorageClassStandard, ChecksumType: h.Checksum.Type, Owner: owner,
	}
	if h.Checksum.Algorithm != "" {
		o.ChecksumAlgorithm = []types.ChecksumAlgorithm{h.Checksum.Algorithm}
	}
	return o
}

// EncodingType is the context key under which the HTTP front says that the client asked for encoding-type=url, which
// s3api does not pass on. Its value is the string "url".
const EncodingType = "quarry-encoding-type"

// wireName writes names the way the client wants them. XML cannot carry control characters; url encoding can.
type wireName struct{ encode bool }

func wireNames(ctx context.Context) wireName {
	v, _ := ctx.Value(EncodingType).(string)
	return wireName{encode: v == "url"}
}

func (w wireName) kind() types.EncodingType {
	if w.encode {
		return types.EncodingTypeUrl
	}
	return ""
}

func (w wireName) text(name string) string {
	if !w.encode {
		return name
	}
	return strings.ReplaceAll(url.QueryEscape(name), "%2F", "/")
}

func (w wireName) ptr(name string) *string { return some(w.text(name)) }

func (w wireName) apply(l *listing) {
	if !w.encode {
		return
	}
	for i := range l.objects {
		l.objects[i].Key = some(w.text(*l.objects[i].Key))
	}
	for i := range l.prefixes {
		l.prefixes[i].Prefix = some(w.text(*l.prefixes[i].Prefix))
	}
}

func limitOf(n *int32) int {
	if n == nil || *n > 1000 {
		return 1000
	}
	return int(*n)
}

func (g *gateway) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (s3response.ListObjectsResult, error) {
	l := &listing{prefix: str(in.Prefix), delimiter: str(in.Delimiter), after: str(in.Marker), limit: limitOf(in.MaxKeys)}
	// The first version of the operation always names the owner.
	if err := g.s.list(ctx, str(in.Bucket), l, g.owner()); err != nil {
		return s3response.ListObjectsResult{}, apiError(err, str(in.Bucket), "")
	}
	w := wireNames(ctx)
	w.apply(l)
	res := s3response.ListObjectsResult{
		Name: in.Bucket, Prefix: w.ptr(l.prefix), Marker: w.ptr(l.after), Delimiter: w.ptr(l.delimiter), MaxKeys: in.MaxKeys,
		Contents: l.objects, CommonPrefixes: l.prefixes, IsTruncated: &l.truncated, EncodingType: w.kind(),
	}
	if l.truncated && l.delimiter != "" {
		res.NextMarker = w.ptr(l.last)
	}
	return res, nil
}

func (g *gateway) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (s3response.ListObjectsV2Result, error) {
	var owner *types.Owner
	if in.FetchOwner != nil && *in.FetchOwner {
		owner = g.owner()
	}
	l := &listing{prefix: str(in.Prefix), delimiter: str(in.Delimiter), after: str(in.StartAfter), limit: limitOf(in.MaxKeys)}
	if token := str(in.ContinuationToken); token != "" {
		last, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return s3response.ListObjectsV2Result{}, invalidToken()
		}
		l.after = string(last)
	}
	if err := g.s.list(ctx, str(in.Bucket), l, owner); err != nil {
		return s3response.ListObjectsV2Result{}, apiError(err, str(in.Bucket), "")
	}
	w := wireNames(ctx)
	last := l.last
	w.apply(l)
	count := int32(len(l.objects) + len(l.prefixes)) // at most 1,000
	res := s3response.ListObjectsV2Result{
		Name: in.Bucket, Prefix: w.ptr(l.prefix), Delimiter: w.ptr(l.delimiter), MaxKeys: in.MaxKeys, KeyCount: &count,
		StartAfter: w.ptr(str(in.StartAfter)), ContinuationToken: some(str(in.ContinuationToken)),
		Contents: l.objects, CommonPrefixes: l.prefixes, IsTruncated: &l.truncated, EncodingType: w.kind(),
	}
	if l.truncated {
		res.NextContinuationToken = some(base64.RawURLEncoding.EncodeToString([]byte(last)))
	}
	return res, nil
}

func invalidToken() error {
	return s3err.APIError{Code: "InvalidArgument", Description: "The continuation token provided is incorrect", HTTPStatusCode: 400}
}

func (g *gateway) owner() *types.Owner {
	return &types.Owner{ID: &g.s.account, DisplayName: &g.s.account}
}

// ListObjectVersions lists what there is: one version of each key, with the id that S3 gives where versioning was
// never enabled.
func (g *gateway) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (s3response.ListVersionsResult, error) {
	l := &listing{prefix: str(in.Prefix), delimiter: str(in.Delimiter), after: str(in.KeyMarker), limit: limitOf(in.MaxKeys)}
	if err := g.s.list(ctx, str(in.Bucket), l, g.owner()); err != nil {
		return s3response.ListVersionsResult{}, apiError(err, str(in.Bucket), "")
	}
	w := wireNames(ctx)
	last := l.last
	w.apply(l)
	res := s3response.ListVersionsResult{
		Name: in.Bucket, Prefix: w.ptr(l.prefix), Delimiter: w.ptr(l.delimiter), KeyMarker: w.ptr(l.after), MaxKeys: in.MaxKeys,
		CommonPrefixes: l.prefixes, IsTruncated: &l.truncated, EncodingType: w.kind(),
	}
	latest := true
	for _, o := range l.objects {
		res.Versions = append(res.Versions, s3response.ObjectVersion{
			ETag: o.ETag, IsLatest: &latest, Key: o.Key, LastModified: o.LastModified, Size: o.Size, Owner: o.Owner,
			StorageClass: types.ObjectVersionStorageClassStandard, VersionId: some("null"),
			ChecksumAlgorithm: o.ChecksumAlgorithm, ChecksumType: o.ChecksumType,
		})
	}
	if l.truncated {
		res.NextKeyMarker = w.ptr(last)
		res.NextVersionIdMarker = some("null")
	}
	return res, nil
}
