package effect

import (
	"net"
	"net/http"
	"time"
)

// HTTPConfig shapes the run's HTTP client.
type HTTPConfig struct {
	// MaxConnsPerHost bounds the connections to one host. Zero: 64.
	MaxConnsPerHost int
}

// HTTPClient gives the run's HTTP client: every request is a counted effect. There is no overall timeout, since
// downloads are long; callers bound their calls by context.
func (e *Effects) HTTPClient(cfg HTTPConfig) *http.Client {
	conns := cfg.MaxConnsPerHost
	if conns == 0 {
		conns = 64
	}
	base := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 60 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          4 * conns,
		MaxIdleConnsPerHost:   conns,
		MaxConnsPerHost:       conns,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		// Answers of a model come after minutes; NAT gateways forget idle connections after 350 s
		// (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html), hence the keep-alive.
		ResponseHeaderTimeout: 15 * time.Minute,
	}
	return &http.Client{
		Transport: transport{e: e, base: base},
		// As the SDK's own client: a redirect of S3 to another Region must reach the caller as what it is.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type transport struct {
	e    *Effects
	base *http.Transport
}

// RoundTrip sends a request between the two hook calls. When the hook fails afterwards the reply is thrown away: the
// server has done its part, and the caller never learns of it.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var reply *http.Response
	err := t.e.do(HTTP, r.Method+" "+r.URL.EscapedPath(), func() (err error) {
		reply, err = t.base.RoundTrip(r)
		return err
	})
	if err != nil {
		if reply != nil {
			_ = reply.Body.Close()
		}
		return nil, err
	}
	return reply, nil
}

// CloseIdleConnections lets http.Client close what waits.
func (t transport) CloseIdleConnections() { t.base.CloseIdleConnections() }
