// Command compat-minio uploads to a bucket with minio-go and trailing checksums: in one piece, and in parts. One line a check, as
// compat/run counts them.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const bucket = "minio-go"

func main() {
	code := 0
	check := func(name string, err error) {
		if err != nil {
			fmt.Printf("FAIL minio: %s: %v\n", name, err)
			code = 1
			return
		}
		fmt.Println("ok   minio: " + name)
	}
	client, err := connect()
	check("a bucket is made", err)
	if err == nil {
		for _, sum := range []minio.ChecksumType{minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumSHA1, minio.ChecksumSHA256} {
			for _, size := range []int{0, 10, 65_536, 70_000, 200_000, 12 << 20} {
				check(fmt.Sprintf("%d bytes with %s in the trailer", size, sum), roundTrip(client, size, sum))
			}
		}
	}
	os.Exit(code)
}

func connect() (*minio.Client, error) {
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return nil, err
	}
	region := os.Getenv("AWS_REGION")
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:           credentials.NewStaticV4(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
		TrailingHeaders: true, Region: region, Secure: endpoint.Scheme == "https",
	})
	if err != nil {
		return nil, err
	}
	return client, client.MakeBucket(context.Background(), bucket, minio.MakeBucketOptions{Region: region})
}

// roundTrip puts bytes under a key and reads them again; beyond 5 MiB they go up in parts.
func roundTrip(client *minio.Client, size int, sum minio.ChecksumType) error {
	ctx, body := context.Background(), bytes.Repeat([]byte("x"), size)
	put := minio.PutObjectOptions{AutoChecksum: sum, Checksum: sum, PartSize: 5 << 20}
	if _, err := client.PutObject(ctx, bucket, "key", bytes.NewReader(body), int64(size), put); err != nil {
		return err
	}
	got, err := client.GetObject(ctx, bucket, "key", minio.GetObjectOptions{Checksum: true})
	if err != nil {
		return err
	}
	back, err := io.ReadAll(got)
	if err != nil {
		return err
	}
	if !bytes.Equal(back, body) {
		return fmt.Errorf("%d bytes came back", len(back))
	}
	return got.Close()
}
