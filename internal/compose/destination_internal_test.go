package compose

import (
	"testing"

	"quarry/internal/config"
)

func TestDestinationOnAWS(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"":                        "go to Amazon Bedrock in eu-west-1, with the profile p",
		"https://vpce.example":    "go to Amazon Bedrock in eu-west-1, at https://vpce.example (AWS_ENDPOINT_URL), with the profile p",
		"http://u:pw@[::1]:4566":  "go to a server on this machine, http://u:xxxxx@[::1]:4566 (AWS_ENDPOINT_URL), as Region eu-west-1, with the profile p",
		"http://localhost:4566":   "go to a server on this machine, http://localhost:4566 (AWS_ENDPOINT_URL), as Region eu-west-1, with the profile p",
		"http://127.0.0.1.a.com/": "go to Amazon Bedrock in eu-west-1, at http://127.0.0.1.a.com/ (AWS_ENDPOINT_URL), with the profile p",
	} {
		pr := &Program{Env: func(name string) (string, bool) { return endpoint, name == "AWS_ENDPOINT_URL" && endpoint != "" }}
		if got := pr.destination(&config.Settings{Target: "aws", Profile: "p"}, "eu-west-1"); got != want {
			t.Errorf("at %q: documents %s, want %s", endpoint, got, want)
		}
	}
}
