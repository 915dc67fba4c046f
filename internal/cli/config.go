package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"quarry/internal/config"
	"quarry/internal/config/trust"
)

func (a *App) configCommand() *cobra.Command {
	var trusted bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective settings and the origin of each value",
		Long: `Config prints every setting, its value and where the value comes from. Settings without a flag in
other commands (such as models, quotas and structured) are set in quarry.yaml or by a variable, such
as QUARRY_MODELS.

A quarry.yaml in the current folder is read automatically. Its fields, prompt, model and lower caps
take effect at once. A setting that names a destination, an account, a command, a variable or a
consent takes effect only if you name the file with -c or confirm it, at a question or with --trust.
The confirmation holds for this path and this content; it is kept in quarry/trusted.json in your
configuration directory. With --target aws --yes, the same holds for settings that change the cost.

Exit codes: 0 done · 2 usage`,
		Example: `  quarry config
  quarry config --trust`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if trusted {
				return a.trustFile(a.file)
			}
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			a.noteUnconfirmed(s)
			a.parts().SayMisspelled([]byte(s.Prompt.Schema), s.Prompt.SchemaAt)
			a.fillPrompt(&s.Settings)
			if a.json {
				return a.writeJSON(map[string]any{"settings": s.Values(), "origin": s.Origins(), "file": s.File})
			}
			text, err := s.Print()
			if err != nil {
				return err
			}
			fmt.Fprint(a.Stdout, text)
			return nil
		},
	}
	var names []string
	for _, s := range config.All() {
		names = append(names, s.Name)
	}
	bind(cmd, names...)
	cmd.Flags().BoolVar(&trusted, "trust", false, "confirm quarry.yaml, or the file given with -c, as it is now")
	return cmd
}

// noteUnconfirmed says which of the settings that are shown wait for a confirmation.
func (a *App) noteUnconfirmed(l *config.Loaded) {
	if l.Unasked == nil || len(l.Unasked.Needs) == 0 {
		return
	}
	place, digest, err := identity(l.Unasked)
	if err != nil {
		return
	}
	if store, err := trust.Default(); err == nil && store.Has(place, digest) {
		return
	}
	for _, n := range l.InForce(l.Unasked.Needs) {
		a.say("%s: %s takes effect only with -c %s, or after quarry config --trust", n.At, strings.ReplaceAll(n.Name, "-", "_"), l.Unasked.Path)
	}
}

// fillPrompt writes the defaults of the prompt into the settings, so that they can be looked at. Settings that fit no
// prompt stay as they are: the command that uses them says why.
func (a *App) fillPrompt(s *config.Settings) {
	req, err := a.parts().Request(s)
	if err != nil {
		return
	}
	p := req.Prompt.Effective()
	s.Prompt.System, s.Prompt.User, s.Prompt.InvocationType, s.Prompt.MaxTokens = p.System, p.User, string(p.Type), p.MaxTokens
	s.Prompt.Temperature, s.Prompt.Schema = p.Temperature, config.Schema(p.Schema)
}
