package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/atomicfile"
	"quarry/internal/catalog"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/cost"
	"quarry/internal/effect"
	"quarry/internal/figure"
	"quarry/internal/outfile"
	"quarry/internal/pricelist"
)

func (a *App) pricesCommand() *cobra.Command {
	var refresh bool
	var out, base string
	cmd := &cobra.Command{
		Use:   "prices [FILE…]",
		Short: "Show the token prices of a model, or read AWS's price lists",
		Long: `Prices shows the price of a million tokens of the model in each mode, and where each price comes
from: published by AWS (listed), from a rule (derived), or from a public table that is not AWS's
(secondary). An unknown price is shown as unknown, never as 0.

With --refresh, prices reads AWS's public price lists for the Regions of --region and writes them to
a file whose prices take precedence over the built-in ones; name it as "prices" in quarry.yaml. It
downloads the lists with --target aws, without credentials. It reads files that you downloaded
without a network.

Exit codes: 0 done · 2 usage · 6 provider · 130 interrupted`,
		Example: `  quarry prices --model anthropic.claude-haiku-4-5-20251001-v1:0
  quarry prices --refresh --target aws -o prices.json
  quarry prices --refresh index.json products.json -o prices.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if !refresh {
				if len(args) > 0 {
					return &quarry.Error{Kind: quarry.BadUsage, Op: "read price list", Subject: args[0], Err: errors.New("price lists are read with --refresh"), Hint: "quarry prices --refresh " + args[0] + " -o prices.json"}
				}
				return a.showPrices(&s.Settings)
			}
			return a.refreshPrices(cmd.Context(), &s.Settings, args, base, out)
		},
	}
	bind(cmd, "model", "region", "target", "prices")
	f := cmd.Flags()
	f.BoolVar(&refresh, "refresh", false, "read AWS's price lists and write their prices to a file")
	f.StringVarP(&out, "output", "o", "prices.json", "`FILE` to write")
	f.StringVar(&base, "from-url", pricelist.Base, "base `URL` of the price lists")
	complete(cmd, "output", files("json"))
	return cmd
}

// priceLine is what one mode costs, in dollars a million tokens; nil: not known.
type priceLine struct {
	Mode   quarry.Mode `json:"mode"`
	In     *quarry.USD `json:"input_usd_per_million"`
	Out    *quarry.USD `json:"output_usd_per_million"`
	Write  *quarry.USD `json:"cache_write_usd_per_million,omitempty"`
	Read   *quarry.USD `json:"cache_read_usd_per_million,omitempty"`
	Basis  cost.Basis  `json:"basis,omitempty"`
	Source string      `json:"source,omitempty"`
	Date   string      `json:"date,omitempty"`
	Note   string      `json:"note,omitempty"`
}

func (a *App) showPrices(s *config.Settings) error {
	table, err := compose.Prices(s)
	if err != nil {
		return err
	}
	regions := s.Regions
	if len(regions) == 0 {
		regions = []string{account.DefaultRegion}
	}
	type view struct {
		Model  string      `json:"model"`
		Region string      `json:"region"`
		Date   string      `json:"table_date"`
		Prices []priceLine `json:"prices"`
	}
	var views []view
	for _, region := range regions {
		v := view{Model: s.Model, Region: region, Date: table.Date()}
		a.say("%s in %s, dollars a million tokens (table of %s)", s.Model, region, table.Date())
		if _, _, listed := catalog.Find(s.Model); !listed {
			if near := catalog.Suggest(s.Model); len(near) > 0 {
				a.say("  the table of models does not list it; did you mean %s?", strings.Join(near, " or "))
			}
		}
		unknown := false
		for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeFlex, quarry.ModeOnDemand} {
			line := priceLine{Mode: mode}
			p, known := table.Price(s.Model, region, mode)
			if !known {
				a.say("  %-9s unknown", mode)
				unknown = true
				v.Prices = append(v.Prices, line)
				continue
			}
			line.In, line.Out, line.Basis, line.Source, line.Date, line.Note = million(&p.In), million(&p.Out), p.Basis, p.Source, p.Date, p.Note
			line.Write, line.Read = million(p.CacheWrite), million(p.CacheRead)
			about := string(p.Basis)
			if p.Note != "" {
				about += ", " + p.Note
			}
			a.say("  %-9s in %s, out %s  (%s; %s, %s)", mode, exact(line.In), exact(line.Out), about, p.Source, p.Date)
			if line.Read != nil {
				a.say("  %-9s prompt cache: read %s, write %s", "", exact(line.Read), exact(line.Write))
			}
			v.Prices = append(v.Prices, line)
		}
		if unknown {
			a.say("  %s", cost.UnknownHelp)
		}
		views = append(views, v)
	}
	if a.json {
		return a.writeJSON(views)
	}
	return nil
}

func million(perToken *quarry.USD) *quarry.USD {
	if perToken == nil {
		return nil
	}
	usd := *perToken * 1_000_000
	return &usd
}

// exact writes a price with all its digits, since a cent a million tokens counts.
func exact(usd *quarry.USD) string {
	if usd == nil {
		return "unknown"
	}
	whole, rest := *usd/1_000_000_000_000, *usd%1_000_000_000_000
	digits := strings.TrimRight(fmt.Sprintf("%012d", int64(rest)), "0")
	return fmt.Sprintf("$%d.%s", int64(whole), digits+strings.Repeat("0", max(0, 2-len(digits))))
}

// refreshPrices reads price lists, from files or from AWS, and writes the table that they make.
func (a *App) refreshPrices(ctx context.Context, s *config.Settings, paths []string, base, out string) error {
	target, err := pricesTarget(out, paths, a.Stdout) // before anything is fetched
	if err != nil {
		return err
	}
	lists, err := a.priceLists(ctx, s, paths, base)
	if err != nil {
		return err
	}
	skipped, rows := []string{}, 0
	for _, l := range lists {
		rows += len(l.Rows)
		skipped = append(skipped, l.Skipped...)
		a.say("%s of %s: %s of known models, %s left out", l.Service, l.Date, figure.Count(int64(len(l.Rows)), "price"), figure.Count(int64(len(l.Skipped)), "row"))
	}
	if rows == 0 {
		return &quarry.Error{Kind: quarry.Provider, Op: "refresh prices", Err: errors.New("no list had a price of a known model"), Hint: "nothing was written; see with --json which rows were left out, and why"}
	}
	table, err := cost.Default().Refreshed(lists)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(table, "", " ")
	if err != nil {
		return err
	}
	if err := writePrices(ctx, b, target, a.Stdout); err != nil {
		return err
	}
	a.say("%s in %s; use them with: prices: %s in quarry.yaml, or --prices %s", figure.Count(int64(len(table.Rows())), "price"), out, out, out)
	if a.json {
		slices.Sort(skipped)
		return a.writeJSON(map[string]any{"file": out, "date": table.Date(), "rows": len(table.Rows()), "skipped": slices.Compact(skipped)})
	}
	return nil
}

// pricesTarget is where a file of prices goes. One that is there is replaced only if it is as a refresh wrote it.
func pricesTarget(out string, lists []string, stdout io.Writer) (outfile.Target, error) {
	target, err := outfile.Find(out, stdout)
	if err != nil {
		return target, err
	}
	guard := outfile.Guard{}
	for _, path := range lists {
		guard.Inputs = append(guard.Inputs, outfile.Input{What: "a price list that is read", Path: path})
	}
	if err := guard.Check(target); err != nil {
		return target, err
	}
	if target.Kind == outfile.File {
		there, err := os.ReadFile(target.Path)
		if err != nil || !cost.Sealed(there) {
			return target, &quarry.Error{Kind: quarry.BadUsage, Op: "write prices", Subject: out, Err: errors.New("it exists, and is not as quarry prices --refresh wrote it"), Hint: "name another file with -o, or move this one away"}
		}
	}
	return target, nil
}

// writePrices writes a file of prices.
func writePrices(ctx context.Context, table []byte, target outfile.Target, stdout io.Writer) (err error) {
	sealed, err := cost.Seal(table)
	if err != nil {
		return err
	}
	e := effect.New(nil)
	draft, err := outfile.Begin(e, target, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Abort()) }()
	if err := atomicfile.Write(e, draft.Path, sealed); err != nil {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "write prices", Subject: target.Name, Err: err, Hint: "name a file that you can write to with -o"}
	}
	return draft.Commit(ctx, stdout)
}

func (a *App) priceLists(ctx context.Context, s *config.Settings, paths []string, base string) ([]cost.List, error) {
	var lists []cost.List
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "read price list", Subject: path, Err: bare(err), Hint: "name a list that you downloaded, or none and --target aws"}
		}
		l, err := cost.ParseFile(b)
		if err != nil {
			return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "read price list", Subject: path, Err: err, Hint: "want an index.json from " + pricelist.Base + "/offers/v1.0/aws/, or what aws pricing get-products --service-code … prints"}
		}
		lists = append(lists, l)
	}
	if len(paths) > 0 {
		return lists, nil
	}
	if s.Target != "aws" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "fetch price lists", Err: errors.New("nothing is asked of AWS unless the target says so"),
			Hint: "quarry prices --refresh --target aws; or name files that you downloaded",
		}
	}
	client := effect.New(nil).HTTPClient(effect.HTTPConfig{})
	defer client.CloseIdleConnections()
	regions := s.Regions
	if len(regions) == 0 {
		regions = []string{account.DefaultRegion}
	}
	for _, region := range regions {
		for _, service := range cost.Services() {
			url := pricelist.URL(base, string(service), region)
			b, err := pricelist.Fetch(ctx, client, url)
			if errors.Is(err, pricelist.ErrNone) {
				a.say("%s has no list for %s", service, region)
				continue
			}
			if err != nil {
				return nil, err
			}
			l, err := cost.ParseOffer(b)
			if err != nil {
				return nil, &quarry.Error{Kind: quarry.Provider, Op: "read price list", Subject: url, Err: err, Hint: "look at what --from-url and a proxy lead to; or name files that you downloaded"}
			}
			lists = append(lists, l)
		}
	}
	return lists, nil
}
