package compose

import (
	"net/url"
	"strings"

	"quarry/internal/aws/account"
	"quarry/internal/config"
)

// destination says where the documents of a run go.
func (pr *Program) destination(s *config.Settings) string {
	if s.Target == "aws" {
		region := strings.Join(s.Regions, ", ")
		if region == "" {
			region = "the Region of your AWS configuration, else " + account.DefaultRegion
		}
		text := "go to Amazon Bedrock in " + region
		if s.Profile != "" {
			text += ", with the profile " + s.Profile
		}
		if endpoint, ok := pr.Env("AWS_ENDPOINT_URL"); ok && endpoint != "" {
			text += ", at " + redacted(endpoint) + " (AWS_ENDPOINT_URL)"
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

// redacted shows an address without its password.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an invalid address"
	}
	return u.Redacted()
}
