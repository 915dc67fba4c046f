package offline

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/cut"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/planner"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spool"
)

// BuiltFile is one input file of `quarry build`.
type BuiltFile struct {
	File    string `json:"file"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	// CRC64NVME is the checksum that S3 keeps of an object, as its HeadObject and GetObjectAttributes write it: after an upload
	// the two can be compared.
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
	// SecondStage is how many records will merge the answers to the parts of long documents. They cannot be built
	// before those answers are there.
	SecondStage int64     `json:"second_stage,omitempty"`
	Planned     plan.Plan `json:"planned"`
}

// Build writes all input files of a run and shards.json into a directory. The sources are read once. dir may hold
// what the same build wrote, and is refused (BadUsage) where it holds anything else.
func Build(ctx context.Context, cfg Config, dir string) (Built, error) {
	e := cfg.Planner.Effects
	old := directory{e, dir}
	earlier, err := old.earlier(cfg.Of)
	if err != nil {
		return Built{}, err
	}
	if err := e.MkdirAll(dir); err != nil {
		return Built{}, &quarry.Error{Kind: quarry.BadUsage, Op: "make the output directory", Subject: dir, Err: err, Hint: "name one that you can write to"}
	}
	files := shardfile.In(e, cfg.Planner.Dir, dir)
	quotas := pack.Config{Quotas: cfg.Terms.Bounds.Quotas}
	records := spool.New(spool.Config{Effects: e, Dir: dir, Files: files, MaxRecords: quotas.MaxRecords(), MaxBytes: quotas.MaxBytes()})
	defer records.Close()
	cfg.Planner.Pilot, cfg.Planner.Record = 0, records.Add
	cfg.Terms.Bounds.Below, cfg.Terms.WouldStop = cut.OnDemand, false // a file that is too small for a job is still a file
	if cfg.Terms.Mode == quarry.ModeJob {
		cfg.Terms.Mode = quarry.ModeAuto
	}
	p, shards, err := cfg.plan(ctx, planner.Earlier{})
	if err != nil {
		return Built{}, err
	}
	if err := old.drop(earlier); err != nil {
		return Built{}, err
	}
	out := Built{Model: cfg.Planner.Model, Of: cfg.Of, Type: cfg.Type, Quotas: quotas.Quotas, Shards: []BuiltFile{}, SecondStage: p.Long, Planned: p}
	pieces := make([]spool.Shard, len(shards))
	for i := range shards {
		s := &shards[i]
		pieces[i] = spool.Shard{ID: s.ID, Records: s.Records, Bytes: s.Bytes, Marks: s.Marks}
		pieces[i].First, pieces[i].Last = cut.Positions(s)
	}
	err = records.Cut(ctx, index.Of(e, cfg.Planner.Dir, p.Pass), p.SameID > 0, pieces, func(i int, checksum string) {
		s := &shards[i]
		cfg.Planner.Watch.Send(event.Event{Kind: event.ShardDone, Shard: s.ID, Done: s.Records})
		out.add(s, filepath.Base(files.Input(s.ID)), checksum)
	})
	if err != nil { // files without a list would be in the way of the same build
		return out, errors.Join(err, old.drop(out.Shards))
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return out, err
	}
	return out, atomicfile.Write(e, filepath.Join(dir, builtFile), append(b, '\n'))
}

func (b *Built) add(s *ledger.Shard, name, checksum string) {
	b.Shards = append(b.Shards, BuiltFile{File: name, Records: s.Records, Bytes: s.Bytes, CRC64NVME: checksum})
	b.Records += s.Records
	b.Bytes += s.Bytes
}
