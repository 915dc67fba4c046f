package figure_test

import (
	"math"
	"testing"

	"quarry/internal/base/figure"
)

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1,000", 14208: "14,208", 5_000_000: "5,000,000", -1: "-1", -999: "-999", -1000: "-1,000", -123456: "-123,456",
		math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := figure.Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 records", 1: "1 record", 2: "2 records", 14208: "14,208 records"} {
		if got := figure.Count(n, "record"); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if one, two := figure.Count(1, "pass"), figure.Count(2, "pass"); one != "1 pass" || two != "2 passes" {
		t.Errorf("Count of passes = %q, %q", one, two)
	}
	if one, two := figure.Count(1, "try"), figure.Count(2, "entry"); one != "1 try" || two != "2 entries" {
		t.Errorf("Count of tries = %q, of entries = %q", one, two)
	}
}

func TestAgree(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 are asked", 1: "1 is asked", 2000: "2,000 are asked"} {
		if got := figure.Agree(n, "is asked", "are asked"); got != want {
			t.Errorf("Agree(%d) = %q, want %q", n, got, want)
		}
	}
}
