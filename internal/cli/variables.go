package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/nearest"
	"quarry/internal/config"
)

// ownVariables are names of ours next to the settings: of flags that every command has, and of the folder of the tests' data.
var ownVariables = []string{"QUARRY_JSON", "QUARRY_QUIET", "QUARRY_CONFIG", "QUARRY_DATA"}

const prefix = "QUARRY_"

// knownVariables refuses a variable whose name begins as ours do and is none: a cap that is misspelled is no cap. A variable
// that holds a secret may have any name, since a setting names it.
func (a *App) knownVariables(cmd *cobra.Command) error {
	if readsNothing(cmd) {
		return nil
	}
	names := slices.Clone(ownVariables)
	for _, s := range config.All() {
		names = append(names, s.Env())
	}
	bare := make([]string, len(names)) // the common beginning makes all of them alike
	for i, name := range names {
		bare[i] = strings.TrimPrefix(name, prefix)
	}
	for _, pair := range a.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || value == "" || slices.Contains(names, name) {
			continue
		}
		near := nearest.Of(strings.TrimPrefix(name, prefix), bare)
		if a.namesSecret(cmd, name) || near == "" && secretName(name) {
			continue
		}
		hint := "unset it; quarry config lists the settings, each of which has a variable"
		if near != "" {
			hint = "did you mean " + prefix + near + "? Otherwise unset it"
		}
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: name, Err: errors.New("there is no setting with this name"), Hint: hint}
	}
	return nil
}

// readsNothing reports whether a command is about this program alone: no setting matters to it.
func readsNothing(cmd *cobra.Command) bool {
	switch cmd.Name() {
	case "version", "help", "init", "__complete", "__completeNoDesc":
		return true
	}
	return cmd.HasParent() && cmd.Parent().Name() == "completion"
}

// namesSecret reports whether a flag or a variable of the command says that a variable holds a secret.
func (a *App) namesSecret(cmd *cobra.Command, name string) bool {
	for _, s := range config.All() {
		if !strings.HasSuffix(s.Name, "-key-env") {
			continue
		}
		if v, ok := a.Env(s.Env()); ok && v == name {
			return true
		}
		f := cmd.Flags().Lookup(s.Name)
		if f == nil {
			continue
		}
		if raw, ok := f.Value.(*rawFlag); ok && slices.Contains(raw.values, name) || !ok && f.Value.String() == name {
			return true
		}
	}
	return false
}

// secretName reports whether a name is one that people give to secrets.
func secretName(name string) bool {
	for _, end := range []string{"_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_PASS", "_LOGIN"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
