package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// Chunks verifies the signatures of the chunks of one body, in their order. Each covers the one before it, the first that of the
// head: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html there.
type Chunks struct {
	key      []byte
	scope    string // time and scope, as the text to sign has them
	previous string
}

// Chunks begins with the signature of the request's head, which VerifyObject proved with the same key.
func (c Claim) Chunks(key Key) *Chunks {
	return &Chunks{
		key:      c.signingKey(key.Secret),
		scope:    c.Time.Format(timeFormat) + "\n" + c.scope(),
		previous: c.signature,
	}
}

// Chunk returns ErrMismatch when signature is not that of the next chunk, whose bytes have this hash.
func (c *Chunks) Chunk(signature string, hash []byte) error {
	empty := sha256.Sum256(nil)
	return c.next(signature, "AWS4-HMAC-SHA256-PAYLOAD", hex.EncodeToString(empty[:])+"\n"+hex.EncodeToString(hash))
}

// Trailer returns ErrMismatch when signature is not that of the trailer. lines are its headers as "name:value\n", in their order.
func (c *Chunks) Trailer(signature, lines string) error {
	hash := sha256.Sum256([]byte(lines))
	return c.next(signature, "AWS4-HMAC-SHA256-TRAILER", hex.EncodeToString(hash[:]))
}

func (c *Chunks) next(signature, kind, rest string) error {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(kind + "\n" + c.scope + "\n" + c.previous + "\n" + rest))
	want := hex.EncodeToString(mac.Sum(nil))
	if subtle.ConstantTimeCompare([]byte(want), []byte(signature)) != 1 {
		return ErrMismatch
	}
	c.previous = want
	return nil
}

// scope is the credential scope, without the key's id.
func (c Claim) scope() string {
	return strings.Join([]string{c.Time.Format(dateFormat), c.Region, c.Service, "aws4_request"}, "/")
}

func (c Claim) signingKey(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.Time.Format(dateFormat), c.Region, c.Service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}
