package standin

import (
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

	"quarry"
	"quarry/internal/standin/bedrockapi"
	"quarry/internal/standin/events"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/model"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/quotasapi"
	"quarry/internal/standin/s3api"
	"quarry/internal/standin/store"
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
	log  *slog.Logger
	keys *keyring

	roles  *iamapi.API
	store  *store.Store
	engine *worker.Engine
	s3     *s3api.API
	api    map[service]http.Handler        // all but S3
	held   atomic.Pointer[quotasapi.Table] // what jobs and calls are held to

	unproven unproven

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
	s := &Server{log: cfg.Log, served: make(chan struct{}), unproven: make(unproven, maxUnproven)}
	if err := s.open(ctx, cfg); err != nil {
		return nil, fmt.Errorf("start stand-in in %s: %w", dir, errors.Join(err, s.closeAll(context.WithoutCancel(ctx))))
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

// open builds the services from the ground up. What it opened before an error is closed by the caller.
func (s *Server) open(ctx context.Context, cfg Config) error {
	set, err := faults.Parse(cfg.Fault)
	if err != nil {
		return err
	}
	table, err := readQuotas(cfg.QuotasFile)
	if err != nil {
		return err
	}
	if s.roles, err = iamapi.Open(iamapi.Config{File: filepath.Join(cfg.Dir, "iam.db"), NoSync: cfg.NoSync, Log: cfg.Log}); err != nil {
		return err
	}
	s.closeLater(func(context.Context) error { return s.roles.Close() })
	if s.keys, err = openKeys(cfg.KeysFile, s.roles); err != nil {
		return err
	}
	if s.store, err = store.Open(store.Config{Dir: filepath.Join(cfg.Dir, "s3"), NoSync: cfg.NoSync, Account: iamapi.Account}); err != nil {
		return err
	}
	s.closeLater(func(context.Context) error { return s.store.Close() })
	if s.s3, err = s3api.New(s3api.Config{Store: s.store, Key: s.keys.key, Allow: s.allowS3}); err != nil {
		return err
	}
	s.closeLater(func(context.Context) error { return s.s3.Close() })
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
	if err := checkBackends(ctx, &cfg, answers); err != nil {
		if remote, ok := answers.(io.Closer); ok {
			err = errors.Join(err, remote.Close())
		}
		return err
	}
	if remote, ok := answers.(io.Closer); ok {
		s.closeLater(func(context.Context) error { return remote.Close() })
		if cfg.Concurrency == 0 {
			cfg.Concurrency = remoteConcurrency
		}
	}
	s.held.Store(&table)
	var changed func(worker.Job)
	if cfg.Events != "" {
		sender, err := events.Open(ctx, cfg.Events, cfg.Log)
		if err != nil {
			return err
		}
		s.closeLater(sender.Close) // after the engine, whose last changes it still tells
		changed = func(j worker.Job) {
			sender.Changed(events.Job{
				ARN: string(j.ARN()), Name: j.Name, ModelID: j.ModelID, Account: j.Account, Region: j.Region, Status: string(j.Status), Message: j.Message,
				Created: j.Submitted, Changed: j.Modified,
			})
		}
	}
	limits := func(_, modelID string) quarry.Quotas { return s.held.Load().Quotas(modelID) }
	s.engine, err = worker.Open(worker.Config{
		Dir: filepath.Join(cfg.Dir, "jobs"), NoSync: cfg.NoSync, Store: worker.FromStore(s.store), Model: answers,
		Quotas: limits, Access: s.roles.Access, Faults: set, StateDelay: cfg.StateDelay, Concurrency: cfg.Concurrency, Log: cfg.Log, Changed: changed,
	})
	if err != nil {
		return err
	}
	s.closeLater(s.engine.Close)
	wire := bedrockapi.Config{Engine: s.engine, AnyModel: cfg.AnyModel, Caller: bedrockCaller, Access: s.roles.Access, Quotas: limits, Faults: set, Log: cfg.Log}
	if err := wire.Validate(); err != nil {
		return err
	}
	s.api = map[service]http.Handler{
		serviceBedrock: bedrockapi.New(wire),
		serviceIAM:     s.roles.IAM(),
		serviceSTS:     s.roles.STS(),
		serviceQuotas: quotasapi.New(quotasapi.Config{
			Table: table, Account: iamapi.Account, Region: regionOf,
			Access: func(ctx context.Context, action string) error {
				return s.roles.Access(ctx, iamapi.CallerOf(ctx).ARN, action, "*", nil)
			},
		}),
	}
	return s.listen(ctx, cfg, set)
}

func bedrockCaller(r *http.Request) bedrockapi.Caller {
	return bedrockapi.Caller{ARN: iamapi.CallerOf(r.Context()).ARN, Account: iamapi.Account, Region: regionOf(r.Context())}
}

// closeLater has a part closed with the server, before those that were opened earlier.
func (s *Server) closeLater(end func(context.Context) error) { s.closers = append(s.closers, end) }

func readQuotas(file string) (table quotasapi.Table, err error) {
	if file == "" {
		return table, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return table, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if table, err = quotasapi.ReadTable(f); err != nil {
		return table, fmt.Errorf("%s: %w", file, err)
	}
	return table, nil
}

func (s *Server) listen(ctx context.Context, cfg Config, set faults.Set) error {
	services := &faulty{next: http.HandlerFunc(s.serve)}
	services.faults.Store(&set)
	own := s.local(cfg.Test, cfg.TestClock, services)
	s.http = &http.Server{
		// Not a ServeMux: it sends clients on from "k//z" and "a/../b", which are keys of objects.
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/_quarry/") { // no bucket has such a name
				own.ServeHTTP(w, r)
				return
			}
			services.ServeHTTP(w, r)
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

// serve hands a request to its service.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	to := route(r)
	if to == serviceS3 {
		s.s3.ServeHTTP(w, r)
		return
	}
	protocol.Begin(w)
	handler, ok := s.api[to]
	if !ok {
		to.protocol().WriteError(w, r, refuse(http.StatusNotFound, "UnknownOperationException", "the stand-in has no service %q", string(to)))
		return
	}
	proven, refusal := s.authenticate(w, r, to)
	if refusal != nil {
		to.protocol().WriteError(w, r, refusal)
		return
	}
	handler.ServeHTTP(w, proven)
}

func refuse(status int, code, format string, args ...any) *protocol.Error {
	return &protocol.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
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
func (s *Server) Keys() (id, secret string) { return s.keys.first, s.keys.secrets[s.keys.first] }

// Close ends the server: it takes no more requests, waits for those under way, and closes the files. When ctx ends
// first, requests are cut off soon after and Close returns its error; jobs continue at the next Start either way. A second Close
// returns what the first did.
func (s *Server) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closed = s.closeAll(ctx) })
	return s.closed
}

// closeGrace is what is left for closing files where a request has used up the caller's time.
const closeGrace = 2 * time.Second

func (s *Server) closeAll(ctx context.Context) error {
	var err error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if ctx.Err() != nil {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
			defer cancel()
			ctx = late
		}
		err = errors.Join(err, s.closers[i](ctx))
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
