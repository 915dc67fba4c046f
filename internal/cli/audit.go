package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/audit"
	"quarry/internal/outcome/report"
)

func (a *App) auditCommand() *cobra.Command {
	var records bool
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that each document was answered once and paid for once",
		Long: `Audit reads the raw output of all jobs, the journals, the index, the results and the ids in the
sources again, with code of its own, and names every document on which they disagree. It changes
nothing and can run while another process works on the run; what is not written yet is not counted
as missing.

Audit reads the sources with the settings of this command. If the run used its own settings
(--field, --from, --where, --limit, --model, -c FILE), give audit the same ones. Otherwise missing or
extra documents are reported but not counted as faults.

Exit codes: 0 done · 2 usage · 8 audit found a fault · 130 interrupted`,
		Example: `  quarry audit --dir quarry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			return a.audit(cmd.Context(), s, records)
		},
	}
	bind(cmd, append([]string{"dir", "target", "mode", "region", "profile"}, requestFlags...)...)
	cmd.Flags().BoolVar(&records, "records", false, "the sources are ready Bedrock JSONL records")
	return cmd
}

func (a *App) audit(ctx context.Context, s *config.Loaded, records bool) error {
	l, err := a.openLedger(ctx, s.Dir)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return compose.BadSetting("dir", err)
	}
	cfg, head, err := compose.Audit(ctx, dir, l)
	if err != nil {
		return err
	}
	if err := a.auditSources(ctx, &cfg, &head, s, records); err != nil {
		return err
	}
	out, err := audit.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.writeJSON(&out); err != nil {
			return err
		}
	}
	a.printAudit(&out, s.Dir)
	if out.Clean() {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.AuditFault, Op: "audit", Subject: s.Dir, Err: errors.New("the audit found faults; each is named above"),
		Hint: "do not change the directory; `quarry audit --json` names every document",
	}
}

// printAudit is the proof for people: what was looked at, and what was found.
func (a *App) printAudit(r *audit.Report, dir string) {
	say := func(format string, args ...any) { fmt.Fprintln(a.Stdout, plain(fmt.Sprintf(format, args...))) }
	if a.json {
		say = a.say
	}
	row := func(name, format string, args ...any) { say("  %-10s %s", name, fmt.Sprintf(format, args...)) }
	c := &r.Checked
	state := ""
	if !r.Ended {
		state = ", which is not finished"
	}
	say("audit of run %s in %s%s", r.Run, dir, state)
	if r.Ended {
		row("documents", "%s planned; results.jsonl has %s: %s ok, %s invalid, %s failed, %s skipped", figure.Thousands(r.Documents), figure.Thousands(c.ResultLines),
			figure.Thousands(c.OK), figure.Thousands(c.Invalid), figure.Thousands(c.Failed), figure.Thousands(c.Skipped))
	}
	if c.SourcesRead {
		row("sources", "read again: %s", figure.Count(c.SourceIDs, "id"))
	}
	shards := fmt.Sprintf("%s in %s", figure.Count(c.Records, "record"), figure.Count(c.Shards, "shard"))
	if c.Underway > 0 {
		shards += fmt.Sprintf("; %s under way and not checked", figure.Clause(c.Underway, "shard", "is", "are"))
	}
	row("records", "%s", shards)
	row("raw output", "%s read again; %s the journals and results",
		figure.Count(c.RawLines, "line"), figure.Clause(c.Answers, "answer", "matches", "match"))
	if c.Earlier > 0 {
		row("earlier", "%s taken over from earlier passes, and match their journals", figure.Clause(c.Earlier, "result", "was", "were"))
	}
	if c.Calls > 0 {
		row("calls", "%s, each recorded before it was made", figure.Count(c.Calls, "on-demand call"))
	}
	if c.InputFiles > 0 {
		row("input", "%s unchanged since they were built", figure.Clause(c.InputFiles, "input file", "is", "are"))
	}
	row("tokens", "%s in the raw answers", tokensText(&report.Tokens{Input: c.InputTokens, Output: c.OutputTokens, Unknown: c.Unknown}))
	for _, d := range shorten(r.Differs) {
		row("note", "%s", d)
	}
	for _, f := range shorten(r.Faults) {
		row("FAULT", "%s", f)
	}
	var found []string
	for _, f := range r.Found {
		found = append(found, fmt.Sprintf("%s: %s: %s", strings.ReplaceAll(f.List, "_", " "), f.ID, f.What))
	}
	for _, f := range shorten(found) {
		row("FOUND", "%s", f)
	}
	row("found", "missing %d · answered twice %d · paid twice %d · maybe paid twice %d · altered %d · other faults %d", len(r.Missing), len(r.AnsweredTwice),
		len(r.PaidTwice), len(r.MaybePaidTwice), len(r.Altered), len(r.Faults))
}

// shorten keeps lists readable: the first lines, and how many more there are.
func shorten(texts []string) []string {
	const shown = 20
	if len(texts) <= shown {
		return texts
	}
	return append(slices.Clone(texts[:shown]), fmt.Sprintf("and %d more: --json has them", len(texts)-shown))
}
