// Package upstream sends requests to the stand-in's model servers and returns their replies.
//
// It owns the connections, how many requests are in flight at each server, the retries and the timeouts. It does not know what a request
// says. At no time are more than Config.Concurrency requests in flight; a waiting retry holds no place. A Pool is safe for concurrent use.
package upstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is how a Pool sends.
type Config struct {
	URLs        []string      // base URLs of servers of one kind; a trailing /v1 is taken off
	Header      http.Header   // sent with every request; never logged
	Concurrency int           // hard ceiling on requests in flight at all URLs together; 0 means 256
	Attempts    int           // tries of one request, the first included; 0 means 6
	Backoff     time.Duration // before the first retry, doubled for each further one and jittered; 0 means 250ms
	DownAfter   time.Duration // requests wait so long for a server that cannot be reached; 0 means a minute
	// Notice is given what a person should know: that a server is down, and that it is back. Nil: it goes nowhere.
	Notice func(text string)
}

// Defaults of Config.
const (
	DefaultConcurrency = 256
	defaultAttempts    = 6
	defaultBackoff     = 250 * time.Millisecond
	defaultDownAfter   = time.Minute
	// startLimit is where the adaptive limit of a server begins.
	startLimit     = 32
	connectTimeout = 10 * time.Second
	maxBackoff     = 20 * time.Second
	maxRetryAfter  = time.Minute
	maxReply       = 64 << 20
)

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if len(c.URLs) == 0 {
		return fmt.Errorf("back end: no URL given")
	}
	for _, raw := range c.URLs {
		u, err := url.Parse(raw)
		if err != nil {
			return fmt.Errorf("back end URL %q: %w", raw, err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return fmt.Errorf("back end URL %q: want http://HOST:PORT or https://HOST", raw)
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("back end URL of host %s: user, query and fragment are not taken; give a key by its own setting", u.Host)
		}
	}
	if c.Concurrency < 0 || c.Attempts < 0 || c.Backoff < 0 || c.DownAfter < 0 {
		return fmt.Errorf("back end: concurrency, attempts, backoff and down-after must not be negative")
	}
	return nil
}

// Pool is a set of servers that share the load.
type Pool struct {
	cfg       Config
	client    *http.Client
	transport *http.Transport

	mu      sync.Mutex
	servers []*server
	rooms   sync.Map // *roomAsked by server and model
	notices sync.WaitGroup
	total   int       // in flight
	waiting []*waiter // first come, first served
}

type server struct {
	base      string
	limit     limit
	inFlight  int
	coolUntil time.Time // after a failure to connect, others are preferred until then
	downSince time.Time // zero while it answers

	models atomic.Pointer[[]string] // what it lists, nil until it was queried; empty when it has no list
}

type waiter struct {
	ready  chan struct{}
	server *server // set before ready is closed
	epoch  int
	gone   bool
}

// New makes a pool. It sends nothing yet.
func New(cfg Config) (*Pool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = defaultAttempts
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = defaultBackoff
	}
	if cfg.DownAfter == 0 {
		cfg.DownAfter = defaultDownAfter
	}
	// HTTP/1.1 with as many kept connections as requests: the default transport keeps two a host and opens a new one for nearly every call.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: connectTimeout,
		MaxIdleConns:        cfg.Concurrency,
		MaxIdleConnsPerHost: cfg.Concurrency,
		MaxConnsPerHost:     cfg.Concurrency,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		ReadBufferSize:      16 << 10,
		WriteBufferSize:     16 << 10,
		Protocols:           protocols,
	}
	p := &Pool{cfg: cfg, transport: transport, client: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
	for _, raw := range cfg.URLs {
		base := strings.TrimRight(raw, "/")
		base = strings.TrimSuffix(base, "/v1")
		p.servers = append(p.servers, &server{base: base, limit: newLimit(cfg.Concurrency)})
	}
	return p, nil
}

// noRedirect keeps the key and the prompt from being sent to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close drops the idle connections.
func (p *Pool) Close() {
	p.notices.Wait()
	p.transport.CloseIdleConnections()
}

// place is one request's permission to be in flight.
type place struct {
	server *server
	epoch  int
	began  time.Time
}

// acquire waits for a place. avoid is the server that failed last, taken again only when there is no other.
func (p *Pool) acquire(ctx context.Context, avoid *server) (place, error) {
	p.mu.Lock()
	if len(p.waiting) == 0 {
		if s := p.free(avoid); s != nil {
			pl := p.take(s)
			p.mu.Unlock()
			return pl, nil
		}
	}
	w := &waiter{ready: make(chan struct{})}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	select {
	case <-w.ready:
		return place{server: w.server, epoch: w.epoch, began: time.Now()}, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.gone = true
	if w.server != nil { // granted in the same moment: hand it on
		p.give(w.server)
	}
	return place{}, ctx.Err()
}

// free is the least loaded server that may take a request, nil when all are full.
func (p *Pool) free(avoid *server) *server {
	if p.total >= p.cfg.Concurrency {
		return nil
	}
	now := time.Time{}
	if len(p.servers) > 1 {
		now = time.Now()
	}
	var best *server
	healthy := false
	for pass := range 2 {
		for _, s := range p.servers {
			cooling := now.Before(s.coolUntil) || s == avoid && len(p.servers) > 1
			if pass == 0 && cooling {
				continue
			}
			healthy = true
			if s.inFlight < s.limit.now && (best == nil || s.inFlight*best.limit.now < best.inFlight*s.limit.now) {
				best = s
			}
		}
		if healthy {
			break // wait for full servers, and send nothing to sick ones
		}
	}
	return best
}

func (p *Pool) take(s *server) place {
	s.inFlight++
	p.total++
	return place{server: s, epoch: s.limit.epoch, began: time.Now()}
}

// give ends a place and hands what is free to those who wait. The lock is held.
func (p *Pool) give(s *server) {
	s.inFlight--
	p.total--
	p.grant()
}

func (p *Pool) grant() {
	for len(p.waiting) > 0 {
		w := p.waiting[0]
		if w.gone {
			p.waiting = p.waiting[1:]
			continue
		}
		s := p.free(nil)
		if s == nil {
			return
		}
		pl := p.take(s)
		w.server, w.epoch = s, pl.epoch
		p.waiting = p.waiting[1:]
		close(w.ready)
	}
}

// outcome is what a finished attempt says about its server.
type outcome int

const (
	answered    outcome = iota
	refused             // a status that says nothing about the load
	overloaded          // 429, 503 or a timeout
	unreachable         // no connection
)

// release ends a place and teaches the server's limit.
func (p *Pool) release(pl place, how outcome, tokens int64) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := pl.server
	switch how {
	case answered:
		p.reached(s)
		s.coolUntil = time.Time{}
		s.limit.succeeded(now.Sub(pl.began), tokens, s.inFlight)
	case refused:
		p.reached(s)
	case overloaded:
		p.reached(s)
		s.coolUntil = now.Add(time.Second)
		s.limit.congested(pl.epoch)
	case unreachable:
		if s.downSince.IsZero() {
			s.downSince = now
			p.tell("back end %s cannot be reached; requests wait for it for %s", s.base, p.cfg.DownAfter)
		}
		s.coolUntil = now.Add(2 * time.Second)
	}
	p.give(s)
}

// tell gives a notice outside of the lock, which is held.
func (p *Pool) tell(format string, args ...any) {
	if p.cfg.Notice == nil {
		return
	}
	p.notices.Go(func() { p.notice(format, args...) })
}

// reached notes that a server answers. The lock is held.
func (p *Pool) reached(s *server) {
	if !s.downSince.IsZero() {
		p.tell("back end %s answers again", s.base)
	}
	s.downSince = time.Time{}
}

// down tells whether no server has answered for so long that retries only waste time.
func (p *Pool) down() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.servers {
		if s.downSince.IsZero() || time.Since(s.downSince) < p.cfg.DownAfter {
			return false
		}
	}
	return true
}
