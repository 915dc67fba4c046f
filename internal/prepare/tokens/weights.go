package tokens

import (
	"math"

	"quarry"
)

// Weights are tokens per character of a class, and per word. They are a plain value that can be kept as JSON.
type Weights struct {
	// Base is what a record takes next to its text: the prompt around it. Default weights have none; see [Weights.Around].
	Base float64 `json:"base"`

	Words       float64 `json:"words"`
	Letters     float64 `json:"letters"`
	Digits      float64 `json:"digits"`
	Punctuation float64 `json:"punctuation"`
	Kana        float64 `json:"kana"`
	Han         float64 `json:"han"`
	Other       float64 `json:"other"`
	Spaces      float64 `json:"spaces"`

	// In the place of the weight of Digits, Han and Letters.
	Figures float64 `json:"figures"`
	Chinese float64 `json:"chinese"`
	Foreign float64 `json:"foreign"`

	// On top of the letter's weight.
	Accented   float64 `json:"accented"`
	Extended   float64 `json:"extended"`
	Vietnamese float64 `json:"vietnamese"`

	// In the place of Other's, but for Slavic, which comes on top of Cyrillic's.
	Cyrillic   float64 `json:"cyrillic"`
	Slavic     float64 `json:"slavic"`
	Greek      float64 `json:"greek"`
	Arabic     float64 `json:"arabic"`
	Hebrew     float64 `json:"hebrew"`
	Hangul     float64 `json:"hangul"`
	Thai       float64 `json:"thai"`
	Devanagari float64 `json:"devanagari"`
	Indic      float64 `json:"indic"`
	Symbols    float64 `json:"symbols"`

	// Fit says what the weights were fitted to. Zero for default weights.
	Fit Fit `json:"fit"`
}

const classes = 1 + quarry.ClassCount // Base and the counts of quarry.CharClasses

// vector holds a value for each weight. All arithmetic is done on vectors; the order is that of the fields.
type vector [classes]float64

// Places in a vector that arithmetic names.
const (
	atBase  = 0
	atWords = 1
)

func (w *Weights) refs() [classes]*float64 {
	return [classes]*float64{
		&w.Base, &w.Words, &w.Letters, &w.Digits, &w.Punctuation, &w.Kana, &w.Han, &w.Other, &w.Spaces, &w.Figures, &w.Chinese,
		&w.Foreign, &w.Accented, &w.Extended, &w.Vietnamese,
		&w.Cyrillic, &w.Slavic, &w.Greek, &w.Arabic, &w.Hebrew, &w.Hangul, &w.Thai, &w.Devanagari, &w.Indic, &w.Symbols,
	}
}

func (w Weights) vector() (v vector) {
	for i, x := range w.refs() {
		v[i] = *x
	}
	return v
}

func weightsOf(v vector) (w Weights) {
	for i, x := range w.refs() {
		*x = v[i]
	}
	return w
}

// features gives how often each weight counts in texts with these counts. records is how many records the counts are of.
// Counts that are parts of others are taken out of them, but where a weight comes on top.
func features(c quarry.CharClasses, records int64) (x vector) {
	rest := func(all int64, parts ...int64) float64 {
		left := float64(all)
		for _, n := range parts {
			left -= float64(n)
		}
		return max(0, left)
	}
	w := Weights{
		Base: float64(records), Words: float64(c.Words), Punctuation: float64(c.Punctuation), Kana: float64(c.Kana), Spaces: float64(c.Spaces),
		Letters: rest(c.Letters, c.Foreign), Digits: rest(c.Digits, c.Figures), Han: rest(c.Han, c.Chinese),
		Other:   rest(c.Other, c.Cyrillic, c.Greek, c.Arabic, c.Hebrew, c.Hangul, c.Thai, c.Devanagari, c.Indic, c.Symbols),
		Figures: float64(c.Figures), Chinese: float64(c.Chinese), Foreign: float64(c.Foreign),
		Accented: float64(c.Accented), Extended: float64(c.Extended), Vietnamese: float64(c.Vietnamese),
		Cyrillic: float64(c.Cyrillic), Slavic: float64(c.Slavic), Greek: float64(c.Greek), Arabic: float64(c.Arabic), Hebrew: float64(c.Hebrew),
		Hangul: float64(c.Hangul), Thai: float64(c.Thai), Devanagari: float64(c.Devanagari), Indic: float64(c.Indic), Symbols: float64(c.Symbols),
	}
	return w.vector()
}

func (v *vector) dot(x *vector) float64 {
	var sum float64
	for i := range v {
		sum += v[i] * x[i]
	}
	return sum
}

// Estimate gives the tokens of one record whose text has these counts.
func (w Weights) Estimate(c quarry.CharClasses) int64 { return w.Total(c, 1) }

// Total gives the tokens of many records from the sum of their counts.
func (w Weights) Total(sum quarry.CharClasses, records int64) int64 {
	return ceiled(w.sum(sum, records))
}

// Exact is Estimate without rounding.
func (w Weights) Exact(c quarry.CharClasses) float64 { return w.sum(c, 1) }

func (w Weights) sum(c quarry.CharClasses, records int64) float64 {
	v, x := w.vector(), features(c, records)
	return v.dot(&x)
}

func ceiled(x float64) int64 {
	switch {
	case !(x > 0):
		return 0
	case x >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(math.Ceil(x))
}

// Around gives weights for records in which every text is inside the same prompt, given the prompt's counts.
func (w Weights) Around(prompt quarry.CharClasses) Weights {
	w.Base += w.sum(prompt, 0)
	return w
}

// PerCount gives what one more of each count adds, in the order of quarry.CharClasses.Each, without Base.
func (w Weights) PerCount() (per [quarry.ClassCount]float64) {
	v := w.vector()
	copy(per[:], v[1:])
	of := Weights{
		Figures: w.Digits, Chinese: w.Han, Foreign: w.Letters, Cyrillic: w.Other, Greek: w.Other, Arabic: w.Other, Hebrew: w.Other,
		Hangul: w.Other, Thai: w.Other, Devanagari: w.Other, Indic: w.Other, Symbols: w.Other,
	}
	for i, x := range of.vector() {
		if i != atBase {
			per[i-1] -= x
		}
	}
	return per
}

// Times gives weights that estimate by a factor more: what a run's totals show against its estimates.
func (w Weights) Times(factor float64) Weights {
	v := w.vector()
	for i := range v {
		v[i] *= factor
	}
	scaled := weightsOf(v)
	scaled.Fit = w.Fit
	scaled.Fit.Mean *= factor
	return scaled
}

// Complete gives weights for all classes where they were kept by a version that knew fewer: a new class weighs what the class
// weighed in which it was counted.
func (w Weights) Complete() Weights {
	if w.Fit.Classes == classes || w.Cyrillic != 0 || w.Foreign != 0 {
		return w
	}
	w.Figures, w.Chinese, w.Foreign = w.Digits, w.Han, w.Letters
	for _, x := range []*float64{&w.Cyrillic, &w.Greek, &w.Arabic, &w.Hebrew, &w.Hangul, &w.Thai, &w.Devanagari, &w.Indic, &w.Symbols} {
		*x = w.Other
	}
	return w
}
