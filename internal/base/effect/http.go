package effect

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// HTTPConfig shapes the run's HTTP client.
type HTTPConfig struct {
	// MaxConnsPerHost bounds the connections to one host. Zero: 576, which leaves room next to 512 on-demand calls.
	MaxConnsPerHost int
	// Dial opens connections. Nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Idle is how long the body of an answer may give no byte before it ends with ErrStalled. Zero: a minute.
	Idle time.Duration
}

const (
	mostConns     = 576
	headerTimeout = 15 * time.Minute // answers of a model come after minutes
)

// HTTPClient gives the run's HTTP client: every request is a counted effect. There is no overall timeout, since
// downloads are long; callers bound their calls by context, and a body that stalls ends with ErrStalled.
func (e *Effects) HTTPClient(cfg HTTPConfig) *http.Client {
	conns := cfg.MaxConnsPerHost
	if conns == 0 {
		conns = mostConns
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
		// NAT gateways forget idle connections after 350 s
		// (https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html), hence the keep-alive.
		ResponseHeaderTimeout: headerTimeout,
	}
	if cfg.Dial != nil {
		base.DialContext, base.Proxy = cfg.Dial, nil
	}
	idle := cfg.Idle
	if idle == 0 {
		idle = idleTimeout
	}
	return &http.Client{
		Transport: transport{e: e, base: base, idle: idle},
		// As the SDK's own client: a redirect of S3 to another Region must reach the caller as what it is.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Tune gives the transport of another client, such as the AWS SDK's, the connections and the patience of the run's own. Its requests are
// counted once the client is given to Count.
func Tune(t *http.Transport) {
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost = mostConns, mostConns
	t.ResponseHeaderTimeout = headerTimeout
}

// Doer sends requests.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Count makes every request of a client a counted effect.
func (e *Effects) Count(d Doer) Doer { return counted{e, d} }

type counted struct {
	e *Effects
	d Doer
}

// Do sends a request between the two hook calls.
func (c counted) Do(r *http.Request) (*http.Response, error) {
	return c.e.request(r, idleTimeout, c.d.Do)
}

type transport struct {
	e    *Effects
	base *http.Transport
	idle time.Duration
}

// RoundTrip sends a request between the two hook calls. When the hook fails afterwards the reply is thrown away: the
// server has done its part, and the caller never learns of it.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.e.request(r, t.idle, t.base.RoundTrip)
}

func (e *Effects) request(r *http.Request, idle time.Duration, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		copied := *r
		copied.Body, r = readOnly{r.Body}, &copied
	}
	var reply *http.Response
	err := e.do(HTTP, r.Method+" "+r.URL.EscapedPath(), func() (err error) {
		reply, err = withIdleTimeout(r, idle, send) //nolint:bodyclose // the caller of RoundTrip closes it
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

// readOnly hides the WriteTo of a request's body. The SDK closes the body as soon as the answer begins, and its WriteTo then gives
// io.EOF as an error (smithy-go, safeWriteToReadCloser). net/http calls WriteTo once more after the last byte, takes the
// error for one of the request, and closes the connection while the answer is being read.
type readOnly struct{ io.ReadCloser }

// CloseIdleConnections lets http.Client close what waits.
func (t transport) CloseIdleConnections() { t.base.CloseIdleConnections() }
