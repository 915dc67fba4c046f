package catalog

import (
	"fmt"
	"regexp"
	"slices"

	"quarry/internal/base/nearest"
)

// knownRegions are the codes of AWS's Regions (https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
// and the pages of the other partitions, read in November 2026).
var knownRegions = []string{
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-east-2", "ap-south-1", "ap-south-2", "ap-northeast-1",
	"ap-northeast-2", "ap-northeast-3",
	"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
	"ca-central-1", "ca-west-1",
	"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1",
	"me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
	"us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "eusc-de-east-1", "us-iso-east-1", "us-iso-west-1", "us-isob-east-1",
	"us-isob-west-1", "eu-isoe-west-1",
}

// regionForm is how the codes are made: a part of the world that AWS names, a direction, and a number. A Region that is
// newer than the table has this form.
var regionForm = regexp.MustCompile(`^(us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso|us-isob|us-isof|eu-isoe|eusc-de)-(north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]$`)

// CheckRegion refuses a name that is not a Region's and cannot be a new one's; the error says which was probably meant.
func CheckRegion(name string) error {
	if slices.Contains(knownRegions, name) || regionForm.MatchString(name) {
		return nil
	}
	if near := nearest.Of(name, knownRegions); near != "" {
		return fmt.Errorf("%q is not an AWS Region; did you mean %s?", name, near)
	}
	return fmt.Errorf("%q is not an AWS Region; want a code such as us-west-2", name)
}
