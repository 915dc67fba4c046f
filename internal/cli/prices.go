package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/cost"
	"quarry/internal/aws/pricelist"
	"quarry/internal/base/catalog"
	"quarry/internal/compose"
	"quarry/internal/config"
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
					return &quarry.Error{
						Kind: quarry.BadUsage, Op: "read price list", Subject: args[0], Err: errors.New("price lists are read with --refresh"),
						Hint: "quarry prices --refresh " + args[0] + " -o prices.json",
					}
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
		a.say("%s in %s, US dollars per million tokens (table of %s)", s.Model, region, table.Date())
		if _, _, listed := catalog.Find(s.Model); !listed {
			if near := catalog.Suggest(s.Model); len(near) > 0 {
				a.say("  the model table does not list it; did you mean %s?", strings.Join(near, " or "))
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
