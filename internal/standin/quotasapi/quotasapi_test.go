package quotasapi_test

import (
	"strings"
	"testing"

	"quarry/internal/base/catalog"
	"quarry/internal/standin/quotasapi"
)

const (
	haiku   = "anthropic.claude-haiku-4-5-20251001-v1:0"
	profile = "us." + haiku
)

func read(t testing.TB, text string) quotasapi.Table {
	t.Helper()
	table, err := quotasapi.ReadTable(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTheModelsOwnValueCountsFirst(t *testing.T) {
	t.Parallel()
	table := read(t, `{"*":{"min_records":3,"rpm":7},"`+haiku+`":{"rpm":2}}`)
	for _, id := range []string{profile, "arn:aws:bedrock:us-west-2:123456789012:inference-profile/" + profile} {
		q := table.Quotas(id)
		if q.RPM != 2 || q.MinRecords != 3 || q.RecordsPerJob != 100_000 || q.TPM != 5_000_000 || q.Burndown != 5 {
			t.Errorf("Quotas(%s) = %+v", id, q)
		}
	}
	if q := table.Quotas("amazon.nova-micro-v1:0"); q.RPM != 7 || q.MinRecords != 3 {
		t.Errorf("another model has %+v", q)
	}
	if q := table.Quotas("none.such"); q.MinRecords != 0 || q.RPM != 0 {
		t.Errorf("an unknown model has %+v, want no limits", q)
	}
	if q := (quotasapi.Table{}).Quotas(profile); q.MinRecords != 100 {
		t.Errorf("the zero table gives %+v, want AWS's defaults", q)
	}
}

func TestWhatIsServedIsWhatTheCatalogueReads(t *testing.T) {
	t.Parallel()
	m, prefix, ok := catalog.Find(profile)
	if !ok {
		t.Fatal("the catalogue does not know the model")
	}
	rows := m.QuotaRows()
	if got, want := m.ReadQuotas(rows, prefix, ""), (quotasapi.Table{}).Quotas(profile); got.RecordsPerFile != want.RecordsPerFile || got.FileBytes != want.FileBytes || got.RPM != want.RPM {
		t.Errorf("rows give %+v, the table %+v", got, want)
	}
}

// FuzzReadTable reads tables as an operator could write them: what is taken gives quotas of no model below zero.
func FuzzReadTable(f *testing.F) {
	f.Add(`{"*":{"min_records":3}}`)
	f.Add(`{"` + haiku + `":{"file_bytes":1e9,"source":"x"}}`)
	f.Add(`{"*":null}{}`)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := quotasapi.ReadTable(strings.NewReader(text))
		if err != nil {
			return
		}
		q := table.Quotas(profile)
		if q.MinRecords < 0 || q.FileBytes < 0 || q.RPM < 0 {
			t.Errorf("%s gives %+v", text, q)
		}
	})
}
