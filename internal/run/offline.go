package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/catalog"
	"quarry/internal/ledger"
	"quarry/internal/tokens"
)

// What can be done of a run without a provider: planning it, and building its input files.

// Forecast is what a run over the sources would take.
type Forecast struct {
	Planned Planned       `json:"planned"`
	Tokens  tokens.Band   `json:"input_tokens"`
	Usage   quarry.Usage  `json:"usage"`
	Modes   []ModePlan    `json:"modes"`
	LeftOut []string      `json:"left_out"` // settings that are not sent because the model refuses them
	Quotas  quarry.Quotas `json:"quotas"`
}

// ModePlan is one way to buy the answers. A cost that is null is not known.
type ModePlan struct {
	Mode    quarry.Mode `json:"mode"`
	Cost    *quarry.USD `json:"cost_usd"`
	Jobs    int64       `json:"jobs"`
	Seconds *float64    `json:"time_s"` // null: not known
	Note    string      `json:"note,omitempty"`
}

// Plan reads the sources and says what a run would take. Nothing is asked of anybody; the index is written below the
// directory of the Config, which the caller may throw away.
func (r *Run) Plan(ctx context.Context) (Forecast, error) {
	r.pass = 1
	if _, err := r.plan(ctx); err != nil {
		return Forecast{}, err
	}
	usage, band := r.forecast()
	f := Forecast{Planned: r.planned, Tokens: band, Usage: usage, LeftOut: append([]string{}, r.cfg.Prompt.LeftOut()...), Quotas: r.cfg.Quotas}
	jobs := r.planned.Shards
	batch := ModePlan{Mode: quarry.ModeJob, Cost: r.listCost(quarry.ModeJob, usage), Jobs: jobs, Note: "the time is the provider's: it promises none"}
	if r.planned.Records() < r.cfg.Quotas.MinRecords {
		batch.Jobs, batch.Note = 0, fmt.Sprintf("below the minimum of %d records", r.cfg.Quotas.MinRecords)
	}
	f.Modes = append(f.Modes, batch)
	for _, mode := range []quarry.Mode{quarry.ModeFlex, quarry.ModeOnDemand} {
		m := ModePlan{Mode: mode, Cost: r.listCost(mode, usage)}
		if model, _, ok := catalog.Find(r.cfg.Model); ok && mode == quarry.ModeFlex && model.Offers(catalog.Flex) == catalog.No {
			m.Note = "this model has no flex tier"
			f.Modes = append(f.Modes, m)
			continue
		}
		if q := r.cfg.Quotas; q.TPM > 0 {
			minutes := float64(usage.InputTokens+usage.OutputTokens*max(q.Burndown, 1)) / float64(q.TPM)
			if q.RPM > 0 {
				minutes = max(minutes, float64(r.planned.stages())/float64(q.RPM))
			}
			seconds := 60 * minutes
			m.Seconds, m.Note = &seconds, "at the default quota of tokens a minute"
		}
		f.Modes = append(f.Modes, m)
	}
	return f, nil
}

// BuiltFile is one input file of `quarry build`.
type BuiltFile struct {
	File    string `json:"file"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
}

// Built is the content of shards.json.
type Built struct {
	Model   string                `json:"model"`
	Type    quarry.InvocationType `json:"modelInvocationType"`
	Quotas  quarry.Quotas         `json:"quotas"`
	Shards  []BuiltFile           `json:"shards"`
	Records int64                 `json:"records"`
	Bytes   int64                 `json:"bytes"`
	Planned Planned               `json:"planned"`
}

// Build writes all input files of a run and shards.json into a directory. The sources are read once. The directory of
// the Config is to be a new one.
func (r *Run) Build(ctx context.Context, dir string) (Built, error) {
	r.cfg.NoPilot, r.buildDir = true, dir
	if r.cfg.Mode == quarry.ModeJob { // a file that is too small for a job is still a file
		r.cfg.Mode = quarry.ModeAuto
	}
	if err := r.effects.MkdirAll(dir); err != nil {
		return Built{}, &quarry.Error{Kind: quarry.BadUsage, Op: "make the output directory", Subject: dir, Err: err, Hint: "name one that you can write to"}
	}
	r.pass = 1
	r.spool = r.newSpool()
	defer r.spool.close()
	if _, err := r.plan(ctx); err != nil {
		return Built{}, err
	}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return Built{}, err
	}
	out := Built{Model: r.cfg.Model, Type: r.cfg.Type, Quotas: r.cfg.Quotas, Shards: []BuiltFile{}, Planned: r.planned}
	err = r.spool.cut(ctx, shards, func(s *ledger.Shard) {
		r.watch(Event{Kind: ShardDone, Shard: s.ID, Done: s.Records})
		out.add(s, filepath.Base(r.shardPath(s.ID)))
	})
	if err != nil {
		return out, err
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return out, err
	}
	return out, atomicfile.Write(r.effects, filepath.Join(dir, "shards.json"), append(b, '\n'))
}

func (b *Built) add(s *ledger.Shard, name string) {
	b.Shards = append(b.Shards, BuiltFile{File: name, Records: s.Records, Bytes: s.Bytes, SHA256: s.Digest})
	b.Records += s.Records
	b.Bytes += s.Bytes
}

// Err says which exit code what was left out calls for.
func (p *Planned) Err() error {
	o := Outcome{Planned: *p, Totals: Totals{Failed: p.TooLarge}}
	err := o.Err()
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint = "each was named above with its file and line; the rest is as it should be"
	}
	return err
}
