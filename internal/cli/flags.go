package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quarry"
	"quarry/internal/config"
)

// bind adds the named settings to a command as flags.
func bind(cmd *cobra.Command, names ...string) {
	for _, s := range config.All() {
		for _, name := range names {
			if s.Name != name {
				continue
			}
			flag := &rawFlag{name: s.Value, many: s.Many, isBool: s.Bool}
			if s.Default != "" && s.Default != "false" {
				flag.shown = s.Default
			}
			f := cmd.Flags().VarPF(flag, s.Name, "", s.Help)
			if s.Bool {
				f.NoOptDefVal = "true"
				continue
			}
			complete(cmd, s.Name, offered(&s))
		}
	}
}

// rawFlag keeps what was typed: config gives it its meaning, as it does for the environment and the file.
type rawFlag struct {
	values       []string
	name         string // of a value, in the help
	shown        string // the default, in the help
	many, isBool bool
}

func (f *rawFlag) String() string { return f.shown }

func (f *rawFlag) Type() string {
	if f.isBool {
		return "bool"
	}
	return f.name
}

func (f *rawFlag) Set(v string) error {
	if !f.many {
		f.values = nil
	}
	f.values = append(f.values, v)
	return nil
}

// settings loads the effective settings of a command.
func (a *App) settings(cmd *cobra.Command) (*config.Loaded, error) {
	given := map[string][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if raw, ok := f.Value.(*rawFlag); ok {
			given[f.Name] = raw.values
		}
	})
	l, err := config.Load(config.Input{File: a.file, Flags: given, Env: a.Env})
	if err != nil || cmd.Name() == "config" { // which shows what a file would set
		return l, err
	}
	if err := a.confirmFile(cmd, l); err != nil {
		return nil, err
	}
	return l, ledgerOf(cmd, l)
}

// fromEnvironment takes the flags that every command has from the environment, where they were not typed.
func (a *App) fromEnvironment(cmd *cobra.Command) error {
	for _, name := range []string{"json", "quiet", "config"} {
		f := cmd.Flags().Lookup(name)
		env := "QUARRY_" + strings.ToUpper(name)
		value, set := a.Env(env)
		if f == nil || f.Changed || !set || value == "" {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			if f.Value.Type() == "bool" {
				err = fmt.Errorf("%q is not true or false", value)
			}
			return &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: env, Err: err, Hint: name + ": " + strings.ReplaceAll(f.Usage, "`", "")}
		}
	}
	return nil
}
