package s3api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestWhatThePlainPutWouldGetWrongIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put(t, "kept", []byte("text"))
	body := func() *strings.Reader { return strings.NewReader("more") }
	for name, call := range map[string]func() error{
		"renaming": func() error {
			_, err := w.s3.RenameObject(t.Context(), &s3.RenameObjectInput{Bucket: aws.String(bucket), Key: aws.String("new"), RenameSource: aws.String("/" + bucket + "/kept")})
			return err
		},
		"adding to an object": func() error {
			_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("kept"), Body: body(), WriteOffsetBytes: aws.Int64(4)})
			return err
		},
	} {
		if err := call(); code(err) != "NotImplemented" {
			t.Errorf("%s: %v, want NotImplemented", name, err)
		}
	}
	header := map[string][]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm": {"AES256"}}
	status, text := w.do(t, w.signed(t, "PUT", "/"+bucket+"/secret", unsigned, body(), header))
	if status != 501 || !strings.Contains(text, "<Code>NotImplemented</Code>") {
		t.Errorf("put under the client's own key: %d %s", status, text)
	}
	list, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Contents) != 1 || aws.ToInt64(list.Contents[0].Size) != 4 {
		t.Errorf("the bucket holds %d objects, the first of %d bytes; want the one of 4 bytes", len(list.Contents), aws.ToInt64(list.Contents[0].Size))
	}
}
