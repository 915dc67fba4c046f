package standin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// healthPatience is how long a stand-in may take to say that it is one.
const healthPatience = 5 * time.Second

// IsOne reports whether the server at an address is a stand-in. A server that does not answer is none.
func IsOne(ctx context.Context, client *http.Client, address string) bool {
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
