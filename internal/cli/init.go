package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/outfile"
	"quarry/internal/config"
	"quarry/internal/config/trust"
	"quarry/internal/prepare/prompt"
)

func (a *App) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a commented quarry.yaml into this folder",
		Long: `Init writes quarry.yaml with every setting, its default and its meaning. It overwrites no existing
file.

Exit codes: 0 done · 2 usage`,
		Example: `  quarry init`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path := config.DefaultFile
			if a.file != "" {
				path = a.file
			}
			err := outfile.WriteNew(effect.New(nil), path, []byte(sampleConfig()))
			if errors.Is(err, fs.ErrExist) {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "write", Subject: path, Err: errors.New("it already exists"),
					Hint: "remove it first, or name another file with -c",
				}
			}
			if err != nil {
				return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: path, Err: err, Hint: "change to a folder that you can write to"}
			}
			if place, err := trust.Place(path); err == nil { // what we wrote ourselves needs no confirmation
				store, err := trust.Default()
				if err == nil {
					err = store.Add(effect.New(nil), place, trust.Digest([]byte(sampleConfig())))
				}
				if err != nil {
					a.say("%s is not marked as trusted: %v", path, err)
				}
			}
			a.say("wrote %s; every line in it is a default", path)
			if a.json {
				return a.writeJSON(map[string]string{"file": path})
			}
			return nil
		},
	}
}

// sampleConfig is quarry.yaml with every setting commented out, so that a default that changes later reaches its users.
func sampleConfig() string {
	var b strings.Builder
	b.WriteString("# Settings of Quarry. Flags and QUARRY_… variables take precedence over this file.\n" +
		"# Remove the # from each line that you want to set.\n\n")
	for _, s := range config.All() {
		value := s.Default
		if value != "" {
			value = " " + value
		}
		fmt.Fprintf(&b, "# %s\n#%s:%s\n\n", s.Help, s.Key(), value)
	}
	b.WriteString("# The prompt. system and user are Go text/templates; {{.Title}} {{.Text}} {{.ID}} {{.URL}} {{.Lang}} {{.Fields.name}}.\n#prompt:\n")
	for _, part := range []struct{ name, text string }{
		{"system: |-", prompt.DefaultSystem}, {"user: |-", prompt.DefaultUser}, {"schema:", prompt.DefaultSchema},
	} {
		fmt.Fprintf(&b, "#  %s\n", part.name)
		for line := range strings.Lines(part.text) {
			b.WriteString(strings.TrimRight("#    "+line, " \n") + "\n")
		}
	}
	b.WriteString("#  # With long: merge, the prompt for a part (the default: these words and user), and for the answers to all parts.\n")
	for _, part := range []struct{ name, text string }{
		{"part_user: |-", prompt.DefaultPart + prompt.DefaultUser}, {"merge_user: |-", prompt.DefaultMerge},
	} {
		fmt.Fprintf(&b, "#  %s\n", part.name)
		for line := range strings.Lines(part.text) {
			b.WriteString(strings.TrimRight("#    "+line, " \n") + "\n")
		}
	}
	b.WriteString(`#  invocation_type: InvokeModel   # or Converse; the default fits the model
#  max_tokens: 4096
#  temperature: 0.1
#  free_text: false               # true: the answer is text, without a schema

# What is removed from a text: docs/cleaning.md has all rules.
#clean:
#  code: drop                     # or head, keep
#  code_lines: 5
#  alt_text: false
`)
	return b.String()
}
