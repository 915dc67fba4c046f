package s3api

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"quarry/internal/standin/s3err"
	"quarry/internal/standin/store"
)

// algorithms are the checksums that are verified and kept. S3 has the XXHASH family too, which is refused.
var algorithms = []store.Algorithm{store.CRC32, store.CRC32C, store.CRC64NVME, store.SHA1, store.SHA256, store.SHA512, store.MD5}

// announced is the checksum that a request says its body has.
type announced struct {
	algorithm store.Algorithm // "" for none
	value     string          // "" where it comes in the trailer
	trailer   string          // the trailer's name, "" where there is none
}

// announced reads x-amz-checksum-…, x-amz-trailer and x-amz-sdk-checksum-algorithm.
func (q *request) announced() (announced, error) {
	a, err := q.checksumHeader()
	if err != nil {
		return a, err
	}
	if trailer := strings.ToLower(strings.TrimSpace(q.header("X-Amz-Trailer"))); trailer != "" {
		name, ok := strings.CutPrefix(trailer, "x-amz-checksum-")
		algorithm := store.Algorithm(strings.ToUpper(name))
		switch {
		case !ok || !slices.Contains(algorithms, algorithm):
			return a, s3err.Request("The value specified in the x-amz-trailer header is not supported")
		case a.value != "":
			return a, s3err.Request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		a = announced{algorithm: algorithm, trailer: trailer}
	}
	if said := q.header("X-Amz-Sdk-Checksum-Algorithm"); said != "" && q.proof != nil && !q.proof.Presigned {
		switch {
		case a.algorithm == "":
			return a, s3err.Request("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer " +
				"headers were found.")
		case !strings.EqualFold(said, string(a.algorithm)):
			return a, s3err.Request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
		}
	}
	return a, nil
}

// checksumHeader reads the one x-amz-checksum-… header of a value.
func (q *request) checksumHeader() (announced, error) {
	var a announced
	for name, values := range q.r.Header {
		suffix, ok := strings.CutPrefix(strings.ToLower(name), "x-amz-checksum-")
		if !ok || suffix == "algorithm" || suffix == "type" || suffix == "mode" {
			continue
		}
		algorithm := store.Algorithm(strings.ToUpper(suffix))
		switch {
		case !slices.Contains(algorithms, algorithm):
			return a, s3err.Request("The algorithm type you specified in x-amz-checksum- header is invalid.")
		case a.algorithm != "":
			return a, s3err.Request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		a = announced{algorithm: algorithm, value: values[0]}
	}
	if a.algorithm == "" {
		return a, nil
	}
	bare, _, _ := strings.Cut(a.value, "-") // a composite checksum ends in the number of parts
	raw, err := base64.StdEncoding.DecodeString(bare)
	if err != nil || len(raw) != a.algorithm.Size() {
		return a, s3err.Request(fmt.Sprintf("Value for x-amz-checksum-%s header is invalid.", strings.ToLower(string(a.algorithm))))
	}
	return a, nil
}

// compare holds a document against its checksum.
func (a announced) compare(text []byte) error {
	if a.algorithm == "" || a.value == "" || a.algorithm.Sum(text) == a.value {
		return nil
	}
	return s3err.Text(s3err.BadDigest, fmt.Sprintf("The %s you specified did not match the calculated checksum.", a.algorithm))
}

// uploadChecksum reads x-amz-checksum-algorithm and x-amz-checksum-type of CreateMultipartUpload:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html has which types each algorithm takes.
func (q *request) uploadChecksum() (store.Algorithm, string, error) {
	algorithm, err := q.checksumAlgorithm()
	if err != nil {
		return "", "", err
	}
	kind := strings.ToUpper(q.header("X-Amz-Checksum-Type"))
	switch {
	case kind == "" && algorithm == "":
		return "", "", nil
	case algorithm == "":
		return "", "", s3err.Request("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case kind == "" && algorithm == store.CRC64NVME:
		return algorithm, store.FullObject, nil
	case kind == "":
		return algorithm, store.Composite, nil
	case kind != store.FullObject && kind != store.Composite:
		return "", "", s3err.Request("Value for x-amz-checksum-type header is invalid.")
	}
	crc := strings.HasPrefix(string(algorithm), "CRC")
	if kind == store.FullObject && !crc || kind == store.Composite && algorithm == store.CRC64NVME {
		return "", "", s3err.Request(fmt.Sprintf("The %s checksum type cannot be used with the %s checksum algorithm.",
			kind, strings.ToLower(string(algorithm))))
	}
	return algorithm, kind, nil
}

// checksumAlgorithm reads x-amz-checksum-algorithm.
func (q *request) checksumAlgorithm() (store.Algorithm, error) {
	algorithm := store.Algorithm(strings.ToUpper(q.header("X-Amz-Checksum-Algorithm")))
	if algorithm != "" && !slices.Contains(algorithms, algorithm) {
		return "", s3err.Request("Checksum algorithm provided is unsupported. Please try again with any of the valid types: " +
			"[CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512]")
	}
	return algorithm, nil
}
