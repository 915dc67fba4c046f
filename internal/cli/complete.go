package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry/internal/base/catalog"
	"quarry/internal/config"
	"quarry/internal/prepare/source"
)

// complete lets a shell offer what can follow a flag.
func complete(cmd *cobra.Command, flag string, offer cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic(fmt.Sprintf("%s: %v", cmd.Name(), err)) // the flag is not there, or has been completed before: seen by every test
	}
}

// offered is what a shell offers for a setting.
func offered(s *config.Setting) cobra.CompletionFunc {
	switch {
	case len(s.Choices) > 0:
		return words(s.Choices...)
	case s.Name == "model":
		return modelIDs
	case s.Name == "from":
		return words(source.Kinds()...)
	case s.Name == "dir":
		return folders
	}
	return cobra.NoFileCompletions
}

// words offers fixed values. Where one ends in = the shell sets no space after it: a value is to follow.
func words(values ...string) cobra.CompletionFunc {
	directive := cobra.ShellCompDirectiveNoFileComp
	if slices.ContainsFunc(values, func(v string) bool { return strings.HasSuffix(v, "=") }) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return values, directive }
}

func files(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// modelIDs offers the models of the table that batch inference takes, by themselves and by their inference profiles.
func modelIDs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, m := range catalog.Models() {
		if !m.Batch || m.Embedding {
			continue
		}
		for _, profile := range []string{"", "us.", "eu.", "apac.", "jp.", "au.", "us-gov.", "global."} {
			if m.HasProfile(strings.TrimSuffix(profile, ".")) {
				ids = append(ids, profile+m.ID+"\t"+m.Name)
			}
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// faultWords offers the next fault of a list: lost-reply=0.1,par…
func faultWords(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	var out []string
	for name := range strings.SplitSeq(faultNames, ", ") {
		name, _, _ = strings.Cut(name, "=")
		out = append(out, before+name+"=")
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
