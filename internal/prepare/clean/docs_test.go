package clean_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/clean/rule"
)

var docExample = regexp.MustCompile("(?ms)^```(html|markdown)\n(.*?)\n```\n```text\n(.*?)\n```$")

// TestExamplesOfTheDocumentation runs what docs/cleaning.md claims.
func TestExamplesOfTheDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/cleaning.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := docExample.FindAllSubmatch(page, -1)
	if len(examples) < 6 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	for _, e := range examples {
		out, err := clean.New(clean.Config{}).Clean(&quarry.Document{Body: e[2], Format: quarry.Format(e[1])})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(e[3]), string(out.Text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", e[2], diff)
		}
	}
	for r := range rule.Count {
		if !regexp.MustCompile("`" + rule.Rule(r).String() + "`").Match(page) {
			t.Errorf("the page does not name the rule %q", rule.Rule(r))
		}
	}
}
