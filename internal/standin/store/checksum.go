package store

import (
	"crypto/md5"  // S3 defines its ETag by it
	"crypto/sha1" // one of the checksums S3 offers
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// checksum is an additional checksum as S3 keeps it beside an object: base64, with "-N" at the end when it is a
// checksum of the parts' checksums.
type checksum struct {
	Algorithm types.ChecksumAlgorithm `json:"a"`
	Type      types.ChecksumType      `json:"t"`
	Value     string                  `json:"v"`
}

// Reflected polynomials. CRC-64/NVME is the one S3 takes when nobody asks for another.
const (
	polyCRC64NVME = 0x9a6c9329ac4bc9b5
	polyCRC32     = crc32.IEEE
	polyCRC32C    = crc32.Castagnoli
)

// hasher is a running checksum of one of S3's algorithms.
type hasher struct {
	hash.Hash
	algorithm types.ChecksumAlgorithm
}

// newHasher starts a checksum; ok is false for an algorithm the store does not know (the XXHASH family).
func newHasher(a types.ChecksumAlgorithm) (h hasher, ok bool) {
	h.algorithm = a
	switch a {
	case types.ChecksumAlgorithmCrc32:
		h.Hash = crc32.NewIEEE()
	case types.ChecksumAlgorithmCrc32c:
		h.Hash = crc32.New(crc32.MakeTable(polyCRC32C))
	case types.ChecksumAlgorithmCrc64nvme:
		h.Hash = crc64.New(crc64.MakeTable(polyCRC64NVME))
	case types.ChecksumAlgorithmSha1:
		h.Hash = sha1.New()
	case types.ChecksumAlgorithmSha256:
		h.Hash = sha256.New()
	case types.ChecksumAlgorithmSha512:
		h.Hash = sha512.New()
	case types.ChecksumAlgorithmMd5:
		h.Hash = md5.New()
	default:
		return h, false
	}
	return h, true
}

func (h hasher) value() string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// combineCRC gives the checksum of a followed by b, from the checksums of both and b's length, as zlib's
// crc32_combine does: appending n bytes multiplies by x^(8n) modulo the polynomial.
func combineCRC(a types.ChecksumAlgorithm, first, second string, secondLen int64) (string, error) {
	var poly uint64
	width := 32
	switch a {
	case types.ChecksumAlgorithmCrc32:
		poly = polyCRC32
	case types.ChecksumAlgorithmCrc32c:
		poly = polyCRC32C
	case types.ChecksumAlgorithmCrc64nvme:
		poly, width = polyCRC64NVME, 64
	default:
		return "", fmt.Errorf("%s checksums cannot be combined", a)
	}
	x, err := crcNumber(first, width)
	if err != nil {
		return "", err
	}
	y, err := crcNumber(second, width)
	if err != nil {
		return "", err
	}
	sum := multiplyModulo(powerOfX(uint64(secondLen), poly, width), x, poly, width) ^ y
	b := make([]byte, width/8)
	for i := range b {
		b[i] = byte(sum >> (width - 8 - 8*i))
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

func crcNumber(s string, width int) (uint64, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) != width/8 {
		return 0, fmt.Errorf("%q is not a checksum of %d bits", s, width)
	}
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, nil
}

// multiplyModulo multiplies two polynomials in reflected form: the highest bit is x^0.
func multiplyModulo(a, b, poly uint64, width int) uint64 {
	var product uint64
	for bit := uint64(1) << (width - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ poly
		} else {
			b >>= 1
		}
	}
	return product
}

// powerOfX is x^(8n) modulo the polynomial.
func powerOfX(n, poly uint64, width int) uint64 {
	one := uint64(1) << (width - 1)
	result, square := one, one>>8
	for ; n != 0; n >>= 1 {
		if n&1 != 0 {
			result = multiplyModulo(square, result, poly, width)
		}
		square = multiplyModulo(square, square, poly, width)
	}
	return result
}
