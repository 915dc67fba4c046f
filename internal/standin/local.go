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
	"quarry/internal/standin/faults"
	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/quotasapi"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/worker"
)

// local serves what AWS has not: health, the bill and, for tests, the clock, quotas, faults, reset and snapshots. It has no faults itself.
// On loopback it needs no signature and refuses what only a web page would send: an origin, or another host's name (DNS
// rebinding). On an address that other machines reach, every request needs a configured key; what changes the server for all accounts
// needs one of the operator's account.
func (s *Server) local() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_quarry/health", s.health)
	mux.HandleFunc("GET /_quarry/bill", s.bill)
	changes := []struct {
		pattern string
		allowed bool
		flags   string
		serve   http.HandlerFunc
	}{
		{"POST /_quarry/clock", s.cfg.TestClock, "--test-clock", s.advance},
		{"POST /_quarry/quotas", s.testable(), testFlags, s.hold},
		{"GET /_quarry/faults", s.testable(), testFlags, s.showFaults},
		{"POST /_quarry/faults", s.testable(), testFlags, s.changeFaults},
		{"POST /_quarry/reset", s.testable(), testFlags, s.reset},
		{"GET /_quarry/snapshot", s.testable(), testFlags, s.listSnapshots},
		{"POST /_quarry/snapshot", s.testable(), testFlags, s.snapshot},
	}
	for _, c := range changes {
		mux.HandleFunc(c.pattern, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !c.allowed:
				refuseLocal(w, http.StatusForbidden, r.URL.Path+" changes the server for everyone who uses it; start it with "+c.flags+" to allow that")
			case accountOf(r) != s.keys.operator():
				refuseLocal(w, http.StatusForbidden, r.URL.Path+" changes the server for all accounts; it needs a key of account "+
					s.keys.operator()+", whose key is the first one of --keys")
			default:
				c.serve(w, r)
			}
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || s.loopback() && !isAddress(r.Host) {
			refuseLocal(w, http.StatusForbidden, "not for web pages")
			return
		}
		account := s.keys.operator()
		if s.exposed() {
			var refusal *protocol.Error
			if account, refusal = s.proveOwner(w, r); refusal != nil {
				refuseLocal(w, http.StatusForbidden, refusal.Message)
				return
			}
		}
		mux.ServeHTTP(w, r.WithContext(iamapi.WithCaller(r.Context(), iamapi.AdminCaller(account))))
	})
}

// testFlags allow what only tests need.
const testFlags = "--test or --test-clock"

func (s *Server) testable() bool { return s.cfg.Test || s.cfg.TestClock }

// accountOf is the account of who sent a request; on loopback, where requests need no key, the operator's.
func accountOf(r *http.Request) string { return iamapi.CallerOf(r.Context()).Account }

func refuseLocal(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message})
}

// readLocal reads the body of a request below /_quarry/ strictly; want shows what it should have been. It has answered when it gives
// false.
func readLocal(w http.ResponseWriter, r *http.Request, into any, want string) bool {
	dec := json.NewDecoder(io.LimitReader(r.Body, maxCallBytes))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		refuseLocal(w, http.StatusBadRequest, "want "+want+": "+err.Error())
		return false
	}
	return true
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

// proveOwner gives the account of the configured key that sent a request: a bearer token, or a signature for any
// service. Temporary keys of roles are refused: what is served here is the administrator's.
func (s *Server) proveOwner(w http.ResponseWriter, r *http.Request) (account string, refusal *protocol.Error) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if account, ok := s.keys.bearer(token); ok {
			return account, nil
		}
		return "", refuse(http.StatusForbidden, "AccessDeniedException", "the bearer token is not one of --keys")
	}
	claim, err := sigv4.Read(r)
	if errors.Is(err, sigv4.ErrUnsigned) {
		return "", refuse(http.StatusForbidden, "AccessDeniedException",
			"this address can be reached from other machines, so /_quarry/ needs a key of --keys: sign the request (curl --aws-sigv4 aws:amz:us-west-2:quarry --user ID:SECRET) or send a bearer token")
	}
	key := s.keys.keys[claim.AccessKeyID]
	if err == nil && key.secret == "" {
		return "", refuse(http.StatusForbidden, "AccessDeniedException", "the access key is not one of --keys")
	}
	_, refusal = (&state{keys: s.keys, unproven: s.unproven}).authenticate(w, r, serviceLocal)
	return key.account, refusal
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
	if !readLocal(w, r, &body, `{"advance":"26h"}`) {
		return
	}
	d, err := time.ParseDuration(body.Advance)
	if err != nil || d < 0 {
		refuseLocal(w, http.StatusBadRequest, "advance wants a duration forward, such as 26h")
		return
	}
	now, err := s.Advance(r.Context(), d)
	switch {
	case errors.Is(err, worker.ErrTooFar):
		refuseLocal(w, http.StatusBadRequest, err.Error())
	case err != nil:
		s.log.ErrorContext(r.Context(), "move the clock", "error", err)
		refuseLocal(w, http.StatusInternalServerError, "the clock could not be moved")
	default:
		writeJSON(w, http.StatusOK, map[string]string{"now": now.UTC().Format(time.RFC3339Nano)})
	}
}

// Advance moves the clock of jobs, rate limits and models forward, and gives its time. 0 moves nothing.
func (s *Server) Advance(ctx context.Context, d time.Duration) (now time.Time, err error) {
	err = s.use(ctx, func(st *state) error {
		if err := st.engine.Advance(d); err != nil {
			return err
		}
		now = st.engine.Now()
		return nil
	})
	return now, err
}

// showFaults gives the faults as they are.
func (s *Server) showFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"faults": s.Faults().String()})
}

// changeFaults sets the faults of calls, jobs and records: {"faults":"throttle=1"}.
func (s *Server) changeFaults(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Faults *string `json:"faults"`
	}
	const want = `{"faults":"throttle=1"}`
	if !readLocal(w, r, &body, want) {
		return
	}
	if body.Faults == nil {
		refuseLocal(w, http.StatusBadRequest, "want "+want)
		return
	}
	if err := s.SetFaults(*body.Faults); err != nil {
		refuseLocal(w, http.StatusBadRequest, err.Error())
		return
	}
	s.showFaults(w, r)
}

// SetFaults replaces the faults, in the grammar of Config.Fault; empty removes them. A tag of a job still overrides them.
func (s *Server) SetFaults(text string) error {
	set, err := faults.Parse(text)
	if err != nil {
		return err
	}
	s.faults.Store(&set)
	return nil
}

// hold puts other quotas in force at once, in the form of --quotas. Service Quotas still lists those of the start: on AWS
// the listed and the enforced quotas can differ, and a client has to handle that.
func (s *Server) hold(w http.ResponseWriter, r *http.Request) {
	if err := s.SetQuotas(io.LimitReader(r.Body, maxCallBytes)); err != nil {
		refuseLocal(w, http.StatusBadRequest, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"message": "these quotas are in force; Service Quotas lists those of the start"})
}

// SetQuotas replaces the quotas that jobs and calls have, in the form of Config.Quotas.
func (s *Server) SetQuotas(text io.Reader) error {
	table, err := quotasapi.ReadTable(text)
	if err != nil {
		return err
	}
	s.held.Store(&table)
	return nil
}

// Totals are what answers of an account cost.
type Totals = worker.Totals

// Bill gives the bill of an account to each, record by record in the order of the recordIds.
func (s *Server) Bill(ctx context.Context, account string, each func(recordID string, cost Totals)) error {
	return s.use(ctx, func(st *state) error {
		for line, err := range st.engine.Bill(ctx, account, "") {
			if err != nil {
				return err
			}
			each(line.RecordID, line.Totals)
		}
		return nil
	})
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

// bill writes what the provider would know of an account, record by record, so that its size costs no memory. On loopback any account
// may be named; elsewhere the bill is that of the key's account.
func (s *Server) bill(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	arn, account := quarry.JobARN(query.Get("job")), query.Get("account")
	switch {
	case account == "" && s.exposed():
		account = accountOf(r)
	case account == "":
		if account = iamapi.AccountOf(string(arn)); account == "" {
			account = s.keys.operator()
		}
	case !isAccount(account):
		refuseLocal(w, http.StatusBadRequest, "account wants 12 digits")
		return
	case s.exposed() && account != accountOf(r):
		refuseLocal(w, http.StatusForbidden, "the key belongs to account "+accountOf(r)+", whose bill alone it can read")
		return
	}
	s.inside(w, r, func() { s.billOf(w, r, account, arn) })
}

func (s *Server) billOf(w http.ResponseWriter, r *http.Request, account string, arn quarry.JobARN) {
	totals, err := s.state.engine.Totals(r.Context(), account, arn)
	if errors.Is(err, worker.ErrNoSuchJob) {
		refuseLocal(w, http.StatusNotFound, "no such job")
		return
	}
	if err != nil {
		s.failBill(r.Context(), w, err)
		return
	}
	if only := r.URL.Query().Get("totals"); only != "" && only != "0" {
		writeJSON(w, http.StatusOK, map[string]counts{"totals": countsOf(&totals)})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	out := bufio.NewWriter(w)
	if err := s.writeBill(r.Context(), out, account, arn); err != nil {
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
func (s *Server) writeBill(ctx context.Context, out *bufio.Writer, account string, arn quarry.JobARN) error {
	var sum worker.Totals
	separator := `{"records":{`
	for line, err := range s.state.engine.Bill(ctx, account, arn) {
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
