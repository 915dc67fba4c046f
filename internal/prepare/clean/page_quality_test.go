package clean_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/clean"
)

// pageAround puts an article into a page as a site would: a menu, a banner, links next to it, comments, a footer. What is
// the article's and what is not is known, which labels it.
func pageAround(title, body string, turn int) string {
	tag := []string{"article", "main", `div class="post-content"`, `div id="content"`}[turn%4]
	end, _, _ := strings.Cut(tag, " ")
	var links, comments strings.Builder
	for i := range 12 {
		fmt.Fprintf(&links, `<li><a href="/menu/%d">Menu entry %d</a></li>`, i, i)
	}
	for i := range 4 {
		fmt.Fprintf(&comments, `<div class="comment"><span class="author">visitor%d</span><p>Nice piece, thank you visitor%d.</p></div>`, i, i)
	}
	return `<!DOCTYPE html><html lang="en"><head><title>` + title + ` - A Site</title><script>var tracker = 1;</script></head><body>
<div class="cookie-banner"><p>We use cookies to improve your experience.</p><button>Accept all</button></div>
<header><nav class="menu"><ul>` + links.String() + `</ul></nav></header>
<div class="layout"><` + tag + `><h1>` + title + `</h1>` + body + `</` + end + `>
<aside class="sidebar"><h3>Popular posts</h3><ul>` + links.String() + `</ul><div class="ad">Advertisement buynow</div></aside></div>
<section class="comments"><h3>Comments</h3>` + comments.String() + `</section>
<footer><p>Copyright imprintword, all rights reserved.</p><ul>` + links.String() + `</ul></footer></body></html>`
}

// Page mode is held to pages whose content is known: the corpus' HTML articles inside the furniture of a site. F1 is over
// 4-shingles, against what body mode makes of the article alone.
func TestPageModeQuality(t *testing.T) {
	t.Parallel()
	cleaner := clean.New(clean.Config{})
	var hit, got, want int
	var worst []float64
	for i, a := range articles(t, quarry.FormatHTML, 40) {
		alone, err := cleaner.Clean(&quarry.Document{Title: a.Title, Body: []byte(a.Content), Format: quarry.FormatHTML})
		if err != nil {
			t.Fatal(err)
		}
		words := wordsOf(string(alone.Text))
		if len(words) < 150 { // a page of a few words says nothing about the choice of a node
			continue
		}
		right := shingles(words)
		page, err := cleaner.Clean(&quarry.Document{Body: []byte(pageAround(a.Title, a.Content, i)), Format: quarry.FormatPage})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimPrefix(string(page.Text), "# "+a.Title)
		made := shingles(wordsOf(text))
		c := common(right, made)
		hit, got, want = hit+c, got+total(made), want+total(right)
		worst = append(worst, 2*float64(c)/float64(total(made)+total(right)))
	}
	p, r := float64(hit)/float64(got), float64(hit)/float64(want)
	f1 := 2 * p * r / (p + r)
	slices.Sort(worst)
	t.Logf("%d pages: precision %.4f, recall %.4f, F1 %.4f; the tenth worst page %.3f, the median %.3f", len(worst), p, r, f1, worst[min(9, len(worst)-1)], worst[len(worst)/2])
	if len(worst) < 50 || f1 < 0.97 {
		t.Errorf("F1 of page mode = %.4f on %d pages, want 0.97 on 50 and more", f1, len(worst))
	}
}
