package extractive

// SentencesOf lets the tests see the splitter alone.
var SentencesOf = sentencesOf
