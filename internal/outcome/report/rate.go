package report

import (
	"fmt"
	"math"
)

// rateColumns is in how many stretches the time of the jobs is drawn.
const rateColumns = 60

// drawRate draws how many records were processed a minute: those of each job, spread evenly over its time. nil where no job that
// ended has a time.
func drawRate(r *Report) *chart {
	all := stretches(r)
	if len(all) == 0 {
		return nil
	}
	first, last := all[0].begin, all[0].end
	for _, s := range all {
		if s.end.After(last) {
			last = s.end
		}
	}
	whole := last.Sub(first).Seconds()
	if whole <= 0 {
		return nil
	}
	var records [rateColumns]float64
	for _, s := range all {
		n := float64(max(s.job.OK+s.job.Invalid+s.job.Failed+s.job.Left, 0))
		if s.open || n == 0 {
			continue
		}
		from, to := s.begin.Sub(first).Seconds()/whole*rateColumns, s.end.Sub(first).Seconds()/whole*rateColumns
		if to-from < 1e-6 {
			records[min(int(from), rateColumns-1)] += n
			continue
		}
		for i := int(from); i < rateColumns && float64(i) < to; i++ {
			records[i] += n * (math.Min(float64(i+1), to) - math.Max(float64(i), from)) / (to - from)
		}
	}
	minutes := whole / 60 / rateColumns
	var highest float64
	for _, n := range records {
		highest = math.Max(highest, n/minutes)
	}
	if !(highest > 0) || highest > 1e15 {
		return nil
	}
	c := newChart("Records a minute")
	for i, n := range records {
		rate := n / minutes
		at := whole * float64(i) / rateColumns
		c.add(float64(i)*100/rateColumns, 100/float64(rateColumns), rate/highest, fmt.Sprintf("after %s: %s records a minute", span(at), number(int64(rate))))
	}
	c.Ticks, c.Top = ticks(whole), number(int64(highest))+" a minute"
	c.Summary = "at most " + c.Top + "; the records of each job are spread evenly over its time"
	return c
}
