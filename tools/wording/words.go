package main

import (
	"regexp"
	"strings"
)

// word is a word or turn of phrase that plain technical English does without.
type word struct {
	name string
	at   *regexp.Regexp
}

// words are the patterns, in the order in which they are printed. Spaces in a pattern match line breaks too.
var words = []word{
	{"stand", pattern(`stands?|stood|standing`)},
	{"behind", pattern(`behind`)},
	{"lie", pattern(`lies?|lay|lying|lain`)},
	{"told", pattern(`told`)},
	{"beside", pattern(`beside`)},
	{"nobody", pattern(`nobody|whoever|somebody`)},
	{"go on", pattern(`go on|goes on|going on|went on|gone on`)},
	{"mend", pattern(`mend|mends|mended|mending`)},
	{"anew", pattern(`anew`)},
	{"reckon", pattern(`reckon|reckons|reckoned|reckoning`)},
	{"runtime call", pattern(`runtime calls?|runtime requests?`)},
	{"held against", pattern(`held against|holds? \w+ against`)},
	{"inversion", regexp.MustCompile(
		`(?:^|[.;:]\s+)(?:Of|Beside|Behind|Beyond) (?:a|an|the|such|its|their|those|these|several) [^.,;:]{1,80}, ` +
			`|(?i)\b(?:so|nor|neither|only then|not only) (?:is|are|was|were|does|do|did|has|have|can) (?:it|its|the|that|this|those|these|an?)\b` +
			`|\bHad \w+(?:\s\w+){0,4} been\b`)},
}

// pattern matches the alternatives as whole words, with any white space where they have a space. A word with a hyphen on
// either side is part of a name.
func pattern(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(?:` + strings.ReplaceAll(alternatives, " ", `\s+`) + `)\b`)
}

// allowed are legitimate uses. They are blanked before the words are looked for.
var allowed = regexp.MustCompile(`(?i)stand-ins?\b|standing (?:order|in for)|stands? for\b|stand-?alone|\bbehind[ -](?:an? )?(?:proxy|firewall|load balancer)` +
	`|\w*[/._-](?:stand|lie|lay|mend)\w*|(?:stand|lie|lay|mend)\w*[/_(-]\w*|\blay ?out|\brecommend\w*|\bamend\w*` +
	`|json:"[^"]*"`)

// code is what a text quotes and does not say: inline code of Markdown.
var code = regexp.MustCompile("``[^`]+``|`[^`\n]+`")

// find calls found with each place of a word in text, whose first line has the number line.
func find(text string, line int, found func(word string, line int, phrase string)) {
	for _, quoted := range []*regexp.Regexp{code, allowed} {
		text = quoted.ReplaceAllStringFunc(text, blank)
	}
	for _, w := range words {
		for _, at := range w.at.FindAllStringIndex(text, -1) {
			phrase := strings.Join(strings.Fields(text[at[0]:at[1]]), " ")
			found(w.name, line+strings.Count(text[:at[0]], "\n"), phrase)
		}
	}
}

// blank keeps the length and the lines of a text and none of its words.
func blank(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return '~'
	}, text)
}
