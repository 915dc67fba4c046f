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

	"github.com/minio/crc64nvme"
)

// Algorithm is one of S3's checksum algorithms, in S3's spelling.
type Algorithm string

// The algorithms that the store computes. S3 adds CRC64NVME when the client names none (User Guide, "Checking object
// integrity in Amazon S3").
const (
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	CRC64NVME Algorithm = "CRC64NVME"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
	SHA512    Algorithm = "SHA512"
	MD5       Algorithm = "MD5"
)

// How a checksum of an upload in parts is made: over all bytes, or over the checksums of the parts.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE"
)

// Checksum is an additional checksum as S3 keeps it with an object: base64, with "-N" at the end when it is a
// checksum of the checksums of N parts. The zero value is no checksum.
type Checksum struct {
	Algorithm Algorithm `json:"a"`
	Type      string    `json:"t"` // FullObject or Composite
	Value     string    `json:"v"`
}

// Reflected polynomials.
const (
	polyCRC64NVME = 0x9a6c9329ac4bc9b5
	polyCRC32     = crc32.IEEE
	polyCRC32C    = crc32.Castagnoli
)

// hasher is a running checksum of one of S3's algorithms.
type hasher struct {
	hash.Hash
	algorithm Algorithm
}

// newHasher starts a checksum; ok is false for an algorithm the store does not know (the XXHASH family).
func newHasher(a Algorithm) (h hasher, ok bool) {
	h.algorithm = a
	switch a {
	case CRC32:
		h.Hash = crc32.NewIEEE()
	case CRC32C:
		h.Hash = crc32.New(crc32.MakeTable(polyCRC32C))
	case CRC64NVME:
		h.Hash = crc64nvme.New()
	case SHA1:
		h.Hash = sha1.New()
	case SHA256:
		h.Hash = sha256.New()
	case SHA512:
		h.Hash = sha512.New()
	case MD5:
		h.Hash = md5.New()
	default:
		return h, false
	}
	return h, true
}

// Size is the length of the algorithm's checksum in bytes, 0 for an algorithm that the store does not know.
func (a Algorithm) Size() int {
	h, ok := newHasher(a)
	if !ok {
		return 0
	}
	return h.Size()
}

// Sum is the checksum of text in base64, "" for an algorithm that the store does not know.
func (a Algorithm) Sum(text []byte) string {
	h, ok := newHasher(a)
	if !ok {
		return ""
	}
	h.Write(text)
	return h.value()
}

func (h hasher) value() string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }

// combineCRC gives the checksum of a followed by b, from the checksums of both and b's length, as zlib's
// crc32_combine does: appending n bytes multiplies by x^(8n) modulo the polynomial.
func combineCRC(a Algorithm, first, second string, secondLen int64) (string, error) {
	var poly uint64
	width := 32
	switch a {
	case CRC32:
		poly = polyCRC32
	case CRC32C:
		poly = polyCRC32C
	case CRC64NVME:
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
