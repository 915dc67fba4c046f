package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/clean"
	"quarry/internal/compose"
	"quarry/internal/figure"
	"quarry/internal/outfile"
	"quarry/internal/source"
)

// cleanLine is one line of `quarry clean`.
type cleanLine struct {
	ID    quarry.DocumentID `json:"id"`
	Title string            `json:"title,omitempty"`
	Text  string            `json:"text"`
	URL   string            `json:"url,omitempty"`
	Lang  string            `json:"lang,omitempty"`
	Stats *cleanStats       `json:"stats,omitempty"`
}

// cleanStats says what was cut from a document.
type cleanStats struct {
	Mode        string             `json:"mode"`
	SourceBytes int64              `json:"source_bytes"`
	TextBytes   int64              `json:"text_bytes"`
	FullChars   int64              `json:"full_chars"`
	Cut         bool               `json:"cut"`
	Parts       int                `json:"parts,omitempty"` // in which it would be asked
	Dropped     clean.Counts       `json:"dropped"`
	Classes     quarry.CharClasses `json:"classes"`
}

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
	bind(cmd, append([]string{"target", "region", "profile"}, asks...)...)
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
		return &quarry.Error{Kind: quarry.BadUsage, Op: "clean", Err: errors.New("no source named"), Hint: "name a file or folder: quarry clean articles.jsonl"}
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
	cleaner := clean.New(cfg)
	out := bufio.NewWriterSize(a.Stdout, 256<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	var left, n int64
	var notices clean.Notices
	seen := map[quarry.DocumentID]bool{}
	for _, src := range sources {
		for block, err := range src.Blocks(ctx, quarry.Position{}) {
			if err != nil {
				return err
			}
			for doc, err := range block.Documents {
				if s.Limit > 0 && n >= s.Limit {
					return a.cleaned(out, left)
				}
				var item *quarry.ItemError
				if err == nil && seen[doc.ID] {
					err = &quarry.ItemError{At: doc.At, ID: doc.ID, Reason: fmt.Sprintf("duplicate id %q", doc.ID)}
				}
				if err == nil {
					seen[doc.ID] = true
					n++
					err = a.cleanOne(enc, cleaner, &doc, stats, &notices)
				}
				switch {
				case errors.As(err, &item):
					left++
					fmt.Fprintln(a.Stderr, plain(item.Error()))
				case err != nil:
					return err
				}
			}
		}
	}
	if n == 0 && left == 0 {
		if err := a.parts().NoDocuments(ctx, &s.Settings, args); err != nil {
			return err
		}
	}
	if rest := notices.Rest(); rest != "" {
		fmt.Fprintln(a.Stderr, rest)
	}
	for _, src := range sources {
		for _, line := range source.Notes(src) {
			fmt.Fprintln(a.Stderr, plain(line))
		}
	}
	return a.cleaned(out, left)
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
		return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: "standard output", Err: errors.New("it is a source, or a file in a folder that is one"), Hint: "send standard output to another file, outside of the sources"}
	}
	return nil
}

func (a *App) cleanOne(enc *json.Encoder, cleaner *clean.Cleaner, doc *quarry.Document, stats bool, notices *clean.Notices) error {
	text, err := cleaner.Clean(doc)
	if err != nil {
		return &quarry.ItemError{At: doc.At, ID: doc.ID, Reason: err.Error()}
	}
	if len(text.Text) == 0 {
		fmt.Fprintln(a.Stderr, plain(doc.At.String()+": "+string(doc.ID)+": "+clean.NothingLeft(text.Notice)))
		if !stats {
			return nil
		}
	} else if notices.Add(text.Notice) {
		fmt.Fprintln(a.Stderr, plain(doc.At.String()+": "+string(doc.ID)+": "+text.Notice))
	}
	text.Describe(doc)
	line := cleanLine{ID: doc.ID, Title: doc.Title, Text: string(text.Text), URL: doc.URL, Lang: doc.Lang}
	if stats {
		line.Stats = &cleanStats{
			Mode: text.Mode, SourceBytes: text.SourceBytes, TextBytes: int64(len(text.Text)), FullChars: text.FullChars, Cut: text.Cut, Parts: len(text.Parts),
			Dropped: text.Dropped, Classes: text.Classes,
		}
	}
	return enc.Encode(&line)
}

func (a *App) cleaned(out *bufio.Writer, left int64) error {
	if err := out.Flush(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("write to stdout: %w", err)
	}
	if left > 0 {
		return &quarry.Error{Kind: quarry.BadItems, Err: fmt.Errorf("%s could not be read", figure.Count(left, "item")), Hint: "each is named above with its file and line"}
	}
	return nil
}
