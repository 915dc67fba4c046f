package s3api_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

const partSize = 5 << 20 // S3's minimum

// upload sends body in parts and gives what completes it.
func (w *world) upload(t *testing.T, in *s3.CreateMultipartUploadInput, body []byte) *s3.CompleteMultipartUploadInput {
	t.Helper()
	up, err := w.s3.CreateMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for n := int32(1); len(body) > 0; n++ {
		size := min(len(body), partSize)
		p, err := w.s3.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: up.UploadId, PartNumber: &n, Body: bytes.NewReader(body[:size]), ChecksumAlgorithm: in.ChecksumAlgorithm,
		})
		if err != nil {
			t.Fatalf("part %d: %v", n, err)
		}
		parts = append(parts, types.CompletedPart{
			PartNumber: &n, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C,
			ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumSHA1: p.ChecksumSHA1, ChecksumSHA256: p.ChecksumSHA256,
		})
		body = body[size:]
	}
	return &s3.CompleteMultipartUploadInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
}

func TestMultipartUploadsWithEachKindOfChecksum(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(6, 2*partSize+77)
	b64 := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	crc := func(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
	crcs := append(append(crc(body[:partSize]), crc(body[partSize:2*partSize])...), crc(body[2*partSize:])...)
	castagnoli := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
	nvme := crc64.Checksum(body, crc64.MakeTable(0x9a6c9329ac4bc9b5))
	for _, c := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
		want      string
	}{
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject, b64(crc(body))},
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite, b64(crc(crcs)) + "-3"},
		{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject, b64(binary.BigEndian.AppendUint32(nil, castagnoli))},
		{types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject, b64(binary.BigEndian.AppendUint64(nil, nvme))},
	} {
		key := fmt.Sprintf("%s-%s", c.algorithm, c.kind)
		done := w.upload(t, &s3.CreateMultipartUploadInput{
			Bucket: aws.String(bucket), Key: &key, ChecksumAlgorithm: c.algorithm, ChecksumType: c.kind, Metadata: map[string]string{"a": "b"},
		}, body)
		out, err := w.s3.CompleteMultipartUpload(t.Context(), done)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		sums := md5.New()
		for rest := body; len(rest) > 0; rest = rest[min(len(rest), partSize):] {
			sum := md5.Sum(rest[:min(len(rest), partSize)])
			sums.Write(sum[:])
		}
		if want := fmt.Sprintf(`"%x-3"`, sums.Sum(nil)); *out.ETag != want {
			t.Errorf("%s: ETag %s, want %s", key, *out.ETag, want)
		}
		head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &key, ChecksumMode: "ENABLED"})
		if err != nil {
			t.Fatal(err)
		}
		got := aws.ToString(head.ChecksumCRC32) + aws.ToString(head.ChecksumCRC32C) + aws.ToString(head.ChecksumCRC64NVME)
		if got != c.want || head.Metadata["a"] != "b" {
			t.Errorf("%s: checksum %q, want %q", key, got, c.want)
		}
		if got, err := w.get(t.Context(), key); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: got %d bytes, %v", key, len(got), err)
		}
	}
}

func TestCompletedUploadsReadAcrossTheirParts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(7, partSize+1000)
	key := aws.String("k")
	done := w.upload(t, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: key}, body)
	first, err := w.s3.CompleteMultipartUpload(t.Context(), done)
	if err != nil {
		t.Fatal(err)
	}
	// The answer to the first may have been lost: S3 answers the same again.
	again, err := w.s3.CompleteMultipartUpload(t.Context(), done)
	if err != nil || *again.ETag != *first.ETag {
		t.Errorf("completed again: %v", err)
	}
	out, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", partSize-5, partSize+4))})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, body[partSize-5:partSize+5]) {
		t.Errorf("a range across parts: %d bytes, %v", len(got), err)
	}
	part, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: key, PartNumber: aws.Int32(2)})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(part.Body); err != nil || !bytes.Equal(got, body[partSize:]) || *part.PartsCount != 2 {
		t.Errorf("part 2: %d bytes, %v", len(got), err)
	}
	attrs, err := w.s3.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{
		Bucket: aws.String(bucket), Key: key,
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts, types.ObjectAttributesObjectSize, types.ObjectAttributesEtag},
	})
	if err != nil || *attrs.ObjectSize != int64(len(body)) || len(attrs.ObjectParts.Parts) != 2 {
		t.Errorf("GetObjectAttributes = %v, %v", attrs, err)
	}
	w.put(t, "k", []byte("another object now"))
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), done); code(err) != "NoSuchUpload" {
		t.Errorf("completed again over another object: %v", err)
	}
}

func TestPartsAreCheckedWhenTheUploadIsCompleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(8, partSize+10)
	done := w.upload(t, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("k")}, body)
	parts := done.MultipartUpload.Parts
	for _, c := range []struct {
		name  string
		parts []types.CompletedPart
		want  string
	}{
		{"the wrong order", []types.CompletedPart{parts[1], parts[0]}, "InvalidPartOrder"},
		{"a small part before the last", []types.CompletedPart{parts[1], {PartNumber: aws.Int32(3), ETag: parts[0].ETag}}, "EntityTooSmall"},
		{"another ETag", []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: parts[1].ETag}}, "InvalidPart"},
		{"a part that is not there", []types.CompletedPart{{PartNumber: aws.Int32(9), ETag: parts[0].ETag}}, "InvalidPart"},
	} {
		in := *done
		in.MultipartUpload = &types.CompletedMultipartUpload{Parts: c.parts}
		if _, err := w.s3.CompleteMultipartUpload(t.Context(), &in); code(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	in := *done
	in.UploadId = aws.String("0123456789abcdef0123456789abcdef")
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), &in); code(err) != "NoSuchUpload" {
		t.Errorf("an upload that is not there: %v", err)
	}
	in = *done
	in.IfNoneMatch = aws.String("*")
	w.put(t, "k", []byte("x"))
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), &in); code(err) != "PreconditionFailed" {
		t.Errorf("If-None-Match over an object: %v", err)
	}
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), done); err != nil {
		t.Errorf("what was refused cannot be completed any more: %v", err)
	}
}

func TestUploadsUnderWayAreListedAndAborted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := map[string]bool{}
	for i := range 5 {
		key := fmt.Sprintf("a/%d", i/2) // two uploads of one key
		up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		ids[*up.UploadId] = true
		for n := int32(1); n <= 3; n++ {
			if _, err := w.s3.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: aws.String(bucket), Key: &key, UploadId: up.UploadId, PartNumber: &n, Body: strings.NewReader("x")}); err != nil {
				t.Fatal(err)
			}
		}
		var numbers []int32
		pages := s3.NewListPartsPaginator(w.s3, &s3.ListPartsInput{Bucket: aws.String(bucket), Key: &key, UploadId: up.UploadId, MaxParts: aws.Int32(2)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.Parts {
				numbers = append(numbers, *p.PartNumber)
			}
		}
		if diff := cmp.Diff([]int32{1, 2, 3}, numbers); diff != "" {
			t.Errorf("ListParts (-want +got):\n%s", diff)
		}
	}
	listed := map[string]bool{}
	pages := s3.NewListMultipartUploadsPaginator(w.s3, &s3.ListMultipartUploadsInput{Bucket: aws.String(bucket), Prefix: aws.String("a/"), MaxUploads: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			if listed[*u.UploadId] {
				t.Errorf("upload %s of %s is listed twice", *u.UploadId, *u.Key)
			}
			listed[*u.UploadId] = true
			in := &s3.AbortMultipartUploadInput{Bucket: aws.String(bucket), Key: u.Key, UploadId: u.UploadId}
			if _, err := w.s3.AbortMultipartUpload(t.Context(), in); err != nil {
				t.Error(err)
			}
			if _, err := w.s3.AbortMultipartUpload(t.Context(), in); code(err) != "NoSuchUpload" {
				t.Errorf("aborted again: %v", err)
			}
		}
	}
	if diff := cmp.Diff(ids, listed); diff != "" {
		t.Errorf("ListMultipartUploads (-want +got):\n%s", diff)
	}
}

func TestCopiesOutliveTheirSource(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(9, partSize+5000)
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), w.upload(t, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("source")}, body)); err != nil {
		t.Fatal(err)
	}
	source := aws.String(bucket + "/source")
	whole, err := w.s3.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("whole"), CopySource: source})
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`"%x"`, md5.Sum(body)); *whole.CopyObjectResult.ETag != want {
		t.Errorf("the copy has the ETag %s, want %s of one piece", *whole.CopyObjectResult.ETag, want)
	}
	up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("parts")})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for n, stretch := range []string{fmt.Sprintf("bytes=100-%d", partSize+99), "bytes=0-99"} {
		number := aws.Int32(int32(n + 1))
		p, err := w.s3.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
			Bucket: aws.String(bucket), Key: aws.String("parts"), UploadId: up.UploadId, PartNumber: number, CopySource: source, CopySourceRange: &stretch,
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: p.CopyPartResult.ETag})
	}
	if _, err := w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("source")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.get(t.Context(), "whole"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("the copy is %d bytes, %v", len(got), err)
	}
	want := append(append([]byte(nil), body[100:partSize+100]...), body[:100]...)
	if got, err := w.get(t.Context(), "parts"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the copy in parts is %d bytes, %v", len(got), err)
	}
	if _, err := w.s3.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("x"), CopySource: source}); code(err) != "NoSuchKey" {
		t.Errorf("copy of what is gone: %v", err)
	}
}

func TestACopyOntoItselfMustChangeSomething(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("body"))
	in := &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), CopySource: aws.String(bucket + "/k")}
	if _, err := w.s3.CopyObject(t.Context(), in); code(err) != "InvalidRequest" {
		t.Errorf("without a change: %v", err)
	}
	in.MetadataDirective, in.Metadata = types.MetadataDirectiveReplace, map[string]string{"n": "2"}
	if _, err := w.s3.CopyObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil || head.Metadata["n"] != "2" {
		t.Errorf("HeadObject = %v, %v", head, err)
	}
}

func TestPartsUploadedAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := noise(10, 4*partSize)
	up, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	parts := make([]types.CompletedPart, 4)
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() {
			for range 2 { // the second replaces the first
				n := aws.Int32(int32(i + 1))
				p, err := w.s3.UploadPart(t.Context(), &s3.UploadPartInput{
					Bucket: aws.String(bucket), Key: aws.String("k"), UploadId: up.UploadId, PartNumber: n, Body: bytes.NewReader(body[i*partSize : (i+1)*partSize]),
				})
				if err != nil {
					t.Errorf("part %d: %v", i+1, err)
					return
				}
				parts[i] = types.CompletedPart{PartNumber: n, ETag: p.ETag}
			}
		})
	}
	group.Wait()
	if _, err := w.s3.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("k"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.get(t.Context(), "k"); err != nil || !bytes.Equal(got, body) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
