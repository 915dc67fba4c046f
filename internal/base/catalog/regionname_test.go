package catalog_test

import (
	"strings"
	"testing"

	"quarry/internal/base/catalog"
)

func TestCheckRegion(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"us-west-2": "", "eu-central-1": "", "us-gov-west-1": "", "cn-northwest-1": "", "eusc-de-east-1": "",
		"us-west-3": "", "ap-southeast-9": "", "mx-west-1": "", // newer than the table
		"us-wset-2": "us-west-2", "us-west2": "us-west-2", "uswest-2": "us-west-2", "us_west_2": "us-west-2", "US-WEST-2": "us-west-2", "us-west-22": "us-west-2", "us-west": "us-west-",
		"eu-wets-1": "eu-west-1", "eu-cental-1": "eu-central-1", "ap-northest-1": "ap-northeast-1", "us-west-2a": "us-west-2",
		"oregon": "such as us-west-2", "https://x.example.com": "such as us-west-2", "": "such as us-west-2", "us-west-2\n": "us-west-2",
	} {
		err := catalog.CheckRegion(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckRegion(%q) = %v, want %q", name, err, want)
		}
	}
}
