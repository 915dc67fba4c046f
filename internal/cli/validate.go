package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
	"quarry/internal/config"
	"quarry/internal/prepare/validate"
)

func (a *App) validateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate FILE…",
		Short: "Check batch input files against format, quotas and model",
		Long: `Validate checks the input files of one job, whether Quarry or another program wrote them: strict
JSON, recordIds that are unique over all files, modelInput as the model's family expects it, and
sizes and counts against the limits. It prints each fault on stderr as FILE:LINE: reason, in the
order of files and lines. If there are more than 196,608 recordIds, duplicates of the others are
listed after the last file.

Exit codes: 0 done · 2 usage · 3 a fault was found · 130 interrupted`,
		Example: `  quarry validate batch/*.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.validate(cmd.Context(), &s.Settings, args)
		},
	}
	bind(cmd, "model", "region", "workers")
	return cmd
}

func (a *App) validate(ctx context.Context, s *config.Settings, files []string) error {
	m, profile, known := catalog.Find(s.Model)
	if !known {
		text := "warning: the model table does not list " + s.Model + ": its limits are not checked, and its bodies only for what all models have in common"
		if near := catalog.Suggest(s.Model); len(near) > 0 {
			text += "; did you mean " + strings.Join(near, " or ") + "?"
		}
		a.say("%s", text)
	}
	faults := []validate.Fault{}
	report, err := validate.Files(ctx, validate.Config{
		Quotas: m.Quotas(profile), Model: s.Model, Workers: s.Workers, Sorter: idSorter,
		Found: func(f validate.Fault) {
			fmt.Fprintln(a.Stderr, plain(f.String()))
			if a.json && len(faults) < maxNamed {
				faults = append(faults, f)
			}
		},
	}, files)
	if err != nil {
		return err
	}
	if a.json {
		err = a.writeJSON(struct {
			validate.Report
			Found []validate.Fault `json:"found"`
		}{report, faults})
	} else {
		err = a.printLimits(&report)
	}
	if err != nil {
		return err
	}
	if report.Faults > 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Err: fmt.Errorf("%s", figure.Count(report.Faults, "fault")), Hint: "each is named above with its file and line",
		}
	}
	return nil
}

func (a *App) printLimits(report *validate.Report) error {
	w := tabwriter.NewWriter(a.Stdout, 2, 8, 2, ' ', 0)
	for _, l := range report.Limits {
		limit, ok := "limit not known", "ok"
		if l.Max != nil {
			limit = "at most " + figure.Thousands(*l.Max)
		}
		if l.Min != nil {
			limit = "at least " + figure.Thousands(*l.Min) + ", " + limit
		}
		if !l.OK {
			ok = "FAULT"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", plain(l.What), figure.Thousands(l.Is), limit, ok)
	}
	return w.Flush()
}
