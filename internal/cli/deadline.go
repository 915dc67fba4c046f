package cli

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/figure"
	"quarry/internal/report"
)

// deadlineNeedsAuto refuses a deadline in a mode that may not move anything: no price class changes unasked.
func deadlineNeedsAuto(s *config.Settings) error {
	if s.By == "" || s.Mode == string(quarry.ModeAuto) {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "be done by", Subject: s.By, Err: fmt.Errorf("mode %s has one price class and keeps to it, however late it gets", s.Mode),
		Hint: "--by takes --mode auto, which sends jobs and asks by calls, at their price, what jobs would answer too late",
	}
}

// deadlineText says in how long a run is to be done, and what was moved for it.
func deadlineText(d *report.Deadline, done bool) string {
	text := "by " + d.By.Local().Format(time.RFC3339)
	switch left := time.Until(d.By); {
	case done && d.Made:
		text += ", made"
	case done:
		text += ", missed"
	case left > 0:
		text += ", in " + seconds(left.Seconds())
	default:
		text += ", passed"
	}
	if d.Moved > 0 || d.StoppedJobs > 0 {
		text += fmt.Sprintf("; asked by calls in the place of jobs: %s; jobs stopped for that: %s", figure.Count(d.Moved, "record"), figure.Thousands(d.StoppedJobs))
	}
	if d.Kept != "" {
		text += "; " + d.Kept
	}
	return text
}
