package summary_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/report"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/summary"
)

var began = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// row is a shard of a pass that ended: so many records ok, so many handed on.
func row(id quarry.ShardID, pass int, mode quarry.Mode, ok, left int64, minutes int) ledger.Shard {
	return ledger.Shard{ID: id, Kind: id.Kind(), State: quarry.ShardDone, Mode: mode, Detail: ledger.Detail{
		Pass: pass, Records: ok + left, Attempt: 1,
		Tally: ledger.Tally{OK: ok, Left: left, Classes: map[quarry.Class]int64{quarry.ClassOK: ok, quarry.ClassNotJSON: left}, Usage: quarry.Usage{InputTokens: 1000 * (ok + left), OutputTokens: 100 * (ok + left)}},
		Job:   ledger.Job{Name: string(id), Status: quarry.JobCompleted, Submitted: began, Ended: began.Add(time.Duration(minutes) * time.Minute)},
		Output: ledger.Output{Lines: ok + left, Manifest: &quarry.Manifest{
			ProcessedRecordCount: ok + left, InputTokenCount: 1000 * (ok + left), OutputTokenCount: 100 * (ok + left),
		}},
	}}
}

// ended is a pass of ten documents, of which three were asked twice.
func ended() *summary.Pass {
	return &summary.Pass{
		Plan: &plan.Plan{Pass: 2, Mode: quarry.ModeJob, Documents: 12, Asked: 10, Empty: 2, Notes: []string{"noted"}},
		Totals: &results.Totals{
			Total: 12, OK: 10, Skipped: 2, Answered: 10, Usage: quarry.Usage{InputTokens: 13_000, OutputTokens: 1300}, Cost: 5, Classes: map[string]int64{"empty": 2}, Models: []string{"m"},
		},
		Rows: []ledger.Shard{
			row("s00001", 2, quarry.ModeJob, 7, 3, 10), row("r00001", 2, quarry.ModeJob, 3, 0, 20), row("s00001", 1, quarry.ModeJob, 99, 0, 90),
		},
		Steps: map[string]ledger.Step{"plan": {Began: began, Ended: began.Add(3 * time.Second)}, "export": {Began: began, Ended: began.Add(2 * time.Second)}},
		Home:  ledger.Pool{Region: "us-west-2", Model: quarry.DefaultModel}, Prices: cost.Default(),
	}
}

func TestAPassIsAddedUp(t *testing.T) {
	t.Parallel()
	p := ended()
	p.Before = &report.Expected{Input: report.Range{Estimate: 10_000}, Output: report.Range{Estimate: 1000}}
	rep := p.Report()
	if len(rep.Jobs) != 2 || rep.Jobs[0].Shard != "s00001" || rep.Jobs[1].Left != 0 || rep.Jobs[0].Region != "us-west-2" {
		t.Errorf("jobs = %+v, want those of the pass, at home", rep.Jobs)
	}
	if rep.Documents.Total != 12 || rep.Documents.OK != 10 || rep.Documents.Skipped != 2 || rep.Tokens.Input != 13_000 || rep.Tokens.Estimated {
		t.Errorf("documents %+v, tokens %+v", rep.Documents, rep.Tokens)
	}
	if rep.Time.Prep != 3 || rep.Time.Collect != 2 || rep.Time.Provider != 1200 || rep.ThroughputPerMin != 0.5 {
		t.Errorf("time = %+v, %v documents a minute, want 10 in 20 minutes", rep.Time, rep.ThroughputPerMin)
	}
	p.Totals.Answered = 2 // the others have their answers from earlier passes
	if got := p.Report().ThroughputPerMin; got != 0.1 {
		t.Errorf("%v documents a minute, want 2 in 20 minutes", got)
	}
	if rep.Cost.Actual == nil || *rep.Cost.Actual != 5 || rep.Cost.Saved == nil || rep.Cost.Batch == nil || *rep.Cost.OnDemand <= *rep.Cost.Batch {
		t.Errorf("cost = %+v", rep.Cost)
	}
	if rep.Forecast == nil || rep.Forecast.Fact.Input != 13_000 || rep.Forecast.Fact.Cost == nil {
		t.Errorf("forecast = %+v, want it beside what came", rep.Forecast)
	}
	if len(rep.Ways) != 3 || len(rep.Notes) != 1 || rep.Target != "aws" {
		t.Errorf("%d ways, notes %v, target %s", len(rep.Ways), rep.Notes, rep.Target)
	}
}

func TestAPassThatSentNothingSaysSo(t *testing.T) {
	t.Parallel()
	p := ended()
	for i := range p.Rows[:2] {
		p.Rows[i].State = quarry.ShardPlanned
	}
	if got := p.Report().Notes; !slices.Equal(got, []string{"nothing was sent yet"}) {
		t.Errorf("notes %q of a pass that sent nothing", got)
	}
	p.Rows[0].Past = []ledger.Job{{Name: "quarry-a"}} // its job failed, and it will be sent again
	if got := p.Report().Notes; !slices.Equal(got, []string{"noted"}) {
		t.Errorf("notes %q of a pass that sent a shard, want the plan's", got)
	}
	p.Rows = nil
	if got := p.Report().Notes; !slices.Equal(got, []string{"noted"}) {
		t.Errorf("notes %q of a pass without shards, want the plan's", got)
	}
}

func TestWhatIsNotKnownIsNil(t *testing.T) {
	t.Parallel()
	p := ended()
	p.Home.Model = "nobody.knows-it-v1:0"
	p.Totals.CostUnknown, p.Local, p.Totals.Models = true, true, []string{"quarry.extractive-v1"}
	rep := p.Report()
	if rep.Cost.Actual != nil || rep.Cost.Batch != nil || rep.Cost.Saved != nil || rep.Cost.PriceSource != "unknown" || rep.Forecast != nil {
		t.Errorf("cost = %+v of a model without a price", rep.Cost)
	}
	if rep.Target != "local" || !rep.Tokens.Estimated {
		t.Errorf("target %s, tokens %+v, want the stand-in's", rep.Target, rep.Tokens)
	}
}

func TestAShardCostsWhatItsOwnPlaceAsks(t *testing.T) {
	t.Parallel()
	p := ended()
	all := p.Report().Cost
	p.Rows[1].Pool = ledger.Pool{Region: "us-west-2", Model: "nobody.knows-it-v1:0"}
	rep := p.Report()
	if rep.Jobs[1].Model != "nobody.knows-it-v1:0" || all.Saved == nil || rep.Cost.Saved != nil {
		t.Errorf("saved %v, and %v where the price of one shard is not known; job %+v", all.Saved, rep.Cost.Saved, rep.Jobs[1])
	}
}

func TestTheProofFindsWhatWasLost(t *testing.T) {
	t.Parallel()
	if proof := ended().Report().Proof; proof == nil || !proof.OK {
		t.Fatalf("proof = %+v of a pass in order", proof)
	}
	for check, spoil := range map[string]func(p *summary.Pass){
		"documents_ended":   func(p *summary.Pass) { p.Totals.OK-- },
		"documents_planned": func(p *summary.Pass) { p.Plan.Documents++ },
		"records_asked":     func(p *summary.Pass) { p.Plan.Asked++ },
		"records_ended":     func(p *summary.Pass) { p.Rows[1].Tally.OK-- },
		"records_classed":   func(p *summary.Pass) { p.Rows[1].Tally.Classes = nil },
		"lines":             func(p *summary.Pass) { p.Rows[0].Output.Lines++ },
		"tokens":            func(p *summary.Pass) { p.Rows[0].Tally.Usage.OutputTokens++ },
	} {
		p := ended()
		spoil(p)
		var found []string
		for _, c := range p.Report().Proof.Checks {
			if !c.OK {
				found = append(found, c.Name)
			}
		}
		if len(found) != 1 || found[0] != check {
			t.Errorf("%s: the proof found %v", check, found)
		}
	}
	adopted, unplanned := ended(), ended()
	adopted.Adopted, unplanned.Plan = true, &plan.Plan{}
	if adopted.Report().Proof != nil || unplanned.Report().Proof != nil {
		t.Error("a proof against a plan that was never made")
	}
}

func TestReusedAnswersAreShown(t *testing.T) {
	t.Parallel()
	p := ended()
	if d := p.Report().Duplicates; d != nil {
		t.Errorf("duplicates = %+v of a pass without any", d)
	}
	p.Totals.Duplicate, p.Totals.Near, p.Plan.Near, p.Totals.Spared = 3, 1, 2, quarry.Usage{InputTokens: 1000}
	d := p.Report().Duplicates
	if d == nil || d.Exact != 2 || d.Near != 1 || d.Reported != 2 || d.Saved == nil || *d.Saved == 0 {
		t.Errorf("duplicates = %+v, want 2 exact, 1 near of 2 reported, and what they saved", d)
	}
}

func TestWhatDiffersIsSaid(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(s *ledger.Shard){
		"":                                func(*ledger.Shard) {},
		"the job ended Failed: why":       func(s *ledger.Shard) { s.Job.Status, s.Job.Message = quarry.JobFailed, "why" },
		"the job ended Expired":           func(s *ledger.Shard) { s.Job.Status = quarry.JobExpired },
		"2 of 12 records have no line":    func(s *ledger.Shard) { s.Records = 12 },
		"1 line is of records that were":  func(s *ledger.Shard) { s.Output.Foreign, s.Output.Manifest.ProcessedRecordCount = 1, 11 },
		"1 line cannot be read":           func(s *ledger.Shard) { s.Output.Broken, s.Output.Manifest.ProcessedRecordCount = 1, 11 },
		"1 line is doubled":               func(s *ledger.Shard) { s.Output.Doubled, s.Records = 1, 9 },
		"the manifest counts 9 processed": func(s *ledger.Shard) { s.Output.Manifest.ProcessedRecordCount = 9 },
		"the job counts 8 processed":      func(s *ledger.Shard) { s.Job.Counts.Processed = 8 },
	} {
		s := row("s00001", 1, quarry.ModeJob, 10, 0, 1)
		spoil(&s)
		got := summary.Differences(&s)
		if want == "" {
			if len(got) != 0 {
				t.Errorf("Differences = %q of a shard in order", got)
			}
			continue
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("Differences = %q, want %q alone", got, want)
		}
	}
}
