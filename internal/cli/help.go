package cli

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	helpWidth  = 80 // of the widest line, in cells
	helpColumn = 26 // where the text of a flag begins
)

// helpText is the help of a command, in lines of at most so many cells.
func helpText(cmd *cobra.Command, width int) string {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	for part := range strings.SplitSeq(strings.TrimSpace(about), "\n\n") {
		if strings.HasPrefix(part, " ") || strings.HasPrefix(part, "\t") { // lines to type
			b.WriteString(part + "\n\n")
			continue
		}
		b.WriteString(wrapped(part, 0, 0, width) + "\n")
	}
	b.WriteString("Usage: " + cmd.UseLine() + "\n")
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	for _, g := range commandGroupsOf(cmd) {
		section(&b, g, func(name string) string {
			if c := commandNamed(cmd, name); c != nil {
				return entry(name, 14, c.Short, width)
			}
			return ""
		})
	}
	for _, g := range flagGroupsOf(cmd) {
		section(&b, g, func(name string) string { return flagText(cmd.Flag(name), width) })
	}
	return b.String()
}

func commandGroupsOf(cmd *cobra.Command) []group {
	if cmd.HasParent() {
		return []group{{"Commands", names(cmd.Commands())}}
	}
	return commandGroups
}

func flagGroupsOf(cmd *cobra.Command) []group {
	if cmd.Name() == "local" {
		return localGroups
	}
	return flagGroups
}

// commandNamed is a command directly below another one, or nil.
func commandNamed(parent *cobra.Command, name string) *cobra.Command {
	i := slices.IndexFunc(parent.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
	if i < 0 {
		return nil
	}
	return parent.Commands()[i]
}

func names(commands []*cobra.Command) []string {
	out := make([]string, len(commands))
	for i, c := range commands {
		out[i] = c.Name()
	}
	return out
}

// section writes the heading of a group and its entries, or nothing where all of them are empty.
func section(b *strings.Builder, g group, text func(name string) string) {
	empty := true
	for _, name := range g.names {
		entry := text(name)
		if entry == "" {
			continue
		}
		if empty {
			b.WriteString("\n" + g.title + ":\n")
			empty = false
		}
		b.WriteString(entry)
	}
}

// entry is a name with its text in a column of its own, or below the name where that is too long.
func entry(name string, column int, text string, width int) string {
	name = "  " + name
	if width < 2*column {
		return name + "\n" + wrapped(text, 6, 6, width)
	}
	text = wrapped(text, column, column, width)
	if gap := column - runewidth.StringWidth(name); gap > 1 {
		return name + strings.Repeat(" ", gap) + strings.TrimLeft(text, " ")
	}
	return name + "\n" + text
}

// flagText is the entry of a flag; nil, or one that is hidden, has none.
func flagText(f *pflag.Flag, width int) string {
	if f == nil || f.Hidden {
		return ""
	}
	name, usage := flagParts(f)
	return entry(name, helpColumn, usage, width)
}

// flagParts gives a flag as it is typed, with a name for its value, and what it does, with its default.
func flagParts(f *pflag.Flag) (name, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if value != "" {
		name += " " + value
	}
	if f.Value.Type() == "bool" && f.DefValue == "false" {
		return name, usage
	}
	switch def := strings.Trim(f.DefValue, "[]"); def {
	case "", "0", "0s":
	default:
		usage += " [default: " + def + "]"
	}
	return name, usage
}
