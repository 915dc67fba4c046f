package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestEachCommandHasAManualPage(t *testing.T) {
	t.Parallel()
	pages := ManPages(Build{Version: "1.2.3", Date: "2026-11-30T20:00:00Z"})
	commands := everyCommandOf(newRoot())
	if len(pages) != len(commands) {
		t.Errorf("%d pages for %d commands", len(pages), len(commands))
	}
	for _, cmd := range commands {
		page := pages[manName(cmd)+".1"]
		if !strings.HasPrefix(page, `.TH "`) || !strings.Contains(page, `"2026\-11\-30" "quarry 1.2.3"`) {
			t.Errorf("%s: no page with its version and date:\n%.200s", cmd.CommandPath(), page)
		}
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n", ".SH SEE ALSO\n", printed(cmd.Short)} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page has no %q", cmd.CommandPath(), want)
			}
		}
		cmd.InitDefaultHelpFlag()
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			if name, usage := flagParts(f); !strings.Contains(page, ".B "+quoted(name)+"\n"+printed(usage)+"\n") {
				t.Errorf("%s: the page does not explain %s", cmd.CommandPath(), name)
			}
		})
	}
	for _, c := range []string{"run", "local"} {
		if page := pages["quarry-"+c+".1"]; !strings.Contains(page, ".SH EXIT STATUS\n") || !strings.Contains(page, ".SH EXAMPLES\n") {
			t.Errorf("%s: the page has no exit codes or no examples", c)
		}
		if !strings.Contains(pages["quarry.1"], ".B \""+c+"\"\n") {
			t.Errorf("the page of quarry does not name %s", c)
		}
	}
}

func TestRoffPrintsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`a-b C:\x`:      `a\-b C:\ex`,
		".SH not one":   `\&.SH not one`,
		"'tis":          `\&'tis`,
		"30 % · 2 … 'x": "30 % · 2 … 'x",
	} {
		if got := printed(line); got != want {
			t.Errorf("%q is written as %q, want %q", line, got, want)
		}
	}
	if got := quoted(`say "x"`); got != `"say \(dqx\(dq"` {
		t.Errorf("an argument is written as %s", got)
	}
}

func TestCompletionScriptsAreThoseOfTheCommand(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string]string{"bash": "complete -o default", "zsh": "#compdef quarry", "fish": "complete -c quarry"} {
		var script bytes.Buffer
		if err := Completion(&script, shell); err != nil || !strings.Contains(script.String(), want) {
			t.Errorf("%s: %v, and no %q in %d bytes", shell, err, want, script.Len())
		}
	}
	if err := Completion(&bytes.Buffer{}, "tcsh"); err == nil {
		t.Error("there is a completion for a shell that has none")
	}
}
