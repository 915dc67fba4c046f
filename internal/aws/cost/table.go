package cost

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/base/catalog"
)

// Kind tells apart what ids of one model cost: a global profile is cheaper than the others for newer models.
type Kind string

// The kinds.
const (
	Global   Kind = "global"    // "global.…"
	Geo      Kind = "geo"       // "us.…", "eu.…"
	InRegion Kind = "in_region" // the plain id
)

// Row is the price of one model in one tier, for the kinds of id and the Regions named.
type Row struct {
	Model   string   `json:"model"`             // foundation-model id
	Kinds   []Kind   `json:"kinds"`             // of id
	Regions []string `json:"regions,omitempty"` // from which it is called; none: all commercial ones
	Tier    Tier     `json:"tier"`

	// Prices are in dollars per million tokens, as decimals with at most six places, which is exact.
	In         string `json:"in"`
	Out        string `json:"out"`
	CacheWrite string `json:"cache_write,omitempty"`
	CacheRead  string `json:"cache_read,omitempty"`

	Basis  Basis  `json:"basis"`
	Source string `json:"source"`
	Date   string `json:"date"`
	Note   string `json:"note,omitempty"`
}

func (r Row) price() (Price, error) {
	p := Price{Basis: r.Basis, Source: r.Source, Date: r.Date, Note: r.Note}
	if r.Basis != Listed && r.Basis != Derived && r.Basis != Secondary {
		return p, fmt.Errorf("basis %q: want listed, derived or secondary", r.Basis)
	}
	var err error
	if p.In, err = perToken(r.In); err != nil {
		return p, err
	}
	if p.Out, err = perToken(r.Out); err != nil {
		return p, err
	}
	for _, c := range []struct {
		text string
		to   **quarry.USD
	}{{r.CacheWrite, &p.CacheWrite}, {r.CacheRead, &p.CacheRead}} {
		if c.text == "" {
			continue
		}
		v, err := perToken(c.text)
		if err != nil {
			return p, err
		}
		*c.to = &v
	}
	return p, nil
}

var errPrice = errors.New("want dollars per million tokens, above 0, with at most six places")

// maxPerMillion bounds a price, far above any, so that a slipped decimal point is found.
const maxPerMillion = 1_000_000

// perToken reads dollars per million tokens as pico-dollars per token.
func perToken(s string) (quarry.USD, error) {
	if s == "" || len(s) > 20 || strings.Trim(s, "0123456789.") != "" {
		return 0, fmt.Errorf("price %.30q: %w", s, errPrice)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || r.Sign() <= 0 || r.Cmp(big.NewRat(maxPerMillion, 1)) > 0 {
		return 0, fmt.Errorf("price %.30q: %w", s, errPrice)
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	if !r.IsInt() {
		return 0, fmt.Errorf("price %.30q: %w", s, errPrice)
	}
	return quarry.USD(r.Num().Int64()), nil
}

// Table is a dated set of prices. It does not change once made.
type Table struct {
	date   string
	rows   []Row
	prices map[key][]priced
}

type key struct {
	model string
	kind  Kind
	tier  Tier
}

type priced struct {
	regions []string
	price   Price
}

// file is the form of a table on disk.
type file struct {
	Date string `json:"date"`
	Rows []Row  `json:"rows"`
}

// NewTable makes a table. An earlier row goes before a later one that covers the same.
func NewTable(date string, rows []Row) (*Table, error) {
	t := &Table{date: date, rows: slices.Clone(rows), prices: make(map[key][]priced)}
	for i, r := range t.rows {
		p, err := r.price()
		if err == nil && (r.Model == "" || len(r.Kinds) == 0 || r.Tier == "") {
			err = errors.New("want model, kinds and tier")
		}
		if err != nil {
			return nil, fmt.Errorf("price table row %d (%s, %s): %w", i+1, r.Model, r.Tier, err)
		}
		for _, kind := range r.Kinds {
			k := key{r.Model, kind, r.Tier}
			t.prices[k] = append(t.prices[k], priced{r.Regions, p})
		}
	}
	return t, nil
}

// ParseTable reads what MarshalJSON writes.
func ParseTable(b []byte) (*Table, error) {
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("read price table: %w", err)
	}
	return NewTable(f.Date, f.Rows)
}

// MarshalJSON writes the table in the form that ParseTable reads.
func (t *Table) MarshalJSON() ([]byte, error) { return json.Marshal(file{t.date, t.rows}) }

//go:embed prices.json
var pricesJSON []byte

var embedded = sync.OnceValue(func() *Table {
	t, err := ParseTable(pricesJSON)
	if err != nil {
		panic("cost: the embedded prices are broken: " + err.Error()) // ours, not input; a test reads them
	}
	return t
})

// Default is the table that Quarry is shipped with.
func Default() *Table { return embedded() }

// Date is the day on which the table was put together, as YYYY-MM-DD.
func (t *Table) Date() string { return t.date }

// Rows gives the table's rows.
func (t *Table) Rows() []Row { return slices.Clone(t.rows) }

// With lays newer rows over the table's: what they cover costs what they say.
func (t *Table) With(newer *Table) (*Table, error) {
	return NewTable(max(t.date, newer.date), slices.Concat(newer.rows, t.rows))
}

// Price gives what tokens of a model cost that is called, in a Region, by an id or ARN of the model or one of its
// profiles. ok is false when the table does not know it.
func (t *Table) Price(modelID, region string, mode quarry.Mode) (Price, bool) {
	tier, ok := TierOf(mode)
	if !ok {
		return Price{}, false
	}
	return t.TierPrice(modelID, region, tier)
}

// TierPrice is Price for a tier that no mode buys.
func (t *Table) TierPrice(modelID, region string, tier Tier) (Price, bool) {
	model, profile, ok := catalog.Split(modelID)
	if !ok {
		return Price{}, false
	}
	kind := Geo
	switch profile {
	case "":
		kind = InRegion
	case catalog.Global:
		kind = Global
	}
	return t.find(key{model, kind, tier}, region)
}

// find gives the price of the first row that names the Region, else of the first for all of them.
func (t *Table) find(k key, region string) (Price, bool) {
	everywhere := -1
	rows := t.prices[k]
	for i, r := range rows {
		switch {
		case slices.Contains(r.regions, region):
			return r.price, true
		case len(r.regions) == 0 && everywhere < 0 && catalog.Partition(region) == "aws" && region != "":
			everywhere = i
		}
	}
	if everywhere < 0 {
		return Price{}, false
	}
	return rows[everywhere].price, true
}
