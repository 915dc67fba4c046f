package extractive

import "strings"

// openings are how a sentence may begin, and what that costs it. Words that lean on the sentence before, or greet, cost; words that say
// what the article is about cost less than nothing.
type openings []struct {
	cost  float64
	words string // separated by |
}

// cost is that of the longest of the words which s begins with, 0 when there is none.
func (o openings) cost(s string) float64 {
	longest, cost := 0, 0.0
	for _, group := range o {
		for w := range strings.SplitSeq(group.words, "|") {
			if len(w) > longest && strings.HasPrefix(s, w) {
				longest, cost = len(w), group.cost
			}
		}
	}
	return cost
}

var jaOpenings = openings{
	{-0.2, "この記事|本記事|本稿"},
	{-0.15, "この文書|このドキュメント|このガイド"},
	{-0.1, "このページ"},
	{0.15, "この"},
	{0.3, "また、|つまり|ここ|注意|こうした|結果として|同じ|警告|前回|また"},
	{0.35, "これ|さらに"},
	{0.4, "しかし|そのため|そこで|その|そして|一方|ここで|もちろん|まず|最後に|他にも|したがって|" +
		"従って|よって|すなわち|どちらの|これら|このように|注記|記:|メモ|加えて|まずは"},
	{0.45, "それ|なお|だが|でも|そう"},
	{0.5, "ただし|この場合|例えば|たとえば|ですが|同様に|次に|あと|上記|前述|注:|注：|後者|前者|詳細|" +
		"なぜなら|こうすることで|そんなわけで|この中には|以下|次の|続いて|では、|とはいえ|逆に"},
	{0.6, "この例|ちなみに|ので|詳しくは"},
	{0.7, "戻り値"},
	{0.8, "とすれば|とすると|という|といった|として|のように|のような|などの"},
	{1, "どうも|を|が、|にある"},
	{1.5, "こんにちは|こんばんは|お疲れ|はじめまして"},
}

var enOpenings = openings{
	{-0.2, "this article"},
	{-0.15, "this document|this guide|in this article"},
	{-0.1, "this page|this topic|in this post"},
	{0.2, "welcome to|this |we'll"},
	{0.25, "this is "},
	{0.3, "these |if you have|both |once you|the same|unfortunately"},
	{0.35, "another |fortunately"},
	{0.4, "that |it |it's |such |in addition|additionally|moreover|furthermore|note that|now |now,|finally|first,|second|here |here's|" +
		"the previous|warning:|let's|emitted when|alert:|keep in mind|in other words|you can also|in particular|the next|the other|" +
		"there are also|remember"},
	{0.45, "however|but |and |so |so,|also|those |they |its |their |therefore|thus|hence|also,|and, "},
	{0.5, "then|he |she |similarly|instead|note:|next|again|or |as mentioned|the above|tip:|updated|returns |for this reason|because of this|" +
		"that's why|in this way|as a result|after that|after this|at this point|when you're done|to do this|to do so|likewise|of course|" +
		"the example|this article does not|this document does not|rather,"},
	{0.6, "this example|in this example|for example|for instance|otherwise|see |in that case|in this case|ok|well,|yes|no,|thanks|published|" +
		"since then|all others|conversely|on the other hand|in the above|in the example|the latter|the former|by doing so"},
	{0.7, "as you can see"},
	{0.8, "for details|thank you|more details"},
	{1, "for more information"},
	{1.2, "hello"},
	{1.5, "hi |hi,"},
	{2, "copyright"},
}

// jaBoilerplate and enBoilerplate are what pages carry whatever they are about.
var jaBoilerplate = []string{
	"無断転載", "All rights reserved", "目次", "ご覧ください", "こちらをクリック", "お問い合わせ", "フォローしてください", "訳注", "を参照してください",
	"を参照のこと", "をご参照", "この記事を書いた", "会員登録", "Copyright", "シェアしてください", "標準化のプロセスに乗っていません",
}

var enBoilerplate = []string{
	"all rights reserved", "click here", "subscribe to", "sign up for", "table of contents", "cookie", "follow us", "copyright ©", "copyright (c)",
	"back to top", "last updated", "last modified", "posted by", "posted on", "permalink", "edit this page", "skip to", "terms of service",
	"privacy policy", "for more information, see", "for details, see", "see also", "license", "please refer to", "share this",
	"not on a standards track", "not on a current w3c standards track",
}
