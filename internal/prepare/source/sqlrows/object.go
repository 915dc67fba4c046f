package sqlrows

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"quarry/internal/base/jsonl"
)

// Object writes a row as the JSON object that its source makes of it; a reason says why it cannot be.
func Object(r Row) (obj []byte, reason string) { return object(r) }

// object writes a row as a JSON object; a reason says why it cannot be. Of two columns with one name the first counts.
func object(r Row) (obj []byte, reason string) {
	obj = append(obj, '{')
	seen := make(map[string]bool, len(r.Columns))
	for i, name := range r.Columns {
		if seen[name] || !utf8.ValidString(name) {
			continue
		}
		seen[name] = true
		if len(obj) > 1 {
			obj = append(obj, ',')
		}
		obj = append(jsonl.AppendString(obj, []byte(name)), ':')
		kind := ""
		if i < len(r.Types) {
			kind = r.Types[i]
		}
		var ok bool
		if obj, ok = appendValue(obj, kind, r.Values[i]); !ok {
			return nil, "invalid UTF-8 in column " + jsonl.Quote([]byte(name))
		}
	}
	return append(obj, '}'), ""
}

// appendValue writes a column's value; false says that it is text and not valid UTF-8.
func appendValue(obj []byte, kind string, value any) ([]byte, bool) {
	switch v := value.(type) {
	case int64:
		return strconv.AppendInt(obj, v, 10), true
	case uint64:
		return strconv.AppendUint(obj, v, 10), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(obj, "null"...), true
		}
		return strconv.AppendFloat(obj, v, 'g', -1, 64), true
	case float32:
		return appendValue(obj, kind, float64(v))
	case bool:
		return strconv.AppendBool(obj, v), true
	case string:
		return appendText(obj, kind, []byte(v))
	case []byte:
		if !isText(kind) && (!utf8.Valid(v) || bytes.IndexByte(v, 0) >= 0) {
			return append(obj, "null"...), true // pictures and the like
		}
		return appendText(obj, kind, v)
	case time.Time:
		return jsonl.AppendString(obj, []byte(v.UTC().Format(time.RFC3339Nano))), true
	}
	return append(obj, "null"...), true
}

// isText reports whether a column holds text, whatever its driver gives: MySQL's gives bytes for all.
func isText(kind string) bool {
	switch kind {
	case "CHAR", "VARCHAR", "TEXT", "JSON", "JSONB", "XML", "ENUM", "SET":
		return true
	}
	return false
}

// appendText writes text, and JSON as what it is: its members can be named by a path then.
func appendText(obj []byte, kind string, text []byte) ([]byte, bool) {
	if !utf8.Valid(text) {
		return obj, false
	}
	switch kind {
	case "JSON", "JSONB":
		if jsonl.Check(text) == nil {
			return jsonl.AppendCompact(obj, text), true
		}
	case "NUMERIC", "DECIMAL":
		if isNumber(text) {
			return append(obj, text...), true
		}
	}
	return jsonl.AppendString(obj, text), true
}

// isNumber reports whether a decimal number is one in JSON too: NaN and Infinity are not.
func isNumber(text []byte) bool {
	digits := bytes.TrimPrefix(text, []byte{'-'})
	if len(digits) == 0 || (len(digits) > 1 && digits[0] == '0' && digits[1] != '.') {
		return false
	}
	point := false
	for i, c := range digits {
		switch {
		case c >= '0' && c <= '9':
		case c == '.' && !point && i > 0 && i < len(digits)-1:
			point = true
		default:
			return false
		}
	}
	return true
}
