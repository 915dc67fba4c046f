package quotas_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/aws/quotas"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
)

func TestKeptRowsOfOtherRegionsStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), quotas.FileName)
	if _, ok, err := quotas.Kept(path, "", "us-west-2"); ok || err != nil {
		t.Fatalf("Kept(no file) = %v, %v, want nothing and no error", ok, err)
	}
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	row := func(region string, value float64) quotas.Rows {
		return quotas.Rows{Account: "123456789012", Region: region, Read: at, Rows: []catalog.QuotaRow{{Code: "L-1", Label: "x", Value: value}}}
	}
	e := effect.New(nil)
	for _, r := range []quotas.Rows{row("us-west-2", 1), row("us-east-1", 2), row("us-west-2", 3)} {
		if err := quotas.Keep(e, path, r); err != nil {
			t.Fatal(err)
		}
	}
	for region, value := range map[string]float64{"us-west-2": 3, "us-east-1": 2} {
		got, ok, err := quotas.Kept(path, "123456789012", region)
		if err != nil || !ok {
			t.Fatalf("Kept(%s) = %v, %v", region, ok, err)
		}
		if diff := cmp.Diff(row(region, value), got); diff != "" {
			t.Errorf("Kept(%s): %s", region, diff)
		}
	}
	if _, ok, _ := quotas.Kept(path, "999999999999", "us-west-2"); ok {
		t.Error("Kept gives the rows of another account")
	}
	if err := os.WriteFile(path, []byte(`{"format":1,"reg`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := quotas.Kept(path, "", "us-west-2"); ok || err != nil {
		t.Errorf("Kept(a torn file) = %v, %v, want nothing and no error", ok, err)
	}
}

func TestKeptRowsAreGoodForADay(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	rows := quotas.Rows{Read: at}
	for later, want := range map[time.Duration]bool{0: true, 23 * time.Hour: true, 24 * time.Hour: false, -time.Hour: false} {
		if got := rows.Fresh(at.Add(later)); got != want {
			t.Errorf("Fresh(%v later) = %v, want %v", later, got, want)
		}
	}
}
