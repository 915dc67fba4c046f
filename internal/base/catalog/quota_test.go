package catalog_test

import (
	"testing"

	"quarry"
	"quarry/internal/base/catalog"

	"github.com/google/go-cmp/cmp"
)

func TestQuotasOfTheTable(t *testing.T) {
	t.Parallel()
	want := quarry.Quotas{
		MinRecords: 100, RecordsPerFile: 100_000, RecordsPerJob: 100_000,
		FileBytes: 1_000_000_000, JobBytes: 5_000_000_000, OpenJobs: 100,
		RPM: 10_000, TPM: 5_000_000, Burndown: 5, Source: "table of " + catalog.Date(),
	}
	if diff := cmp.Diff(want, find(t, quarry.DefaultModel).Quotas("us")); diff != "" {
		t.Errorf("Quotas(us) of the default model (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		name, id, profile string
		get               func(quarry.Quotas) int64
		want              int64
	}{
		{"Nova Lite takes larger jobs", "amazon.nova-lite-v1:0", "us", func(q quarry.Quotas) int64 { return q.JobBytes }, 100_000_000_000},
		{"no calls by the plain id where a profile is required", quarry.DefaultModel, "", func(q quarry.Quotas) int64 { return q.RPM }, 0},
		{"Llama 3.3 over a profile", "meta.llama3-3-70b-instruct-v1:0", "us", func(q quarry.Quotas) int64 { return q.RPM }, 800},
		{"Llama 3.3 by its plain id", "meta.llama3-3-70b-instruct-v1:0", "", func(q quarry.Quotas) int64 { return q.RPM }, 400},
		{"Opus 5 burns ten tokens", "anthropic.claude-opus-5", "us", func(q quarry.Quotas) int64 { return q.Burndown }, 10},
		{"Opus 4.8 burns fifteen tokens", "anthropic.claude-opus-4-8", "us", func(q quarry.Quotas) int64 { return q.Burndown }, 15},
		{"Opus 4.8 takes no jobs", "anthropic.claude-opus-4-8", "us", func(q quarry.Quotas) int64 { return q.MinRecords }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.get(find(t, tt.id).Quotas(tt.profile)); got != tt.want {
				t.Errorf("Quotas(%q) of %s: got %d, want %d", tt.profile, tt.id, got, tt.want)
			}
		})
	}
	var none catalog.Model
	if q := none.Quotas("us"); q.MinRecords != 0 || none.QuotaRows() != nil || none.Profiles() != nil || none.Takes(catalog.TopP) != catalog.Unknown {
		t.Errorf("the zero Model knows something: %+v", q)
	}
}

func TestEveryModelReadsItsOwnRows(t *testing.T) {
	t.Parallel()
	var all []catalog.QuotaRow // as one account's Service Quotas would list them
	for _, m := range catalog.Models() {
		all = append(all, m.QuotaRows()...)
	}
	bare := make([]catalog.QuotaRow, len(all))
	for i, r := range all {
		bare[i] = catalog.QuotaRow{Label: r.Label, Value: r.Value}
	}
	for _, m := range catalog.Models() {
		for _, profile := range append(m.Profiles(), "") {
			want := m.Quotas(profile)
			want.Source = "service quotas"
			if diff := cmp.Diff(want, m.ReadQuotas(all, profile, "service quotas")); diff != "" {
				t.Errorf("ReadQuotas of %s, profile %q (-want +got):\n%s", m.ID, profile, diff)
			}
			if diff := cmp.Diff(want, m.ReadQuotas(bare, profile, "service quotas")); diff != "" {
				t.Errorf("ReadQuotas of %s by labels alone, profile %q (-want +got):\n%s", m.ID, profile, diff)
			}
		}
	}
}

func TestReadQuotasTakesAWSsSpellings(t *testing.T) {
	t.Parallel()
	sonnet := find(t, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	qwen := find(t, "qwen.qwen3-235b-a22b-2507-v1:0")
	for _, tt := range []struct {
		name string
		m    catalog.Model
		row  catalog.QuotaRow
		want quarry.Quotas
	}{
		{
			"a dot at the end", sonnet,
			catalog.QuotaRow{Label: "Minimum number of records per batch inference job for Claude Sonnet 4.5.", Value: 100},
			quarry.Quotas{MinRecords: 100},
		},
		{
			"no dot where the table has one", sonnet,
			catalog.QuotaRow{Label: "Sum of in-progress and submitted batch inference jobs using a base model for Claude Sonnet 4.5", Value: 20},
			quarry.Quotas{OpenJobs: 20},
		},
		{
			"the unit after the name", qwen,
			catalog.QuotaRow{Label: "Batch inference job size for Qwen3 235B (in GB)", Value: 5},
			quarry.Quotas{JobBytes: 5_000_000_000},
		},
		{
			"another case", sonnet,
			catalog.QuotaRow{Label: "Cross-Region model inference requests per minute for Anthropic Claude Sonnet 4.5 V1", Value: 50},
			quarry.Quotas{RPM: 50},
		},
		{
			"the minimum is not the maximum", sonnet,
			catalog.QuotaRow{Label: "Minimum number of records per batch inference job for Claude Sonnet 4.5", Value: 1000},
			quarry.Quotas{MinRecords: 1000},
		},
		{
			"another model whose name begins the same", sonnet,
			catalog.QuotaRow{Label: "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5 V1 1M Context Length", Value: 1_000_000},
			quarry.Quotas{},
		},
		{
			"a code whatever the label says", sonnet,
			catalog.QuotaRow{Code: "L-FFFEDD8D", Label: "renamed", Value: 7000},
			quarry.Quotas{RecordsPerJob: 7000},
		},
		{
			"a value of nothing", sonnet,
			catalog.QuotaRow{Code: "L-FFFEDD8D", Value: 0},
			quarry.Quotas{},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Burndown = tt.m.Burndown()
			if diff := cmp.Diff(tt.want, tt.m.ReadQuotas([]catalog.QuotaRow{tt.row}, "us", "")); diff != "" {
				t.Errorf("ReadQuotas(%q) (-want +got):\n%s", tt.row.Label, diff)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	applied := quarry.Quotas{RecordsPerFile: 50_000, Source: "service quotas"}
	table := quarry.Quotas{RecordsPerFile: 100_000, MinRecords: 100, Source: "table of 2026-11-21"}
	want := quarry.Quotas{RecordsPerFile: 50_000, MinRecords: 100, Source: "service quotas; table of 2026-11-21"}
	if diff := cmp.Diff(want, catalog.Merge(applied, table)); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(applied, catalog.Merge(applied, quarry.Quotas{RecordsPerFile: 1, Source: "nothing new"})); diff != "" {
		t.Errorf("Merge with nothing new (-want +got):\n%s", diff)
	}
}
