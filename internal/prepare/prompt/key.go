package prompt

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// Key gives the key of a modelInput of a first attempt, whether Append made it or someone else. The member that
// structured output adds is left out where it is the very one that this Config adds, sent or not; another that a ready
// record brings along stays, because it changes the answer.
func (r *Renderer) Key(modelInput []byte) quarry.DocumentKey {
	// The body that Append writes first: a body is read through to its end before it can turn out to be another.
	if r.Structured() {
		if k, ok := r.structuredKey(modelInput); ok {
			return k
		}
	}
	if _, ok := match(r.base, modelInput, nil); ok {
		return quarry.NewDocumentKey(r.model, r.schema, modelInput)
	}
	if r.member != "" && !r.Structured() {
		if k, ok := r.structuredKey(modelInput); ok {
			return k
		}
	}
	return r.foreignKey(modelInput)
}

// AppendKeyed does what Append does, and gives the key of what it appended.
func (r *Renderer) AppendKeyed(dst []byte, doc *quarry.Document) ([]byte, quarry.DocumentKey, error) {
	start := len(dst)
	dst, err := r.Append(dst, doc)
	if err != nil {
		return dst, quarry.DocumentKey{}, err
	}
	if doc.ModelInput == nil && !r.Structured() { // it is canonical because Append made it, which Key would have to find out
		return dst, quarry.NewDocumentKey(r.model, r.schema, dst[start:]), nil
	}
	return dst, r.Key(dst[start:]), nil
}

// structuredKey is the key of a body of ours that holds the structured member.
func (r *Renderer) structuredKey(modelInput []byte) (quarry.DocumentKey, bool) {
	at, ok := match(r.full, modelInput, r.added)
	if !ok || at < 0 {
		return quarry.DocumentKey{}, false
	}
	buf, _ := r.scratch.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer r.scratch.Put(buf)
	*buf = append(append((*buf)[:0], modelInput[:at]...), modelInput[at+len(r.added):]...)
	return quarry.NewDocumentKey(r.model, r.schema, *buf), true
}

// foreignKey is the slow way, for bytes that Append did not write.
func (r *Renderer) foreignKey(modelInput []byte) quarry.DocumentKey {
	body, err := canonical(modelInput)
	if err != nil {
		// Validation refuses such a line; its key still tells it from others.
		return quarry.NewDocumentKey(r.model, r.schema, modelInput)
	}
	if r.member != "" {
		if o, err := parseObject(body); err == nil && (bytes.Equal(o[r.member], r.value) || bytes.Equal(o[r.member], r.older)) {
			delete(o, r.member)
			body = o.bytes()
		}
	}
	return quarry.NewDocumentKey(r.model, r.schema, body)
}

// match reports whether b is a body of these pieces, which proves that it is canonical, and where the literal that
// holds needle has it, or -1.
func match(pieces []piece, b, needle []byte) (at int, ok bool) {
	at = -1
	i := 0
	for k := range pieces {
		p := &pieces[k]
		if p.hole != nil {
			n := scanEscaped(b[i:])
			if n < 0 {
				return -1, false
			}
			i += n
			continue
		}
		if !bytes.HasPrefix(b[i:], p.literal) {
			return -1, false
		}
		if needle != nil && at < 0 {
			if n := bytes.Index(p.literal, needle); n >= 0 {
				at = i + n
			}
		}
		i += len(p.literal)
	}
	return at, i == len(b)
}

// canonical gives RFC 8785's form, except that integers keep their digits: beyond 2⁵³ that form would make two
// different inputs, with two different answers, the same.
func canonical(value []byte) ([]byte, error) {
	return jsontext.AppendFormat(nil, value,
		jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false), jsontext.ReorderRawObjects(true),
		jsontext.PreserveRawStrings(false), jsontext.CanonicalizeRawFloats(true), jsontext.CanonicalizeRawInts(false))
}
