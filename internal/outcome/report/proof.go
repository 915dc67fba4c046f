package report

import "quarry/internal/base/shown"

// Proof is what has to add up when nothing was lost and nothing counted twice: each line is one sum, counted from two sides
// that were counted apart. `quarry audit` proves more, from the raw output.
type Proof struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Check is one sum.
type Check struct {
	Name  string `json:"name"`
	Says  string `json:"says"` // what is counted on both sides
	Left  int64  `json:"left"`
	Right int64  `json:"right"`
	OK    bool   `json:"ok"`
}

// Add takes one more sum.
func (p *Proof) Add(name, says string, left, right int64) {
	p.Checks = append(p.Checks, Check{Name: name, Says: says, Left: left, Right: right, OK: left == right})
	p.OK = left == right && (p.OK || len(p.Checks) == 1)
}

// checkView is a sum as the page shows it.
type checkView struct{ Says, Left, Right, Class string }

func checks(p *Proof) []checkView {
	if p == nil {
		return nil
	}
	var list []checkView
	for i := range p.Checks {
		c := &p.Checks[i]
		v := checkView{Says: shown.Line(c.Says, 200), Left: number(c.Left), Right: number(c.Right), Class: "good"}
		if !c.OK {
			v.Class = "bad"
		}
		list = append(list, v)
	}
	return list
}

// forecastRow is one line of the table that compares forecast and fact.
type forecastRow struct{ Name, Input, Output, Cost, Meaning string }

// forecasts puts what was expected next to what came.
func forecasts(f *Forecast) []forecastRow {
	if f == nil {
		return nil
	}
	var rows []forecastRow
	add := func(name, meaning string, e *Expected, off *Off) {
		if e == nil || off == nil {
			return
		}
		rows = append(rows, forecastRow{
			Name: name, Meaning: meaning, Input: between(e.Input) + offText(off.Input), Output: between(e.Output) + offText(off.Output),
			Cost: moneyBetween(e) + offText(off.Cost),
		})
	}
	rough := "a rough estimate from weights of the model's family"
	if f.Before != nil && f.Before.Samples > 0 {
		rough = "from " + plural(f.Before.Samples, "answer", "answers") + " of an earlier pilot"
	}
	add("Before", rough, f.Before, f.OffBefore)
	if f.After != nil {
		add("After the pilot", "from "+plural(f.After.Samples, "answer", "answers"), f.After, f.OffAfter)
	}
	return append(rows,
		forecastRow{Name: "Fact", Meaning: "all attempts", Input: number(f.Fact.Input), Output: number(f.Fact.Output), Cost: money(f.Fact.Cost)})
}

func between(r Range) string {
	if r.Low == r.High {
		return number(r.Estimate)
	}
	return number(r.Estimate) + " (" + number(r.Low) + " to " + number(r.High) + ")"
}

func moneyBetween(e *Expected) string {
	if e.Cost == nil {
		return unknown
	}
	low, high := money(e.CostLow), money(e.CostHigh)
	if low == high {
		return money(e.Cost)
	}
	return money(e.Cost) + " (" + low + " to " + high + ")"
}

// structuredText says whether the schema went along.
func structuredText(s *Structured) string {
	if s == nil {
		return ""
	}
	text := "the answer schema was not sent with the requests"
	if s.Sent {
		text = "the answer schema was sent with the requests"
	}
	if s.Why != "" {
		text += ": " + shown.Line(s.Why, 200)
	}
	return text + " (" + shown.Line(s.Setting, 20) + ")"
}

// pilotText says in one line what the pilot came to.
func pilotText(p *Pilot) string {
	if p == nil {
		return ""
	}
	text := number(p.OK) + " of " + plural(p.Records, "answer", "answers") + " good"
	if others := classes(p.Classes); others != "" {
		text += "; " + others
	}
	return text
}
