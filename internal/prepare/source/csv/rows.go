package csv

import (
	"bytes"

	"quarry/internal/prepare/source/cut"
)

// rules cuts rows: a line break ends one unless it is in quotes (RFC 4180). The first lead bytes are no row.
func rules(comma byte, lead int) cut.Rules {
	return cut.Rules{
		Next: func(data []byte, more cut.More) (start, end, skip int) {
			if start = lead; len(data) < lead { // it was seen in the head, so it comes
				return 0, 0, 0
			}
			defer func() {
				if end > 0 {
					lead = 0
				}
			}()
			for start < len(data) && (data[start] == '\n' || data[start] == '\r') {
				start++
			}
			if start == len(data) {
				return start, 0, max(0, start-lead)
			}
			end, fits, broken := rowEnd(data, start, comma)
			switch {
			case fits:
				return start, end, 0
			case broken || more != cut.Comes:
				// A quote that is never closed, or not where a cell ends: the row is its first line.
				if n := bytes.IndexByte(data[start:], '\n'); n >= 0 {
					return start, start + n + 1, 0
				}
				if more == cut.None {
					return start, len(data), 0
				}
			}
			return start, 0, max(0, start-lead)
		},
		Skipper: func() func([]byte) int {
			quoted := false
			return func(data []byte) int {
				for i, c := range data {
					switch {
					case c == '"':
						quoted = !quoted // a doubled quote does it twice
					case c == '\n' && !quoted:
						return i + 1
					}
				}
				return -1
			}
		},
	}
}

// rowEnd gives the index after the row's line break. broken says that more data will not help.
func rowEnd(data []byte, i int, comma byte) (end int, fits, broken bool) {
	for {
		if i < len(data) && data[i] == '"' {
			for i++; ; i++ {
				n := bytes.IndexByte(data[i:], '"')
				if n < 0 || i+n+1 == len(data) {
					return len(data), false, false
				}
				if i += n + 1; data[i] != '"' {
					break
				}
			}
			if data[i] != comma && data[i] != '\n' && data[i] != '\r' {
				return i, false, true
			}
		}
		for i < len(data) && data[i] != comma && data[i] != '\n' {
			i++
		}
		if i == len(data) {
			return i, false, false
		}
		if data[i] == '\n' {
			return i + 1, true, false
		}
		i++
	}
}

// cells takes a row apart; it must be one that rowEnd found, or a last one without a line break. ok is false where
// quotes do not fit. Quoted cells that hold quotes are written to scratch, which is given back.
func cells(dst [][]byte, row []byte, comma byte, scratch []byte) (out [][]byte, grown []byte, ok bool) {
	row = bytes.TrimSuffix(row, []byte{'\n'})
	row = bytes.TrimSuffix(row, []byte{'\r'})
	for {
		if len(row) == 0 || row[0] != '"' {
			n := bytes.IndexByte(row, comma)
			if n < 0 {
				return append(dst, row), scratch, true
			}
			dst, row = append(dst, row[:n]), row[n+1:]
			continue
		}
		row = row[1:]
		n, doubled := 0, false
		for {
			q := bytes.IndexByte(row[n:], '"')
			if q < 0 {
				return dst, scratch, false
			}
			n += q
			if n+1 == len(row) || row[n+1] != '"' {
				break
			}
			n += 2
			doubled = true
		}
		cell := row[:n]
		if doubled {
			from := len(scratch)
			for i := 0; i < len(cell); i++ {
				scratch = append(scratch, cell[i])
				if cell[i] == '"' {
					i++
				}
			}
			cell = scratch[from:len(scratch):len(scratch)]
		}
		dst = append(dst, cell)
		switch row = row[n+1:]; {
		case len(row) == 0:
			return dst, scratch, true
		case row[0] != comma:
			return dst, scratch, false
		}
		row = row[1:]
	}
}
