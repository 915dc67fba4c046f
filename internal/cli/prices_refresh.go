package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/cost"
	"quarry/internal/aws/pricelist"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/outfile"
	"quarry/internal/config"
)

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
		a.say("%s of %s: %s of known models, %s left out", l.Service, l.Date, figure.Count(int64(len(l.Rows)), "price"),
			figure.Count(int64(len(l.Skipped)), "row"))
	}
	if rows == 0 {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "refresh prices", Err: errors.New("no list has a price of a known model"),
			Hint: "nothing was written; --json shows which rows were left out and why",
		}
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
			return target, &quarry.Error{
				Kind: quarry.BadUsage, Op: "write prices", Subject: out,
				Err:  errors.New("it exists, and quarry prices --refresh did not write it or it was changed since"),
				Hint: "name another file with -o, or move this one away",
			}
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
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "write prices", Subject: target.Name, Err: err, Hint: "name a file that you can write to with -o",
		}
	}
	return draft.Commit(ctx, stdout)
}

func (a *App) priceLists(ctx context.Context, s *config.Settings, paths []string, base string) ([]cost.List, error) {
	var lists []cost.List
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read price list", Subject: path, Err: bare(err),
				Hint: "name a list that you downloaded; or name none and add --target aws",
			}
		}
		l, err := cost.ParseFile(b)
		if err != nil {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read price list", Subject: path, Err: err,
				Hint: "want an index.json from " + pricelist.Base + "/offers/v1.0/aws/, or what aws pricing get-products --service-code … prints",
			}
		}
		lists = append(lists, l)
	}
	if len(paths) > 0 {
		return lists, nil
	}
	if s.Target != "aws" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "fetch price lists", Err: errors.New("the target is local, and only --target aws downloads from AWS"),
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
				return nil, &quarry.Error{
					Kind: quarry.Provider, Op: "read price list", Subject: url, Err: err,
					Hint: "check --from-url and the proxy; or name files that you downloaded",
				}
			}
			lists = append(lists, l)
		}
	}
	return lists, nil
}
