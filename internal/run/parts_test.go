package run_test

import (
	"fmt"
	"strings"
	"testing"

	"quarry/internal/clean"
	"quarry/internal/prompt"
	"quarry/internal/run"
)

// partChars is the cap of inParts: a section of longDocs fits, two do not.
const partChars = 300

// partQuotas are the provider's of inParts: any number of records from the minimum on can be cut into jobs.
const partQuotas = `{"*":{"min_records":3,"records_per_job":6,"records_per_file":6}}`

// inParts asks documents of more than partChars characters in parts.
func inParts(t *testing.T) func(*run.Config) {
	t.Helper()
	part, err := prompt.New(prompt.Config{}.ForParts(""))
	if err != nil {
		t.Fatal(err)
	}
	merge, err := prompt.New(prompt.Config{}.ForMerge(""))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *run.Config) {
		c.Clean = clean.Config{MaxChars: partChars, Long: clean.LongMerge}
		c.Long = &run.Long{Part: part, Merge: merge}
		c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob = 6, 6
	}
}

// longDocs makes n documents, of which every third has one section, the next two, the next three, and one that asks what
// another asks.
func longDocs(n int) string {
	var b strings.Builder
	doc := func(id string, i int) {
		fmt.Fprintf(&b, `{"id":%q,"title":"Article %d","content":"`, id, i)
		for part := range i%3 + 1 {
			fmt.Fprintf(&b, "<h2>Section %d of %d</h2><p>Number %d tells how quarry %d works on its face. Stone is cut from the hill, block by block, all through the year. "+
				"Carts take number %d of section %d down to the valley, and masons of the town dress it there.</p>", part, i, i, part, i, part)
		}
		b.WriteString(`"}` + "\n")
	}
	for i := range n {
		doc(fmt.Sprintf("doc-%03d", i), i)
	}
	doc("twin", 2)
	return b.String()
}
