// Package runjson describes a run in its buckets, so that it can be taken over if its directory is lost: run.json, which has
// the settings, and a note next to each shard's part of the index, which names the shard.
//
// It owns the format of both, the keys of a run's objects, and the token that ties a job to its file. It does no I/O: the
// caller reads and writes the bucket. What always holds: a file of a newer version is refused, never read in part; every later
// version reads what this version writes.
package runjson

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/plan"
)

// Format is the number of the format of run.json and of the notes.
const Format = 2

// maxBytes bounds what is read of one of them.
const maxBytes = 16 << 20

// Asked is what the answers of a pass were requested with: enough to read and judge them without sources and settings.
type Asked struct {
	Model     string                `json:"model"`
	Type      quarry.InvocationType `json:"modelInvocationType"`
	Schema    json.RawMessage       `json:"schema,omitempty"` // none: the answer is text
	Settings  string                `json:"settings"`         // digest of all that decides what is sent
	Attempts  int                   `json:"attempts"`         // at each record
	MaxTokens int                   `json:"max_tokens,omitempty"`
	MaxOutput int                   `json:"max_output,omitempty"`
}

// Run is run.json: what another machine must know to take the run over.
type Run struct {
	Format  int           `json:"format"`
	Run     quarry.RunID  `json:"run"`
	Created string        `json:"created"`
	Version string        `json:"version"`
	Region  string        `json:"region,omitempty"`
	Bucket  string        `json:"bucket,omitempty"`
	Role    string        `json:"role,omitempty"`
	KMSKey  string        `json:"kms_key,omitempty"`
	Mode    quarry.Mode   `json:"mode"`
	Sources []string      `json:"sources"`
	Quotas  quarry.Quotas `json:"quotas,omitzero"`
	Planned plan.Plan     `json:"planned"`
	Pools   []ledger.Pool `json:"pools,omitempty"` // where its jobs are; the same in each of their buckets
	// PilotMinValid is the gate that the pilot's answers have to pass before the rest is sent.
	PilotMinValid float64 `json:"pilot_min_valid,omitempty"`
	Asked
}

// Note is the object next to a shard's part of the index: what must be known of the shard to take its job over.
type Note struct {
	Format   int              `json:"format"`
	Run      quarry.RunID     `json:"run"`
	Shard    quarry.ShardID   `json:"shard"`
	Kind     quarry.ShardKind `json:"kind"`
	Pass     int              `json:"pass"`
	Attempt  int              `json:"attempt"` // of the job
	JobName  string           `json:"jobName"`
	Token    string           `json:"clientRequestToken"`
	Records  int64            `json:"records"`
	Bytes    int64            `json:"bytes"`
	Digest   string           `json:"sha256"`            // of the input file
	Sources  []quarry.ShardID `json:"sources,omitempty"` // of a retry shard: where its records come from
	Uploaded time.Time        `json:"uploaded"`
	Asked
}

// Bytes gives the content of run.json or of a note.
func Bytes[T Run | Note](v *T) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// Read reads the run.json of a run. One that a newer version wrote is a *quarry.Error of kind BadUsage.
func Read(id quarry.RunID, body io.Reader) (m Run, err error) {
	key := Key(id)
	if err := read(key, body, &m); err != nil {
		return m, err
	}
	if m.Run != id {
		return m, fmt.Errorf("read %s: it is of run %q", key, m.Run)
	}
	if m.Attempts == 0 { // format 1 did not say
		m.Attempts = 4
	}
	return m, refuseNewer(key, m.Format, m.Version)
}

// ReadNote reads the note of one of its shards.
func (m *Run) ReadNote(shard quarry.ShardID, body io.Reader) (n Note, err error) {
	key := NoteKey(m.Run, shard)
	if err := read(key, body, &n); err != nil {
		return n, err
	}
	if n.Run != m.Run || n.Shard != shard {
		return n, fmt.Errorf("read %s: it is of shard %q of run %q", key, n.Shard, n.Run)
	}
	return n, refuseNewer(key, n.Format, m.Version)
}

func read(key string, body io.Reader, v any) error {
	b, err := io.ReadAll(io.LimitReader(body, maxBytes))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

func refuseNewer(key string, format int, version string) error {
	if format <= Format {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: key, Err: fmt.Errorf("format %d: %w", format, ledger.ErrNewerFormat),
		Hint: fmt.Sprintf("this version reads format %d at most; use Quarry %s, or a newer one", Format, cmp.Or(version, "of the version that made the run")),
	}
}
