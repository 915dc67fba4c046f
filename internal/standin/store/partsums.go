package store

import (
	"encoding/base64"
	"errors"
	"fmt"
)

// partSums makes the object's checksum out of its parts'.
type partSums struct {
	algorithm Algorithm // "" when the upload named none
	kind      string
	composite hasher
	value     string
	count     int
	none      bool // the parts do not agree on an algorithm
}

func (s *partSums) add(p *object) error {
	if s.count == 0 && s.algorithm == "" {
		s.algorithm, s.kind = p.Checksum.Algorithm, FullObject
	}
	s.count++
	if s.none || p.Checksum.Algorithm != s.algorithm {
		s.none = true
		return nil
	}
	if s.kind == FullObject {
		if s.count == 1 {
			s.value = p.Checksum.Value
			return nil
		}
		v, err := combineCRC(s.algorithm, s.value, p.Checksum.Value, p.Size)
		s.value, s.none = v, err != nil
		return nil
	}
	if s.count == 1 {
		s.composite, _ = newHasher(s.algorithm)
	}
	raw, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
	if err != nil || s.composite.Hash == nil {
		return errors.Join(errRecord, err)
	}
	s.composite.Write(raw)
	return nil
}

func (s *partSums) result(parts int) Checksum {
	switch {
	case s.none || s.algorithm == "":
		return Checksum{}
	case s.kind == FullObject:
		return Checksum{Algorithm: s.algorithm, Type: s.kind, Value: s.value}
	}
	return Checksum{Algorithm: s.algorithm, Type: Composite, Value: fmt.Sprintf("%s-%d", s.composite.value(), parts)}
}
