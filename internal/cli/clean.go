package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/outfile"
	"quarry/internal/compose"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/source"
)

func (a *App) cleanCommand() *cobra.Command {
	var stats bool
	cmd := &cobra.Command{
		Use:   "clean SOURCE…",
		Short: "Print cleaned documents as JSONL: id, title, text, url, lang",
		Long: `Clean prints the text of each document as the model would get it: without markup, code blocks,
image links and hidden text, as JSONL on stdout. For each item that is left out, it prints
FILE:LINE: reason on stderr. --stats adds what was removed from each document.

Exit codes: 0 done · 2 usage · 3 an item could not be read · 4 denied and 6 provider, for a source
on the network · 130 interrupted`,
		Example: `  quarry clean articles.jsonl --limit 5
  quarry clean export.xml --stats > cleaned.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.clean(cmd.Context(), cmd, args, stats)
		},
	}
	bind(cmd, append([]string{"target", "region", "profile"}, requestFlags...)...)
	cmd.Flags().BoolVar(&stats, "stats", false, "add what was removed from each document")
	return cmd
}

func (a *App) clean(ctx context.Context, cmd *cobra.Command, args []string, stats bool) error {
	s, err := a.settings(cmd)
	if err != nil {
		return err
	}
	cfg, err := compose.CleanConfig(&s.Settings)
	if err != nil {
		return compose.BadSetting("clean", err)
	}
	if len(args) == 0 {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "clean", Err: errors.New("no source named"), Hint: "name a file or folder: quarry clean articles.jsonl",
		}
	}
	sources, err := a.parts().OpenSources(ctx, &s.Settings, args, false)
	if err != nil {
		return err
	}
	if err := a.parts().CheckFields(ctx, &s.Settings, args); err != nil {
		return err
	}
	if err := a.notItsInput(args); err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.Stdout, 256<<10)
	lines := a.newCleaning(out, clean.New(cfg), stats, s.Limit)
	for _, src := range sources {
		if err := lines.source(ctx, src); err != nil {
			return err
		}
	}
	if lines.documents == 0 && lines.leftOut == 0 {
		if err := a.parts().NoDocuments(ctx, &s.Settings, args); err != nil {
			return err
		}
	}
	if rest := lines.notices.Rest(); rest != "" {
		fmt.Fprintln(a.Stderr, rest)
	}
	for _, src := range sources {
		for _, line := range source.Notes(src) {
			fmt.Fprintln(a.Stderr, plain(line))
		}
	}
	if err := out.Flush(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("write to stdout: %w", err)
	}
	if n := lines.leftOut; n > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Err: fmt.Errorf("%s could not be read", figure.Count(n, "item")),
			Hint: "each is named above with its file and line",
		}
	}
	return nil
}

// notItsInput refuses a standard output that is one of the sources: what is written would be read.
func (a *App) notItsInput(args []string) error {
	target, err := outfile.Find("-", a.Stdout)
	if err != nil {
		return err
	}
	guard := outfile.Guard{}
	for _, arg := range args {
		if path, ok := outfile.LocalPath(arg); ok {
			guard.Inputs = append(guard.Inputs, outfile.Input{What: "a source", Path: path})
		}
	}
	if guard.Check(target) != nil {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "write", Subject: "standard output", Err: errors.New("it is a source, or a file in a folder that is one"),
			Hint: "send standard output to a file outside the sources",
		}
	}
	return nil
}
