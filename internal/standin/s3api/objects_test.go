package s3api_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func TestPutAndGetObjectsOfManySizes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, size := range []int{0, 1, 4096, 4097, 70_000, 3 << 20} {
		body := noise(1, size)
		etag := w.put(t, "k", body)
		if want := fmt.Sprintf(`"%x"`, md5.Sum(body)); etag != want {
			t.Errorf("ETag of %d bytes = %s, want %s", size, etag, want)
		}
		got, err := w.get(t.Context(), "k")
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("got %d bytes, %v, want the %d that were put", len(got), err, size)
		}
	}
}

func TestHeadersAndMetadataComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x"),
		ContentType: aws.String("text/csv"), ContentEncoding: aws.String("gzip"), ContentLanguage: aws.String("ja"),
		ContentDisposition: aws.String("attachment"), CacheControl: aws.String("no-cache"),
		Metadata: map[string]string{"Origin": "cms", "n": "1"}, Tagging: aws.String("a=b&c=d"),
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*head.ContentType, *head.ContentEncoding, *head.ContentLanguage, *head.ContentDisposition, *head.CacheControl, head.Metadata["origin"], head.Metadata["n"]}
	want := []string{"text/csv", "gzip", "ja", "attachment", "no-cache", "cms", "1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("HeadObject (-want +got):\n%s", diff)
	}
	if head.ChecksumCRC32 != nil {
		t.Error("HeadObject shows a checksum that was not requested")
	}
	tags, err := w.s3.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil || len(tags.TagSet) != 2 {
		t.Errorf("GetObjectTagging = %v, %v", tags, err)
	}
}

func TestEveryLegalKeyIsItsOwnObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	keys := []string{
		"x", "x/y", "x/y/z", "x/", "k//z", "k/z", "./q", "q", "q/../r", "r", "a+b", "a b", "a%20b", "a%2Bb", "a%2Fb", "a/b", "%", "%%",
		"日本語/ファイル", "dt=2026-01-01/part;0", `back\slash`, `"quoted"`, "it's", "<xml>&amp;", "tab\there", "new\nline", "\x01control",
		"~!@#$^&*()_-={}[]|:;,.?", strings.Repeat("x", 1024), strings.Repeat("é", 512), "trailing.", "...", "x?y=z", "x#y",
	}
	for _, key := range keys {
		w.put(t, key, []byte(key))
	}
	listed := map[string]bool{}
	pages := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), MaxKeys: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			listed[*o.Key] = true
		}
	}
	for _, key := range keys {
		got, err := w.get(t.Context(), key)
		if err != nil || string(got) != key {
			t.Errorf("get %q = %q, %v", key, got, err)
		}
		if !listed[key] && key != "\x01control" { // XML cannot say it without encoding-type=url
			t.Errorf("%q is not listed", key)
		}
		copied, err := w.s3.CopyObject(t.Context(), &s3.CopyObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: aws.String(bucket + "/" + escape(key)),
		})
		if err != nil || copied.CopyObjectResult == nil {
			t.Errorf("copy %q: %v", key, err)
		}
	}
	for _, key := range []string{"..", "../x", ".", "a/../../b"} {
		if _, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("x")}); err == nil {
			t.Errorf("put %q: no error for a key that leaves its bucket", key)
		}
	}
	long := strings.Repeat("y", 1025)
	if _, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &long, Body: strings.NewReader("x")}); code(err) != "KeyTooLongError" {
		t.Errorf("put of a key of 1,025 bytes: %v", err)
	}
}

// escape writes every byte of a key in its %XX form.
func escape(key string) string {
	var b strings.Builder
	for i := range len(key) {
		fmt.Fprintf(&b, "%%%02X", key[i])
	}
	return b.String()
}

func TestControlCharactersAreListedURLEncoded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "a\x01b c/d+e", nil)
	out, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), EncodingType: types.EncodingTypeUrl})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *out.Contents[0].Key, "a%01b+c/d%2Be"; got != want || out.EncodingType != types.EncodingTypeUrl {
		t.Errorf("key = %q (%s), want %q", got, out.EncodingType, want)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(2, 100_000)
	w.put(t, "k", body)
	w.put(t, "empty", nil)
	for _, c := range []struct {
		key, header  string
		from, to     int
		code, status string
	}{
		{"k", "bytes=0-9", 0, 10, "", "bytes 0-9/100000"},
		{"k", "bytes=10-", 10, 100_000, "", "bytes 10-99999/100000"},
		{"k", "bytes=-7", 99_993, 100_000, "", "bytes 99993-99999/100000"},
		{"k", "bytes=99990-200000", 99_990, 100_000, "", "bytes 99990-99999/100000"},
		{"k", "bytes=5-4", 0, 100_000, "", ""},
		{"k", "lines=1-2", 0, 100_000, "", ""},
		{"k", "bytes=100000-", 0, 0, "InvalidRange", ""},
		{"k", "bytes=-0", 0, 0, "InvalidRange", ""},
		{"empty", "bytes=-5", 0, 0, "", ""},
		{"empty", "bytes=0-", 0, 0, "InvalidRange", ""},
	} {
		out, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &c.key, Range: &c.header, ChecksumMode: "ENABLED"})
		if code(err) != c.code {
			t.Errorf("%s of %s: %v, want %q", c.header, c.key, err, c.code)
		}
		if err != nil {
			continue
		}
		got, err := io.ReadAll(out.Body)
		if err != nil || c.key == "k" && !bytes.Equal(got, body[c.from:c.to]) {
			t.Errorf("%s: %d bytes, %v", c.header, len(got), err)
		}
		if r := aws.ToString(out.ContentRange); r != c.status {
			t.Errorf("%s: Content-Range %q, want %q", c.header, r, c.status)
		}
		if c.status != "" && out.ChecksumCRC32 != nil {
			t.Errorf("%s carries the checksum of the whole object", c.header)
		}
		if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConditionalReads(t *testing.T) {
	t.Parallel()
	w := setup(t)
	etag := w.put(t, "k", []byte("x"))
	head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	at, before := head.LastModified, aws.Time(head.LastModified.Add(-time.Second))
	for _, c := range []struct {
		name string
		in   s3.GetObjectInput
		want int
	}{
		{"the ETag matches", s3.GetObjectInput{IfMatch: &etag}, 200},
		{"another ETag", s3.GetObjectInput{IfMatch: aws.String(`"x"`)}, 412},
		{"not this ETag", s3.GetObjectInput{IfNoneMatch: &etag}, 304},
		{"not another ETag", s3.GetObjectInput{IfNoneMatch: aws.String(`"x"`)}, 200},
		{"modified since its own date", s3.GetObjectInput{IfModifiedSince: at}, 304},
		{"modified since the second before", s3.GetObjectInput{IfModifiedSince: before}, 200},
		{"unmodified since its own date", s3.GetObjectInput{IfUnmodifiedSince: at}, 200},
		{"unmodified since the second before", s3.GetObjectInput{IfUnmodifiedSince: before}, 412},
		{"If-Match goes before a date", s3.GetObjectInput{IfMatch: &etag, IfUnmodifiedSince: before}, 200},
		{"If-None-Match goes before a date", s3.GetObjectInput{IfNoneMatch: aws.String(`"x"`), IfModifiedSince: at}, 200},
	} {
		c.in.Bucket, c.in.Key = aws.String(bucket), aws.String("k")
		out, err := w.s3.GetObject(t.Context(), &c.in)
		got := 200
		if err != nil {
			got = status(err)
		} else if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d (%v)", c.name, got, c.want, err)
		}
	}
}

func TestOfManyWritersWithIfNoneMatchOneWins(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var winners atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String("k"), Body: bytes.NewReader(noise(byte(i), 10_000)), IfNoneMatch: aws.String("*"),
			})
			if err == nil {
				winners.Add(1)
			} else if code(err) != "PreconditionFailed" {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	group.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d writers won, want 1", n)
	}
}

func TestConditionalWritesAndDeletes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	etag := w.put(t, "k", []byte("x"))
	put := func(key string, match *string) error {
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("y"), IfMatch: match})
		return err
	}
	if err := put("k", aws.String(`"x"`)); code(err) != "PreconditionFailed" {
		t.Errorf("put over another ETag: %v", err)
	}
	if err := put("none", &etag); code(err) != "NoSuchKey" {
		t.Errorf("put with If-Match where nothing is: %v", err)
	}
	if err := put("k", &etag); err != nil {
		t.Errorf("put over this ETag: %v", err)
	}
	_, err := w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfMatch: &etag})
	if code(err) != "PreconditionFailed" {
		t.Errorf("delete of the ETag before: %v", err)
	}
}

func TestWrongChecksumsAreRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := "a body of some bytes"
	for _, c := range []struct {
		name string
		in   s3.PutObjectInput
	}{
		{"CRC32", s3.PutObjectInput{ChecksumCRC32: aws.String("AAAAAA==")}},
		{"CRC32C", s3.PutObjectInput{ChecksumCRC32C: aws.String("AAAAAA==")}},
		{"CRC64NVME", s3.PutObjectInput{ChecksumCRC64NVME: aws.String("AAAAAAAAAAA=")}},
		{"SHA1", s3.PutObjectInput{ChecksumSHA1: aws.String(base64.StdEncoding.EncodeToString(make([]byte, 20)))}},
		{"SHA256", s3.PutObjectInput{ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(make([]byte, 32)))}},
		{"Content-MD5", s3.PutObjectInput{ContentMD5: aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16)))}},
	} {
		c.in.Bucket, c.in.Key, c.in.Body = aws.String(bucket), aws.String("k"), strings.NewReader(body)
		if _, err := w.s3.PutObject(t.Context(), &c.in); code(err) != "BadDigest" {
			t.Errorf("%s: %v, want BadDigest", c.name, err)
		}
		if _, err := w.get(t.Context(), "k"); code(err) != "NoSuchKey" {
			t.Errorf("%s: the object is there: %v", c.name, err)
		}
	}
}

func TestChecksumsAreKeptAndShownOnRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(3, 10_000)
	crc := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	want := map[types.ChecksumAlgorithm]string{
		types.ChecksumAlgorithmCrc32:     crc(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))),
		types.ChecksumAlgorithmCrc32c:    crc(binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))),
		types.ChecksumAlgorithmCrc64nvme: crc(binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, crc64.MakeTable(0x9a6c9329ac4bc9b5)))),
	}
	for algorithm, sum := range want {
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("k"), Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm,
		})
		if err != nil {
			t.Fatalf("%s: %v", algorithm, err)
		}
		head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), ChecksumMode: "ENABLED"})
		if err != nil {
			t.Fatal(err)
		}
		got := aws.ToString(head.ChecksumCRC32) + aws.ToString(head.ChecksumCRC32C) + aws.ToString(head.ChecksumCRC64NVME)
		if got != sum || head.ChecksumType != types.ChecksumTypeFullObject {
			t.Errorf("%s: %q (%s), want %q", algorithm, got, head.ChecksumType, sum)
		}
	}
}

func TestReadersKeepTheObjectWhileItIsReplaced(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(5, 8<<20) // more than the sockets between hold
	w.put(t, "k", body)
	out, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1000)
	if _, err := io.ReadFull(out.Body, first); err != nil {
		t.Fatal(err)
	}
	w.put(t, "k", []byte("new"))
	if _, err := w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")}); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out.Body)
	if err != nil || !bytes.Equal(append(first, rest...), body) {
		t.Errorf("the reader got %d bytes, %v", len(first)+len(rest), err)
	}
	if err := out.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestDeleteManyAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var ids []types.ObjectIdentifier
	for i := range 1000 {
		key := fmt.Sprintf("k%04d", i)
		if i%10 == 0 {
			w.put(t, key, []byte("x"))
		}
		ids = append(ids, types.ObjectIdentifier{Key: &key})
	}
	out, err := w.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: ids}})
	if err != nil || len(out.Deleted) != 1000 || len(out.Errors) != 0 {
		t.Fatalf("DeleteObjects: %d deleted, %v, %v", len(out.Deleted), out.Errors, err)
	}
	for o := range w.store.Objects(context.WithoutCancel(t.Context()), bucket, "") {
		t.Errorf("%s is still there", o.Key)
	}
	_, err = w.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: append(ids, ids[0])}})
	if code(err) != "MalformedXML" {
		t.Errorf("1,001 keys: %v", err)
	}
}

func TestListingPagesWithDelimiter(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i := range 30 {
		w.put(t, fmt.Sprintf("in/shard-%02d/records.jsonl", i), nil)
		w.put(t, fmt.Sprintf("in/file-%02d", i), nil)
	}
	var keys, prefixes int
	pages := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{
		Bucket: aws.String(bucket), Prefix: aws.String("in/"), Delimiter: aws.String("/"), MaxKeys: aws.Int32(7),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys += len(page.Contents)
		prefixes += len(page.CommonPrefixes)
	}
	if keys != 30 || prefixes != 30 {
		t.Errorf("%d keys and %d prefixes, want 30 of each", keys, prefixes)
	}
}

func TestLongListingsAreCutBeforeTheFrontRefusesThem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	long := strings.Repeat("&", 1000) // five bytes each in XML
	for i := range 1000 {
		wr, err := w.store.Create(t.Context(), bucket, fmt.Sprintf("%s%04d", long, i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wr.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	pages := s3.NewListObjectsV2Paginator(w.s3, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Contents)
	}
	if n != 1000 {
		t.Errorf("%d keys, want 1,000", n)
	}
}
