package run

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/ledger"
	"quarry/internal/pack"
	"quarry/internal/run/cut"
	"quarry/internal/run/plan"
	"quarry/internal/run/spool"
)

// BuiltFile is one input file of `quarry build`.
type BuiltFile struct {
	File    string `json:"file"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	// CRC64NVME is the checksum that S3 keeps of an object, as its HeadObject and GetObjectAttributes write it: whoever
	// uploads the file can compare them.
	CRC64NVME string `json:"crc64nvme"`
}

// Built is the content of shards.json.
type Built struct {
	Model string `json:"model"`
	// Of is a digest of the sources and settings that it was built of. The same build may write into its directory again.
	Of      string                `json:"of"`
	Type    quarry.InvocationType `json:"modelInvocationType"`
	Quotas  quarry.Quotas         `json:"quotas"`
	Shards  []BuiltFile           `json:"shards"`
	Records int64                 `json:"records"`
	Bytes   int64                 `json:"bytes"`
	// SecondStage is how many records will ask to merge the answers about the parts of long documents. They cannot be built
	// before those answers are there.
	SecondStage int64     `json:"second_stage,omitempty"`
	Planned     plan.Plan `json:"planned"`
}

// Build writes all input files of a run and shards.json into a directory. The sources are read once. The directory of
// the Config is to be a new one; dir may have been made by the same build, and is refused (BadUsage) where it holds
// anything else.
func (r *Run) Build(ctx context.Context, dir string) (Built, error) {
	r.cfg.NoPilot, r.buildDir = true, dir
	if r.asked.Mode == quarry.ModeJob { // a file that is too small for a job is still a file
		r.asked.Mode = quarry.ModeAuto
	}
	id, err := r.buildID()
	if err != nil {
		return Built{}, err
	}
	earlier, err := r.earlierBuild(dir, id)
	if err != nil {
		return Built{}, err
	}
	if err := r.effects.MkdirAll(dir); err != nil {
		return Built{}, &quarry.Error{Kind: quarry.BadUsage, Op: "make the output directory", Subject: dir, Err: err, Hint: "name one that you can write to"}
	}
	r.pass = 1
	quotas := pack.Config{Quotas: r.cfg.Quotas}
	r.spool = spool.New(spool.Config{Effects: r.effects, Dir: dir, Files: r.files(), MaxRecords: quotas.MaxRecords(), MaxBytes: quotas.MaxBytes()})
	defer r.spool.Close()
	if _, err := r.plan(ctx); err != nil {
		return Built{}, err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return Built{}, err
	}
	if err := r.dropBuild(dir, earlier); err != nil {
		return Built{}, err
	}
	out := Built{Model: r.asked.Model, Of: id, Type: r.asked.Type, Quotas: r.cfg.Quotas, Shards: []BuiltFile{}, SecondStage: r.planned.Long, Planned: r.planned}
	pieces := make([]spool.Shard, len(shards))
	for i := range shards {
		s := &shards[i]
		pieces[i] = spool.Shard{ID: s.ID, Records: s.Records, Bytes: s.Bytes, Takes: s.Takes}
		pieces[i].First, pieces[i].Last = cut.Positions(s)
	}
	err = r.spool.Cut(ctx, r.index(r.pass), r.planned.SameID > 0, pieces, func(i int, checksum string) {
		s := &shards[i]
		s.Digest = checksum
		r.watch(Event{Kind: ShardDone, Shard: s.ID, Done: s.Records})
		out.add(s, filepath.Base(r.files().Input(s.ID)))
	})
	if err != nil { // files without a list would be in the way of the same build
		return out, errors.Join(err, r.dropBuild(dir, out.Shards))
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return out, err
	}
	return out, atomicfile.Write(r.effects, filepath.Join(dir, builtFile), append(b, '\n'))
}

func (b *Built) add(s *ledger.Shard, name string) {
	b.Shards = append(b.Shards, BuiltFile{File: name, Records: s.Records, Bytes: s.Bytes, CRC64NVME: s.Digest})
	b.Records += s.Records
	b.Bytes += s.Bytes
}
