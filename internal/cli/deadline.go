package cli

import (
	"fmt"
	"time"

	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
)

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
		text += fmt.Sprintf("; sent as on-demand calls instead of jobs: %s; jobs stopped for that: %s", figure.Count(d.Moved, "record"),
			figure.Thousands(d.StoppedJobs))
	}
	if d.Kept != "" {
		text += "; " + d.Kept
	}
	return text
}
