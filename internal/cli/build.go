package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/run/forecast"
	"quarry/internal/run/offline"
)

func (a *App) buildCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "build SOURCE… -o DIR",
		Short: "Write batch input files and shards.json; no network",
		Long: `Build reads, cleans and renders the sources into Bedrock batch input files (*.jsonl) that fit the
quotas of the model, and writes shards.json, which lists their contents. DIR must be new or hold
the output of the same build, which is replaced. If DIR holds anything else, build names it and
stops.

Exit codes: 0 done · 2 usage · 3 an item could not be read · 4 denied and 6 provider, for a source
on the network · 130 interrupted`,
		Example: `  quarry build articles.jsonl -o batch`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if out == "" {
				return &quarry.Error{
					Kind: quarry.BadUsage, Op: "build", Err: errors.New("no output directory named"), Hint: "quarry build SOURCE -o DIR",
				}
			}
			return a.build(cmd.Context(), &s.Settings, args, out)
		},
	}
	bind(cmd, slices.Concat([]string{"target", "region", "profile"}, nearFlags, requestFlags)...)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`DIR` that the files are written into")
	return cmd
}

func (a *App) build(ctx context.Context, s *config.Settings, args []string, out string) (err error) {
	if s.Structured == "auto" {
		s.Structured = "off" // no pilot decides here, and every model takes a request without a schema
	}
	show := a.newProgress(ctx, s)
	defer show.close()
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	a.output = out
	cfg, err := a.parts().Offline(ctx, s, args, "", forecast.Window{}, &open, show.event)
	if err != nil {
		return err
	}
	built, err := offline.Build(ctx, cfg, out)
	show.close()
	if err != nil {
		return a.whyNone(ctx, s, args, err)
	}
	if a.json {
		if err := a.writeJSON(built); err != nil {
			return err
		}
	}
	a.say("%s in %s, %s MiB, in %s", figure.Count(built.Records, "record"), figure.Count(len(built.Shards), "file"), mib(built.Bytes), out)
	if p := &built.Planned; built.SecondStage > 0 {
		a.say("%s longer than the limit and split into %s; quarry run makes the second stage, %s that merge the answers, from those answers",
			figure.Clause(p.Long, "document", "is", "are"), figure.Count(p.Parts, "part"), figure.Count(built.SecondStage, "record"))
	}
	if built.Records < built.Quotas.MinRecords {
		a.say("that is below the minimum of %s of a batch job", figure.Count(built.Quotas.MinRecords, "record"))
	}
	return built.Planned.Err()
}
