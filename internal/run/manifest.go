package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/bucket"
	"quarry/internal/catalog"
	"quarry/internal/ledger"
	"quarry/internal/parse"
	"quarry/internal/run/plan"
)

// ManifestFormat is the number of the format of run.json and of what lies beside the parts of the index in the bucket.
const ManifestFormat = 2

// asked is what the answers of a pass were asked with: enough to read and judge them without sources and settings.
type asked struct {
	Model     string                `json:"model"`
	Type      quarry.InvocationType `json:"modelInvocationType"`
	Schema    json.RawMessage       `json:"schema,omitempty"` // none: the answer is text
	Settings  string                `json:"settings"`         // digest of all that decides what is asked
	Attempts  int                   `json:"attempts"`         // at each record
	MaxTokens int                   `json:"max_tokens,omitempty"`
	MaxOutput int                   `json:"max_output,omitempty"`
}

// manifestOfRun is run.json in the bucket: what another machine must know to take the run over.
type manifestOfRun struct {
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
	// PilotMinValid is the gate that the pilot's answers have to pass before the rest is asked.
	PilotMinValid float64 `json:"pilot_min_valid,omitempty"`
	asked
}

// shardNote lies in the bucket beside a shard's part of the index: what must be known of the shard to take its job over.
type shardNote struct {
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
	asked
}

func (r *Run) asked() asked {
	return asked{
		Model: r.cfg.Model, Type: r.cfg.Type, Schema: r.schema(), Settings: r.cfg.Settings, Attempts: r.cfg.Attempts,
		MaxTokens: r.cfg.MaxTokens, MaxOutput: r.cfg.MaxOutput,
	}
}

func (r *Run) schema() json.RawMessage {
	if r.cfg.Prompt == nil {
		return nil
	}
	return r.cfg.Prompt.Schema()
}

// manifest is what is to be known of the run as it stands.
func (r *Run) manifest(created string) manifestOfRun {
	place := ""
	if r.bucket != nil { // files are built without one
		place = r.bucket.Name()
	}
	return manifestOfRun{
		Format: ManifestFormat, Run: r.id, Created: created, Version: r.cfg.Version, Region: r.cfg.Region, Bucket: place, Role: r.cfg.RoleARN,
		KMSKey: r.cfg.KMSKey, Mode: r.planned.Mode, Sources: r.cfg.Sources, Quotas: r.cfg.Quotas, Planned: r.planned, PilotMinValid: r.cfg.PilotMinValid,
		Pools: r.poolRefs(), asked: r.asked(),
	}
}

func (r *Run) isAnnounced(pool *Pool) bool {
	_, done := r.announced.Load(pool.Bucket.Name())
	return done
}

// announce puts run.json into a pool's bucket, once a process, before the first job is asked for there.
func (r *Run) announce(ctx context.Context, pool *Pool) error {
	if r.isAnnounced(pool) {
		return nil
	}
	created, _, err := r.ledger.Fact(ctx, "created")
	if err != nil {
		return err
	}
	if err := putJSON(ctx, pool.Bucket, runJSONKey(r.id), r.manifest(created)); err != nil {
		return err
	}
	r.announced.Store(pool.Bucket.Name(), true)
	return nil
}

// putNote puts what must be known of a shard into the bucket, before its job is asked for.
func (r *Run) putNote(ctx context.Context, s *ledger.Shard, pool *Pool) error {
	request := r.request(s, pool)
	return putJSON(ctx, pool.Bucket, noteKey(r.id, s.ID), shardNote{
		Format: ManifestFormat, Run: r.id, Shard: s.ID, Kind: s.Kind, Pass: s.Pass, Attempt: s.Attempt, JobName: request.JobName, Token: request.Token,
		Records: s.Records, Bytes: s.Bytes, Digest: s.Digest, Sources: s.Sources, Uploaded: time.Now().UTC(), asked: r.asked(),
	})
}

func putJSON(ctx context.Context, to *bucket.Bucket, key string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return to.Put(ctx, key, bytes.NewReader(append(b, '\n')))
}

func runJSONKey(id quarry.RunID) string { return id.Prefix() + "run.json" }

func noteKey(id quarry.RunID, shard quarry.ShardID) string {
	return id.Prefix() + "index/" + string(shard) + ".json"
}

// manifestFact is the name under which the ledger keeps what a pass was asked with.
func manifestFact(pass int) string { return fmt.Sprintf("asked.%d", pass) }

// askedNow is what the pass at hand asks with, as the ledger keeps it.
func (r *Run) askedNow(ctx context.Context) (string, error) {
	created, _, err := r.ledger.Fact(ctx, "created")
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(r.manifest(created))
	return string(b), err
}

// with gives the run's settings as they were when a pass was asked. What its answers are held against is that, whatever
// the command at hand would ask.
func (c Config) with(a *asked) (Config, error) {
	check, err := parse.New(parse.Config{Schema: a.Schema})
	if err != nil {
		return c, fmt.Errorf("read the schema that the run was asked with: %w", err)
	}
	model, _, _ := catalog.Find(a.Model)
	c.Family = model.Family
	c.Model, c.Type, c.Settings, c.Attempts, c.MaxTokens, c.MaxOutput, c.Check = a.Model, a.Type, a.Settings, a.Attempts, a.MaxTokens, a.MaxOutput, check
	return c, nil
}

// marshalled is a value as a fact holds it.
func marshalled(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
