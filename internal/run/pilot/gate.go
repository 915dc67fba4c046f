package pilot

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
	"quarry/internal/run/failures"
)

// Gate is what the answers of a pilot must reach before the rest is sent.
type Gate struct {
	MinValid float64 // share of the judged answers that must be good
	Attempts int     // at each record
}

// Verdict says whether the rest may be sent.
type Verdict int

// The verdicts.
const (
	Pass       Verdict = iota
	Unanswered         // no record was answered: nothing can be judged
	TooFewGood
)

// Judge gives the verdict on a pilot.
func (g Gate) Judge(p *Outcome) Verdict {
	switch {
	case p.Records > 0 && p.Judged <= 0:
		return Unanswered
	case !p.Good(g.MinValid):
		return TooFewGood
	}
	return Pass
}

// Blocked is the error of a pilot that does not pass. failed are its most frequent failures, sources says how its sources are
// corrected, and path names the file with all failures.
func (g Gate) Blocked(v Verdict, p *Outcome, failed []report.Failure, sources, path string) *quarry.Error {
	text := fmt.Sprintf("%s of %s good (%s); at least %.0f %% are needed",
		figure.Thousands(p.OK), figure.Clause(p.Judged, "answer", "is", "are"), ClassesText(p.Classes), 100*g.MinValid)
	hint := "Change the prompt, the schema or the model, or " + sources + ", then rerun the same command; or lower --pilot-min-valid."
	if v == Unanswered {
		text = fmt.Sprintf("no record was answered in %s (%s)", figure.Count(int64(g.Attempts), "attempt"), ClassesText(p.Classes))
		hint = "`quarry status` shows the jobs of the pilot. Fix the cause, then rerun the same command."
	}
	for i := range failed {
		text += "\n" + failures.Text(&failed[i])
	}
	if len(failed) > 0 && failed[0].Hint != "" {
		hint = strings.TrimSuffix(failed[0].Hint, ".") + ". " + hint
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "pass the pilot", Subject: "of " + figure.Count(p.Records, "document"), Err: gated(text),
		Hint: hint + " All failures: " + path,
	}
}

// ErrGate says that the gate stopped the run.
var ErrGate = errors.New("the gate stopped the run")

type gated string

func (g gated) Error() string { return string(g) }

// Is makes ErrGate of it.
func (gated) Is(target error) bool { return target == ErrGate }

// ClassesText lists classes with their numbers, the most frequent first: "97 ok, 3 truncated".
func ClassesText(classes map[quarry.Class]int64) string {
	var names []quarry.Class
	for c := range classes {
		names = append(names, c)
	}
	slices.SortFunc(names, func(a, b quarry.Class) int {
		if classes[a] != classes[b] {
			return int(classes[b] - classes[a])
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, len(names))
	for i, c := range names {
		parts[i] = fmt.Sprintf("%d %s", classes[c], c)
	}
	return strings.Join(parts, ", ")
}
