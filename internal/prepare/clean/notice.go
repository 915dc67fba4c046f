package clean

import (
	"fmt"
	"strings"

	"quarry/internal/base/figure"
	"quarry/internal/prepare/clean/rule"
)

// leastHidden is how many bytes have to be hidden, and hiddenTimes how many times what is left, before a text counts as lost.
// shortPage is how long the text of a page may be for that: its menus are hidden too.
const (
	leastHidden = 400
	hiddenTimes = 9
	shortPage   = 200
)

// notice says what a person should know of a cleaned document. Empty: nothing.
func (c *Cleaner) notice(out *Cleaned) string {
	var said []string
	if c.matter != nil {
		said = append(said, fmt.Sprintf("its front matter cannot be read and is kept in the text (%s)", strings.TrimSpace(c.matter.Error())))
	}
	if hidden := hiddenNotice(out); hidden != "" {
		said = append(said, hidden)
	}
	return strings.Join(said, "; ")
}

// hiddenNotice says whether what is hidden is all or nearly all of a document.
func hiddenNotice(out *Cleaned) string {
	hidden := out.Dropped[rule.Hidden].Bytes
	if hidden == 0 {
		return ""
	}
	if len(out.Text) == 0 {
		for r, tally := range out.Dropped.All() {
			if tally.Bytes > hidden && r != rule.Comment && r != rule.Character {
				return ""
			}
		}
		return "all of its text is hidden from readers by its styles, or by hidden or aria-hidden"
	}
	if hidden < leastHidden || hidden < hiddenTimes*int64(len(out.Text)) || out.Mode == ModePage && len(out.Text) > shortPage {
		return ""
	}
	return fmt.Sprintf("nearly all of its text is hidden from readers by its styles, or by hidden or aria-hidden: %s, %s",
		figure.Clause(len(out.Text), "byte", "is left", "are left"), figure.Clause(hidden, "byte", "is hidden", "are hidden"))
}

// NothingLeft says why a document without a text is not sent, with what its notice adds.
func NothingLeft(notice string) string {
	const reason = "nothing left after cleaning"
	if notice == "" {
		return reason
	}
	return reason + ": " + notice
}

// maxNotices is how many notices are given one by one.
const maxNotices = 20

// Notices bounds the lines about single documents. The zero value is ready.
type Notices struct{ n int64 }

// Add counts a notice, and reports whether it is to be said.
func (n *Notices) Add(notice string) bool {
	if notice == "" {
		return false
	}
	n.n++
	return n.n <= maxNotices
}

// Rest says how many were not said. Empty: none.
func (n *Notices) Rest() string {
	if n.n <= maxNotices {
		return ""
	}
	return fmt.Sprintf("… and %s more like these", figure.Count(n.n-maxNotices, "document"))
}
