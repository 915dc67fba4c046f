package tokens

// The default weights: fits to the counts that each tokenizer gives for 2,516 technical articles, English and Japanese,
// with code blocks and markup taken out.
var (
	claude = Weights{Words: 0.184, Letters: 0.174, Digits: 1.105, Punctuation: 0.667, Kana: 1.010, Han: 1.208, Other: 2.343, Spaces: 0.155}
	o200k  = Weights{Words: 0.211, Letters: 0.137, Digits: 1.083, Punctuation: 0.551, Kana: 0.653, Han: 1.030, Other: 1.253, Spaces: 0.252}
	cl100k = Weights{Words: 0.204, Letters: 0.137, Digits: 1.090, Punctuation: 0.531, Kana: 0.931, Han: 1.430, Other: 2.010, Spaces: 0.266}
)
