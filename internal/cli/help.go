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

// group is a heading of the help and the flags or commands below it.
type group struct {
	title string
	names []string
}

// commandGroups has every command once.
var commandGroups = []group{
	{"Run a job", []string{"run", "plan", "inspect", "clean", "build", "validate"}},
	{"Follow a job", []string{"status", "watch", "stop", "collect", "adopt"}},
	{"Use the results", []string{"export", "report", "history", "audit"}},
	{"Account and settings", []string{"setup", "preflight", "prices", "init", "config"}},
	{"This program", []string{"local", "completion", "version", "help"}},
}

// flagGroups has every flag once; localGroups has those of quarry local.
var flagGroups = []group{
	{"Sources", []string{"from", "field", "where", "query", "limit", "records", "known", "replace-source", "max-item-mib", "source-key-env"}},
	{"Texts", []string{
		"as", "body-format", "long", "max-chars", "max-text-tokens", "near-duplicates", "near-threshold", "reuse-near-duplicates",
	}},
	{"Model and prompt (prompt and schema: quarry.yaml)", []string{"model", "models", "structured", "attempts", "cache"}},
	{"Cost and time", []string{"mode", "max-usd", "by", "below-minimum", "rescue", "refresh-max", "prices", "yes"}},
	{"Pilot", []string{"pilot", "pilot-min-valid"}},
	{"Place", []string{
		"target", "region", "profile", "bucket", "bucket-owner", "role", "kms-key", "tag", "expire-days",
		"job-timeout", "vpc-subnets", "vpc-security-groups", "quotas",
	}},
	{"Stand-in (--target local)", []string{"backend", "backend-model", "backend-key-env", "backend-wait"}},
	{"Speed", []string{"concurrency", "workers"}},
	{"Output", []string{
		"dir", "keep-shards", "output", "format", "table", "force", "bom", "guard-formulas", "stats", "print", "no-descriptions",
	}},
	{"This command", []string{"watch", "run", "probe", "refresh", "from-url", "trust"}},
	everyCommand,
}

var localGroups = []group{
	{"Server", []string{"addr", "dir", "detach", "stop", "shell", "concurrency", "quotas"}},
	{"Answers", []string{"backend", "backend-model", "backend-key-env", "backend-wait"}},
	{"Access", []string{"keys", "tls-self-signed", "tls-cert", "tls-key"}},
	{"Tests of clients", []string{"state-delay", "fault", "events", "test", "test-clock"}},
	everyCommand,
}

var everyCommand = group{"Every command", []string{"config", "json", "quiet", "help"}}

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
	commands := commandGroups
	if cmd.HasParent() {
		commands = []group{{"Commands", names(cmd.Commands())}}
	}
	for _, g := range commands {
		section(&b, g, func(name string) string {
			i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == name })
			if i < 0 {
				return ""
			}
			return entry(name, 14, cmd.Commands()[i].Short, width)
		})
	}
	groups := flagGroups
	if cmd.Name() == "local" {
		groups = localGroups
	}
	for _, g := range groups {
		section(&b, g, func(name string) string { return flagText(cmd.Flag(name), width) })
	}
	return b.String()
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
	value, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if value != "" {
		name += " " + value
	}
	if f.Value.Type() == "bool" && f.DefValue == "false" {
		return entry(name, helpColumn, usage, width)
	}
	switch def := strings.Trim(f.DefValue, "[]"); def {
	case "", "0", "0s":
	default:
		usage += " [default: " + def + "]"
	}
	return entry(name, helpColumn, usage, width)
}
