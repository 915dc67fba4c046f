// Package ask reads a prompt the way a person would: which part of it is the article, what its title is, and in which form the answer is
// wanted.
//
// It owns the reading of instructions and of JSON Schemas, and the writing of an answer in that form. What is put into the form is
// its caller's; nothing here looks at the meaning of the article. All of it is linear in the prompt.
package ask

import (
	"regexp"
	"strings"
	"sync"

	"quarry/internal/standin/model/family"
)

// Ask is a prompt taken apart.
type Ask struct {
	Title   string // from the Title: line, or ""
	Article string // may be empty
	Form    Form
}

// Read takes the prompt apart. The article is looked for in the last user turn: after a label line (Article:, 本文: …), between tags
// (<article> … </article>), else the longest of its text parts without the instruction that introduces it. Everything else in that turn,
// and the system text, is instruction. In a conversation, where the last turn may only complain about an answer, the article is in the last
// user turn that labels one, else in the longest. An error is a *family.Invalid that names the part of the schema that cannot be read.
func Read(p *family.Prompt) (Ask, error) {
	turns := userTurns(p)
	if len(turns) == 0 {
		turns = [][]string{nil}
	}
	main := articleTurn(turns)
	a, instructions, tail := readTurn(turns[main])
	var err error
	a.Form, err = formOf(p.Format, p.System+"\n"+instructions)
	if err != nil {
		return a, err
	}
	// An instruction may follow the article without a mark between them; only an explicit order to write JSON is taken for one.
	if !a.Form.JSON && tail != "" && orderRE().MatchString(tail) {
		a.Form = formOfText(tail)
		a.Article = strings.TrimSpace(strings.TrimSuffix(a.Article, tail))
	}
	for i := len(turns) - 1; i >= 0 && !a.Form.JSON; i-- {
		if i != main {
			a.Form = formOfText(strings.Join(turns[i], "\n"))
		}
	}
	return a, nil
}

// userTurns are the text parts of each user turn.
func userTurns(p *family.Prompt) [][]string {
	var out [][]string
	for _, t := range p.Turns {
		if t.Role != "user" {
			continue
		}
		var texts []string
		for _, part := range t.Parts {
			if part.Kind == family.Text || part.Kind == family.ToolResult {
				texts = append(texts, part.Text)
			}
		}
		out = append(out, texts)
	}
	return out
}

func articleTurn(turns [][]string) int {
	if len(turns) == 1 {
		return 0
	}
	longest, most := 0, -1
	for i := len(turns) - 1; i >= 0; i-- {
		n := 0
		for _, text := range turns[i] {
			n += len(text)
			window := text[:min(len(text), labelWindow)]
			if labelRE().MatchString(window) || bareLabelRE().MatchString(window) || openTagRE().MatchString(window) {
				return i
			}
		}
		if n > most {
			longest, most = i, n
		}
	}
	return longest
}

// readTurn finds title and article in the texts of a turn. tail is the article's last paragraph where an instruction may hide.
func readTurn(parts []string) (a Ask, instructions, tail string) {
	if len(parts) == 0 {
		return a, "", ""
	}
	longest := 0
	for i, part := range parts {
		if len(part) > len(parts[longest]) {
			longest = i
		}
	}
	var said []string
	for i, part := range parts {
		if i == longest {
			continue
		}
		rest, title := takeTitle(part)
		said = append(said, rest)
		if a.Title == "" {
			a.Title = title
		}
	}
	head, article, after := cutArticle(parts[longest])
	head, title := takeTitle(head)
	if title != "" {
		a.Title = title
	} else if rest, title, ok := dropTitle(article); ok && a.Title == "" {
		article, a.Title = rest, title
	}
	a.Article = article
	if after == "" {
		tail = lastParagraph(article)
	}
	return a, strings.Join(append(said, head, after), "\n"), tail
}

// pattern compiles an expression when it is first used: otherwise every start of the program would pay for it, and
// most use no model here.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	// labelRE is a line that introduces the article: alone on its line, or followed by its text.
	labelRE = pattern(`(?mi)^[ \t#*【\[]{0,4}(?:article(?: (?:text|body|content))?|(?:blog )?post|text|content|body|document|本文|記事(?:本文)?|文章|テキスト)[\]】* \t]{0,4}[:：][* \t]*`)
	// bareLabelRE is 本文 as a line of its own, without a colon.
	bareLabelRE = pattern(`(?m)^[ \t#]*[【\[]?(?:本文|記事本文)[】\]]?[ \t]*$`)
	titleRE     = pattern(`(?mi)^[ \t#*【\[]{0,4}(?:title|headline|タイトル|題名|表題|記事タイトル)[\]】* \t]{0,4}[:：][* \t]*(\S[^\n]*)$`)
	openTagRE   = pattern(`(?mi)^[ \t]*<(article|document|text|content|post|blog|body|passage|本文|記事)>`)
	orderRE     = pattern(`(?i)\b(?:return|respond|reply|answer|output|write|produce|give|provide|generate)\b[^\n]*\bJSON\b|JSON[^\n]*(?:出力|返|回答|答え|書)`)
	ordersRE    = pattern(`(?i)\bJSON\b|\bsummar|\btitle\b|要約|まとめ|タイトル|次の|以下の|following|below`)
)

// cutArticle splits a user text into the text before the article, the article, and the text after it.
func cutArticle(text string) (head, article, tail string) {
	window := text[:min(len(text), labelWindow)]
	label := labelRE().FindStringIndex(window)
	if label == nil {
		label = bareLabelRE().FindStringIndex(window)
	}
	before := window
	if label != nil {
		before = window[:label[0]]
	}
	if m := openTagRE().FindStringSubmatchIndex(before); m != nil {
		closing := "</" + text[m[2]:m[3]] + ">"
		if end := lastIndexFold(text, closing); end > m[1] {
			return text[:m[0]], strings.TrimSpace(text[m[1]:end]), strings.TrimSpace(text[end+len(closing):])
		}
	}
	// A label further down is the article's own line, unless the text before it reads as an instruction.
	if label != nil && (label[0] < nearLabel || ordersRE().MatchString(before[:nearLabel])) {
		return text[:label[0]], strings.TrimSpace(text[label[1]:]), ""
	}
	first, rest, ok := strings.Cut(text, "\n")
	if !ok {
		return "", text, ""
	}
	if paragraph, after, ok := strings.Cut(text, "\n\n"); ok && len(paragraph) < 1500 && introduces(paragraph) {
		return paragraph, strings.TrimSpace(after), ""
	}
	if len(first) < 600 && introduces(first) {
		return first, strings.TrimSpace(rest), ""
	}
	return "", text, ""
}

const (
	// labelWindow is how far into the text the article's label or tag is looked for; nearLabel is where it needs no further reason.
	labelWindow = 8000
	nearLabel   = 2000
)

// introduces tells an instruction from an article's first paragraph: it ends in a colon and speaks of what to do.
func introduces(paragraph string) bool {
	p := strings.TrimSpace(paragraph)
	if strings.HasPrefix(p, "#") {
		return false
	}
	return (strings.HasSuffix(p, ":") || strings.HasSuffix(p, "：") || orderRE().MatchString(p) || strings.HasSuffix(p, "してください。")) && ordersRE().MatchString(p)
}

// takeTitle takes the Title: line out of an instruction, so that what it quotes is not read as one.
func takeTitle(text string) (rest, title string) {
	m := titleRE().FindStringSubmatchIndex(text)
	if m == nil {
		return text, ""
	}
	return text[:m[0]] + text[m[1]:], strings.TrimSpace(strings.TrimRight(text[m[2]:m[3]], "* \t\r"))
}

// dropTitle takes a Title: line off the beginning of the article.
func dropTitle(article string) (rest, title string, ok bool) {
	m := titleRE().FindStringSubmatchIndex(article)
	if m == nil || strings.TrimSpace(article[:m[0]]) != "" {
		return article, "", false
	}
	return strings.TrimSpace(article[m[1]:]), strings.TrimSpace(article[m[2]:m[3]]), true
}

func lastParagraph(text string) string {
	text = strings.TrimSpace(text)
	i := strings.LastIndex(text, "\n\n")
	if i < 0 || len(text)-i > 1500 {
		return ""
	}
	return strings.TrimSpace(text[i:])
}

// lastIndexFold finds the closing tag in either case.
func lastIndexFold(text, token string) int {
	if i := strings.LastIndex(text, token); i >= 0 {
		return i
	}
	if i := strings.LastIndex(text, strings.ToLower(token)); i >= 0 {
		return i
	}
	return strings.LastIndex(text, strings.ToUpper(token))
}
