package cost

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Refreshed gives the rows of price lists, newest first, as a table of their own, to be laid over t with [Table.With].
// Where t derives a price of a tier from the one on demand and the lists have only the latter, the derived price is made
// again from it: half a new price must not be next to the whole of an old one.
func (t *Table) Refreshed(lists []List) (*Table, error) {
	ordered := slices.Clone(lists)
	slices.SortStableFunc(ordered, func(a, b List) int { return strings.Compare(b.Date, a.Date) })
	var rows []Row
	var date string
	for _, l := range ordered {
		date = max(date, l.Date)
		rows = append(rows, l.Rows...)
	}
	listed, err := NewTable(date, rows)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Clone(rows) {
		if r.Tier != OnDemand {
			continue
		}
		for _, region := range r.Regions {
			for _, kind := range r.Kinds {
				for _, tier := range []Tier{Job, Flex} {
					k := key{r.Model, kind, tier}
					old, known := t.find(k, region)
					if _, fresh := listed.find(k, region); fresh || !known || old.Basis == Listed {
						continue
					}
					in, out := half(r.In), half(r.Out)
					if in == "" || out == "" {
						continue
					}
					rows = append(rows, Row{
						Model: r.Model, Kinds: []Kind{kind}, Regions: []string{region}, Tier: tier, In: in, Out: out,
						Basis: Derived, Source: r.Source, Date: r.Date, Note: "half of on demand",
					})
				}
			}
		}
	}
	refreshed, err := NewTable(date, rows)
	if err != nil {
		return nil, fmt.Errorf("refresh prices: %w", err)
	}
	return refreshed, nil
}

// half gives half of a price in at most six places, or nothing where that is not exact.
func half(s string) string {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return ""
	}
	r.Mul(r, big.NewRat(1, 2))
	text := strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
	if exact, ok := new(big.Rat).SetString(text); !ok || exact.Cmp(r) != 0 {
		return ""
	}
	return text
}

// ParseFile reads a price list file of either form: a bulk file, or what `aws pricing get-products` prints.
func ParseFile(b []byte) (List, error) {
	var saved struct {
		PriceList []string `json:"PriceList"`
	}
	if err := json.Unmarshal(b, &saved); err != nil {
		return List{}, fmt.Errorf("read price list: %w", err)
	}
	if len(saved.PriceList) == 0 {
		return ParseOffer(b)
	}
	var first struct {
		ServiceCode Service `json:"serviceCode"`
	}
	if err := json.Unmarshal([]byte(saved.PriceList[0]), &first); err != nil {
		return List{}, fmt.Errorf("read price list element 1: %w", err)
	}
	return ParseProducts(first.ServiceCode, saved.PriceList)
}
