package plan

import "quarry/internal/run/index"

// Earlier is what earlier passes have of a document's request.
type Earlier struct {
	Answered bool  // it has its answer, and is not sent
	Parts    []int // of a long document that does not: those that are answered, in order
	Tried    index.Tried
}

// spare takes from what is sent those parts of a long document that are answered, and has their answers carried.
func (p *Plan) spare(parts []int64, earlier *Earlier, order int64, column *index.Columns, by *Findings) ([]int64, error) {
	any := false
	for _, n := range earlier.Parts {
		if n > len(parts) {
			continue
		}
		if err := column.AddKnown(order, n); err != nil {
			return parts, err
		}
		parts[n-1], any = 0, true
		p.KnownParts++
	}
	if !any {
		return parts, nil
	}
	return parts, by.Carry()
}

// sentBytes is how long the lines are that send a document first.
func sentBytes(e *index.Entry, parts []int64) (n int64) {
	for _, length := range parts {
		n += length
	}
	if len(parts) == 0 {
		return int64(e.Bytes)
	}
	return n
}
