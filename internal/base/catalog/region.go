package catalog

import (
	"slices"
	"strings"
)

// Global is the prefix of profiles that may send a request to any commercial Region. Their grant is a foundation-model
// ARN without a Region (https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html).
const Global = "global"

// JobRegions gives the Regions in which a batch inference job may name the model by its plain id (profile "") or through
// a profile. Where AWS's pages do not list a geographic profile's own source Regions, all Regions in which the model
// takes jobs through some profile are given.
func (m Model) JobRegions(profile string) []string {
	if m.row == nil || !m.Batch || !m.HasProfile(profile) {
		return nil
	}
	if profile == "" {
		return slices.Clone(m.row.InRegion)
	}
	routes := m.row.routes[profile]
	if len(routes) == 0 {
		return slices.Clone(m.row.Through)
	}
	var regions []string
	for _, r := range m.row.Through {
		if _, ok := routes[r]; ok {
			regions = append(regions, r)
		}
	}
	return regions
}

// ProfileRequired reports whether a job in the Region has to name an inference profile, because the plain id is not
// listed for it there.
func (m Model) ProfileRequired(region string) bool {
	return m.Batch && !slices.Contains(m.JobRegions(""), region)
}

// JobIDs gives the ids by which a job in the Region may name the model: the plain id, then geographic profiles, then
// the global one. It is empty when the table knows none.
func (m Model) JobIDs(region string) []string {
	var ids []string
	if slices.Contains(m.JobRegions(""), region) {
		ids = append(ids, m.ID)
	}
	profiles := m.Profiles()
	slices.SortStableFunc(profiles, func(a, b string) int {
		switch {
		case a == Global && b != Global:
			return 1
		case b == Global && a != Global:
			return -1
		}
		return 0
	})
	for _, p := range profiles {
		if !slices.Contains(m.JobRegions(p), region) {
			continue
		}
		if len(m.row.routes[p]) == 0 && p != Global && !inGeography(p, region) {
			continue
		}
		ids = append(ids, p+"."+m.ID)
	}
	return ids
}

// Destinations gives the Regions to which a profile may send a request that comes from the source Region. known is
// false where AWS's pages do not say it, and for [Global], whose Regions change; GetInferenceProfile does.
func (m Model) Destinations(profile, source string) (regions []string, known bool) {
	if m.row == nil {
		return nil, false
	}
	regions, known = m.row.routes[profile][source]
	return slices.Clone(regions), known
}

// inGeography reports whether a Region can be the source of a geographic profile, by AWS's naming of Regions.
func inGeography(prefix, region string) bool {
	gov := strings.HasPrefix(region, "us-gov-")
	switch prefix {
	case "us":
		return !gov && (strings.HasPrefix(region, "us-") || strings.HasPrefix(region, "ca-"))
	case "us-gov":
		return gov
	case "eu":
		return strings.HasPrefix(region, "eu-") || region == "il-central-1"
	case "apac":
		return strings.HasPrefix(region, "ap-")
	case "jp":
		return region == "ap-northeast-1" || region == "ap-northeast-3"
	case "au":
		return region == "ap-southeast-2" || region == "ap-southeast-4" || region == "ap-southeast-6"
	}
	return false
}

// Partition is the ARN partition of a Region: "aws", "aws-us-gov" or "aws-cn".
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	}
	return "aws"
}

// FoundationModelARN is the ARN of a foundation model in a Region; an empty Region gives the form that a grant for
// global profiles needs.
func FoundationModelARN(region, id string) string {
	return "arn:" + Partition(region) + ":bedrock:" + region + "::foundation-model/" + id
}

// InferenceProfileARN is the ARN of a system-defined inference profile as seen by an account in a Region. id carries
// the prefix ("us.anthropic.…").
func InferenceProfileARN(region, account, id string) string {
	return "arn:" + Partition(region) + ":bedrock:" + region + ":" + account + ":inference-profile/" + id
}
