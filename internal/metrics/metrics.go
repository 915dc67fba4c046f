// Package metrics serves numbers in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
//
// It owns the format and the server. It knows no number of a run. What always holds: what is collected for one request is one state; a
// collection that fails is answered with status 503 and no numbers.
package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Page is the numbers of one request. The zero value has none.
type Page struct{ text bytes.Buffer }

// Family begins a metric: its samples follow. The kind is gauge or counter.
func (p *Page) Family(name, kind, help string) {
	fmt.Fprintf(&p.text, "# HELP %s %s\n# TYPE %s %s\n", name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(help), name, kind)
}

var label = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Sample adds a value of a metric; labels are names and values in turn.
func (p *Page) Sample(name string, value float64, labels ...string) {
	p.text.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		before := ","
		if i == 0 {
			before = "{"
		}
		fmt.Fprintf(&p.text, `%s%s="%s"`, before, labels[i], label.Replace(labels[i+1]))
	}
	if len(labels) > 1 {
		p.text.WriteByte('}')
	}
	p.text.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// Bytes is the text of the page.
func (p *Page) Bytes() []byte { return p.text.Bytes() }

// Server serves one page at /metrics.
type Server struct {
	Addr   string // at which it listens, with its port
	server http.Server
	done   chan struct{}
}

// Serve listens at an address such as 127.0.0.1:9464 and collects a page for each request, one at a time.
func Serve(ctx context.Context, addr string, collect func(context.Context) (*Page, error)) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		page, err := collect(r.Context())
		mu.Unlock()
		if err != nil { // its words are for the terminal
			http.Error(w, "the state of the run cannot be read", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(page.Bytes())
	})
	s := &Server{
		Addr: listener.Addr().String(), done: make(chan struct{}),
		server: http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10},
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // until Close
	}()
	return s, nil
}

// Close ends the server; requests under way are cut off.
func (s *Server) Close() error {
	err := s.server.Close()
	<-s.done
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
