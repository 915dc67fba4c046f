package compose

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// A stand-in can be what --target aws reaches: `quarry local`, on this machine or another one, at the address that
// AWS_ENDPOINT_URL names. What it answers costs the account nothing, and no report may say that it does. That an address is
// on loopback is not enough: it can be a tunnel or a proxy to AWS.

// healthPatience is how long a stand-in may take to say that it is one.
const healthPatience = 5 * time.Second

// free reports whether jobs and calls both go to a stand-in. Nothing is asked where no address is set: then it is AWS.
func (pr *Program) free(ctx context.Context, client *http.Client, base string) bool {
	seen := map[string]bool{}
	for _, service := range []string{"AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"} {
		address := base
		if own, ok := pr.Env(service); ok && own != "" {
			address = own
		}
		if address == "" {
			return false
		}
		if !seen[address] && !isStandin(ctx, client, address) {
			return false
		}
		seen[address] = true
	}
	return true
}

// isStandin asks a server whether it is Quarry's stand-in.
func isStandin(ctx context.Context, client *http.Client, address string) bool {
	ctx, stop := context.WithTimeout(ctx, healthPatience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/_quarry/health", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct{ Status string }
	return resp.StatusCode == http.StatusOK && json.NewDecoder(io.LimitReader(resp.Body, 1<<10)).Decode(&said) == nil && said.Status == "ok"
}
