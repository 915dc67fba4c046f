// Package web serves the pages of quarry ui: the runs of some folders, their state, live, their records, and what people say of the answers.
//
// It owns HTTP and access to it; package view owns what the pages say. It reads no ledger: the caller gives it the state of a run, and its
// records. What always holds: no page changes anything but by a form, and only what Allow names; nothing is answered without the token or the
// cookie that it was exchanged for.
package web

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quarry/internal/outcome/review"
	"quarry/internal/ui/records"
	"quarry/internal/ui/view"
)

// Config says what is served, where and to whom.
type Config struct {
	Addr string // HOST:PORT; port 0 takes any free one
	// BehindProxy says that a proxy with TLS of its own sends the requests, so that they may come to any address and name any host.
	BehindProxy     bool
	TLSCert, TLSKey string // files in PEM; empty: plain HTTP
	Runs            Runs
	// Look gives the state of the run in a directory, also while a process works on the run. It may be called by several goroutines.
	Look func(ctx context.Context, dir string) (*view.State, error)
	// Open opens the index of a run's records. Pass 0 is the last one with answers.
	Open func(ctx context.Context, dir string, pass int) (*records.Store, error)
	// Review opens what people said of a run.
	Review func(ctx context.Context, dir string) (*review.Dir, error)
	// Stop stops a run as quarry stop does.
	Stop func(ctx context.Context, dir string) error
	// Publish compares the answers of a run with the articles at Target. If agreed is the digest of what it finds, it also writes.
	Publish func(ctx context.Context, dir, agreed string) (*view.Published, error)
	Target  string // that was named; empty: none
	Who     string // the author of what is said on the pages
	Allow   Allow
	Every   time.Duration                    // between two readings of a run that is shown live; 0: a second
	Say     func(format string, args ...any) // what the server has to say to the person who started it
}

// ErrOpen is the error of an address that others can reach, without a protection of what is sent.
var ErrOpen = errors.New("other machines could read along: this address is not loopback, and there is no TLS")

// Validate reports settings that are refused.
func (c *Config) Validate() error {
	host, _, err := net.SplitHostPort(c.Addr)
	switch {
	case err != nil:
		return fmt.Errorf("address %s: %w", c.Addr, err)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("a certificate and its key belong together")
	case c.TLSCert == "" && !c.BehindProxy && !loopback(host):
		return ErrOpen
	}
	return nil
}

// loopback tells a host that only this machine reaches. Of names only localhost is known to be one (RFC 6761).
func loopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// Limits of a server that people use: nothing of it is large or slow.
const (
	maxHeader  = 32 << 10
	maxBody    = 1 << 20
	maxStreams = 64 // live pages at once
	answerTime = 30 * time.Second
)

// Server serves until it is closed.
type Server struct {
	cfg        Config
	token      string // in the address that is printed
	secret     string // in every form
	session    string // value of the cookie; not the token, which a shell's history may keep
	port       string
	names      *x509.Certificate // whose names are ours; nil without TLS
	streams    atomic.Int32
	stores     *stores
	publishing *publishing
	mu         sync.Mutex
	found      map[string]view.Run // by ID, of the last search
	http       http.Server
	done       chan struct{}
}

// Start listens at the address. It serves until ctx ends, then cuts off what is under way.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, token: rand.Text(), session: rand.Text(), secret: rand.Text(), done: make(chan struct{})}
	var secure *tls.Config
	if cfg.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("read the certificate %s and its key %s: %w", cfg.TLSCert, cfg.TLSKey, err)
		}
		s.names = pair.Leaf
		secure = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, err
	}
	s.stores, s.publishing = newStores(ctx, cfg.Open), newPublishing(ctx, cfg.Publish)
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	s.http = http.Server{
		Handler: s.guarded(s.routes()), TLSConfig: secure, BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: answerTime, WriteTimeout: answerTime, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: log.New(sayer(cfg.Say), "", 0),
	}
	go func() {
		defer close(s.done)
		if secure != nil {
			_ = s.http.ServeTLS(listener, "", "") // until Close
		} else {
			_ = s.http.Serve(listener)
		}
	}()
	context.AfterFunc(ctx, func() { _ = s.http.Close() })
	return s, nil
}

// sayer is where net/http writes its own messages.
type sayer func(format string, args ...any)

func (s sayer) Write(p []byte) (int, error) {
	s("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}

// URL is the address of the first page, with the token.
func (s *Server) URL() string {
	host, _, _ := net.SplitHostPort(s.cfg.Addr)
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost" // every address is this one too
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, s.port), Path: "/", RawQuery: "token=" + s.token}
	if s.names != nil {
		u.Scheme = "https"
		if host == "localhost" && len(s.names.DNSNames) > 0 && s.names.VerifyHostname(host) != nil {
			u.Host = net.JoinHostPort(s.names.DNSNames[0], s.port)
		}
	}
	return u.String()
}

// Close ends the server; requests under way are cut off.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	s.publishing.close()
	return errors.Join(err, s.stores.close())
}

// routes are the pages. A pattern is as net/http has it.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page(s.runsPage))
	mux.HandleFunc("GET /run/{run}/{$}", s.page(s.runPage))
	mux.HandleFunc("GET /run/{run}/live", s.live)
	mux.HandleFunc("GET /run/{run}/report", s.report)
	mux.HandleFunc("GET /run/{run}/records", s.page(s.recordsPage))
	mux.HandleFunc("GET /run/{run}/record", s.page(s.recordPage))
	mux.HandleFunc("GET /run/{run}/attempts", s.page(s.attemptsPage))
	mux.HandleFunc("GET /run/{run}/compare", s.page(s.comparePage))
	mux.HandleFunc("GET /run/{run}/review", s.page(s.reviewPage))
	mux.HandleFunc("GET /run/{run}/notes.csv", s.notes)
	mux.HandleFunc("GET /run/{run}/publish", s.page(s.publishPage))
	mux.HandleFunc("POST /run/{run}/publish", s.form(true, "publish", s.publish))
	mux.HandleFunc("POST /run/{run}/mark", s.form(s.cfg.Allow.Edit, "edit", s.mark))
	mux.HandleFunc("POST /run/{run}/correct", s.form(s.cfg.Allow.Edit, "edit", s.correct))
	mux.HandleFunc("POST /run/{run}/approve", s.form(s.cfg.Allow.Approve, "approve", s.approve))
	mux.HandleFunc("POST /run/{run}/stop", s.form(s.cfg.Allow.Approve, "approve", s.stop))
	mux.HandleFunc("GET /style.css", asset("text/css; charset=utf-8", view.Style))
	mux.HandleFunc("GET /ui.js", asset("text/javascript; charset=utf-8", view.Script))
	mux.HandleFunc("/", s.page(func(*http.Request) (*view.Page, error) { return nil, view.ErrNoPage }))
	return mux
}
