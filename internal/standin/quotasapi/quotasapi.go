// Package quotasapi is the stand-in's Service Quotas, for Bedrock alone.
//
// It owns the table of quotas that hold in a stand-in and the four operations that read it. The defaults, their labels
// and their codes are package catalog's. It enforces nothing: the job engine and the runtime use [Table.Quotas].
//
// An operator's table is one JSON object. A key is a model's id, or "*" for every model; a value names the quotas that
// differ from AWS's defaults, in the members of [quarry.Quotas], all whole numbers above 0:
//
//	{
//	  "*": {"min_records": 3},
//	  "anthropic.claude-haiku-4-5-20251001-v1:0": {"records_per_job": 1000, "open_jobs": 2, "rpm": 60, "tpm": 200000}
//	}
//
// min_records, records_per_file, records_per_job, file_bytes, job_bytes and open_jobs are about jobs; rpm, tpm and
// burndown about on-demand calls. A model's own value counts before that of "*". Service Quotas serves the file and job
// sizes in GB of 10⁹ bytes.
//
// What always holds: what is served as applied is what is enforced; the same table gives the same codes, also where
// AWS's page names none and one is made up.
package quotasapi

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"quarry/internal/standin/protocol"
)

// Config is what the service needs. Access, Region and Account have no default.
type Config struct {
	Table Table
	// Access tells whether the caller in ctx may do action.
	Access func(ctx context.Context, action string) error
	// Region gives the Region that the request in ctx was signed for, Account the account of its sender.
	Region, Account func(ctx context.Context) string
}

const (
	target      = "ServiceQuotasV20190624."
	serviceCode = "bedrock"
	serviceName = "Amazon Bedrock"
	maxPage     = 100
	maxBody     = 1 << 20
)

type api struct {
	cfg  Config
	rows func() []row // computed when first needed, which it is in few stand-ins
}

// New serves the table.
func New(cfg Config) http.Handler {
	return &api{cfg: cfg, rows: sync.OnceValue(cfg.Table.rows)}
}

// madeUpCode gives a quota a code of AWS's shape where AWS's page names none.
func madeUpCode(label string) string {
	sum := sha256.Sum256([]byte(label))
	return "L-" + strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// request has the members of all operations.
type request struct {
	ServiceCode, QuotaCode, NextToken string
	MaxResults                        *int
}

type quota struct {
	ServiceCode, ServiceName, QuotaArn, QuotaCode, QuotaName string
	Value                                                    float64
	Unit                                                     string
	Adjustable, GlobalQuota                                  bool
	QuotaAppliedAtLevel                                      string `json:",omitempty"`
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	if !ok || r.Method != http.MethodPost {
		a.refuse(w, r, http.StatusBadRequest, "UnknownOperationException", "")
		return
	}
	var in request
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&in); err != nil {
		a.refuse(w, r, http.StatusBadRequest, "SerializationException", "The request body is not the JSON of "+operation)
		return
	}
	var answer func(http.ResponseWriter, *http.Request, request)
	switch operation {
	case "ListServiceQuotas":
		answer = a.list(true)
	case "ListAWSDefaultServiceQuotas":
		answer = a.list(false)
	case "GetServiceQuota":
		answer = a.get(true)
	case "GetAWSDefaultServiceQuota":
		answer = a.get(false)
	case "ListServices":
		answer = a.services
	default:
		a.refuse(w, r, http.StatusBadRequest, "UnknownOperationException", "")
		return
	}
	if err := a.cfg.Access(r.Context(), "servicequotas:"+operation); err != nil {
		a.refuse(w, r, http.StatusBadRequest, "AccessDeniedException", err.Error())
		return
	}
	if in.ServiceCode != serviceCode && operation != "ListServices" {
		a.refuse(w, r, http.StatusBadRequest, "NoSuchResourceException", "The request failed because the specified service does not exist.")
		return
	}
	answer(w, r, in)
}

func (a *api) refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	protocol.JSON11.WriteError(w, r, &protocol.Error{Status: status, Code: code, Message: message})
}

func (a *api) list(applied bool) func(http.ResponseWriter, *http.Request, request) {
	return func(w http.ResponseWriter, r *http.Request, in request) {
		rows, limit := a.rows(), maxPage
		if in.MaxResults != nil {
			limit = *in.MaxResults
		}
		if limit < 1 || limit > maxPage {
			a.refuse(w, r, http.StatusBadRequest, "IllegalArgumentException", "MaxResults must be between 1 and 100.")
			return
		}
		from, ok := readToken(in.NextToken)
		if !ok || from > len(rows) {
			a.refuse(w, r, http.StatusBadRequest, "InvalidPaginationTokenException", "Invalid token was provided.")
			return
		}
		to := min(from+limit, len(rows))
		out := struct {
			Quotas    []quota
			NextToken string `json:",omitempty"`
		}{Quotas: make([]quota, 0, to-from)}
		for _, one := range rows[from:to] {
			out.Quotas = append(out.Quotas, a.quota(r.Context(), one, applied))
		}
		if to < len(rows) {
			out.NextToken = token(to)
		}
		reply(w, out)
	}
}

func (a *api) get(applied bool) func(http.ResponseWriter, *http.Request, request) {
	return func(w http.ResponseWriter, r *http.Request, in request) {
		for _, one := range a.rows() {
			if one.code == in.QuotaCode {
				reply(w, map[string]quota{"Quota": a.quota(r.Context(), one, applied)})
				return
			}
		}
		a.refuse(w, r, http.StatusBadRequest, "NoSuchResourceException", "The request failed because the specified resource does not exist.")
	}
}

func (a *api) services(w http.ResponseWriter, _ *http.Request, _ request) {
	reply(w, map[string][]map[string]string{"Services": {{"ServiceCode": serviceCode, "ServiceName": serviceName}}})
}

func (a *api) quota(ctx context.Context, r row, applied bool) quota {
	q := quota{
		ServiceCode: serviceCode, ServiceName: serviceName, QuotaCode: r.code, QuotaName: r.label,
		Value: r.standard, Unit: "None", Adjustable: r.adjustable,
		QuotaArn: "arn:aws:servicequotas:" + a.cfg.Region(ctx) + "::" + serviceCode + "/" + r.code,
	}
	if applied {
		q.Value, q.QuotaAppliedAtLevel = r.value, "ACCOUNT"
		q.QuotaArn = "arn:aws:servicequotas:" + a.cfg.Region(ctx) + ":" + a.cfg.Account(ctx) + ":" + serviceCode + "/" + r.code
	}
	return q
}

func reply(w http.ResponseWriter, body any) {
	if protocol.RequestID(w) == "" {
		protocol.Begin(w)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(body) // an error means that the client is gone
}

func token(from int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("quota:" + strconv.Itoa(from)))
}

func readToken(text string) (from int, ok bool) {
	if text == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	digits, ours := strings.CutPrefix(string(b), "quota:")
	from, bad := strconv.Atoi(digits)
	return from, err == nil && ours && bad == nil && from >= 0
}
