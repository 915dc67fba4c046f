package cli

import (
	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/run"
)

// collectedJSON is what adopt and collect tell programs of a run.
type collectedJSON struct {
	Run       quarry.RunID     `json:"run"`
	Dir       string           `json:"dir"`
	Done      bool             `json:"done"`
	Jobs      int              `json:"jobs"`
	Running   []shardStatus    `json:"running"`
	Unsent    []quarry.ShardID `json:"unsent"`
	Documents report.Documents `json:"documents"`
	Tokens    report.Tokens    `json:"tokens"`
	CostUSD   *quarry.USD      `json:"cost_usd"`
	Faults    []string         `json:"faults"`
}

func collectedJSONOf(h *run.Collected, dir string) collectedJSON {
	out := collectedJSON{
		Run: h.Run, Dir: dir, Done: h.Done, Jobs: len(h.Report.Jobs), Running: []shardStatus{}, Unsent: []quarry.ShardID{},
		Documents: h.Report.Documents, Tokens: h.Report.Tokens, CostUSD: h.Report.Cost.Actual, Faults: []string{},
	}
	for i := range h.Running {
		s := &h.Running[i]
		out.Running = append(out.Running,
			shardStatus{s.ID, s.State, s.Mode, s.Records, s.Job.ARN, s.Job.Status, s.Job.Counts, s.Waits, s.Tally, s.Pool})
	}
	for i := range h.Unsent {
		out.Unsent = append(out.Unsent, h.Unsent[i].ID)
	}
	for _, err := range h.Errors {
		out.Faults = append(out.Faults, err.Error())
	}
	return out
}

// printCollected says what was collected, and what was not.
func (a *App) printCollected(h *run.Collected, dir string) {
	a.printOutcome(&run.Outcome{Run: h.Run, Planned: h.Planned, Totals: h.Totals, Report: h.Report}, dir)
	for i := range h.Running {
		s := &h.Running[i]
		why := ""
		if s.Waits != "" {
			why = ": " + s.Waits
		}
		a.say("  %-12s %s, %s of %s%s", s.ID, s.Job.Status, figure.Thousands(s.Job.Counts.Processed), figure.Count(s.Records, "record"), why)
	}
	if n := len(h.Running); n > 0 {
		a.say("%s not ended, so their answers are missing; wait for them with: quarry collect --dir %s --watch",
			figure.Clause(n, "job", "has", "have"), dir)
	}
}
