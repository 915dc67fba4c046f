package run

import (
	"quarry"
	"quarry/internal/ledger"
	"quarry/internal/report"
	"quarry/internal/run/results"
)

// proof puts side by side what was counted apart: documents by the plan and by the export, records by the plan and by the
// shards, and lines and tokens by the provider and by the journals.
func (r *Run) proof(t *results.Totals, shards []ledger.Shard) *report.Proof {
	if r.planned.Pass == 0 || r.adopting { // nothing was planned here
		return nil
	}
	pl := &r.planned
	p := &report.Proof{}
	p.Add("documents_ended", "documents in all, and those that ended ok, invalid, failed or skipped", t.Total, t.OK+t.Invalid+t.Failed+t.Skipped)
	p.Add("documents_planned", "documents of the plan, and those of the results", pl.Documents, t.Total)
	var firsts, records, ended, classes, lines, manifests, came, counted int64
	for i := range shards {
		s := &shards[i]
		if s.Pass != pl.Pass {
			continue
		}
		if s.Kind != quarry.RetryShard {
			firsts += s.Records
		}
		records += s.Records
		ended += s.Tally.OK + s.Tally.Invalid + s.Tally.Failed + s.Tally.Left
		for c, n := range s.Tally.Classes {
			if c != quarry.ClassDuplicate {
				classes += n
			}
		}
		if m := s.Output.Manifest; m != nil {
			lines += s.Output.Lines + s.Output.Foreign + s.Output.Broken
			manifests += m.ProcessedRecordCount
			came += s.Tally.Usage.InputTokens + s.Tally.Usage.OutputTokens
			counted += m.InputTokenCount + m.OutputTokenCount
		}
	}
	p.Add("records_asked", "records of the plan, and those of the shards asked first", pl.Records(), firsts)
	p.Add("records_ended", "records of all attempts, and those that ended ok, invalid, failed or were asked again", records, ended)
	p.Add("records_classed", "records of all attempts, and the classes that they were put into", records, classes)
	if manifests > 0 {
		p.Add("lines", "lines of output, and records that the jobs' manifests count", lines, manifests)
		p.Add("tokens", "tokens of the answers that came, and those that the manifests count", came, counted)
	}
	return p
}
