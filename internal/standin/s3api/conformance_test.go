package s3api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func TestAnUploadInPartsMayNameItsChecksumWithOrWithoutTheCount(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, key := aws.String(bucket), aws.String("k")
	part := sha256.Sum256([]byte("some value"))
	whole := sha256.Sum256(part[:])
	composite := base64.StdEncoding.EncodeToString(whole[:])
	for sum, want := range map[string]string{
		composite: "", composite + "-1": "", composite + "-2": "BadDigest",
		base64.StdEncoding.EncodeToString(part[:]): "BadDigest", "short": "InvalidRequest",
	} {
		done := w.upload(t, &s3.CreateMultipartUploadInput{Bucket: b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256}, []byte("some value"))
		done.ChecksumSHA256 = &sum
		out, err := w.s3.CompleteMultipartUpload(t.Context(), done)
		if code(err) != want {
			t.Errorf("%s: %v, want %q", sum, err, want)
			continue
		}
		if err == nil && aws.ToString(out.ChecksumSHA256) != composite+"-1" {
			t.Errorf("%s: the answer has %q", sum, aws.ToString(out.ChecksumSHA256))
		}
	}
	attrs, err := w.s3.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{
		Bucket: b, Key: key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesChecksum, types.ObjectAttributesObjectParts},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(attrs.Checksum.ChecksumSHA256); got != composite || aws.ToInt32(attrs.ObjectParts.TotalPartsCount) != 1 || attrs.LastModified == nil {
		t.Errorf("GetObjectAttributes: checksum %q, %d parts, %v", got, aws.ToInt32(attrs.ObjectParts.TotalPartsCount), attrs.LastModified)
	}
}

func TestACLsAreRefusedWhereTheBucketTakesNone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("x"))
	b, key, source := aws.String(bucket), aws.String("new"), aws.String(bucket+"/k")
	for name, call := range map[string]func() error{
		"PutObject with a canned ACL": func() error {
			_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: key, ACL: types.ObjectCannedACLPublicRead})
			return err
		},
		"PutObject with a grant": func() error {
			_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: key, GrantRead: aws.String("id=x")})
			return err
		},
		"CopyObject": func() error {
			_, err := w.s3.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: key, CopySource: source, ACL: types.ObjectCannedACLPrivate})
			return err
		},
		"CreateMultipartUpload": func() error {
			_, err := w.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: key, ACL: types.ObjectCannedACLPublicRead})
			return err
		},
		"PutObjectAcl": func() error {
			_, err := w.s3.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: b, Key: aws.String("k"), ACL: types.ObjectCannedACLPublicRead})
			return err
		},
		"PutBucketAcl": func() error {
			_, err := w.s3.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: b, ACL: types.BucketCannedACLPublicRead})
			return err
		},
	} {
		if err := call(); code(err) != "AccessControlListNotSupported" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: key, ACL: types.ObjectCannedACLBucketOwnerFullControl}); err != nil {
		t.Errorf("the ACL that says what holds anyway: %v", err)
	}
	// rclone makes buckets with the ACL private and puts every object with it.
	in := newBucket("with-acls")
	in.ACL = types.BucketCannedACLPrivate
	if _, err := w.s3.CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	put := &s3.PutObjectInput{Bucket: in.Bucket, Key: key, ACL: types.ObjectCannedACLPrivate}
	if _, err := w.s3.PutObject(t.Context(), put); err != nil {
		t.Errorf("the ACL private on a bucket that was made with it: %v", err)
	}
	if put.ACL = types.ObjectCannedACLPublicRead; code(second(w.s3.PutObject(t.Context(), put))) != "NotImplemented" {
		t.Error("an ACL that would have to be kept is taken")
	}
	open := newBucket("open-to-all")
	open.ACL = types.BucketCannedACLPublicRead
	if _, err := w.s3.CreateBucket(t.Context(), open); code(err) != "InvalidBucketAclWithObjectOwnership" {
		t.Errorf("a bucket open to all: %v", err)
	}
	acl, err := w.s3.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: b, Key: aws.String("k")})
	if err != nil || len(acl.Grants) != 1 || acl.Grants[0].Permission != types.PermissionFullControl || acl.Grants[0].Grantee.Type != types.TypeCanonicalUser {
		t.Errorf("GetObjectAcl = %v, %v", acl, err)
	}
}

func TestAnswersHaveWhatS3Sends(t *testing.T) {
	t.Parallel()
	w := setup(t)
	etag := w.put(t, "k", []byte("x"))
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		status             int
		headers            map[string]string
		text, without      string
	}{
		{"not modified", "GET", "/docs/k", http.Header{"If-None-Match": {etag}}, 304, map[string]string{"Etag": etag}, "", "x"},
		{"a list of version 1", "GET", "/docs?max-keys=1", nil, 200, nil, "<Prefix></Prefix><Marker></Marker><MaxKeys>1</MaxKeys>", "EncodingType"},
		{"a list of version 2", "GET", "/docs?list-type=2", nil, 200, nil, "<Prefix></Prefix><KeyCount>1</KeyCount>", "Marker"},
		{"no such key", "GET", "/docs/none", nil, 404, nil, "<Message>The specified key does not exist.</Message><Key>none</Key>", ""},
		{"no such bucket", "GET", "/nowhere/k", nil, 404, nil, "<Message>The specified bucket does not exist</Message><BucketName>nowhere</BucketName>", ""},
		{"an object's encryption", "HEAD", "/docs/k", nil, 200, map[string]string{"X-Amz-Server-Side-Encryption": "AES256"}, "", "x"},
		{"SelectObjectContent", "POST", "/docs/k?select&select-type=2", nil, 501, nil, "NotImplemented", ""},
		{"a browser's form", "POST", "/docs", nil, 501, nil, "NotImplemented", ""},
		{"a method that is none", "PATCH", "/docs/k", nil, 405, nil, "MethodNotAllowed", ""},
		{"an operation that is not served", "GET", "/docs?inventory", nil, 501, nil, "NotImplemented", ""},
		{"a class that is none", "PUT", "/docs/new", http.Header{"X-Amz-Storage-Class": {"PAPER"}}, 400, nil, "InvalidStorageClass", ""},
		{"a class that is kept", "PUT", "/docs/ia", http.Header{"X-Amz-Storage-Class": {"STANDARD_IA"}}, 200, nil, "", ""},
		{"the class that was kept", "HEAD", "/docs/ia", nil, 200, map[string]string{"X-Amz-Storage-Class": "STANDARD_IA"}, "", ""},
		{"an encryption that is none", "PUT", "/docs/new", http.Header{"X-Amz-Server-Side-Encryption": {"ROT13"}}, 400, nil, "InvalidArgument", ""},
		{"too much metadata", "PUT", "/docs/new", http.Header{"X-Amz-Meta-Long": {strings.Repeat("x", 2<<10)}}, 400, nil, "MetadataTooLarge", ""},
		{"a count that is none", "GET", "/docs?max-keys=x", nil, 400, nil, "InvalidArgument", ""},
		{"a key that is not UTF-8", "GET", "/docs/%ff", nil, 400, nil, "InvalidURI", ""},
		{"a source that is none", "PUT", "/docs/new", http.Header{"X-Amz-Copy-Source": {"docs"}}, 400, nil, "InvalidArgument", ""},
		{"an old version", "GET", "/docs/k?versionId=3", nil, 404, nil, "NoSuchVersion", ""},
	} {
		if c.header == nil {
			c.header = http.Header{}
		}
		resp, err := w.http.Do(w.signed(t, c.method, c.path, unsigned, http.NoBody, c.header))
		if err != nil {
			t.Fatal(err)
		}
		text := body(t, resp)
		if resp.StatusCode != c.status || !strings.Contains(text, c.text) || c.without != "" && strings.Contains(text, c.without) {
			t.Errorf("%s: %d %s, want %d %s", c.name, resp.StatusCode, text, c.status, c.text)
		}
		for name, want := range c.headers {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.name, name, got, want)
			}
		}
		if resp.Header.Get("X-Amz-Request-Id") == "" {
			t.Errorf("%s: no id of the request", c.name)
		}
	}
}

func TestTagsComeInOrderAndSystemTagsAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("x"))
	b, key := aws.String(bucket), aws.String("k")
	set := func(keys ...string) []types.Tag {
		var out []types.Tag
		for _, k := range keys {
			out = append(out, types.Tag{Key: aws.String(k), Value: aws.String("v")})
		}
		return out
	}
	put := func(tags []types.Tag) error {
		_, err := w.s3.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: b, Key: key, Tagging: &types.Tagging{TagSet: tags}})
		return err
	}
	keys := strings.Split("a b c d e f g h i j", " ")
	shuffled := slices.Clone(keys)
	slices.Reverse(shuffled)
	if err := put(set(shuffled...)); err != nil {
		t.Fatal(err)
	}
	out, err := w.s3.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: b, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tag := range out.TagSet {
		got = append(got, *tag.Key)
	}
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("GetObjectTagging (-want +got):\n%s", diff)
	}
	for name, tags := range map[string][]types.Tag{
		"a system tag": set("aws:x"), "the same key twice": set("a", "a"), "an empty key": set(""), "a long key": set(strings.Repeat("x", 129)), "a letter that tags have not": set("a?b"),
	} {
		if err := put(tags); code(err) != "InvalidTag" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put(set(append(keys, "k")...)); code(err) != "BadRequest" {
		t.Errorf("eleven tags: %v", err)
	}
	if _, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: key, Tagging: aws.String("aws:a=b")}); code(err) != "InvalidTag" {
		t.Errorf("a system tag in the header: %v", err)
	}
}

func TestNamesThatNoBucketHasAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, name := range []string{
		"a..b", "xn--abc", "sthree-abc", "abc-s3alias", "abc--ol-s3", "192.168.1.1", "ab", "Abc", "a_bc", "-abc", "abc-", "a.-b", "a-.b", strings.Repeat("x", 64),
	} {
		text := `<CreateBucketConfiguration><LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>`
		if status, answer := w.do(t, w.signed(t, "PUT", "/"+name, unsigned, strings.NewReader(text), http.Header{})); status != 400 || !strings.Contains(answer, "InvalidBucketName") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

func TestPoliciesThatS3RefusesAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	good := `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::docs/*"}`
	for text, want := range map[string]string{
		`{"Statement":` + good + `}`:                        "",
		`{"Statement":[` + good + `]}`:                      "",
		` {"Statement":[` + good + `]}`:                     "first byte",
		`{"Statement":[]}`:                                  "Statement",
		`{"Version":"2020-01-01","Statement":` + good + `}`: "version",
		`{"Statement":[{"Effect":"Maybe"}]}`:                "effect",
		`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::docs"}]}`: "Principal",
		strings.Replace(`{"Statement":`+good+`}`, `"*"`, `{"Nobody":"*"}`, 1):               "principal",
		strings.Replace(`{"Statement":`+good+`}`, "s3:GetObject", "ec2:Run", 1):             "action",
		strings.Replace(`{"Statement":`+good+`}`, "docs/*", "other/*", 1):                   "resource",
		strings.Replace(`{"Statement":`+good+`}`, "Effect", "Affect", 1):                    "field",
	} {
		status, answer := w.do(t, w.signed(t, "PUT", "/docs?policy", unsigned, strings.NewReader(text), http.Header{}))
		if want == "" && status != 204 || want != "" && (status != 400 || !strings.Contains(answer, "MalformedPolicy") || !strings.Contains(answer, want)) {
			t.Errorf("%s: %d %s, want %q", text, status, answer, want)
		}
	}
}

func TestPagesOfOtherOriginsAreLetInByTheConfiguration(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "k", []byte("x"))
	send := func(origin, method string) (int, http.Header) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, w.url+"/docs/k", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", method)
		r.Header.Set("Access-Control-Request-Headers", "content-type")
		resp, err := w.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body(t, resp)
		return resp.StatusCode, resp.Header
	}
	if status, _ := send("https://example.com", "PUT"); status != 403 {
		t.Errorf("without a configuration: %d", status)
	}
	rule := types.CORSRule{AllowedOrigins: []string{"https://*.com"}, AllowedMethods: []string{"PUT", "GET"}, AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}}
	if _, err := w.s3.PutBucketCors(t.Context(), &s3.PutBucketCorsInput{Bucket: aws.String(bucket), CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{rule}}}); err != nil {
		t.Fatal(err)
	}
	if status, h := send("https://example.com", "PUT"); status != 200 || h.Get("Access-Control-Allow-Origin") != "https://example.com" || h.Get("Access-Control-Allow-Headers") != "content-type" {
		t.Errorf("an origin that is allowed: %d %v", status, h)
	}
	for origin, method := range map[string]string{"https://example.org": "PUT", "https://example.com": "DELETE"} {
		if status, _ := send(origin, method); status != 403 {
			t.Errorf("%s from %s: %d", method, origin, status)
		}
	}
	r := w.signed(t, "GET", "/docs/k", unsigned, http.NoBody, http.Header{})
	r.Header.Set("Origin", "https://example.com")
	resp, err := w.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body(t, resp); resp.Header.Get("Access-Control-Expose-Headers") != "ETag" {
		t.Errorf("the answer to a page has %v", resp.Header)
	}
}

func newBucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}
}

func second[T any](_ T, err error) error { return err }
