package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quarry/internal/nearest"
)

// flagHint is the way out of flags that cannot be read: the flag that was probably meant, or the commands that have it.
func flagHint(cmd *cobra.Command, err error) string {
	see := "see: " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || len(unknown.GetSpecifiedName()) < 2 {
		return see
	}
	name := unknown.GetSpecifiedName()
	var own, others []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { own = append(own, f.Name) })
	if near := nearest.Of(name, own); near != "" {
		return "did you mean --" + near + "? " + see
	}
	for _, c := range cmd.Root().Commands() {
		if c.Name() != "config" && c.Flags().Lookup(name) != nil { // which takes every setting
			others = append(others, c.CommandPath())
		}
	}
	if len(others) > 0 {
		return "--" + name + " is a flag of: " + strings.Join(others, ", ") + "; " + see
	}
	return see
}

// commandHint is the way out of a command that is unknown: the one that was probably meant.
func commandHint(root *cobra.Command, args []string) string {
	const see = "see: quarry --help"
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		var names []string
		for _, c := range root.Commands() {
			names = append(names, c.Name())
		}
		if near := nearest.Of(arg, names); near != "" {
			return "did you mean: quarry " + near + "? " + see
		}
		return see
	}
	return see
}
