package cli

import (
	"fmt"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/report"
)

// printTook says what the last pass took, and, where that is not all, what the whole run took.
func (a *App) printTook(rep *report.Report, row func(name, format string, args ...any)) {
	indent := ""
	several := rep.LastPass != nil && rep.WholeRun != nil && (rep.WholeRun.Passes > 1 || rep.NothingNew)
	if several {
		row("last pass", "%d, %s; %s", rep.LastPass.Number, spanText(rep.LastPass), sentOrNothing(&rep.LastPass.Account))
		indent = "  "
	}
	within := func(name, format string, args ...any) { row(indent+name, format, args...) }
	if !several || rep.LastPass.Records > 0 {
		printPass(rep, within)
	}
	for _, note := range rep.Notes {
		within("note", "%s", note)
	}
	if !several || rep.WholeRun.Passes == 1 {
		return
	}
	row("whole run", "%s; %s", figure.Count(rep.WholeRun.Passes, "pass"), sentOrNothing(&rep.WholeRun.Account))
	row("  tokens", "%s", tokensText(&rep.WholeRun.Tokens))
	row("  cost", "%s", spentText(&rep.WholeRun.Cost))
	if s := rep.WholeRun.Seconds; s != nil {
		row("  time", "%s", seconds(*s))
	}
}

func sentOrNothing(a *report.Account) string {
	if a.Records == 0 {
		return "nothing was sent"
	}
	return sentText(a)
}

// printPass says what one pass took.
func printPass(rep *report.Report, row func(name, format string, args ...any)) {
	row("tokens", "%s", tokensText(&rep.Tokens))
	actual := usd(rep.Cost.Actual)
	if rep.Target == "local" || rep.Cost.StandIn {
		actual = "$0.00 on the stand-in"
	}
	if rep.Model == "" {
		row("cost", "unknown, because the model is unknown")
	} else {
		row("cost", "%s; these tokens on %s: %s in batch, %s on demand", actual, rep.Model, usd(rep.Cost.Batch), usd(rep.Cost.OnDemand))
	}
	if rep.Model != "" && rep.Tokens.Unknown == 0 && (rep.Cost.Batch == nil || rep.Cost.OnDemand == nil) {
		row("price", "not all are known: %s", cost.UnknownHelp)
	}
	// What answers on the stand-in is another model than the one that was forecast: how long its answers are says nothing of it.
	if text := forecastRow(rep.Forecast); text != "" && !rep.Tokens.Estimated && rep.Target != "local" {
		row("forecast", "%s", text)
	}
	t := &rep.Time
	row("time", "%s: prepare %s, upload %s, provider %s, collect %s",
		seconds(rep.PassTime()), seconds(t.Prep), seconds(t.Upload), seconds(t.Provider), seconds(t.Collect))
}

func usd(u *quarry.USD) string {
	if u == nil {
		return "unknown"
	}
	return u.String()
}

func seconds(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1fs", s)
	case s < 120:
		return fmt.Sprintf("%.0fs", s)
	case s < 7200:
		return fmt.Sprintf("%.0fm%02.0fs", float64(int(s)/60), float64(int(s)%60))
	}
	return fmt.Sprintf("%dh%02dm", int(s)/3600, int(s)%3600/60)
}

// tokensText says what the answers took, and that it is not known where they do not say it.
func tokensText(t *report.Tokens) string {
	estimated := ""
	if t.Estimated {
		estimated = " (estimated by the built-in model)"
	}
	counted := figure.Thousands(t.Input) + " in, " + figure.Thousands(t.Output) + " out" + estimated
	switch {
	case t.Unknown == 0:
		return counted
	case t.Input == 0 && t.Output == 0:
		return "unknown for " + figure.Count(t.Unknown, "answer")
	}
	return counted + "; unknown for " + figure.Count(t.Unknown, "answer")
}
