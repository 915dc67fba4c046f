package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot gives the command line as main makes it.
func newRoot() *cobra.Command {
	return (&App{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Env: func(string) (string, bool) { return "", false }}).root()
}

// everyCommandOf gives the commands below one, their own ones included.
func everyCommandOf(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		all = append(all, everyCommandOf(c)...)
	}
	return all
}

func TestHelpFitsThePage(t *testing.T) {
	t.Parallel()
	for _, cmd := range everyCommandOf(newRoot()) {
		cmd.InitDefaultHelpFlag()
		for line := range strings.Lines(helpText(cmd, helpWidth)) {
			if n := runewidth.StringWidth(strings.TrimRight(line, "\n")); n > helpWidth {
				t.Errorf("%s: a line of %d cells: %s", cmd.CommandPath(), n, line)
			}
		}
	}
}

func TestHelpHasEachFlagAndCommandOnce(t *testing.T) {
	t.Parallel()
	root := newRoot()
	for _, cmd := range everyCommandOf(root) {
		cmd.InitDefaultHelpFlag()
		text := helpText(cmd, helpWidth)
		flags := func(f *pflag.Flag) {
			if name := "  --" + f.Name; f.Hidden || f.Shorthand != "" {
				return
			} else if n := strings.Count(text, "\n"+name+"\n") + strings.Count(text, "\n"+name+" "); n != 1 {
				t.Errorf("%s: --%s is %d times in the help", cmd.CommandPath(), f.Name, n)
			}
			if value, _ := pflag.UnquoteUsage(f); value != strings.ToUpper(value) || value == "" && f.Value.Type() != "bool" {
				t.Errorf("%s: --%s takes a value called %q, want a name in capitals", cmd.CommandPath(), f.Name, value)
			}
		}
		cmd.Flags().VisitAll(flags)
		cmd.InheritedFlags().VisitAll(flags)
		for _, c := range cmd.Commands() {
			if n := strings.Count(text, "\n  "+c.Name()+" "); n != 1 {
				t.Errorf("%s: command %s is %d times in the help", cmd.CommandPath(), c.Name(), n)
			}
		}
	}
}

func TestHelpExamplesParse(t *testing.T) {
	t.Parallel()
	for _, cmd := range newRoot().Commands() {
		shown := 0
		for line := range strings.Lines(cmd.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
			line, _, _ = strings.Cut(line, " | ")
			line, _, _ = strings.Cut(line, " > ")
			line = strings.TrimSuffix(strings.TrimPrefix(line, "source <("), ")")
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "quarry" {
				t.Errorf("%s: example %q does not begin with quarry and a command", cmd.Name(), line)
				continue
			}
			root := newRoot() // flags keep what was parsed
			called, rest, err := root.Find(words[1:])
			if err != nil {
				t.Errorf("%s: example %q: %v", cmd.Name(), line, err)
				continue
			}
			if err := called.ParseFlags(rest); err != nil {
				t.Errorf("%s: example %q: %v", cmd.Name(), line, err)
				continue
			}
			if err := called.ValidateArgs(called.Flags().Args()); err != nil {
				t.Errorf("%s: example %q: %v", cmd.Name(), line, err)
			}
			if called.Name() == cmd.Name() || called.Parent().Name() == cmd.Name() {
				shown++
			}
		}
		if shown == 0 {
			t.Errorf("%s has no example", cmd.Name())
		}
	}
}
