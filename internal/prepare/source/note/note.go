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

	"quarry/internal/base/figure"
)

// A Kind is one rule, and how its line reads.
type Kind int

// The kinds, in the order of their lines.
const (
	Unpublished Kind = iota // items that were not published, or are no texts, by type and state (Reached)
	Ignored                 // files of a folder that are of no kind, by extension
	Passed                  // entries of a folder that are not looked at, whatever they hold, each by why and its name
	Protected               // posts of an export that a password protects, by their ids
	Locked                  // posts whose text a site gives only with a password, by their ids
	Arrays                  // which array of a file was taken for that of the items, where several could be
	HalfPairs               // documents with half a surrogate pair as an escape
	kinds
)

// Reached is a label of Unpublished with the conditions that together reach the items of this label and no others.
func Reached(label string, conditions ...string) string {
	if label == "" || len(conditions) == 0 {
		return label
	}
	return label + reach + "--where " + strings.Join(conditions, " --where ")
}

// reach is between a label and its conditions.
const reach = "\x00"

// other is the label of all that are not distinguished.
const other = "other"

// maxLabels bounds how many labels of a kind are distinguished.
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
		return fmt.Sprintf("not read: %s (%s); to read a folder or file, name it as a separate source", entries(total), named(labels, total))
	case Protected:
		return fmt.Sprintf("left out: %s with password protection (%s); to read them: --where protected=true", items(total, "post"),
			named(labels, total))
	case Locked:
		return fmt.Sprintf("left out: %s with password protection, whose text the site does not return (%s); log in as a user who may edit them and add ?context=edit", items(total, "post"), named(labels, total))
	}
	parts := make([]string, len(labels))
	var conditions []string
	for i, label := range labels {
		name, way, ok := strings.Cut(label, reach)
		parts[i] = fmt.Sprintf("%d %s", counts[label], name)
		if ok && !slices.Contains(conditions, way) {
			conditions = append(conditions, way)
		}
	}
	list := strings.Join(parts, ", ")
	switch k {
	case Unpublished:
		return fmt.Sprintf("left out: %s that %s not published, or no texts (%s)%s", items(total, "item"), isOrAre(total), list, ways(conditions))
	case Ignored:
		return fmt.Sprintf("ignored: %s of other types (%s)", items(total, "file"), list)
	}
	return fmt.Sprintf("replaced: half of a surrogate pair (such as \\ud83d) in %s, by U+FFFD (%s)", items(total, "document"), list)
}

func isOrAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// ways words how to read what was left out: each condition reaches one kind of it, and nothing else.
func ways(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	shown := conditions[:min(len(conditions), maxNamed)]
	return "; to read those of one kind: " + strings.Join(shown, ", or ")
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

func items(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
