package shardfile

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"quarry/internal/base/jsonl"
)

// Texts is a digest of the texts of a modelInput: what an echo of it has in common with it, however it spells its JSON, orders its members
// and names what AWS sets by itself. 0: it has none.
type Texts uint64

// TextsOf adds up the digests of all texts, so that their order does not matter. What is no text to a model (roles, types, versions, bytes
// of images, schemas) does not count.
func TextsOf(modelInput []byte) Texts { return textsOf(modelInput, 0) }

// deepestText bounds recursion: requests are not that deep.
const deepestText = 64

func textsOf(value []byte, depth int) (sum Texts) {
	if len(value) == 0 || depth > deepestText {
		return 0
	}
	switch value[0] {
	case '"':
		if len(value) > 2 {
			d := sha256.Sum256(jsonl.Unescape(nil, value[1:len(value)-1]))
			return Texts(binary.BigEndian.Uint64(d[:]))
		}
	case '[':
		for v := range jsonl.Elements(value) {
			sum += textsOf(v, depth+1)
		}
	case '{':
		for name, v := range jsonl.Members(value) {
			if countsAsText(string(name)) {
				sum += textsOf(v, depth+1)
			}
		}
	}
	return sum
}

// countsAsText reports whether what is below a member is text that a model reads.
func countsAsText(name string) bool {
	switch name {
	case "messages", "system", "content", "text", "prompt", "inputText", "input":
		return true
	}
	return false
}

// String gives hexadecimal digits.
func (t Texts) String() string { return strconv.FormatUint(uint64(t), 16) }

// MarshalText writes the digits, since a number of JSON does not hold them.
func (t Texts) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads them.
func (t *Texts) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 16, 64)
	*t = Texts(n)
	return err
}
