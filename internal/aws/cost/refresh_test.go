package cost_test

import (
	"encoding/json"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
)

func TestARefreshedPriceGoesBeforeTheShippedOne(t *testing.T) {
	t.Parallel()
	const micro = "amazon.nova-micro-v1:0"
	list := cost.List{Service: cost.Bedrock, Date: "2027-01-02", Rows: []cost.Row{{
		Model: micro, Kinds: []cost.Kind{cost.Geo, cost.InRegion}, Regions: []string{"us-east-1"}, Tier: cost.OnDemand, In: "0.05", Out: "0.2",
		Basis: cost.Listed, Source: "https://example.org/list", Date: "2027-01-02",
	}}}
	older := list
	older.Date, older.Rows = "2026-12-31", []cost.Row{{
		Model: micro, Kinds: []cost.Kind{cost.Geo}, Regions: []string{"us-east-1"}, Tier: cost.OnDemand, In: "9", Out: "9", Basis: cost.Listed, Source: "https://example.org/old", Date: "2026-12-31",
	}}
	fresh, err := cost.Default().Refreshed([]cost.List{older, list})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(fresh)
	if err != nil {
		t.Fatal(err)
	}
	read, err := cost.ParseTable(b)
	if err != nil {
		t.Fatal(err)
	}
	table, err := cost.Default().With(read)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		region string
		mode   quarry.Mode
		in     quarry.USD
		basis  cost.Basis
		date   string
	}{
		{"us-east-1", quarry.ModeOnDemand, 50_000, cost.Listed, "2027-01-02"},
		{"us-east-1", quarry.ModeJob, 25_000, cost.Derived, "2027-01-02"}, // half of the new one, not of the shipped one
		{"us-west-2", quarry.ModeOnDemand, 35_000, cost.Listed, "2026-09-23"},
		{"us-west-2", quarry.ModeJob, 17_500, cost.Derived, "2026-11-21"},
	} {
		p, ok := table.Price("us."+micro, tt.region, tt.mode)
		if !ok || p.In != tt.in || p.Basis != tt.basis || p.Date != tt.date {
			t.Errorf("Price(%s, %s) = %+v, %v; want in %d, %s of %s", tt.region, tt.mode, p, ok, tt.in, tt.basis, tt.date)
		}
	}
}

func TestParseFileTellsTheTwoForms(t *testing.T) {
	t.Parallel()
	bulk, err := cost.ParseFile(built(t, cost.Bedrock))
	if err != nil || len(bulk.Rows) == 0 {
		t.Fatalf("ParseFile(bulk file) = %d rows, %v", len(bulk.Rows), err)
	}
	var offer struct {
		Products map[string]struct {
			Attributes map[string]string `json:"attributes"`
		} `json:"products"`
		Terms map[string]map[string]json.RawMessage `json:"terms"`
	}
	if err := json.Unmarshal(built(t, cost.Bedrock), &offer); err != nil {
		t.Fatal(err)
	}
	var elements []string
	for sku, product := range offer.Products {
		element, err := json.Marshal(map[string]any{
			"serviceCode": "AmazonBedrock", "publicationDate": "2026-11-20T00:00:00Z",
			"product": map[string]any{"sku": sku, "attributes": product.Attributes}, "terms": map[string]any{"OnDemand": offer.Terms["OnDemand"][sku]},
		})
		if err != nil {
			t.Fatal(err)
		}
		elements = append(elements, string(element))
	}
	saved, err := json.Marshal(map[string]any{"FormatVersion": "aws_v1", "PriceList": elements})
	if err != nil {
		t.Fatal(err)
	}
	products, err := cost.ParseFile(saved)
	if err != nil || len(products.Rows) != len(bulk.Rows) {
		t.Errorf("ParseFile(products) = %d rows, %v; want %d, as of the bulk file", len(products.Rows), err, len(bulk.Rows))
	}
	if _, err := cost.ParseFile([]byte(`{"PriceList":["{\"serviceCode\":\"AmazonS3\"}"]}`)); err == nil {
		t.Error("ParseFile takes the price list of another service")
	}
}
