package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// partition is where IAM is in one of AWS's partitions: one place for all its Regions.
type partition struct {
	prefix                 string // of its Regions
	region                 string // that requests are signed for
	host, fips, dual, both string // with FIPS, with IPv6, with both
}

// partitions are from the SDK's rules for IAM. The last one is that of every other Region.
var partitions = []partition{
	{
		"cn-", "cn-north-1",
		"iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn",
		"iam.global.api.amazonwebservices.com.cn", "iam-fips.api.amazonwebservices.com.cn",
	},
	{
		"us-gov-", "us-gov-west-1",
		"iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws", "iam.us-gov.api.aws",
	},
	{
		"us-iso-", "us-iso-east-1",
		"iam.us-iso-east-1.c2s.ic.gov", "iam-fips.us-iso-east-1.c2s.ic.gov", "iam.api.aws.ic.gov", "iam-fips.api.aws.ic.gov",
	},
	{
		"us-isob-", "us-isob-east-1",
		"iam.us-isob-east-1.sc2s.sgov.gov", "iam-fips.us-isob-east-1.sc2s.sgov.gov", "iam.api.aws.scloud", "iam-fips.api.aws.scloud",
	},
	{
		"eu-isoe-", "eu-isoe-west-1",
		"iam.eu-isoe-west-1.cloud.adc-e.uk", "iam-fips.cloud.adc-e.uk", "iam.api.cloud-aws.adc-e.uk", "iam-fips.api.cloud-aws.adc-e.uk",
	},
	{
		"us-isof-", "us-isof-south-1",
		"iam.us-isof-south-1.csp.hci.ic.gov", "iam-fips.csp.hci.ic.gov", "iam.api.aws.hci.ic.gov", "iam-fips.api.aws.hci.ic.gov",
	},
	{
		"eusc-", "eusc-de-east-1",
		"iam.eusc-de-east-1.amazonaws.eu", "iam-fips.amazonaws.eu", "iam.global.api.amazonwebservices.eu", "iam-fips.api.amazonwebservices.eu",
	},
	{
		"", "us-east-1",
		"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws", "iam-fips.global.api.aws",
	},
}

// endpoint gives the address of IAM and the Region that a request is signed for.
func endpoint(ctx context.Context, c *aws.Config) (at, region string, err error) {
	named, err := configured(ctx, c)
	if err != nil {
		return "", "", err
	}
	if named != "" {
		return named, c.Region, nil
	}
	fips, err := setting(c, func(s interface {
		GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
	},
	) (aws.FIPSEndpointState, bool, error) {
		return s.GetUseFIPSEndpoint(ctx)
	})
	if err != nil {
		return "", "", err
	}
	dual, err := setting(c, func(s interface {
		GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
	},
	) (aws.DualStackEndpointState, bool, error) {
		return s.GetUseDualStackEndpoint(ctx)
	})
	if err != nil {
		return "", "", err
	}
	for _, p := range partitions {
		if !strings.HasPrefix(c.Region, p.prefix) {
			continue
		}
		host := p.host
		switch isFIPS, isDual := fips == aws.FIPSEndpointStateEnabled, dual == aws.DualStackEndpointStateEnabled; {
		case isFIPS && isDual:
			host = p.both
		case isFIPS:
			host = p.fips
		case isDual:
			host = p.dual
		}
		return "https://" + host, p.region, nil
	}
	return "", "", nil // the last partition has every Region
}

// configured is the address that the settings name: IAM's own before that of all services, but the environment before the profile.
func configured(ctx context.Context, c *aws.Config) (string, error) {
	ignore, err := setting(c, func(s interface {
		GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
	},
	) (bool, bool, error) {
		return s.GetIgnoreConfiguredEndpoints(ctx)
	})
	if err != nil || ignore {
		return aws.ToString(c.BaseEndpoint), err
	}
	for _, source := range c.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if at, found, err := s.GetServiceBaseEndpoint(ctx, "IAM"); err != nil || found {
				return at, err
			}
		}
		if env, ok := source.(config.EnvConfig); ok && env.BaseEndpoint != "" {
			break
		}
	}
	return aws.ToString(c.BaseEndpoint), nil
}

// setting asks the sources of the settings, in their order, for one that not all of them know.
func setting[Source, Value any](c *aws.Config, ask func(Source) (Value, bool, error)) (value Value, err error) {
	for _, source := range c.ConfigSources {
		s, ok := source.(Source)
		if !ok {
			continue
		}
		if v, found, err := ask(s); err != nil || found {
			return v, err
		}
	}
	return value, nil
}
