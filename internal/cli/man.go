package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// ManPages gives the manual pages in roff by file name, such as quarry-run.1: one for each command, from the same text and in the same
// order as its help.
func ManPages(build Build) map[string]string {
	pages := map[string]string{}
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		pages[manName(cmd)+".1"] = manPage(cmd, build)
		for _, c := range cmd.Commands() {
			add(c)
		}
	}
	add(documented().root())
	return pages
}

// Completion writes the script that makes a shell, bash, zsh or fish, complete commands and flags: what quarry completion prints.
func Completion(out io.Writer, shell string) error {
	root := documented().root()
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	}
	return fmt.Errorf("no completion for the shell %q", shell)
}

// documented is an App of which only the commands and their help are used. It reads no environment, so the text is the same everywhere.
func documented() *App {
	return &App{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Env: func(string) (string, bool) { return "", false }}
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func manPage(cmd *cobra.Command, build Build) string {
	cmd.InitDefaultHelpFlag()
	p := &roff{}
	name := manName(cmd)
	day, _, _ := strings.Cut(build.Date, "T")
	p.line(`.TH %s 1 %s %s "Quarry manual"`, quoted(strings.ToUpper(name)), quoted(day), quoted("quarry "+build.Version))
	p.line(".SH NAME")
	p.text(name + " - " + cmd.Short)
	p.line(".SH SYNOPSIS")
	p.line(".nf")
	p.text(cmd.UseLine())
	p.line(".fi")
	about, exits := describedAndExits(cmd.Long)
	p.line(".SH DESCRIPTION")
	p.paragraphs(about)
	p.commands(cmd)
	p.flags(cmd)
	if len(exits) > 0 {
		p.line(".SH EXIT STATUS")
		p.paragraphs(exits)
	}
	if cmd.Example != "" {
		p.line(".SH EXAMPLES")
		p.paragraphs([]string{cmd.Example})
	}
	p.related(cmd)
	return p.String()
}

// describedAndExits gives the paragraphs of a help, and what is in it of exit codes, without the words "Exit codes:".
func describedAndExits(help string) (about, exits []string) {
	for part := range strings.SplitSeq(strings.TrimSpace(help), "\n\n") {
		if codes, ok := strings.CutPrefix(part, "Exit codes: "); ok {
			exits = append(exits, codes)
		} else {
			about = append(about, part)
		}
	}
	return about, exits
}

func (p *roff) commands(cmd *cobra.Command) {
	if !cmd.HasSubCommands() {
		return
	}
	p.line(".SH COMMANDS")
	for _, g := range commandGroupsOf(cmd) {
		p.heading(g.title, "Commands")
		for _, name := range g.names {
			if c := commandNamed(cmd, name); c != nil {
				p.item(name, c.Short)
			}
		}
	}
}

func (p *roff) flags(cmd *cobra.Command) {
	p.line(".SH OPTIONS")
	for _, g := range flagGroupsOf(cmd) {
		names := slices.DeleteFunc(slices.Clone(g.names), func(name string) bool { f := cmd.Flag(name); return f == nil || f.Hidden })
		if len(names) == 0 {
			continue
		}
		p.heading(g.title, "")
		for _, name := range names {
			typed, usage := flagParts(cmd.Flag(name))
			p.item(typed, usage)
		}
	}
}

// related names the pages of the command above and of the commands below.
func (p *roff) related(cmd *cobra.Command) {
	var others []string
	if cmd.HasParent() {
		others = append(others, manName(cmd.Parent())+"(1)")
	}
	for _, c := range cmd.Commands() {
		others = append(others, manName(c)+"(1)")
	}
	p.line(".SH SEE ALSO")
	p.text(strings.Join(others, ", "))
}
