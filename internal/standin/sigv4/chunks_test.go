package sigv4_test

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"quarry/internal/standin/sigv4"
)

// TestTheChunksOfAWSsExample takes the upload of 65 KiB from AWS's page, "Example: PUT an object in chunks":
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
func TestTheChunksOfAWSsExample(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/examplebucket/chunkObject.txt", http.NoBody)
	r.Host = "s3.amazonaws.com"
	for name, value := range map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
		"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "X-Amz-Decoded-Content-Length": "66560", "Content-Length": "66824",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
			"SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class," +
			"Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
	} {
		r.Header.Set(name, value)
	}
	claim, err := sigv4.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Key{Secret: secret}
	if err := claim.VerifyObject(r, key); err != nil {
		t.Fatalf("the head: %v", err)
	}
	steps := []struct {
		data, signature string
	}{
		{strings.Repeat("a", 65_536), "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
		{strings.Repeat("a", 1024), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
		{"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
	}
	chunks := claim.Chunks(key)
	for i, s := range steps {
		sum := sha256.Sum256([]byte(s.data))
		if err := chunks.Chunk(strings.Repeat("0", 64), sum[:]); err == nil {
			t.Errorf("chunk %d passes with another signature", i)
		}
		if err := chunks.Chunk(s.signature, sum[:]); err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
}

// TestTheTrailerOfAWSsExample takes the upload with a trailing checksum from
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func TestTheTrailerOfAWSsExample(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/examplebucket/chunkObject.txt", http.NoBody)
	r.Host = "s3.amazonaws.com"
	for name, value := range map[string]string{
		"X-Amz-Date": "20130524T000000Z", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY", "Content-Encoding": "aws-chunked",
		"X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "X-Amz-Decoded-Content-Length": "66560", "X-Amz-Trailer": "x-amz-checksum-crc32c",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
			"SignedHeaders=content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer," +
			"Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
	} {
		r.Header.Set(name, value)
	}
	claim, err := sigv4.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Key{Secret: secret}
	if err := claim.VerifyObject(r, key); err != nil {
		t.Fatalf("the head: %v", err)
	}
	chunks := claim.Chunks(key)
	for i, s := range []struct{ data, signature string }{
		{strings.Repeat("a", 65_536), "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"},
		{strings.Repeat("a", 1024), "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"},
		{"", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
	} {
		sum := sha256.Sum256([]byte(s.data))
		if err := chunks.Chunk(s.signature, sum[:]); err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
	}
	if err := chunks.Trailer("d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435", "x-amz-checksum-crc32c:sOO8/Q==\n"); err != nil {
		t.Errorf("the trailer: %v", err)
	}
}
