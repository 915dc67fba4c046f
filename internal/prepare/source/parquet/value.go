package parquet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"quarry/internal/base/jsonl"
)

// value writes one value of a leaf as JSON, by its type (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md).
func (n *node) value(dst []byte, v parquet.Value) ([]byte, error) {
	if v.IsNull() {
		return append(dst, "null"...), nil
	}
	switch l := n.logical.(type) {
	case *format.DateType:
		if v.Kind() == parquet.Int32 {
			return appendTime(dst, time.Unix(int64(v.Int32())*86400, 0), time.DateOnly), nil
		}
	case *format.TimestampType:
		if v.Kind() == parquet.Int64 && l.Unit.Value != nil {
			return appendTime(dst, moment(v.Int64(), l.Unit.Value.Duration()), time.RFC3339Nano), nil
		}
	case *format.TimeType:
		if l.Unit.Value != nil && (v.Kind() == parquet.Int32 || v.Kind() == parquet.Int64) {
			return appendTime(dst, moment(whole(v), l.Unit.Value.Duration()), "15:04:05.999999999"), nil
		}
	case *format.DecimalType:
		return decimal(dst, v, l.Scale), nil
	case *format.UUIDType:
		if b := v.Bytes(); len(b) == 16 {
			h := hex.EncodeToString(b)
			return jsonl.AppendString(dst, []byte(h[:8]+"-"+h[8:12]+"-"+h[12:16]+"-"+h[16:20]+"-"+h[20:])), nil
		}
	case *format.IntType:
		if !l.IsSigned {
			if v.Kind() == parquet.Int32 {
				return strconv.AppendUint(dst, uint64(v.Uint32()), 10), nil
			}
			if v.Kind() == parquet.Int64 {
				return strconv.AppendUint(dst, v.Uint64(), 10), nil
			}
		}
	case *format.JsonType:
		if b := v.Bytes(); utf8.Valid(b) && jsonl.Check(b) == nil {
			return jsonl.AppendCompact(dst, b), nil
		}
	}
	return n.plain(dst, v)
}

// plain writes a value by its physical type.
func (n *node) plain(dst []byte, v parquet.Value) ([]byte, error) {
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(dst, v.Boolean()), nil
	case parquet.Int32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10), nil
	case parquet.Int64:
		return strconv.AppendInt(dst, v.Int64(), 10), nil
	case parquet.Int96:
		return appendTime(dst, oldMoment(v), time.RFC3339Nano), nil
	case parquet.Float:
		return float(dst, float64(v.Float()), 32), nil
	case parquet.Double:
		return float(dst, v.Double(), 64), nil
	}
	b := v.Bytes()
	switch n.logical.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		if !utf8.Valid(b) {
			return nil, errors.New("invalid UTF-8 in column " + string(n.name))
		}
		return jsonl.AppendString(dst, b), nil
	}
	// Older writers have text in bytes without a word; other bytes are pictures and the like.
	if utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 {
		return jsonl.AppendString(dst, b), nil
	}
	return append(dst, "null"...), nil
}

func whole(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func float(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// appendTime writes a time, or null where it is none that can be written down.
func appendTime(dst []byte, t time.Time, layout string) []byte {
	t = t.UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return append(dst, "null"...)
	}
	return append(t.AppendFormat(append(dst, '"'), layout), '"')
}

// moment is a count of units since 1970.
func moment(n int64, unit time.Duration) time.Time {
	a := int64(time.Second / unit)
	s, rest := n/a, n%a
	return time.Unix(s, rest*int64(unit))
}

// oldMoment reads the time of Impala and Hive: nanoseconds of the day, and the day by the Julian calendar's count.
func oldMoment(v parquet.Value) time.Time {
	i := v.Int96()
	const epoch = 2_440_588 // 1970-01-01
	return time.Unix((int64(i[2])-epoch)*86400, int64(uint64(i[1])<<32|uint64(i[0])))
}

// decimal writes an unscaled number with its point.
func decimal(dst []byte, v parquet.Value, scale int32) []byte {
	var n big.Int
	switch v.Kind() {
	case parquet.Int32, parquet.Int64:
		n.SetInt64(whole(v))
	default:
		b := v.Bytes()
		n.SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 { // two's complement
			n.Sub(&n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	if scale < 0 || scale > 1000 {
		return append(dst, "null"...)
	}
	digits := new(big.Int).Abs(&n).String()
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	for len(digits) <= int(scale) {
		digits = "0" + digits
	}
	at := len(digits) - int(scale)
	dst = append(dst, digits[:at]...)
	if scale > 0 {
		dst = append(append(dst, '.'), digits[at:]...)
	}
	return dst
}
