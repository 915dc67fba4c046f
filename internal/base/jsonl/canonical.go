package jsonl

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Canonical appends a JSON value in the form of RFC 8785: names sorted by UTF-16, no white space, numbers as IEEE
// doubles in their shortest form. It is for what is asked once, not once per document.
func Canonical(dst, value []byte) ([]byte, error) {
	v := jsontext.Value(append([]byte(nil), value...))
	if err := v.Canonicalize(); err != nil {
		var s *jsontext.SyntacticError
		if errors.As(err, &s) {
			return dst, fault(int(s.ByteOffset), s.Err.Error())
		}
		return dst, fmt.Errorf("canonical form: %w", err)
	}
	return append(dst, v...), nil
}
