// Package faults decides where the stand-in misbehaves on purpose.
//
// It owns the names and the grammar of --fault and of the tag "quarry-fault", the draws, and the damage done to an
// answer's text. It does not act on a draw: the package that serves the call, the record or the job does.
//
// What always holds: a draw depends on the seed, the kind of fault and the key alone, so a run with the same seed and
// the same keys misbehaves in the same places, two kinds do not fall on the same keys, and a retry, which has another
// recordId or number, is a new draw.
package faults

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tag is the key of the job tag that holds faults for that job alone.
const Tag = "quarry-fault"

// Kind is one way to misbehave that happens at a rate.
type Kind int

// The kinds, by what they are drawn for.
const (
	LostReply   Kind = iota // an AWS call: done, then the connection is closed
	Throttle                // an AWS call: refused, nothing done
	ServerError             // an AWS call: failed, nothing done

	RecordError     // a record: errorCode 500 instead of an answer
	BadJSON         // a record: the answer's text is no JSON
	Truncate        // a record: the answer's text is cut, and says that it reached the token limit
	DropRecord      // a record: answered and billed, and not in the output
	DuplicateRecord // a record: its line is in the output twice

	FailJob // a job: Failed in the middle
	Partial // a job: PartiallyCompleted, with part of the records answered
	Expire  // a job: Expired, never begun
	Shuffle // a job: the output's order is not the input's

	LostCreate // a job: it is made, and the connection closed without an answer
	LateJob    // a job: its first Get does not find it, and the first List that would contain it leaves it out
	DoublePage // a list of jobs: each page is sent twice
	NoCapacity // an on-demand call: refused because the service is full, nothing done

	NoStructured // a record: refused with 400 when it carries an answer schema

	ExpiredToken // an AWS call: refused as if its credentials had run out, nothing done
	Unreachable  // an AWS call: the connection is closed, nothing done

	StreamError // a record: answered and billed, and its response stream ends with an exception in the middle

	kinds
)

var names = [kinds]string{
	LostReply: "lost-reply", Throttle: "throttle", ServerError: "server-error",
	RecordError: "record-error", BadJSON: "bad-json", Truncate: "truncate",
	DropRecord: "drop-record", DuplicateRecord: "duplicate-record",
	FailJob: "fail-job", Partial: "partial", Expire: "expire", Shuffle: "shuffle",
	LostCreate: "lost-create", LateJob: "late-job", DoublePage: "double-page",
	NoCapacity: "no-capacity", NoStructured: "no-structured",
	ExpiredToken: "expired-token", Unreachable: "unreachable", StreamError: "stream-error",
}

// String gives the kind's name as --fault has it.
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return "Kind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// The two settings that are not rates. In the set of names that were given, they have the numbers after the kinds.
const (
	slow = kinds + iota
	seed
)

// Set is a choice of faults. It is a plain value; the zero Set has none.
type Set struct {
	rates [kinds]float64
	slow  time.Duration
	seed  uint64
	given uint32 // which names were written, one bit each, so that a tag can also switch a fault off
}

// Parse reads "k=v,k=v": rates 0..1, slow=DURATION, seed=N. A name without a value means 1. White space separates as a
// comma does, because the value of an AWS tag can hold no comma
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Tag.html).
func Parse(s string) (Set, error) {
	var set Set
	for field := range strings.FieldsFuncSeq(s, separates) {
		name, value, valued := strings.Cut(field, "=")
		if !valued {
			value = "1"
		}
		at, err := set.put(name, value)
		if err != nil {
			return Set{}, fmt.Errorf("fault %q: %w", field, err)
		}
		if set.given&(1<<at) != 0 {
			return Set{}, fmt.Errorf("fault %q: %s is given twice", field, name)
		}
		set.given |= 1 << at
	}
	return set, nil
}

func separates(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' }

func (s *Set) put(name, value string) (Kind, error) {
	switch name {
	case "slow":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("slow wants a duration such as 50ms, not %q", value)
		}
		s.slow = d
		return slow, nil
	case "seed":
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("seed wants a whole number, not %q", value)
		}
		s.seed = n
		return seed, nil
	}
	k := Kind(slices.Index(names[:], name))
	if k < 0 {
		return 0, fmt.Errorf("there is no fault %q; want one of %s, slow, seed", name, strings.Join(names[:], ", "))
	}
	rate, err := strconv.ParseFloat(value, 64)
	if err != nil || !(rate >= 0 && rate <= 1) { // the negation also refuses NaN
		return 0, fmt.Errorf("%s wants a rate from 0 to 1, not %q", name, value)
	}
	s.rates[k] = rate
	return k, nil
}

// Over gives s for the kinds and settings that s names, and base for the rest. A job's tag overrides the server's faults this way.
func (s Set) Over(base Set) Set {
	for k := range kinds {
		if s.given&(1<<k) != 0 {
			base.rates[k] = s.rates[k]
		}
	}
	if s.given&(1<<slow) != 0 {
		base.slow = s.slow
	}
	if s.given&(1<<seed) != 0 {
		base.seed = s.seed
	}
	base.given |= s.given
	return base
}

// Rate is how often the kind happens, 0 to 1.
func (s Set) Rate(k Kind) float64 { return s.rates[k] }

// Slow is how much longer every answer takes.
func (s Set) Slow() time.Duration { return s.slow }

// Hits draws for one key: a recordId, or what [JobKey] and [RequestKey] make of a number.
func (s Set) Hits(k Kind, key string) bool {
	switch rate := s.rates[k]; rate {
	case 0:
		return false
	case 1:
		return true
	default:
		return s.Fraction(k, key) < rate
	}
}

// Fraction gives a number from 0 up to 1, always the same for the same seed, kind and key. Hits compares it with the rate.
func (s Set) Fraction(k Kind, key string) float64 {
	return float64(s.draw(k, key)>>11) / (1 << 53)
}

// Detail gives a second number for a hit, such as where in a job it falls: it says nothing about the first.
func (s Set) Detail(k Kind, key string) float64 {
	return float64(s.draw(k+detail, key)>>11) / (1 << 53)
}

// detail sets the second draws apart. It stays what it is when kinds are added, so that a seed misbehaves as it did.
const detail = 12 + Kind(0)

func (s Set) draw(k Kind, key string) uint64 {
	b := make([]byte, 0, 9+len(key))
	b = binary.BigEndian.AppendUint64(b, s.seed)
	b = append(b, byte(k))
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// JobKey is the key of draws for the nth job of a server.
func JobKey(n uint64) string { return "job:" + strconv.FormatUint(n, 10) }

// RequestKey is the key of draws for the nth request of a server.
func RequestKey(n uint64) string { return "request:" + strconv.FormatUint(n, 10) }

// String gives the set back in the form that Parse reads.
func (s Set) String() string {
	var b strings.Builder
	put := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + value)
	}
	for k := range kinds {
		if s.given&(1<<k) != 0 {
			put(names[k], strconv.FormatFloat(s.rates[k], 'g', -1, 64))
		}
	}
	if s.given&(1<<slow) != 0 {
		put("slow", s.slow.String())
	}
	if s.given&(1<<seed) != 0 {
		put("seed", strconv.FormatUint(s.seed, 10))
	}
	return b.String()
}
