package web

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"quarry/internal/ui/view"
)

// How often the state of a run is read for a page that shows it live, and how long a page may take to receive it.
const (
	liveEvery = time.Second
	aliveness = 15 * time.Second // after which a proxy may hold a silent connection for dead
	sendTime  = 10 * time.Second
)

// live sends the part of a run's page that changes, whenever it has changed, until the run has ended (server-sent events, HTML 9.2).
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		refuse(w, http.StatusNotFound, "There is no such run.")
		return
	}
	defer s.streams.Add(-1)
	if s.streams.Add(1) > maxStreams {
		refuse(w, http.StatusServiceUnavailable, "Too many pages are live. Close some.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events until it has many
	out := http.NewResponseController(w)
	send := func(text []byte) bool {
		_ = out.SetReadDeadline(time.Time{})
		if out.SetWriteDeadline(time.Now().Add(sendTime)) != nil {
			return false
		}
		if _, err := w.Write(text); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	tick := time.NewTicker(s.every())
	defer tick.Stop()
	var last []byte
	var sent time.Time // when something was
	for {
		state, err := s.cfg.Look(r.Context(), run.Dir)
		if err != nil { // the page says so when it is read again
			return
		}
		text, err := view.Live(&run, state, s.forms())
		if err != nil {
			s.cfg.Say("%s: %v", r.URL.Path, err)
			return
		}
		switch {
		case state.Ended:
			send(event("end", text))
			return
		case !bytes.Equal(text, last):
			if !send(event("state", text)) {
				return
			}
			last, sent = text, time.Now()
		case time.Since(sent) > aliveness:
			if !send([]byte(":\n\n")) {
				return
			}
			sent = time.Now()
		}
		select {
		case <-r.Context().Done(): // the page was closed, or the server is
			return
		case <-tick.C:
		}
	}
}

// every is the time between two readings of a run.
func (s *Server) every() time.Duration {
	if s.cfg.Every > 0 {
		return s.cfg.Every
	}
	return liveEvery
}

// event is one event of a stream, which ends at an empty line.
func event(name string, text []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", name)
	for line := range bytes.Lines(text) {
		b.WriteString("data: ")
		b.Write(bytes.TrimRight(line, "\r\n"))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}
