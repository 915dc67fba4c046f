package cost_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"

	"github.com/google/go-cmp/cmp"
)

const haiku = "anthropic.claude-haiku-4-5-20251001-v1:0"

// origin is what the run that Quarry comes from used: 14,108 articles summarised.
var origin = quarry.Usage{InputTokens: 28_385_402, OutputTokens: 8_044_345}

func price(t *testing.T, id, region string, mode quarry.Mode) cost.Price {
	t.Helper()
	p, ok := cost.Default().Price(id, region, mode)
	if !ok {
		t.Fatalf("Price(%q, %q, %q) is not known", id, region, mode)
	}
	return p
}

func TestTheOriginsRunRecomputed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id string
		mode     quarry.Mode
		want     string
	}{
		{"what ran: Haiku 4.5 over us., batch", "us." + haiku, quarry.ModeJob, "$37.73"},
		{"what ran, on demand", "us." + haiku, quarry.ModeOnDemand, "$75.47"},
		{"over global., batch", "global." + haiku, quarry.ModeJob, "$34.30"},
		{"over global., on demand", "global." + haiku, quarry.ModeOnDemand, "$68.61"},
		{"with the price of another model, batch", "us.anthropic.claude-3-5-haiku-20241022-v1:0", quarry.ModeJob, "$27.44"},
		{"with the price of another model, on demand", "us.anthropic.claude-3-5-haiku-20241022-v1:0", quarry.ModeOnDemand, "$54.89"},
		{"Nova 2 Lite, batch", "global.amazon.nova-2-lite-v1:0", quarry.ModeJob, "$14.31"},
		{"gpt-oss-120b, batch", "openai.gpt-oss-120b-1:0", quarry.ModeJob, "$4.54"},
		{"gpt-oss-20b, batch", "openai.gpt-oss-20b-1:0", quarry.ModeJob, "$2.20"},
		{"Nova Lite, batch", "us.amazon.nova-lite-v1:0", quarry.ModeJob, "$1.82"},
		{"Nova Micro, batch", "us.amazon.nova-micro-v1:0", quarry.ModeJob, "$1.06"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := price(t, tt.id, "us-west-2", tt.mode)
			if got := cost.Bill(origin, p).String(); got != tt.want {
				t.Errorf("Bill(%+v, %+v) = %s, want %s", origin, p, got, tt.want)
			}
		})
	}
	if got, want := cost.Bill(origin, price(t, "us."+haiku, "us-west-2", quarry.ModeJob)), quarry.USD(37_733_919_850_000); got != want {
		t.Errorf("Bill = %d pico-dollars, want %d to the last", got, want)
	}
}

func TestPricesOfTheTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id, region string
		tier             cost.Tier
		in, out          quarry.USD
		basis            cost.Basis
	}{
		{"the default model's job is derived", quarry.DefaultModel, "us-west-2", cost.Job, 550_000, 2_750_000, cost.Derived},
		{"its calls are listed", quarry.DefaultModel, "us-west-2", cost.OnDemand, 1_100_000, 5_500_000, cost.Listed},
		{"by ARN", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us." + haiku, "us-west-2", cost.Job, 550_000, 2_750_000, cost.Derived},
		{"Claude costs the same in every Region", "jp." + haiku, "ap-northeast-1", cost.Job, 550_000, 2_750_000, cost.Derived},
		{"Sonnet 4.6 jobs are listed", "us.anthropic.claude-sonnet-4-6", "us-west-2", cost.Job, 1_650_000, 8_250_000, cost.Listed},
		{"Opus 5 global", "global.anthropic.claude-opus-5", "us-west-2", cost.Job, 2_500_000, 12_500_000, cost.Derived},
		{"gpt-oss-20b where it costs more", "openai.gpt-oss-20b-1:0", "ap-southeast-2", cost.Job, 36_000, 154_500, cost.Listed},
		{"its flex tier there", "openai.gpt-oss-20b-1:0", "ap-southeast-2", cost.Flex, 36_000, 154_500, cost.Listed},
		{"its priority tier there", "openai.gpt-oss-20b-1:0", "ap-southeast-2", cost.Priority, 126_000, 541_000, cost.Listed},
		{"Nova Pro flex", "us.amazon.nova-pro-v1:0", "us-east-1", cost.Flex, 400_000, 1_600_000, cost.Derived},
		{"Nova Pro priority", "us.amazon.nova-pro-v1:0", "us-east-1", cost.Priority, 1_400_000, 5_600_000, cost.Derived},
		{"Nova 2 Lite over a geographic profile", "us.amazon.nova-2-lite-v1:0", "us-east-1", cost.OnDemand, 330_000, 2_750_000, cost.Listed},
		{"Llama 3.3", "us.meta.llama3-3-70b-instruct-v1:0", "us-east-1", cost.Job, 360_000, 360_000, cost.Derived},
		{"Mistral Large 3", "mistral.mistral-large-3-675b-instruct", "us-west-2", cost.Flex, 250_000, 750_000, cost.Listed},
		{"Gemma 3 12B", "google.gemma-3-12b-it", "us-east-1", cost.Job, 45_000, 145_000, cost.Derived},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, ok := cost.Default().TierPrice(tt.id, tt.region, tt.tier)
			if !ok || p.In != tt.in || p.Out != tt.out || p.Basis != tt.basis {
				t.Errorf("TierPrice = %+v, %v, want %d and %d, %s", p, ok, tt.in, tt.out, tt.basis)
			}
			if !strings.HasPrefix(p.Source, "https://") || len(p.Date) != len("2026-11-21") {
				t.Errorf("TierPrice has source %q and date %q", p.Source, p.Date)
			}
		})
	}
}

func TestWhatIsNotKnownIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id, region string
		mode             quarry.Mode
	}{
		{"a model that is not in the table", "us.deepseek.v3.2", "us-east-1", quarry.ModeJob},
		{"a model that does not exist", "anthropic.claude-9", "us-east-1", quarry.ModeJob},
		{"a model that takes no jobs", "us.anthropic.claude-sonnet-5", "us-east-1", quarry.ModeJob},
		{"a tier that the model lacks", quarry.DefaultModel, "us-west-2", quarry.ModeFlex},
		{"a Region that no row is about", "openai.gpt-oss-20b-1:0", "eu-west-1", quarry.ModeJob},
		{"GovCloud", quarry.DefaultModel, "us-gov-west-1", quarry.ModeJob},
		{"China", quarry.DefaultModel, "cn-north-1", quarry.ModeJob},
		{"no Region", quarry.DefaultModel, "", quarry.ModeJob},
		{"a mode that is a wish", quarry.DefaultModel, "us-west-2", quarry.ModeAuto},
		{"an application profile", "arn:aws:bedrock:us-west-2:1:application-inference-profile/x", "us-west-2", quarry.ModeJob},
		{"nothing", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if p, ok := cost.Default().Price(tt.id, tt.region, tt.mode); ok || p != (cost.Price{}) {
				t.Errorf("Price(%q, %q, %q) = %+v, %v, want nothing", tt.id, tt.region, tt.mode, p, ok)
			}
		})
	}
}

func TestEveryRowIsOfTheCatalogAndNamesItsSource(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range cost.Default().Rows() {
		m, _, ok := catalog.Find(r.Model)
		if !ok {
			t.Errorf("row of %s, which the catalog does not have", r.Model)
			continue
		}
		if r.Tier == cost.Job && !m.Batch {
			t.Errorf("%s has a price for jobs, but takes none", r.Model)
		}
		if r.Tier == cost.Flex && m.Offers(catalog.Flex) != catalog.Yes {
			t.Errorf("%s has a price for flex, but the catalog says %q", r.Model, m.Offers(catalog.Flex))
		}
		if !strings.HasPrefix(r.Source, "https://") || r.Date == "" || (r.Basis == cost.Derived && r.Note == "") {
			t.Errorf("row %+v lacks source, date or the rule it is derived by", r)
		}
		for _, k := range r.Kinds {
			for _, region := range append(r.Regions, "everywhere")[:max(1, len(r.Regions))] {
				id := strings.Join([]string{r.Model, string(k), string(r.Tier), region}, " ")
				if seen[id] {
					t.Errorf("two rows for %s", id)
				}
				seen[id] = true
			}
		}
	}
}

func TestBillIsExactAndNeverTooSmall(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		in, out int64
		price   cost.Price
		want    quarry.USD
	}{
		{"nothing", 0, 0, cost.Price{In: 1, Out: 1}, 0},
		{"one token of the cheapest", 1, 0, cost.Price{In: 8750, Out: 1}, 8750},
		{"a hundred million documents", 200_000_000_000, 57_000_000_000, cost.Price{In: 17_500, Out: 70_000}, 7_490_000_000_000_000},
		{"more than can be held", math.MaxInt64, 1, cost.Price{In: 2, Out: 2}, math.MaxInt64},
		{"a sum that is more than can be held", math.MaxInt64, math.MaxInt64, cost.Price{In: 1, Out: 1}, math.MaxInt64},
		{"a provider's nonsense", -5, -7, cost.Price{In: 1, Out: 1}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := cost.Bill(quarry.Usage{InputTokens: tt.in, OutputTokens: tt.out}, tt.price); got != tt.want {
				t.Errorf("Bill(%d, %d) = %d, want %d", tt.in, tt.out, got, tt.want)
			}
		})
	}
}

func TestCachingBeatsJob(t *testing.T) {
	t.Parallel()
	onDemand, job := price(t, "us."+haiku, "us-west-2", quarry.ModeOnDemand), price(t, "us."+haiku, "us-west-2", quarry.ModeJob)
	const minPrefix = 4096
	for _, tt := range []struct {
		name string
		s    cost.Shape
		want bool
	}{
		{"the origin's documents with its short prompt", cost.Shape{Prefix: 200, Document: 2000, Output: 570}, false},
		{"just below the line", cost.Shape{Prefix: 6062, Document: 2000, Output: 570}, false},
		{"just above the line", cost.Shape{Prefix: 6063, Document: 2000, Output: 570}, true},
		{"above the line, but too short to be cached", cost.Shape{Prefix: 4095, Document: 100, Output: 10}, false},
		{"as short as is cached", cost.Shape{Prefix: 4096, Document: 100, Output: 10}, true},
		{"no prefix", cost.Shape{Document: 1, Output: 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := cost.CachingBeatsJob(tt.s, onDemand, job, minPrefix); got != tt.want {
				t.Errorf("CachingBeatsJob(%+v) = %v, want %v", tt.s, got, tt.want)
			}
			// The rule as it is written for Claude's prices, in tenths.
			rule := 4*tt.s.Prefix > 5*tt.s.Document+25*tt.s.Output && tt.s.Prefix >= minPrefix
			if rule != tt.want {
				t.Errorf("0.4·%d > 0.5·%d + 2.5·%d is %v, want %v", tt.s.Prefix, tt.s.Document, tt.s.Output, rule, tt.want)
			}
		})
	}
	noCache := onDemand
	noCache.CacheRead = nil
	if cost.CachingBeatsJob(cost.Shape{Prefix: 1_000_000}, noCache, job, 0) {
		t.Error("CachingBeatsJob without a price for cache reads")
	}
}

func TestTablesGoThroughJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(cost.Default())
	if err != nil {
		t.Fatal(err)
	}
	again, err := cost.ParseTable(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cost.Default().Rows(), again.Rows()); diff != "" || again.Date() != cost.Default().Date() {
		t.Errorf("ParseTable(MarshalJSON) (-want +got):\n%s", diff)
	}
}

func TestNewTableRefusesWhatIsNoPrice(t *testing.T) {
	t.Parallel()
	good := cost.Row{Model: "m", Kinds: []cost.Kind{cost.Geo}, Tier: cost.Job, In: "1", Out: "5", Basis: cost.Listed}
	if _, err := cost.NewTable("2026-11-21", []cost.Row{good}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*cost.Row)
	}{
		{"free", func(r *cost.Row) { r.In = "0" }},
		{"empty", func(r *cost.Row) { r.Out = "" }},
		{"below nothing", func(r *cost.Row) { r.In = "-1" }},
		{"an exponent", func(r *cost.Row) { r.In = "1e9" }},
		{"a fraction", func(r *cost.Row) { r.In = "1/3" }},
		{"finer than a pico-dollar", func(r *cost.Row) { r.In = "0.0000001" }},
		{"above all reason", func(r *cost.Row) { r.Out = "1000001" }},
		{"two points", func(r *cost.Row) { r.Out = "1.2.3" }},
		{"a cache price that is none", func(r *cost.Row) { r.CacheRead = "free" }},
		{"no basis", func(r *cost.Row) { r.Basis = "" }},
		{"no model", func(r *cost.Row) { r.Model = "" }},
		{"no kinds", func(r *cost.Row) { r.Kinds = nil }},
		{"no tier", func(r *cost.Row) { r.Tier = "" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := good
			tt.change(&r)
			if _, err := cost.NewTable("2026-11-21", []cost.Row{r}); err == nil || !strings.Contains(err.Error(), "row 1") {
				t.Errorf("NewTable with %+v: %v, want an error that names row 1", r, err)
			}
		})
	}
	if _, err := cost.ParseTable([]byte(`{"rows":`)); err == nil {
		t.Error("ParseTable of half a file: no error")
	}
}
