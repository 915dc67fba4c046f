package cli

import (
	"strings"
	"time"

	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
)

func stateText(p *report.Pass) string {
	text := strings.ReplaceAll(string(p.State), "_", " ")
	if p.Mode != "" && p.Records > 0 {
		text += ", mode " + string(p.Mode)
	}
	return text
}

// spanText says when a pass began and ended.
func spanText(p *report.Pass) string {
	if p.State == report.PassUnderWay {
		return "began " + localTime(p.Began)
	}
	began, ended := p.Began.Local(), p.Ended.Local()
	if !p.Began.IsZero() && !p.Ended.IsZero() && began.Format(time.DateOnly) == ended.Format(time.DateOnly) {
		return began.Format("2006-01-02 15:04:05") + " to " + ended.Format("15:04:05 -07:00")
	}
	if p.Began.IsZero() {
		return "ended " + localTime(p.Ended)
	}
	return localTime(p.Began) + " to " + localTime(p.Ended)
}

func localTime(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// changedText says which documents and settings differ from those of the pass before.
func changedText(p *report.Pass) string {
	var parts []string
	if p.New == nil {
		parts = append(parts, "documents: changes unknown")
	} else {
		other := " changed"
		if len(p.Settings) > 0 { // their texts need not have
			other = " with another request"
		}
		var counts []string
		for _, c := range []struct {
			n    int64
			what string
		}{{*p.New, " new"}, {*p.Changed, other}, {*p.Gone, " gone"}} {
			if c.n > 0 {
				counts = append(counts, figure.Thousands(c.n)+c.what)
			}
		}
		if len(counts) == 0 {
			counts = []string{"no change"}
		}
		parts = append(parts, "documents: "+strings.Join(counts, ", "))
	}
	if len(p.Settings) > 0 {
		parts = append(parts, "settings: "+strings.Join(p.Settings, ", "))
	}
	return strings.Join(parts, "; ")
}

// accountTexts says what was sent and what it took, one line each.
func accountTexts(a *report.Account) []string {
	if a.Records == 0 {
		return []string{"nothing was sent" + timeText(", ", a)}
	}
	soFar := ""
	if a.Uncollected > 0 {
		soFar = " so far"
	}
	return []string{
		sentText(a), "tokens" + soFar + ": " + tokensText(&a.Tokens), "cost" + soFar + ": " + spentText(&a.Cost) + timeText("; time: ", a),
	}
}

func timeText(before string, a *report.Account) string {
	if a.Seconds == nil {
		return ""
	}
	return before + seconds(*a.Seconds)
}

// sentText says what was sent, answered, and by how many jobs and calls.
func sentText(a *report.Account) string {
	text := "sent: " + figure.Count(a.Records, "record")
	if a.Documents != nil {
		text = "sent: " + figure.Count(*a.Documents, "document")
		if a.Records != *a.Documents {
			text += " in " + figure.Count(a.Records, "record")
		}
	}
	answered := "unknown"
	if a.Answered != nil {
		answered = figure.Thousands(*a.Answered)
	}
	text += "; answered: " + answered
	if a.Uncollected > 0 {
		text += "; not collected yet: " + figure.Count(a.Uncollected, "record")
	}
	if a.Jobs > 0 {
		text += "; " + figure.Count(a.Jobs, "job")
	}
	if a.Calls > 0 {
		text += "; " + figure.Count(a.Calls, "record") + " by calls"
	}
	return text
}

// spentText says what was paid, and the list price where that is another amount.
func spentText(s *report.Spent) string {
	if s.Actual != nil && s.List != nil && *s.Actual == *s.List {
		return s.Actual.String()
	}
	return "paid " + usd(s.Actual) + ", list price " + usd(s.List)
}
