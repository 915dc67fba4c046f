package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
	"quarry/internal/ui/web"
)

func (a *App) uiCommand() *cobra.Command {
	var cfg web.Config
	var ready bool
	var allow []string
	var to publishOptions
	cmd := &cobra.Command{
		Use:   "ui [DIR…]",
		Short: "Show runs in a browser: state, records, review of the answers",
		Long: `Ui serves pages about runs until Ctrl-C and prints the address to open. DIR is a run directory or a
folder that holds run directories, two levels deep; the default is the current folder. A run can be
under way. The pages change nothing unless --allow names it. For the search they keep an index in the
run directory (ui.db), which may be removed.

The texts of the documents are read again from the sources. Give the flags and the quarry.yaml of the
run: with other settings, or if an article has changed, a page says that the text is not kept.

With --ledger, the pages show the runs of a ledger in Postgres, in addition to those of each DIR that is
named. They keep copies of the files in a temporary folder, and do not read the sources again, whose
names come from the ledger.

With --to and --map, as those of quarry publish, a page shows what publish would write, and writes it
with --allow publish.

The address has a token, which the browser exchanges for a cookie; without it, nothing is shown. The
token is valid until the command ends. An address that is not loopback needs TLS (--tls-cert and
--tls-key), or --behind-proxy if a proxy on the way has TLS and passes the requests on.

Exit codes: 0 stopped by Ctrl-C · 2 usage · 4 denied · 6 database`,
		Example: `  quarry ui
  quarry ui projects/blog archive --addr 127.0.0.1:8080 --allow approve,edit
  quarry ui --ledger postgres://quarry@db/quarry --allow approve`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if cfg.Allow, err = allowed(allow); err != nil {
				return err
			}
			cfg.Open = func(ctx context.Context, dir string, pass int) (*records.Store, error) {
				return a.openRecords(ctx, &s.Settings, dir, pass, ready)
			}
			if cfg.Target = to.to.Target; cfg.Target != "" {
				cfg.Publish = func(ctx context.Context, dir, agreed string) (*view.Published, error) {
					return a.publishFromPage(ctx, s.Settings, &to, dir, agreed)
				}
			}
			return a.ui(cmd.Context(), &s.Settings, &cfg, args)
		},
	}
	bind(cmd, append([]string{"ledger", "target", "region", "profile", "prices"}, requestFlags...)...)
	f := cmd.Flags()
	f.BoolVar(&ready, "records", false, "the sources are ready Bedrock JSONL records")
	to.bindTarget(cmd)
	f.StringVar(&cfg.Addr, "addr", "127.0.0.1:0", "`HOST:PORT` to listen on; port 0 takes any free one")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "serve HTTPS with the certificate in `FILE` (PEM, with its chain)")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "`FILE` with the key of the certificate (PEM)")
	f.BoolVar(&cfg.BehindProxy, "behind-proxy", false, "a proxy with TLS passes the requests on: accept any host name")
	f.StringSliceVar(&allow, "allow", nil, "what the pages may change, as `WORDS` with commas: approve (and stop), edit (marks, corrected answers), publish")
	complete(cmd, "allow", words("approve", "edit", "publish", "approve,edit,publish"))
	complete(cmd, "addr", cobra.NoFileCompletions)
	complete(cmd, "tls-cert", files("pem", "crt"))
	complete(cmd, "tls-key", files("pem", "key"))
	cmd.ValidArgsFunction = folders
	return cmd
}

func (a *App) ui(ctx context.Context, s *config.Settings, cfg *web.Config, dirs []string) (err error) {
	prices, err := compose.Prices(s)
	if err != nil {
		return err
	}
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	runs, err := a.openLedgerRuns(ctx, s, &open)
	if err != nil {
		return err
	}
	if len(dirs) == 0 && len(runs) == 0 {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "show runs of", Subject: dir, Err: errors.New("there is no such folder"),
				Hint: "name run directories, or folders that hold them",
			}
		}
	}
	cfg.Runs, cfg.Look, cfg.Say = append(runs, web.Folders(dirs)), a.newStates(prices).look, a.say
	a.reviewRuns(s, cfg)
	server, err := web.Start(ctx, *cfg)
	if err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "serve pages at", Subject: cfg.Addr, Err: err, Hint: uiHint(err)}
	}
	if _, err := fmt.Fprintln(a.Stdout, server.URL()); err != nil {
		return errors.Join(fmt.Errorf("write to stdout: %w", err), server.Close())
	}
	a.say("serving until Ctrl-C; open the address above in a browser")
	<-ctx.Done()
	return server.Close()
}

// allowed reads --allow.
func allowed(words []string) (web.Allow, error) {
	var a web.Allow
	for _, word := range words {
		switch word {
		case "approve":
			a.Approve = true
		case "edit":
			a.Edit = true
		case "publish":
			a.Publish = true
		default:
			return a, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read", Subject: "flag --allow", Err: fmt.Errorf("%q is not known", word), Hint: "approve, edit and publish, with commas",
			}
		}
	}
	return a, nil
}

// uiHint is the way out of an address that cannot be served.
func uiHint(err error) string {
	if errors.Is(err, web.ErrOpen) {
		return "listen on 127.0.0.1, give --tls-cert and --tls-key, or say --behind-proxy if a proxy with TLS passes the requests on"
	}
	return "name a free port of this machine, such as --addr 127.0.0.1:8080, and files of a certificate and its key that belong together"
}
