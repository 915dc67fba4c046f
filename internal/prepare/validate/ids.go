package validate

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"os"

	"quarry/internal/base/jsonl"
)

// idRef is one recordId: its hash, and where it is.
type idRef struct {
	hash     uint64
	at, line int64
}

// idSet finds recordIds that come twice. It holds hashes and places; on a hit both ids are read again, so that two ids
// which only share a hash are never called the same. The hash is keyed by chance: no one can make ids that collide.
type idSet struct {
	seed  maphash.Seed
	names []string
	slots []slot
	used  int
	most  int      // that are held; 0: all
	later laterIDs // those that came when so many were held
	err   error    // of later: nothing is added any more

	raw   [maxRawID + 2]byte
	ids   [2][]byte   // the memory of those that are compared
	files [2]struct { // those that were read again last
		index int
		f     *os.File
	}
}

type slot struct {
	hash uint64 // 0: free
	at   int64
	line uint32
	file uint32
}

func newIDSet(names []string, cfg Config) *idSet {
	s := &idSet{seed: maphash.MakeSeed(), names: names, slots: make([]slot, 1<<12)}
	if cfg.Sorter != nil {
		s.most, s.later.sorter = cfg.HeldIDs, cfg.Sorter
	}
	return s
}

func (s *idSet) hash(id []byte) uint64 { return maphash.Bytes(s.seed, id) | 1 }

// earlier is the first record of an id.
type earlier struct{ quoted, place string }

// add notes an id; twice is true when it was there before. Of one that came later than the set was full, that is reported
// when all are read.
func (s *idSet) add(file int, id idRef) (first earlier, twice bool) {
	full := s.most > 0 && s.used >= s.most
	if !full && 4*s.used >= 3*len(s.slots) {
		s.grow()
	}
	i := s.slot(id.hash)
	for s.slots[i].hash != 0 {
		if o := s.slots[i]; o.hash == id.hash {
			a, okA := s.read(int(o.file), o.at, s.ids[0])
			b, okB := s.read(file, id.at, s.ids[1])
			s.ids[0], s.ids[1] = a, b
			// A file that can be read only once (a pipe) leaves the hash as the judge: 1 in 2^63 for a pair.
			if !okA || !okB || bytes.Equal(a, b) {
				return earlier{jsonl.Quote(b), fmt.Sprintf("%s:%d", s.names[o.file], o.line)}, true
			}
		}
		i = (i + 1) & (len(s.slots) - 1)
	}
	if full {
		if s.err == nil {
			s.err = s.later.add(file, id)
		}
		return earlier{}, false
	}
	s.slots[i] = slot{id.hash, id.at, uint32(min(id.line, 1<<32-1)), uint32(file)}
	s.used++
	return earlier{}, false
}

func (s *idSet) slot(hash uint64) int { return int(hash>>1) & (len(s.slots) - 1) }

func (s *idSet) grow() {
	old := s.slots
	s.slots = make([]slot, 2*len(old))
	for _, o := range old {
		if o.hash == 0 {
			continue
		}
		i := s.slot(o.hash)
		for s.slots[i].hash != 0 {
			i = (i + 1) & (len(s.slots) - 1)
		}
		s.slots[i] = o
	}
}

// read gives the recordId that is at an offset, in the memory of into.
func (s *idSet) read(file int, at int64, into []byte) ([]byte, bool) {
	f := s.open(file)
	if f == nil {
		return nil, false
	}
	n, err := f.ReadAt(s.raw[:], at)
	if err != nil && err != io.EOF || n == 0 || s.raw[0] != '"' {
		return nil, false
	}
	raw := s.raw[1:n]
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			return jsonl.Unescape(into[:0], raw[:i]), true
		case '\\':
			i++
		}
	}
	return nil, false
}

// open gives one of the two files that a comparison needs.
func (s *idSet) open(index int) *os.File {
	for i := range s.files {
		if h := &s.files[i]; h.f != nil && h.index == index {
			return h.f
		}
	}
	f, err := os.Open(s.names[index])
	if err != nil {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		return nil
	}
	if s.files[0].f != nil {
		_ = s.files[0].f.Close()
	}
	s.files[0] = s.files[1]
	s.files[1].index, s.files[1].f = index, f
	return f
}

func (s *idSet) close() error {
	for _, h := range s.files {
		if h.f != nil {
			_ = h.f.Close()
		}
	}
	return s.later.close()
}
