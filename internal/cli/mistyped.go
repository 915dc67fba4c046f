package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quarry"
	"quarry/internal/base/nearest"
)

// notEmpty refuses a flag that is given and empty, where it is no setting: config judges those.
func notEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, setting := f.Value.(*rawFlag); !setting && f.Value.Type() == "string" && f.Value.String() == "" {
			err = &quarry.Error{
				Kind: quarry.BadUsage, Err: fmt.Errorf("--%s is empty: give a value or leave it out", f.Name),
				Hint: f.Name + ": " + strings.ReplaceAll(f.Usage, "`", ""),
			}
		}
	})
	return err
}

// badFlag says in plain words what is wrong with a flag's value.
func badFlag(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	want, known := map[string]string{
		"bool": "not true or false", "int": "not a whole number", "duration": "not a duration such as 90s or 5m",
	}[invalid.GetFlag().Value.Type()]
	if !known {
		return err
	}
	return fmt.Errorf("flag --%s: %q is %s", invalid.GetFlag().Name, invalid.GetValue(), want)
}

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

// unknownCommand says which command was probably meant, or that a command takes no arguments: cobra takes one for a command.
func unknownCommand(root *cobra.Command, args []string, err error) error {
	cmd, rest, notFound := root.Find(args)
	if notFound != nil {
		cmd, rest = root, args
	}
	if cmd.HasSubCommands() {
		return &quarry.Error{Kind: quarry.BadUsage, Err: err, Hint: commandHint(cmd, rest)}
	}
	for _, arg := range rest {
		if !strings.HasPrefix(arg, "-") {
			err = fmt.Errorf("it takes no arguments, and got %q", arg)
			break
		}
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: strings.TrimPrefix(cmd.CommandPath(), "quarry "), Err: err, Hint: "see: " + cmd.CommandPath() + " --help",
	}
}

// commandHint is the way out of a command that is unknown: the one that was probably meant.
func commandHint(parent *cobra.Command, args []string) string {
	see := "see: " + parent.CommandPath() + " --help"
	i := slices.IndexFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if i < 0 {
		return see
	}
	var names []string
	for _, c := range parent.Commands() {
		names = append(names, c.Name())
	}
	if near := nearest.Of(args[i], names); near != "" {
		return "did you mean: " + parent.CommandPath() + " " + near + "? " + see
	}
	return see
}
