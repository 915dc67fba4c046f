// Package quarry is the vocabulary: the words that every other package speaks, and no I/O.
//
// A document is one item of a source. It becomes a record (recordId and modelInput), records are packed into shards
// (one input file each), a shard is sent as a job (Bedrock's), and a job's output gives results, one for each document.
//
//	document → record → shard → job → result
//
// What always holds: nothing here opens a file, a socket or a clock; a state changes only through [ShardState.Advance];
// ids are types of their own, so that a record id never is where a document id belongs.
package quarry

import (
	"crypto/rand"
	"fmt"
	"time"
)

// DefaultModel is the model if none is named: Claude Haiku 4.5 over the geographic profile of the US.
const DefaultModel = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

// RunID names one run of a collection, `[a-z0-9]{10}`. It is in job names and in the bucket's prefix.
type RunID string

const runIDAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// NewRunID draws a run id at random: 36^10 of them, so two runs of one account do not meet.
func NewRunID() RunID {
	id := make([]byte, 10)
	// 252 is the largest multiple of 36 below 256: taking every byte would favour the first letters.
	for i := 0; i < len(id); {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		for _, c := range b {
			if c < 252 && i < len(id) {
				id[i] = runIDAlphabet[c%36]
				i++
			}
		}
	}
	return RunID(id)
}

// Valid reports whether the id has the form `[a-z0-9]{10}`.
func (id RunID) Valid() bool {
	if len(id) != 10 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Prefix is the folder of the run in its bucket, with a trailing slash: "quarry/<run>/".
func (id RunID) Prefix() string { return "quarry/" + string(id) + "/" }

// Mode is the way a record is bought. It is also a price class: a run never changes it unasked.
type Mode string

// The modes. ModeAuto is a wish that plan turns into one of the others.
const (
	ModeJob      Mode = "batch" // a Bedrock batch inference job
	ModeFlex     Mode = "flex"
	ModeOnDemand Mode = "ondemand"
	ModeAuto     Mode = "auto"
)

// ParseMode reads the word of the flag --mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case ModeJob, ModeFlex, ModeOnDemand, ModeAuto:
		return m, nil
	}
	return "", fmt.Errorf("mode %q: want batch, flex, ondemand or auto", s)
}

// Timestamp renders a time as every file of a run has it: RFC 3339 in UTC, with milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
