package cost

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"quarry/internal/base/catalog"
)

// Service is the service code of one of AWS's price lists.
type Service string

// The services that hold prices of Bedrock. Their rows follow different conventions.
const (
	Bedrock          Service = "AmazonBedrock"                 // Nova, Llama, Mistral, open weights: per 1K tokens
	FoundationModels Service = "AmazonBedrockFoundationModels" // sold over the Marketplace, as Claude: per 1M tokens
	BedrockService   Service = "AmazonBedrockService"          // the rest
)

// Services are the price lists that a refresh reads.
func Services() []Service { return []Service{Bedrock, FoundationModels, BedrockService} }

// List is what a price list says of the models in the catalog.
type List struct {
	Service Service
	Date    string // of its publication, YYYY-MM-DD
	Rows    []Row
	// Skipped names the rows of tokens that were not understood, as "usage type: reason", sorted.
	Skipped []string
}

// listProduct is one product of a price list.
type listProduct struct {
	SKU        string            `json:"sku"`
	Attributes map[string]string `json:"attributes"`
}

type listTerm struct {
	PriceDimensions map[string]struct {
		Unit         string            `json:"unit"`
		BeginRange   string            `json:"beginRange"`
		EndRange     string            `json:"endRange"`
		PricePerUnit map[string]string `json:"pricePerUnit"`
	} `json:"priceDimensions"`
}

// ParseOffer reads a bulk price list file, as it is under /offers/v1.0/aws/<service>/current/
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-files.html).
func ParseOffer(b []byte) (List, error) {
	var offer struct {
		OfferCode       Service                `json:"offerCode"`
		PublicationDate string                 `json:"publicationDate"`
		Products        map[string]listProduct `json:"products"`
		Terms           struct {
			OnDemand map[string]map[string]listTerm `json:"OnDemand"`
		} `json:"terms"`
	}
	if err := json.Unmarshal(b, &offer); err != nil {
		return List{}, fmt.Errorf("read price list: %w", err)
	}
	if !slices.Contains(Services(), offer.OfferCode) {
		return List{}, fmt.Errorf("read price list: it is of %q, want one of %v", offer.OfferCode, Services())
	}
	l := newLister(offer.OfferCode, offer.PublicationDate)
	for _, sku := range slices.Sorted(maps.Keys(offer.Products)) {
		l.add(offer.Products[sku].Attributes, offer.Terms.OnDemand[sku])
	}
	return l.list(), nil
}

// ParseProducts reads the PriceList elements that GetProducts gives, each one JSON object in a string
// (https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html).
func ParseProducts(service Service, elements []string) (List, error) {
	if !slices.Contains(Services(), service) {
		return List{}, fmt.Errorf("read price list: it is of %q, want one of %v", service, Services())
	}
	type element struct {
		PublicationDate string      `json:"publicationDate"`
		Product         listProduct `json:"product"`
		Terms           struct {
			OnDemand map[string]listTerm `json:"OnDemand"`
		} `json:"terms"`
	}
	parsed := make([]element, len(elements))
	var date string
	for i, e := range elements {
		if err := json.Unmarshal([]byte(e), &parsed[i]); err != nil {
			return List{}, fmt.Errorf("read price list element %d: %w", i+1, err)
		}
		date = max(date, parsed[i].PublicationDate)
	}
	l := newLister(service, date)
	for _, e := range parsed {
		l.add(e.Product.Attributes, e.Terms.OnDemand)
	}
	return l.list(), nil
}

// item is what a usage type says.
type item struct {
	kinds []Kind
	tier  Tier
	part  string // "in", "out", "cache_read" or "cache_write"
}

type listKey struct {
	model, region string
	kind          Kind
	tier          Tier
}

type lister struct {
	service Service
	date    string
	rows    map[listKey]*Row
	skipped map[string]bool
}

func newLister(s Service, published string) *lister {
	date, _, _ := strings.Cut(published, "T")
	return &lister{service: s, date: date, rows: map[listKey]*Row{}, skipped: map[string]bool{}}
}

func (l *lister) skip(usage, reason string) { l.skipped[usage+": "+reason] = true }

// add takes one product in, when it is a price of tokens of a model that the catalog has.
func (l *lister) add(attributes map[string]string, terms map[string]listTerm) {
	usage := attributes["usagetype"]
	it, name, ok := l.read(usage, attributes)
	if !ok {
		return
	}
	model, ok := catalog.Named(name)
	if !ok {
		l.skip(usage, fmt.Sprintf("no model %q in the catalog", name))
		return
	}
	region := attributes["regionCode"]
	if region == "" {
		l.skip(usage, "no regionCode")
		return
	}
	text, reason := dollars(terms)
	if reason != "" {
		l.skip(usage, reason)
		return
	}
	k := listKey{model.ID, region, it.kinds[0], it.tier}
	r := l.rows[k]
	if r == nil {
		r = &Row{
			Model: model.ID, Kinds: it.kinds, Regions: []string{region}, Tier: it.tier, Basis: Listed, Date: l.date,
			Source: "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/" + string(l.service) + "/current/" + region + "/index.json",
		}
		l.rows[k] = r
	}
	to := &r.In
	switch it.part {
	case "out":
		to = &r.Out
	case "cache_read":
		to = &r.CacheRead
	case "cache_write":
		to = &r.CacheWrite
	}
	if *to != "" && *to != text {
		l.skip(usage, fmt.Sprintf("a second price, %s after %s", text, *to))
		return
	}
	*to = text
}

var (
	// USE1-Qwen3-32B-input-tokens-flex, USE1-Nova2Lite-output-tokens-cross-region-global-batch
	bedrockUsage = regexp.MustCompile(`^[A-Z0-9]+-(.+)-(input|output)-tokens((?:-[a-z]+)*)$`)
	// USE1-MP:USE1_InputTokenCount_Global_Batch-Units
	countUsage = regexp.MustCompile(`^[A-Z0-9]+-MP:[A-Z0-9]+_(Input|Output|CacheReadInput|CacheWriteInput)TokenCount(_Global)?(_Batch)?-Units$`)
	// USW2-MP:USW2_input_tokens_standard-Units
	wordUsage = regexp.MustCompile(`^[A-Z0-9]+-MP:[A-Z0-9]+_(input|output|cache_read|cache_write)_tokens(_global)?_(standard|batch|flex|priority)-Units$`)
	// what has to do with tokens, and is named when it is not understood
	tokenUsage = regexp.MustCompile(`(?i)token`)
)

var parts = map[string]string{
	"input": "in", "output": "out", "cache_read": "cache_read", "cache_write": "cache_write",
	"Input": "in", "Output": "out", "CacheReadInput": "cache_read", "CacheWriteInput": "cache_write",
}

var tiers = map[string]Tier{"": OnDemand, "standard": OnDemand, "batch": Job, "flex": Flex, "priority": Priority}

func kindsOf(global bool) []Kind {
	if global {
		return []Kind{Global}
	}
	return []Kind{Geo, InRegion}
}

// read tells from a product's usage type what is priced, and which model by its name.
func (l *lister) read(usage string, attributes map[string]string) (it item, name string, ok bool) {
	if l.service == FoundationModels {
		name = attributes["servicename"]
		if m := countUsage.FindStringSubmatch(usage); m != nil {
			return item{kindsOf(m[2] != ""), tiers[strings.ToLower(strings.TrimPrefix(m[3], "_"))], parts[m[1]]}, name, true
		}
		if m := wordUsage.FindStringSubmatch(usage); m != nil {
			return item{kindsOf(m[2] != ""), tiers[m[3]], parts[m[1]]}, name, true
		}
		if tokenUsage.MatchString(usage) {
			l.skip(usage, "not a plain price of tokens")
		}
		return item{}, "", false
	}
	m := bedrockUsage.FindStringSubmatch(usage)
	if m == nil {
		if tokenUsage.MatchString(usage) {
			l.skip(usage, "not a plain price of tokens")
		}
		return item{}, "", false
	}
	if strings.HasSuffix(m[1], "-mantle") {
		return item{}, "", false // the same model at another endpoint, which Quarry does not call
	}
	words, global := strings.CutPrefix(m[3], "-cross-region-global")
	tier, known := tiers[strings.TrimPrefix(words, "-")]
	if !known {
		l.skip(usage, "not a plain price of tokens")
		return item{}, "", false
	}
	// The inference type of a price for batch inference is the same as that of on demand; the feature tells them apart.
	if attributes["feature"] == "Batch Inference" && tier == OnDemand {
		tier = Job
	}
	name = attributes["model"]
	if name == "" {
		name = m[1]
	}
	return item{kindsOf(global), tier, parts[m[2]]}, name, true
}

// perMillion is by how much a price in a unit is multiplied to give dollars per million tokens.
var perMillion = map[string]int64{"1K tokens": 1000, "1M tokens": 1}

// dollars gives the one price of a product in dollars per million tokens, or the reason why there is none.
func dollars(terms map[string]listTerm) (text, reason string) {
	for _, term := range terms {
		for _, d := range term.PriceDimensions {
			if text != "" {
				return "", "more than one price"
			}
			factor := perMillion[d.Unit]
			if factor == 0 {
				return "", fmt.Sprintf("unit %q", d.Unit)
			}
			usd := d.PricePerUnit["USD"]
			if usd == "" || len(usd) > 30 || strings.Trim(usd, "0123456789.") != "" {
				return "", fmt.Sprintf("price %.30q in dollars", usd)
			}
			r, ok := new(big.Rat).SetString(usd)
			if !ok {
				return "", fmt.Sprintf("price %.30q in dollars", usd)
			}
			r.Mul(r, big.NewRat(factor, 1))
			text = strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
			if exact, ok := new(big.Rat).SetString(text); !ok || exact.Cmp(r) != 0 {
				return "", fmt.Sprintf("price %s is finer than a pico-dollar per token", usd)
			}
			if _, err := perToken(text); err != nil {
				return "", err.Error()
			}
		}
	}
	if text == "" {
		return "", "no price on demand"
	}
	return text, ""
}

// list gives the rows that have both prices, in a fixed order.
func (l *lister) list() List {
	out := List{Service: l.service, Date: l.date}
	for _, k := range slices.SortedFunc(maps.Keys(l.rows), func(a, b listKey) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.region, b.region), cmp.Compare(a.kind, b.kind), cmp.Compare(a.tier, b.tier))
	}) {
		r := l.rows[k]
		if r.In == "" || r.Out == "" {
			l.skip(fmt.Sprintf("%s %s %s %s", k.model, k.region, k.kind, k.tier), "only one of input and output has a price")
			continue
		}
		out.Rows = append(out.Rows, *r)
	}
	out.Skipped = slices.Sorted(maps.Keys(l.skipped))
	return out
}
