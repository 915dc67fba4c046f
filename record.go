package quarry

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// RecordID is the recordId of one attempt at one document: at most 64 of [A-Za-z0-9_-].
type RecordID string

// Record is one line of an input file.
type Record struct {
	ID         RecordID
	ModelInput []byte // one JSON object, without line breaks
}

// InvocationType is Bedrock's modelInvocationType: whose body modelInput is.
type InvocationType string

// The invocation types of CreateModelInvocationJob.
const (
	InvokeModel InvocationType = "InvokeModel"
	Converse    InvocationType = "Converse"
)

// DocumentKey is equal if two documents make the same request: a hash over model, answer schema and modelInput.
type DocumentKey [sha256.Size]byte

// NewDocumentKey hashes what decides an answer: the model id, the answer's schema (canonical JSON, empty when there is
// none) and the canonical modelInput of the first attempt without the members that structured output adds. Each part
// goes in after its length, so no two different triples share their bytes.
func NewDocumentKey(model string, schema, modelInput []byte) DocumentKey {
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{[]byte(model), schema, modelInput} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	var k DocumentKey
	h.Sum(k[:0])
	return k
}

// String gives the key in hex.
func (k DocumentKey) String() string { return hex.EncodeToString(k[:]) }

// Short gives the first 12 hex digits, the form in a recordId.
func (k DocumentKey) Short() string { return hex.EncodeToString(k[:6]) }

const maxIDInRecord = 40

// NewRecordID names an attempt (from 1) at a document: `S-K-aN`. Two documents whose ids differ only in punctuation get
// different records as long as their keys differ; planning makes sure that equal keys are sent once.
func NewRecordID(id DocumentID, key DocumentKey, attempt int) RecordID {
	s := make([]byte, 0, 64)
	for _, r := range string(id) {
		if len(s) == maxIDInRecord {
			break
		}
		if r < '0' || r > 'z' || (r > '9' && r < 'A') || (r > 'Z' && r < 'a') {
			r = '_'
		}
		s = append(s, byte(r))
	}
	s = append(s, '-')
	s = hex.AppendEncode(s, key[:6])
	s = append(s, '-', 'a')
	s = strconv.AppendInt(s, int64(attempt), 10)
	return RecordID(s)
}

// Part names the same attempt at one part of a long document, from 1: `S-K-pNNNN-aN`.
func (id RecordID) Part(n int) RecordID {
	stem, attempt := id.Whole().cut()
	return RecordID(fmt.Sprintf("%s-p%04d%s", stem, n, attempt))
}

// PartNumber is the number of the part that the record is for, or 0 if it is for a whole document.
func (id RecordID) PartNumber() int {
	stem, attempt := id.cut()
	i := strings.LastIndex(stem, "-p")
	if i < 0 || attempt == "" {
		return 0
	}
	n, err := strconv.Atoi(stem[i+2:])
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// Whole names the same attempt at the document as a whole, if the record is for a part.
func (id RecordID) Whole() RecordID {
	if id.PartNumber() == 0 {
		return id
	}
	stem, attempt := id.cut()
	return RecordID(stem[:strings.LastIndex(stem, "-p")] + attempt)
}

// cut gives what is before the attempt, and the attempt with its dash.
func (id RecordID) cut() (stem, attempt string) {
	i := strings.LastIndex(string(id), "-a")
	if i < 0 {
		return string(id), ""
	}
	return string(id[:i]), string(id[i:])
}

// Again names a later attempt at the same document.
func (id RecordID) Again(attempt int) RecordID {
	stem, _ := id.cut()
	return RecordID(stem + "-a" + strconv.Itoa(attempt))
}

// Attempt is the number of the attempt, or 0 where the id is not one of ours.
func (id RecordID) Attempt() int {
	_, attempt := id.cut()
	n, err := strconv.Atoi(strings.TrimPrefix(attempt, "-a"))
	if err != nil || n < 1 {
		return 0
	}
	return n
}

// Fits reports whether the recordId, one of ours, begins as that of a document with this id would. Many ids begin alike: it tells
// a document from another with the same [RecordID.KeyPrefix] and nothing more.
func (id RecordID) Fits(doc DocumentID) bool {
	prefix, ours := id.KeyPrefix()
	var key DocumentKey
	copy(key[:], prefix[:])
	stem, _ := id.Whole().cut()
	would, _ := NewRecordID(doc, key, 1).cut()
	return ours && stem == would
}

// KeyPrefix gives the first 6 bytes of the document key that the recordId holds as 12 hex digits; ok is false where the id is
// not one of ours.
func (id RecordID) KeyPrefix() (prefix [6]byte, ok bool) {
	stem, attempt := id.Whole().cut()
	i := strings.LastIndexByte(stem, '-')
	if attempt == "" || i < 0 || len(stem)-i-1 != hex.EncodedLen(len(prefix)) {
		return prefix, false
	}
	if _, err := hex.Decode(prefix[:], []byte(stem[i+1:])); err != nil {
		return [6]byte{}, false
	}
	return prefix, true
}
