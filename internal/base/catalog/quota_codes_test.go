package catalog_test

import (
	"testing"

	"quarry"
	"quarry/internal/base/catalog"
)

// TestCodesOfAWSPage holds the table against codes that AWS's page links to
// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html): a quota is found by its code when its label is another.
func TestCodesOfAWSPage(t *testing.T) {
	t.Parallel()
	file := func(q quarry.Quotas) int64 { return q.RecordsPerFile }
	job := func(q quarry.Quotas) int64 { return q.RecordsPerJob }
	open := func(q quarry.Quotas) int64 { return q.OpenJobs }
	least := func(q quarry.Quotas) int64 { return q.MinRecords }
	rpm := func(q quarry.Quotas) int64 { return q.RPM }
	tpm := func(q quarry.Quotas) int64 { return q.TPM }
	jobGB := func(q quarry.Quotas) int64 { return q.JobBytes / 1e9 }
	for _, tt := range []struct {
		model, profile, code string
		field                func(quarry.Quotas) int64
	}{
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "us", "L-9EDE6039", file},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "us", "L-63020993", open},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "us", "L-CCA5DF70", rpm},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "us", "L-58BE175A", tpm},
		{"anthropic.claude-opus-5", "us", "L-55F225F6", file},
		{"anthropic.claude-opus-5", "us", "L-16941C66", open},
		{"anthropic.claude-opus-4-6-v1", "us", "L-D8E451A7", file},
		{"anthropic.claude-opus-4-6-v1", "us", "L-B0F56DCF", open},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "us", "L-4DFF050E", file},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "us", "L-A0300844", open},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "us", "L-4A6BFAB1", rpm},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "us", "L-F4DDD3EB", tpm},
		{"anthropic.claude-sonnet-4-6", "us", "L-391CEF89", file},
		{"anthropic.claude-sonnet-4-6", "us", "L-3030E098", open},
		{"anthropic.claude-sonnet-4-6", "us", "L-00FF3314", rpm},
		{"anthropic.claude-sonnet-4-6", "us", "L-15B8E632", tpm},
		{"anthropic.claude-sonnet-4-20250514-v1:0", "us", "L-F72F26EE", least},
		{"anthropic.claude-sonnet-4-20250514-v1:0", "us", "L-E31283B0", jobGB},
		{"amazon.nova-2-lite-v1:0", "us", "L-ECCE76C6", job},
		{"amazon.nova-2-lite-v1:0", "us", "L-4A832410", file},
		{"amazon.nova-2-lite-v1:0", "us", "L-10F69CA1", open},
		{"amazon.nova-micro-v1:0", "", "L-57DC56A1", job},
		{"amazon.nova-micro-v1:0", "", "L-D56DF585", file},
		{"amazon.nova-micro-v1:0", "", "L-564C017C", open},
		{"amazon.nova-lite-v1:0", "", "L-916C9264", job},
		{"amazon.nova-lite-v1:0", "", "L-B8626674", file},
		{"amazon.nova-lite-v1:0", "", "L-E2ED42E6", open},
		{"amazon.nova-pro-v1:0", "", "L-89197AE6", job},
		{"amazon.nova-pro-v1:0", "", "L-9B651738", file},
		{"amazon.nova-pro-v1:0", "", "L-FE130012", open},
		{"openai.gpt-oss-120b-1:0", "", "L-3C5D1B25", job},
		{"openai.gpt-oss-120b-1:0", "", "L-9EF11C18", file},
		{"openai.gpt-oss-120b-1:0", "", "L-07844084", open},
		{"openai.gpt-oss-20b-1:0", "", "L-F361DF0F", job},
		{"openai.gpt-oss-20b-1:0", "", "L-EF804815", file},
		{"openai.gpt-oss-20b-1:0", "", "L-50CC95A8", open},
		{"meta.llama3-3-70b-instruct-v1:0", "", "L-F77743B5", file},
		{"meta.llama3-3-70b-instruct-v1:0", "", "L-FE24F76E", open},
		{"deepseek.v3.2", "", "L-9E38DD81", file},
		{"deepseek.v3.2", "", "L-D1C9F3B9", open},
		{"deepseek.v3-v1:0", "", "L-48DD3868", file},
		{"deepseek.v3-v1:0", "", "L-1C19AAE8", open},
		{"qwen.qwen3-235b-a22b-2507-v1:0", "", "L-C19807B8", job},
		{"qwen.qwen3-235b-a22b-2507-v1:0", "", "L-FD509977", file},
		{"qwen.qwen3-235b-a22b-2507-v1:0", "", "L-91E3DBE2", open},
		{"qwen.qwen3-32b-v1:0", "", "L-DF5FF3C8", job},
		{"qwen.qwen3-32b-v1:0", "", "L-28258E5D", file},
		{"amazon.titan-embed-text-v2:0", "", "L-AAC5F6D6", job},
		{"amazon.titan-embed-text-v2:0", "", "L-D1151D45", file},
	} {
		rows := []catalog.QuotaRow{{Code: tt.code, Label: "a label of another year", Value: 77}}
		if got := tt.field(find(t, tt.model).ReadQuotas(rows, tt.profile, "")); got != 77 {
			t.Errorf("ReadQuotas(%s) of %s = %d, want 77", tt.code, tt.model, got)
		}
	}
}

// TestLabelsThatAreIrregular are labels as AWS's page spells them.
func TestLabelsThatAreIrregular(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		model, label string
		want         quarry.Quotas
	}{
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "Minimum number of records per batch inference job for Claude Sonnet 4.5.", quarry.Quotas{MinRecords: 77}},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "Minimum number of records per batch inference job for Claude Haiku 4.5", quarry.Quotas{MinRecords: 77}},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "Records per batch inference job for Claude Haiku 4.5", quarry.Quotas{RecordsPerJob: 77}},
		{"qwen.qwen3-235b-a22b-2507-v1:0", "Batch inference input file size for Qwen3 235B (in GB)", quarry.Quotas{FileBytes: 77e9}},
		{"openai.gpt-oss-120b-1:0", "Records per input file per batch inference job for OpenAI GPT OSS 120b", quarry.Quotas{RecordsPerFile: 77}},
		{"openai.gpt-oss-120b-1:0", "On-demand model inference requests per minute for OpenAI GPT OSS 120B", quarry.Quotas{RPM: 77}},
		{"deepseek.v3-v1:0", "Records per batch inference job for DeepSeek v3", quarry.Quotas{RecordsPerJob: 77}},
		{"amazon.nova-pro-v1:0", "Sum of in-progress and submitted batch inference jobs using a base model for Nova Pro V1", quarry.Quotas{OpenJobs: 77}},
		{"amazon.nova-premier-v1:0", "Records per batch inference job for Amazon Nova Premier", quarry.Quotas{RecordsPerJob: 77}},
	} {
		m := find(t, tt.model)
		tt.want.Burndown = m.Burndown()
		if got := m.ReadQuotas([]catalog.QuotaRow{{Label: tt.label, Value: 77}}, "", ""); got != tt.want {
			t.Errorf("ReadQuotas(%q) of %s = %+v, want %+v", tt.label, tt.model, got, tt.want)
		}
	}
}
