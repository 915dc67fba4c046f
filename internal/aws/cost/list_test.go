package cost_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"

	"github.com/google/go-cmp/cmp"
)

// The price lists in testdata are built from the conventions that public tools describe; none is a copy of AWS's.
func built(t *testing.T, s cost.Service) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "built-"+string(s)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type brief struct {
	Model, Kind, Region, Tier, In, Out, CacheWrite, CacheRead string
}

func briefs(rows []cost.Row) []brief {
	var out []brief
	for _, r := range rows {
		out = append(out, brief{r.Model, string(r.Kinds[0]), strings.Join(r.Regions, " "), string(r.Tier), r.In, r.Out, r.CacheWrite, r.CacheRead})
	}
	return out
}

func TestParseOffer(t *testing.T) {
	t.Parallel()
	const qwen, micro, lite2 = "qwen.qwen3-32b-v1:0", "amazon.nova-micro-v1:0", "amazon.nova-2-lite-v1:0"
	const opus, sonnet = "anthropic.claude-opus-5", "anthropic.claude-sonnet-4-6"
	const gpt = "openai.gpt-oss-20b-1:0"
	for _, tt := range []struct {
		service cost.Service
		rows    []brief
		skipped []string
	}{
		{
			cost.Bedrock,
			[]brief{
				{lite2, "global", "us-east-1", "batch", "0.15", "1.25", "", ""},
				{lite2, "global", "us-east-1", "ondemand", "0.3", "2.5", "", ""},
				{micro, "geo", "us-east-1", "batch", "0.0175", "0.07", "", ""},
				{micro, "geo", "us-east-1", "ondemand", "0.035", "0.14", "", ""},
				{qwen, "geo", "us-east-1", "batch", "0.075", "0.3", "", ""},
				{qwen, "geo", "us-east-1", "flex", "0.075", "0.3", "", ""},
				{qwen, "geo", "us-east-1", "ondemand", "0.15", "0.6", "", ""},
				{qwen, "geo", "us-east-1", "priority", "0.2625", "1.05", "", ""},
			},
			[]string{
				"USE1-NovaLite-input-tokens-custom-model: not a plain price of tokens",
				"USE1-NovaPro-input-tokens-batch: no price on demand",
				"USE1-NovaPro-input-tokens: price 0.0000000000001 is finer than a pico-dollar per token",
				`USE1-NovaPro-output-tokens: unit "Hours"`,
				`USE1-SomeModel-input-tokens: no model "Some Model Of Tomorrow" in the catalog`,
				"amazon.nova-lite-v1:0 us-east-1 geo ondemand: only one of input and output has a price",
			},
		},
		{
			cost.FoundationModels,
			[]brief{
				{haiku, "geo", "us-east-1", "batch", "0.55", "2.75", "", ""},
				{haiku, "geo", "us-east-1", "ondemand", "1.1", "5.5", "1.375", "0.11"},
				{haiku, "global", "us-east-1", "batch", "0.5", "2.5", "", ""},
				{haiku, "global", "us-east-1", "ondemand", "1", "5", "", "0.1"},
				{opus, "geo", "us-west-2", "ondemand", "5.5", "27.5", "", "0.55"},
				{sonnet, "geo", "us-east-1", "batch", "1.65", "8.25", "", ""},
			},
			[]string{
				"USE1-MP:USE1_CacheWrite1hInputTokenCount-Units: not a plain price of tokens",
				"USW2-MP:USW2_input_tokens_long_ctx_global_standard-Units: not a plain price of tokens",
			},
		},
		{
			cost.BedrockService,
			[]brief{
				{gpt, "geo", "ap-southeast-2", "batch", "0.036", "0.1545", "", ""},
				{gpt, "geo", "ap-southeast-2", "ondemand", "0.0721", "0.309", "", ""},
			},
			nil,
		},
	} {
		t.Run(string(tt.service), func(t *testing.T) {
			t.Parallel()
			l, err := cost.ParseOffer(built(t, tt.service))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.rows, briefs(l.Rows)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.skipped, l.Skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			if l.Date != "2026-11-20" || l.Service != tt.service {
				t.Errorf("list of %s, published %s", l.Service, l.Date)
			}
			for _, r := range l.Rows {
				if r.Basis != cost.Listed || r.Date != l.Date || !strings.Contains(r.Source, string(tt.service)) {
					t.Errorf("row %+v lacks basis, date or source", r)
				}
			}
		})
	}
}

func TestParseProductsReadsTheSame(t *testing.T) {
	t.Parallel()
	var offer struct {
		PublicationDate string                     `json:"publicationDate"`
		Products        map[string]json.RawMessage `json:"products"`
		Terms           struct{ OnDemand map[string]json.RawMessage }
	}
	b := built(t, cost.FoundationModels)
	if err := json.Unmarshal(b, &offer); err != nil {
		t.Fatal(err)
	}
	var elements []string
	for sku, product := range offer.Products {
		e, err := json.Marshal(map[string]any{
			"product": product, "serviceCode": cost.FoundationModels, "publicationDate": offer.PublicationDate,
			"terms": map[string]any{"OnDemand": offer.Terms.OnDemand[sku]},
		})
		if err != nil {
			t.Fatal(err)
		}
		elements = append(elements, string(e))
	}
	want, err := cost.ParseOffer(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cost.ParseProducts(cost.FoundationModels, elements)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseProducts against ParseOffer (-want +got):\n%s", diff)
	}
}

func TestARefreshGoesBeforeTheTable(t *testing.T) {
	t.Parallel()
	l, err := cost.ParseOffer(built(t, cost.FoundationModels))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := cost.NewTable(l.Date, l.Rows)
	if err != nil {
		t.Fatal(err)
	}
	both, err := cost.Default().With(fresh)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, region string
		basis        cost.Basis
	}{
		{"a Region of the refresh", "us-east-1", cost.Listed},
		{"a Region that it does not cover", "us-west-2", cost.Derived},
	} {
		p, ok := both.Price("us."+haiku, tt.region, quarry.ModeJob)
		if !ok || p.Basis != tt.basis || p.In != 550_000 {
			t.Errorf("%s: Price = %+v, %v, want %s", tt.name, p, ok, tt.basis)
		}
	}
	if _, ok := fresh.Price("us."+haiku, "us-west-2", quarry.ModeJob); ok {
		t.Error("a price list of one Region knows another Region's price")
	}
}

func TestPriceListsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, b := range []string{``, `{`, `[]`, `{"offerCode":"AmazonEC2"}`, `{}`} {
		if l, err := cost.ParseOffer([]byte(b)); err == nil {
			t.Errorf("ParseOffer(%q) = %+v, want an error", b, l)
		}
	}
	if _, err := cost.ParseProducts(cost.Bedrock, []string{`{`}); err == nil || !strings.Contains(err.Error(), "element 1") {
		t.Errorf("ParseProducts of a broken element: %v, want an error that names it", err)
	}
	if _, err := cost.ParseProducts("AmazonEC2", nil); err == nil {
		t.Error("ParseProducts of another service: no error")
	}
}

func FuzzParseOffer(f *testing.F) {
	// Small seeds: the fuzzer spends its time on making large ones smaller.
	f.Add([]byte(`{"offerCode":"AmazonBedrockFoundationModels","publicationDate":"2026-11-20T00:00:00Z","products":{"A":{"attributes":{"regionCode":"us-east-1",` +
		`"usagetype":"USE1-MP:USE1_InputTokenCount_Batch-Units","servicename":"Claude Haiku 4.5 (Amazon Bedrock Edition)"}},"D":{"attributes":{"regionCode":"us-east-1",` +
		`"usagetype":"USE1-MP:USE1_OutputTokenCount_Batch-Units","servicename":"Claude Haiku 4.5 (Amazon Bedrock Edition)"}}},` +
		`"terms":{"OnDemand":{"A":{"B":{"priceDimensions":{"C":{"unit":"1M tokens","pricePerUnit":{"USD":"0.55"}}}}},` +
		`"D":{"B":{"priceDimensions":{"C":{"unit":"1M tokens","pricePerUnit":{"USD":"2.75"}}}}}}}}`))
	f.Add([]byte(`{"offerCode":"AmazonBedrock","products":{"A":{"attributes":{"regionCode":"us-east-1","model":"Nova Micro","feature":"Batch Inference",` +
		`"usagetype":"USE1-NovaMicro-input-tokens"}}},"terms":{"OnDemand":{"A":{"B":{"priceDimensions":{"C":{"unit":"1K tokens","pricePerUnit":{"USD":"0.0000175"}}}}}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := cost.ParseOffer(b)
		if err != nil {
			return
		}
		if _, err := cost.NewTable(l.Date, l.Rows); err != nil {
			t.Errorf("rows of a list make no table: %v", err)
		}
	})
}
