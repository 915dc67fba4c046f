package s3api_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// versioned sets the versioning of the bucket.
func (w *world) versioned(t *testing.T, status types.BucketVersioningStatus) {
	t.Helper()
	in := &s3.PutBucketVersioningInput{Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: status}}
	if _, err := w.s3.PutBucketVersioning(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// write puts an object and gives its version's id.
func (w *world) write(t *testing.T, key, text string) string {
	t.Helper()
	out, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

// read gives the text of a version, or the code of the error.
func (w *world) read(t *testing.T, key, version string) string {
	t.Helper()
	in := &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := w.s3.GetObject(t.Context(), in)
	if err != nil {
		return code(err)
	}
	text, err := io.ReadAll(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (w *world) remove(t *testing.T, key, version string) *s3.DeleteObjectOutput {
	t.Helper()
	in := &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := w.s3.DeleteObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// history lists all versions in pages of size: key, M for a delete marker, * for the latest.
func (w *world) history(t *testing.T, size int32, prefix, delimiter string) (all []string, ids []types.ObjectIdentifier) {
	t.Helper()
	in := &s3.ListObjectVersionsInput{Bucket: aws.String(bucket), MaxKeys: &size, Prefix: &prefix, Delimiter: &delimiter}
	for {
		page, err := w.s3.ListObjectVersions(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(page.Versions) + len(page.DeleteMarkers) + len(page.CommonPrefixes); n > int(size) {
			t.Fatalf("a page of %d has %d", size, n)
		}
		line := func(key *string, marker string, latest *bool, id *string) {
			if *latest {
				marker += "*"
			}
			all = append(all, *key+marker)
			ids = append(ids, types.ObjectIdentifier{Key: key, VersionId: id})
		}
		for _, m := range page.DeleteMarkers { // the SDK has lost their order among the versions
			line(m.Key, "M", m.IsLatest, m.VersionId)
		}
		for _, v := range page.Versions {
			line(v.Key, "", v.IsLatest, v.VersionId)
		}
		for _, p := range page.CommonPrefixes {
			all = append(all, *p.Prefix)
		}
		if !*page.IsTruncated {
			return all, ids
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

func TestVersionsAreKeptAndComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("before"))
	w.versioned(t, types.BucketVersioningStatusEnabled)
	first := w.write(t, "k", "first")
	second := w.write(t, "k", strings.Repeat("second ", 2000))
	for version, want := range map[string]string{"null": "before", first: "first", "": strings.Repeat("second ", 2000), "none": "NoSuchVersion"} {
		if got := w.read(t, "k", version); got != want {
			t.Errorf("version %q is %.20q, want %.20q", version, got, want)
		}
	}
	marker := w.remove(t, "k", "")
	if !aws.ToBool(marker.DeleteMarker) || aws.ToString(marker.VersionId) == "" {
		t.Errorf("DeleteObject = %v", marker)
	}
	if got := w.read(t, "k", ""); got != "NoSuchKey" {
		t.Errorf("a key whose current version is a delete marker: %q", got)
	}
	if got := w.read(t, "k", *marker.VersionId); got != "MethodNotAllowed" {
		t.Errorf("the delete marker: %q", got)
	}
	_, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	var answer *awshttp.ResponseError
	if !errors.As(err, &answer) || answer.Response.Header.Get("X-Amz-Delete-Marker") != "true" {
		t.Errorf("HeadObject of a key whose current version is a delete marker: %v", err)
	}
	if list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)}); err != nil || len(list.Contents) != 0 {
		t.Errorf("ListObjectsV2 = %v, %v", list, err)
	}
	for size := int32(1); size <= 5; size++ {
		all, _ := w.history(t, size, "", "")
		if len(all) != 4 || size == 1 && cmp.Diff([]string{"kM*", "k", "k", "k"}, all) != "" {
			t.Errorf("pages of %d: %q", size, all)
		}
	}
	w.remove(t, "k", *marker.VersionId)
	if got := w.read(t, "k", ""); !strings.HasPrefix(got, "second") {
		t.Errorf("without its marker the key is %.20q", got)
	}
	w.remove(t, "k", second)
	if got := w.read(t, "k", ""); got != "first" {
		t.Errorf("without the newest version the key is %.20q", got)
	}
	if _, err := w.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)}); code(err) != "BucketNotEmpty" {
		t.Errorf("DeleteBucket with versions: %v", err)
	}
	w.remove(t, "k", first)
	w.remove(t, "k", "null")
	if all, _ := w.history(t, 10, "", ""); len(all) != 0 {
		t.Errorf("left: %q", all)
	}
	if _, err := w.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)}); err != nil {
		t.Error(err)
	}
}

func TestSuspendedVersioningKeepsOneNullVersion(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.versioned(t, types.BucketVersioningStatusEnabled)
	kept := w.write(t, "k", "kept")
	w.versioned(t, types.BucketVersioningStatusSuspended)
	for _, text := range []string{"one", "two"} {
		if id := w.write(t, "k", text); id != "" {
			t.Errorf("the version is %q", id)
		}
	}
	if got := w.read(t, "k", "null") + " " + w.read(t, "k", kept); got != "two kept" {
		t.Errorf("the versions are %q", got)
	}
	if out := w.remove(t, "k", ""); aws.ToString(out.VersionId) != "null" || !aws.ToBool(out.DeleteMarker) {
		t.Errorf("DeleteObject = %v", out)
	}
	if all, _ := w.history(t, 1, "", ""); cmp.Diff([]string{"kM*", "k"}, all) != "" {
		t.Errorf("the versions are %q", all)
	}
	w.write(t, "k", "three")
	if all, _ := w.history(t, 10, "", ""); cmp.Diff([]string{"k*", "k"}, all) != "" {
		t.Errorf("a write took no place of the null marker: %q", all)
	}
}

func TestVersionsAreListedDeletedTaggedAndCopied(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.versioned(t, types.BucketVersioningStatusEnabled)
	old := w.write(t, "a/1", "old")
	for i := range 3 {
		for _, key := range []string{"a/1", "a/2", "b", "c\td", "c"} {
			w.write(t, key, fmt.Sprint(key, i))
		}
	}
	w.remove(t, "b", "")
	for size := int32(1); size <= 7; size++ {
		if all, _ := w.history(t, size, "", ""); len(all) != 17 {
			t.Errorf("pages of %d: %q", size, all)
		}
		if all, _ := w.history(t, size, "", "/"); len(all) != 11 {
			t.Errorf("pages of %d with a delimiter: %q", size, all)
		}
	}
	tags := &s3.PutObjectTaggingInput{
		Bucket: aws.String(bucket), Key: aws.String("a/1"), VersionId: &old,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("t"), Value: aws.String("v")}}},
	}
	if _, err := w.s3.PutObjectTagging(t.Context(), tags); err != nil {
		t.Error(err)
	}
	head, err := w.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("a/1")})
	if err != nil || aws.ToInt32(head.TagCount) != 0 || aws.ToString(head.VersionId) == "null" {
		t.Errorf("HeadObject = %v, %v", head, err)
	}
	copied, err := w.s3.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("a/1"), CopySource: aws.String(bucket + "/a/1?versionId=" + old),
	})
	if err != nil || aws.ToString(copied.CopySourceVersionId) != old || w.read(t, "a/1", "") != "old" {
		t.Errorf("CopyObject of an old version = %v, %v", copied, err)
	}
	_, err = w.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("a/1"), VersionId: &old, IfMatch: aws.String("other")})
	if code(err) != "PreconditionFailed" {
		t.Errorf("DeleteObject of a version with another ETag: %v", err)
	}
	_, ids := w.history(t, 1000, "", "")
	out, err := w.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{Objects: ids}})
	if err != nil || len(out.Deleted) != 18 || len(out.Errors) != 0 {
		t.Errorf("DeleteObjects: %d deleted, %v, %v", len(out.Deleted), out.Errors, err)
	}
	if all, _ := w.history(t, 1000, "", ""); len(all) != 0 {
		t.Errorf("left: %q", all)
	}
}
