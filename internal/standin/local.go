package standin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"quarry"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/quotasapi"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/worker"
)

// local serves what AWS has not: health, the bill and, for tests, the clock, quotas and faults. It takes no faults itself.
// On loopback it needs no signature and refuses what only a web page would send: an origin, or another host's name (DNS
// rebinding). On an address that other machines reach, every request needs a configured key.
func (s *Server) local(test, testClock bool, services *faulty) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_quarry/health", s.health)
	mux.HandleFunc("GET /_quarry/bill", s.bill)
	if testClock {
		mux.HandleFunc("POST /_quarry/clock", s.advance)
	}
	if test || testClock {
		mux.HandleFunc("POST /_quarry/quotas", s.hold)
		mux.HandleFunc("POST /_quarry/faults", services.change)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || s.loopback() && !isAddress(r.Host) {
			writeJSON(w, http.StatusForbidden, map[string]string{"message": "not for web pages"})
			return
		}
		if s.exposed() {
			if refusal := s.proveOwner(w, r); refusal != nil {
				writeJSON(w, http.StatusForbidden, map[string]string{"message": refusal.Message})
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// loopback tells whether only this machine reaches the server.
func (s *Server) loopback() bool {
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// exposed tells whether other machines may reach the server. A listener that is not TCP is inside this process.
func (s *Server) exposed() bool {
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && !addr.IP.IsLoopback()
}

// proveOwner refuses a request that no holder of a configured key sent: by a bearer token, or by a signature for any
// service. Temporary keys of roles are refused: what is served here is the administrator's.
func (s *Server) proveOwner(w http.ResponseWriter, r *http.Request) *protocol.Error {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if s.keys.bearer(token) {
			return nil
		}
		return refuse(http.StatusForbidden, "AccessDeniedException", "the bearer token is not one of --keys")
	}
	if claim, err := sigv4.Read(r); errors.Is(err, sigv4.ErrUnsigned) {
		return refuse(http.StatusForbidden, "AccessDeniedException",
			"this address can be reached from other machines, so /_quarry/ needs a key of --keys: sign the request (curl --aws-sigv4 aws:amz:us-west-2:quarry --user ID:SECRET) or send a bearer token")
	} else if err == nil && s.keys.secrets[claim.AccessKeyID] == "" {
		return refuse(http.StatusForbidden, "AccessDeniedException", "the access key is not one of --keys")
	}
	_, refusal := s.authenticate(w, r, serviceLocal)
	return refusal
}

func isAddress(hostport string) bool {
	host := hostOf(hostport)
	return host == "localhost" || net.ParseIP(host) != nil
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client is gone
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// advance moves the jobs' clock forward: {"advance":"26h"}.
func (s *Server) advance(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Advance string `json:"advance"`
	}
	dec := json.NewDecoder(io.LimitReader(r.Body, maxCallBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&body); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": `want {"advance":"26h"}`})
		return
	}
	d, err := time.ParseDuration(body.Advance)
	if err != nil || d < 0 {
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": "advance wants a duration forward, such as 26h"})
		return
	}
	if err := s.engine.Advance(d); errors.Is(err, worker.ErrTooFar) {
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	} else if err != nil {
		s.log.ErrorContext(r.Context(), "move the clock", "error", err)
		writeJSON(w, http.StatusInternalServerError, map[string]string{"message": "the clock could not be moved"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"now": s.engine.Now().UTC().Format(time.RFC3339Nano)})
}

// hold puts other quotas in force at once, in the form of --quotas. Service Quotas still lists those of the start: on AWS
// the listed and the enforced quotas can differ, and a client has to handle that.
func (s *Server) hold(w http.ResponseWriter, r *http.Request) {
	table, err := quotasapi.ReadTable(io.LimitReader(r.Body, maxCallBytes))
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	s.held.Store(&table)
	writeJSON(w, http.StatusOK, map[string]string{"message": "these quotas are in force; Service Quotas lists those of the start"})
}

// counts are answers and what they took. The tokens are those of the answers that were counted, null where none was.
type counts struct {
	Answered     int64  `json:"answered"`
	InputTokens  *int64 `json:"input_tokens"`
	OutputTokens *int64 `json:"output_tokens"`
	Unknown      int64  `json:"unknown,omitempty"`
}

func countsOf(t *worker.Totals) counts {
	c := counts{Answered: t.Answered, Unknown: t.Uncounted}
	if t.Answered == 0 || t.Uncounted < t.Answered {
		c.InputTokens, c.OutputTokens = &t.InputTokens, &t.OutputTokens
	}
	return c
}

// bill writes what the provider would know, record by record, so that its size costs no memory.
func (s *Server) bill(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	arn := quarry.JobARN(query.Get("job"))
	totals, err := s.engine.Totals(r.Context(), arn)
	if errors.Is(err, worker.ErrNoSuchJob) {
		writeJSON(w, http.StatusNotFound, map[string]string{"message": "no such job"})
		return
	}
	if err != nil {
		s.failBill(r.Context(), w, err)
		return
	}
	if only := query.Get("totals"); only != "" && only != "0" {
		writeJSON(w, http.StatusOK, map[string]counts{"totals": countsOf(&totals)})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriter(w)
	if err := s.writeBill(r.Context(), out, arn); err != nil {
		s.log.ErrorContext(r.Context(), "write the bill", "error", err)
		// The status is sent; a cut connection is what tells the client that the bill is not whole.
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) failBill(ctx context.Context, w http.ResponseWriter, err error) {
	s.log.ErrorContext(ctx, "read the bill", "error", err)
	writeJSON(w, http.StatusInternalServerError, map[string]string{"message": "the bill could not be read"})
}

// writeBill sums up what it writes, so that the totals are those of the lines even while jobs run.
func (s *Server) writeBill(ctx context.Context, out *bufio.Writer, arn quarry.JobARN) error {
	var sum worker.Totals
	separator := `{"records":{`
	for line, err := range s.engine.Bill(ctx, arn) {
		if err != nil {
			return err
		}
		name, err := json.Marshal(line.RecordID)
		if err != nil {
			return err
		}
		text, err := json.Marshal(countsOf(&line.Totals))
		if err != nil {
			return err
		}
		for _, part := range []string{separator, string(name), ":", string(text)} {
			if _, err := out.WriteString(part); err != nil {
				return err
			}
		}
		separator = ","
		sum.Add(line.Totals)
	}
	if separator != "," {
		if _, err := out.WriteString(separator); err != nil {
			return err
		}
	}
	text, err := json.Marshal(countsOf(&sum))
	if err != nil {
		return err
	}
	if _, err := out.WriteString(`},"totals":` + string(text) + "}\n"); err != nil {
		return err
	}
	return out.Flush()
}
