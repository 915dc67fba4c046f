package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/audit"
	"quarry/internal/outcome/review"
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

With --ledger, audit copies the files of the run from its bucket first. It does not read the sources
then: their names come from the ledger, and are those of the machines that read them.

Exit codes: 0 done · 2 usage · 4 denied · 6 provider or database · 8 audit found a fault · 130 interrupted`,
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
	bindLedger(cmd)
	cmd.Flags().BoolVar(&records, "records", false, "the sources are ready Bedrock JSONL records")
	return cmd
}

func (a *App) audit(ctx context.Context, s *config.Loaded, records bool) (err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	if err := a.share(ctx, &s.Settings, func(string) bool { return true }, &open); err != nil {
		return err
	}
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
	if a.shared != nil {
		if err := a.shared.Remarks(nil).Update(ctx, review.OverridesFile); err != nil {
			return err
		}
		cfg.Unread = "with --ledger they are not read again"
	} else if err := a.auditSources(ctx, &cfg, &head, s, records); err != nil {
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
	a.printAudit(&out, a.place(s.Dir))
	if out.Clean() {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.AuditFault, Op: "audit", Subject: a.place(s.Dir), Err: errors.New("the audit found faults; each is named above"),
		Hint: "do not change the directory; `quarry audit --json` names every document",
	}
}
