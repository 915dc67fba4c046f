package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/config"
)

func TestQuotasOfTheConfiguration(t *testing.T) {
	t.Parallel()
	want := quarry.Quotas{MinRecords: 10, RecordsPerFile: 20_000, RecordsPerJob: 20_000, FileBytes: 5e8, OpenJobs: 3, RPM: 7, TPM: 8, Source: "configuration"}
	const text = "quotas: {min_records: 10, max_records: 20_000, max_file_bytes: 500000000, open_jobs: 3, rpm: 7, tpm: 8}\n"
	for name, in := range map[string]config.Input{
		"a mapping":      {File: write(t, "quarry.yaml", text)},
		"flags":          {Flags: map[string][]string{"quotas": {"min_records=10", "max_records=20000", "max_file_bytes=500000000", "open_jobs=3", "rpm=7", "tpm=8"}}},
		"as it prints":   {File: write(t, "quarry.yaml", printed(t, text))},
		"nothing said":   {File: write(t, "quarry.yaml", "quotas:\n")},
		"none in a list": {File: write(t, "quarry.yaml", "quotas: {}\n")},
	} {
		got, err := config.Load(in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w := want
		if strings.HasPrefix(name, "no") {
			w = quarry.Quotas{Source: got.Quotas.Source}
		}
		if diff := cmp.Diff(w, got.Quotas); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for text, want := range map[string]string{
		"quotas: {min_record: 1}\n":                  "min_records",
		"quotas: {rpm: 0}\n":                         "above 0",
		"quotas: {min_records: 5, max_records: 2}\n": "below",
	} {
		if _, err := config.Load(config.Input{File: write(t, "quarry.yaml", text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q) = %v, want an error with %q", text, err, want)
		}
	}
}

func printed(t *testing.T, text string) string {
	t.Helper()
	l, err := config.Load(config.Input{File: write(t, "quarry.yaml", text)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.Print()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
