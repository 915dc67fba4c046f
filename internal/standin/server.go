package standin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quarry/internal/standin/events"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/model"
	"quarry/internal/standin/quotasapi"
	"quarry/internal/standin/seed"
	"quarry/internal/standin/worker"
)

// Bounds of a connection. A body may take its time; a header may not.
const (
	maxHeaderBytes = 64 << 10
	headerTimeout  = 15 * time.Second
	idleTimeout    = 3 * time.Minute
)

// remoteConcurrency is how many records are in flight where nothing is set and servers answer: the model's own ceiling,
// below which it adapts.
const remoteConcurrency = 256

// Server is one running stand-in.
type Server struct {
	cfg      Config // with an absolute Dir
	log      *slog.Logger
	keys     *keyring
	unproven unproven

	answers model.Model
	changed func(worker.Job) // nil: no events are sent

	first  faults.Set // those of the start
	faults atomic.Pointer[faults.Set]
	calls  atomic.Uint64                   // AWS calls so far
	listed quotasapi.Table                 // the quotas of the start, which Service Quotas lists
	held   atomic.Pointer[quotasapi.Table] // the quotas that jobs and calls have

	seed *seed.State // nil: none

	gate  gate
	state *state // to be used inside the gate; nil when it could not be opened again

	http     *http.Server
	secure   bool // it speaks TLS
	listener net.Listener
	served   chan struct{} // closed when the listener's goroutine has ended
	fresh    connections

	closers []func(context.Context) error // in the order of opening
	closing sync.Once
	closed  error
}

// Start opens the directory and serves. Jobs that were open when an earlier server ended continue. ctx bounds the start
// alone; Close ends the server.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Addr == "" {
		cfg.Addr = defaultAddr
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("start stand-in in %s: %w", cfg.Dir, err)
	}
	cfg.Dir = dir
	if err := CheckDir(dir); err != nil {
		return nil, fmt.Errorf("start stand-in: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start stand-in: %w", err)
	}
	s := &Server{cfg: cfg, log: cfg.Log, served: make(chan struct{}), unproven: make(unproven, maxUnproven)}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("start stand-in in %s: %w", dir, errors.Join(err, closeAll(context.WithoutCancel(ctx), s.closers)))
	}
	if cfg.Ready != nil {
		id, secret := s.Keys()
		cfg.Ready(s.URL(), id, secret)
	}
	go func() {
		defer close(s.served)
		serve := s.http.Serve
		if s.secure {
			serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
		}
		if err := serve(s.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Error("serve", "error", err)
		}
	}()
	return s, nil
}

// open opens what lasts as long as the server, then the state, then the listener. What it opened before an error is closed by the
// caller.
func (s *Server) open(ctx context.Context) (err error) {
	if s.first, err = faults.Parse(s.cfg.Fault); err != nil {
		return err
	}
	s.faults.Store(&s.first)
	if s.listed, err = s.cfg.readQuotas(); err != nil {
		return err
	}
	s.held.Store(&s.listed)
	if s.keys, err = readKeys(s.cfg.KeysFile); err != nil {
		return err
	}
	s.keys.add(s.cfg.Accounts)
	if s.cfg.SeedFile != "" {
		if s.seed, err = seed.Read(s.cfg.SeedFile); err != nil {
			return err
		}
	}
	if err := s.openModel(ctx); err != nil {
		return err
	}
	if err := s.openEvents(ctx); err != nil {
		return err
	}
	if s.state, err = s.openState(ctx); err != nil {
		return err
	}
	s.closeLater(func(ctx context.Context) error {
		if s.state == nil {
			return nil
		}
		return s.state.close(ctx)
	})
	if err := s.addSeed(ctx, s.state); err != nil {
		return err
	}
	return s.listen(ctx)
}

// openModel opens what answers.
func (s *Server) openModel(ctx context.Context) error {
	cfg := &s.cfg
	notice := cfg.Notice
	if notice == nil {
		notice = func(text string) { cfg.Log.Warn(text) }
	}
	answers, err := model.Open(cfg.Backends, model.Config{
		ModelName: cfg.BackendModel, Key: cfg.BackendKey, Concurrency: cfg.Concurrency, Wait: cfg.BackendWait, Notice: notice,
	})
	if err != nil {
		return err
	}
	s.answers = answers
	if remote, ok := answers.(io.Closer); ok {
		s.closeLater(func(context.Context) error { return remote.Close() })
		if cfg.Concurrency == 0 {
			cfg.Concurrency = remoteConcurrency
		}
	}
	return checkBackends(ctx, cfg, answers)
}

// openEvents opens the sender of events. It is closed after the state, whose last changes it still sends.
func (s *Server) openEvents(ctx context.Context) error {
	if s.cfg.Events == "" {
		return nil
	}
	sender, err := events.Open(ctx, s.cfg.Events, s.log)
	if err != nil {
		return err
	}
	s.closeLater(sender.Close)
	s.changed = func(j worker.Job) {
		sender.Changed(events.Job{
			ARN: string(j.ARN()), Name: j.Name, ModelID: j.ModelID, Account: j.Account, Region: j.Region, Status: string(j.Status), Message: j.Message,
			Created: j.Submitted, Changed: j.Modified,
		})
	}
	return nil
}

// closeLater has a part closed with the server, before those that were opened earlier.
func (s *Server) closeLater(end func(context.Context) error) { s.closers = append(s.closers, end) }

// Faults are those that happen now.
func (s *Server) Faults() faults.Set { return *s.faults.Load() }

func (c Config) readQuotas() (table quotasapi.Table, err error) {
	if c.QuotasFile == "" {
		if len(c.Quotas) == 0 {
			return table, nil
		}
		return quotasapi.ReadTable(bytes.NewReader(c.Quotas))
	}
	f, err := os.Open(c.QuotasFile)
	if err != nil {
		return table, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if table, err = quotasapi.ReadTable(f); err != nil {
		return table, fmt.Errorf("%s: %w", c.QuotasFile, err)
	}
	return table, nil
}

func (s *Server) listen(ctx context.Context) error {
	cfg := s.cfg
	own := s.local()
	s.http = &http.Server{
		// Not a ServeMux: it sends clients on from "k//z" and "a/../b", which are keys of objects.
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/_quarry/") { // no bucket has such a name
				own.ServeHTTP(w, r)
				return
			}
			s.inside(w, r, func() { s.callService(w, r) })
		}),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         s.fresh.note,
		Protocols:         protocols(),
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	var err error
	if s.listener = cfg.Listener; s.listener == nil {
		if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr); err != nil {
			return err
		}
	}
	if s.http.TLSConfig, err = cfg.tls(s.listener.Addr()); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	s.secure = s.http.TLSConfig != nil // net/http sets one of its own later
	s.closeLater(s.stop)
	return nil
}

// protocols has HTTP/1.1 and HTTP/2 without TLS: the JavaScript SDK's runtime client speaks only HTTP/2.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	p.SetHTTP2(true) // over TLS
	return p
}

// URL is where the server is reached: by an address, never by a name, as clients make host names of buckets below a
// name.
func (s *Server) URL() string {
	addr := s.listener.Addr().String()
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "::" || host == "0.0.0.0" || host == "") {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	if s.secure {
		return "https://" + addr
	}
	return "http://" + addr
}

// Keys returns the key that is printed: the file's first, or this directory's own.
func (s *Server) Keys() (id, secret string) { return s.keys.first, s.keys.keys[s.keys.first].secret }

// KeyOf returns the key of one of Config.Accounts, and false for another account.
func (s *Server) KeyOf(account string) (id, secret string, ok bool) {
	key, ok := s.keys.keys[keyOf(account)]
	return keyOf(account), key.secret, ok
}

// inside serves a request that uses the state.
func (s *Server) inside(w http.ResponseWriter, r *http.Request, serve func()) {
	switch err := s.use(r.Context(), func(*state) error { serve(); return nil }); {
	case errors.Is(err, errNoState):
		refuseLocal(w, http.StatusServiceUnavailable, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the client has gone
	}
}

// use runs what needs the state, which is not replaced meanwhile. It waits while another call replaces it.
func (s *Server) use(ctx context.Context, do func(*state) error) error {
	if err := s.gate.enter(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if s.state == nil {
		return errNoState
	}
	return do(s.state)
}

var errNoState = errors.New("the data directory could not be opened again after a reset or a restore; see the log, and start the server again")

// Close ends the server: it takes no more requests, waits for those under way, and closes the files. When ctx ends
// first, requests are cut off soon after and Close returns its error; jobs continue at the next Start either way. A second Close
// returns what the first did.
func (s *Server) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closed = closeAll(ctx, s.closers) })
	return s.closed
}

// closeGrace is what is left for closing files where a request has used up the caller's time.
const closeGrace = 2 * time.Second

// closeAll closes parts, those that were opened last first.
func closeAll(ctx context.Context, closers []func(context.Context) error) error {
	var err error
	for i := len(closers) - 1; i >= 0; i-- {
		if ctx.Err() != nil {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
			defer cancel()
			ctx = late
		}
		err = errors.Join(err, closers[i](ctx))
	}
	return err
}

// stop ends the listener and its connections.
func (s *Server) stop(ctx context.Context) error {
	err := s.listener.Close()
	// Shutdown waits seconds for a connection that never sent a byte; clients open such ahead of need.
	s.fresh.close()
	// Shutdown closes the listener too, a second time where Serve has not noticed the first.
	if e := s.http.Shutdown(ctx); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e, s.http.Close())
	}
	<-s.served
	return err
}

// connections are those on which no request has begun.
type connections struct {
	mu     sync.Mutex
	fresh  map[net.Conn]struct{}
	closed bool
}

func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state != http.StateNew {
		delete(c.fresh, conn)
		return
	}
	if c.closed {
		_ = conn.Close() // accepted while the server ends
		return
	}
	if c.fresh == nil {
		c.fresh = map[net.Conn]struct{}{}
	}
	c.fresh[conn] = struct{}{}
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.fresh {
		_ = conn.Close() // nothing was said on it
	}
}

// hostOf is the address without its port.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.Trim(host, "[]")
}
