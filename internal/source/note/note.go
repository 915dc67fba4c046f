// Package note counts what a source passes over or changes by a rule, to be said in one line and not once for each item.
//
// It owns the counts and their wording. It knows no kind of source. What always holds: memory does not grow with the number
// of items; a nil Book counts nothing; what is counted after the lines were taken is not counted twice, because sources are
// read more than once and only the first reading speaks.
package note

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"quarry/internal/figure"
)

// A Kind is one rule, and how its line reads.
type Kind int

// The kinds, in the order of their lines.
const (
	Unpublished Kind = iota // items of an export that are no published posts or pages, by type and status
	Ignored                 // files of a folder that are of no kind, by extension
	Passed                  // entries of a folder that are not looked at, whatever they hold, each by why and its name
	Protected               // posts of an export that a password protects, by their ids
	Locked                  // posts whose text a site gives only with a password, by their ids
	Arrays                  // which array of a file was taken for that of the items, where several could be
	HalfPairs               // documents with half a surrogate pair as an escape
	kinds
)

// other is the label of all that are not told apart.
const other = "other"

// maxLabels bounds how many labels of a kind are told apart.
const maxLabels = 64

// A Book counts for all sources of a reading. The zero value is ready. It may be used from many goroutines.
type Book struct {
	mu     sync.Mutex
	taken  bool
	counts [kinds]map[string]int64
}

// Count counts one item of a kind under a label.
func (b *Book) Count(k Kind, label string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken {
		return
	}
	if b.counts[k] == nil {
		b.counts[k] = map[string]int64{}
	}
	if _, ok := b.counts[k][label]; !ok && len(b.counts[k]) >= maxLabels {
		label = other
	}
	b.counts[k][label]++
}

// LeftOut is how many items were left out by a rule, until the lines were taken.
func (b *Book) LeftOut() (n int64) {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range []Kind{Unpublished, Protected, Locked} {
		for _, count := range b.counts[k] {
			n += count
		}
	}
	return n
}

// Take gives the lines, one for each kind that was counted, and ends the counting.
func (b *Book) Take() []string {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = true
	var lines []string
	for k, counts := range b.counts {
		if len(counts) > 0 {
			lines = append(lines, line(Kind(k), counts))
		}
	}
	b.counts = [kinds]map[string]int64{}
	return lines
}

func line(k Kind, counts map[string]int64) string {
	labels := make([]string, 0, len(counts))
	total := int64(0)
	for label, n := range counts {
		labels = append(labels, label)
		total += n
	}
	slices.SortFunc(labels, func(a, b string) int {
		if counts[a] != counts[b] {
			return int(min(max(counts[b]-counts[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	switch k {
	case Arrays:
		return "read: the array " + strings.Join(slices.Sorted(slices.Values(labels)), "; the array ")
	case Passed:
		return fmt.Sprintf("not looked at: %s (%s); name a folder or file as a source of its own to read it", entries(total), named(labels, total))
	case Protected:
		return fmt.Sprintf("left out: %s that a password protects (%s); to read them: --where protected=true", items(total, "post"), named(labels, total))
	case Locked:
		return fmt.Sprintf("left out: %s that a password protects, whose text the site does not give (%s); log in as a user who may edit them and ask with ?context=edit", items(total, "post"), named(labels, total))
	}
	parts := make([]string, len(labels))
	for i, label := range labels {
		parts[i] = fmt.Sprintf("%d %s", counts[label], label)
	}
	list := strings.Join(parts, ", ")
	switch k {
	case Unpublished:
		return fmt.Sprintf("left out: %s that %s (%s); to read them, name the types: --where post_type=post --where post_type=attachment", items(total, "item"), unpublished(total), list)
	case Ignored:
		return fmt.Sprintf("ignored: %s of other types (%s)", items(total, "file"), list)
	}
	return fmt.Sprintf("replaced: half of a surrogate pair (such as \\ud83d) in %s; U+FFFD is in its place (%s)", items(total, "document"), list)
}

// maxNamed is how many labels a line names.
const maxNamed = 12

// named lists the labels of single items, and how many more there are.
func named(labels []string, total int64) string {
	slices.SortFunc(labels, func(a, b string) int {
		if len(a) != len(b) { // ids are mostly numbers
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == other })
	shown := labels[:min(len(labels), maxNamed)]
	list := strings.Join(shown, ", ")
	if more := total - int64(len(shown)); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return figure.Thousands(n) + " entries"
}

func unpublished(n int64) string {
	if n == 1 {
		return "is no published post or page"
	}
	return "are no published posts or pages"
}

func items(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
