package standin

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"quarry/internal/standin/protocol"
)

const (
	// smallBody is what a stranger may make the server hold without waiting for its turn.
	smallBody = 1 << 20
	// maxUnproven is how many larger bodies are held at once before their signature is proved: 100 MB at most.
	maxUnproven = 4
	// unprovenTime is how long such a body may take, so that slow strangers do not keep others out for good.
	unprovenTime = 2 * time.Minute
)

// unproven bounds the memory that bodies take whose sender is not proved yet. A request that says the hash of its body
// is proved before its body is read; one that does not must be read first, and only a few of those are read at once.
type unproven chan struct{}

// enter waits for a place where the body may be large. The caller calls leave once the sender is proved or refused.
func (u unproven) enter(w http.ResponseWriter, r *http.Request) (leave func(), refusal *protocol.Error) {
	if r.ContentLength >= 0 && r.ContentLength <= smallBody {
		return func() {}, nil
	}
	select {
	case u <- struct{}{}:
	case <-r.Context().Done():
		return nil, refuse(http.StatusBadRequest, "RequestTimeout", "The client went away before its request was read.")
	}
	control := http.NewResponseController(w)
	// A writer without deadlines belongs to a test; the others take one.
	_ = control.SetReadDeadline(time.Now().Add(unprovenTime))
	return func() {
		_ = control.SetReadDeadline(time.Time{})
		<-u
	}, nil
}

// readAll reads to the end. The room for a body of a known length is made once the first bytes are there, since a length
// alone costs its sender nothing.
func readAll(r io.Reader, length int64) ([]byte, error) {
	const first = 64 << 10
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, r, first)
	if errors.Is(err, io.EOF) {
		return buf.Bytes(), nil
	}
	if err != nil {
		return nil, err
	}
	if length > n && length <= maxRuntimeBytes {
		buf.Grow(int(length-n) + bytes.MinRead)
	}
	_, err = buf.ReadFrom(r)
	return buf.Bytes(), err
}
