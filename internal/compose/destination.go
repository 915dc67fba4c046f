package compose

import (
	"context"
	"net"
	"net/url"
	"strings"

	"quarry/internal/aws/account"
	"quarry/internal/base/effect"
	"quarry/internal/config"
)

// regionOf names the Regions of a run on AWS, as it will find them: flags and settings, else the configuration of the AWS SDK. It makes no call.
func regionOf(ctx context.Context, s *config.Settings, e *effect.Effects) (string, error) {
	if len(s.Regions) > 0 || s.Target != "aws" {
		return strings.Join(s.Regions, ", "), nil
	}
	c, err := account.Load(ctx, account.Config{Profile: s.Profile, Effects: e})
	return c.Region, err
}

// destination says where the documents of a run go; region is where a run on AWS has its jobs.
func (pr *Program) destination(s *config.Settings, region string) string {
	if s.Target == "aws" {
		text := "go to Amazon Bedrock in " + region
		endpoint, _ := pr.Env("AWS_ENDPOINT_URL")
		switch {
		case endpoint != "" && onThisMachine(endpoint):
			text = "go to a server on this machine, " + redacted(endpoint) + " (AWS_ENDPOINT_URL), as Region " + region
		case endpoint != "":
			text += ", at " + redacted(endpoint) + " (AWS_ENDPOINT_URL)"
		}
		if s.Profile != "" {
			text += ", with the profile " + s.Profile
		}
		return text
	}
	var to []string
	for _, b := range s.Backends {
		kind, address, remote := strings.Cut(b, "=")
		if !remote {
			continue
		}
		text := redacted(address) + " (" + kind + ")"
		if s.BackendKey != "" {
			text += ", with the key in $" + s.BackendKey
		}
		to = append(to, text)
	}
	if len(to) == 0 {
		return "stay on this machine: the model is part of this program"
	}
	return "go to " + strings.Join(to, " and ")
}

// onThisMachine reports whether a URL names a loopback address. Of names only localhost is known to be one (RFC 6761).
func onThisMachine(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip.IsLoopback() || strings.EqualFold(u.Hostname(), "localhost")
}

// redacted shows an address without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an invalid address"
	}
	return u.Redacted()
}
