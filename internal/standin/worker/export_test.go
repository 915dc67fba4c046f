package worker

import "io"

// ParseRecord gives the parts of a line to the tests.
func ParseRecord(line []byte) (id, input []byte, err error) {
	r, err := parseRecord(line)
	return r.id, r.input, err
}

// ReadFrames counts the whole frames of a journal and says where the last one ends.
func ReadFrames(f io.ReaderAt) (n int, end int64, err error) {
	end, err = readFrames(f, func(finished, int64) error {
		n++
		return nil
	})
	return n, end, err
}

// Frame is one frame of a journal.
func Frame(index int64, id string, body []byte) []byte {
	return appendFrame(nil, &finished{index: index, id: id, in: 3, out: 4, body: body})
}

// Lines gives the lines that are no blank ones.
func Lines(r io.Reader) (lines []string, err error) {
	l := newLines(r)
	for {
		line, err := l.next()
		if err != nil {
			return lines, err
		}
		lines = append(lines, string(line))
	}
}
