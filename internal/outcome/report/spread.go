package report

import (
	"fmt"
	"strconv"
)

// Spread is how a quantity is spread over the answers, such as the tokens of each.
type Spread struct {
	Count   int64    `json:"count"` // answers
	Sum     int64    `json:"sum"`
	Most    int64    `json:"most"`
	Buckets []Bucket `json:"buckets"` // without empty ones, rising
}

// Bucket counts the values from From up to and including To.
type Bucket struct {
	From  int64 `json:"from"`
	To    int64 `json:"to"`
	Count int64 `json:"count"`
}

// Spreads are those of the answers of a pass.
type Spreads struct {
	Input  *Spread `json:"input_tokens,omitempty"`  // of an answered document, all attempts
	Output *Spread `json:"output_tokens,omitempty"` // of an answered document, all attempts
	Answer *Spread `json:"answer_chars,omitempty"`  // Unicode characters of an answer as results.jsonl has it
}

// steps are the upper ends of ten buckets in each power of ten (ISO 3, the series R10), as multiples of a tenth of it.
var steps = [10]int64{12, 15, 19, 24, 31, 39, 49, 62, 79, 99}

// Tally counts values in buckets: a fixed number of them, however many values there are. Its zero value is empty.
type Tally struct {
	count, sum, most int64
	buckets          [10 + 18*len(steps)]int64
}

// Add counts a value. A negative one counts as 0.
func (t *Tally) Add(n int64) {
	n = max(n, 0)
	t.count++
	t.sum += n
	t.most = max(t.most, n)
	i := 0
	for i < len(t.buckets)-1 && n > upper(i) {
		i++
	}
	t.buckets[i]++
}

// upper is the largest value of a bucket. The first ten hold one value each.
func upper(i int) int64 {
	if i < 10 {
		return int64(i)
	}
	top := steps[(i-10)%len(steps)]
	for range (i - 10) / len(steps) {
		if top > 1<<59 {
			return 1<<63 - 1
		}
		top = top*10 + 9
	}
	return top
}

// Spread gives what was counted; nil where nothing was.
func (t *Tally) Spread() *Spread {
	if t.count == 0 {
		return nil
	}
	s := &Spread{Count: t.count, Sum: t.sum, Most: t.most, Buckets: []Bucket{}}
	for i, n := range t.buckets {
		if n > 0 {
			from := int64(0)
			if i > 0 {
				from = upper(i-1) + 1
			}
			s.Buckets = append(s.Buckets, Bucket{From: from, To: upper(i), Count: n})
		}
	}
	return s
}

// chart is a picture of columns. Places across are in percent, heights in pixels.
type chart struct {
	Name, Summary string
	Height, Base  int
	Columns       []column
	Ticks         []tick
	Top           string // what the highest column says
}

type column struct {
	X, Width, Tip string
	Y, H          int
}

const chartPx = 110

// add draws a column of its share of the highest; what is there is seen.
func (c *chart) add(x, width, share float64, tip string) {
	if share <= 0 {
		return
	}
	h := max(int(share*chartPx+0.5), 2)
	c.Columns = append(c.Columns, column{X: percent(x), Width: percent(width), Tip: tip, Y: chartPx - h, H: h})
}

func newChart(name string) *chart { return &chart{Name: name, Height: chartPx + axisPx, Base: chartPx} }

// charts are the spreads, drawn.
func charts(s *Spreads) (list []*chart) {
	if s == nil {
		return nil
	}
	for _, of := range []struct {
		name string
		s    *Spread
	}{{"Tokens in, for each document", s.Input}, {"Tokens out, for each document", s.Output}, {"Characters of an answer", s.Answer}} {
		if of.s != nil && of.s.Count > 0 && len(of.s.Buckets) > 0 {
			list = append(list, of.s.chart(of.name))
		}
	}
	return list
}

// chart draws all buckets between the first and the last one, each as wide as the others: the axis is logarithmic.
func (s *Spread) chart(name string) *chart {
	c := newChart(name)
	c.Summary = fmt.Sprintf("%s on average, %s at most", number(s.Sum/s.Count), number(s.Most))
	counts := map[int64]Bucket{}
	var highest int64
	for _, b := range s.Buckets {
		counts[b.To] = b
		highest = max(highest, b.Count)
	}
	first, last := index(s.Buckets[0].To), index(s.Buckets[len(s.Buckets)-1].To)
	width := 100 / float64(last-first+1)
	every := max(1, (last-first+1)/5)
	for i := first; i <= last; i++ {
		x := float64(i-first) * width
		if b, ok := counts[upper(i)]; ok && highest > 0 {
			tip := number(b.From) + " to " + number(b.To) + ": " + plural(b.Count, "document", "documents")
			c.add(x+width*0.06, width*0.88, float64(b.Count)/float64(highest), tip)
		}
		if (i-first)%every == 0 && x < 92 {
			from := int64(0)
			if i > 0 {
				from = upper(i-1) + 1
			}
			c.Ticks = append(c.Ticks, tick{X: percent(x), Text: brief(from), Anchor: "start"})
		}
	}
	c.Top = plural(highest, "document", "documents")
	return c
}

func index(to int64) int {
	for i := range len(Tally{}.buckets) {
		if upper(i) >= to {
			return i
		}
	}
	return len(Tally{}.buckets) - 1
}

// brief writes a number of an axis: 12k for 12,500.
func brief(n int64) string {
	for _, unit := range []struct {
		of   int64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.of {
			return strconv.FormatFloat(float64(n)/float64(unit.of), 'g', 3, 64) + unit.name
		}
	}
	return number(n)
}
