// Package bedrockapi is the wire of Amazon Bedrock: the four operations of batch inference, tags, models and profiles,
// and the runtime's InvokeModel, Converse, their response streams, and CountTokens.
//
// It owns paths, members, limits, patterns, messages and error codes, as the service models of bedrock (2023-04-20)
// and bedrock-runtime (2023-09-30) in botocore have them, and the rate limits of on-demand calls. It does not own
// signatures and the faults on calls (both are handled before it), jobs and their faults (package worker) or answers
// (package model).
//
// What always holds: what the service model does not allow is refused before the caller's rights are checked, and nothing
// is done without them; errors differ by their code, since Conflict and ServiceQuotaExceeded have status 400.
package bedrockapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/worker"
)

// Caller is who sent a request, and to which Region.
type Caller struct {
	ARN     string
	Account string // 12 digits
	Region  string
}

func (c Caller) place() worker.Place { return worker.Place{Account: c.Account, Region: c.Region} }

// Config is what the wire needs. Engine and Caller have no default.
type Config struct {
	Engine *worker.Engine
	Caller func(*http.Request) Caller
	// AnyModel serves every model id of a known provider, not only those of the table and other versions of them.
	AnyModel bool

	// Access says whether a principal may do something, nil for yes; its error's text is shown to the client. Default:
	// yes to all.
	Access func(ctx context.Context, principal, action, resource string, conditions map[string]string) error

	// Quotas gives the limits of calls of a model in a Region, by an id or ARN. A limit of 0 does not hold.
	// Default: no limits.
	Quotas func(region, modelID string) quarry.Quotas

	// Faults that imitate a control plane whose lists lag. The faults on any call are handled before this package. Default: none.
	Faults func() faults.Set

	// Models are served like those of the catalogue, and have priority over them. Default: none.
	Models []catalog.Model

	Log *slog.Logger // default: none
}

// Validate reports what is missing.
func (c Config) Validate() error {
	switch {
	case c.Engine == nil:
		return errors.New("bedrockapi: no engine")
	case c.Caller == nil:
		return errors.New("bedrockapi: Caller is not set")
	}
	return nil
}

type api struct {
	cfg      Config
	regions  map[string]bool // those of which the catalogue knows what they offer
	limits   *limiter
	prefixes *promptCache
	lags     *eventual
}

// New serves what a valid Config describes.
func New(cfg Config) http.Handler { return newAPI(cfg) }

func newAPI(cfg Config) *api {
	if cfg.Access == nil {
		cfg.Access = func(context.Context, string, string, string, map[string]string) error { return nil }
	}
	if cfg.Quotas == nil {
		cfg.Quotas = func(string, string) quarry.Quotas { return quarry.Quotas{} }
	}
	if cfg.Faults == nil {
		cfg.Faults = func() faults.Set { return faults.Set{} }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{cfg: cfg, regions: map[string]bool{}, limits: newLimiter(cfg.Engine.Now), prefixes: newPromptCache(cfg.Engine.Now), lags: &eventual{faults: cfg.Faults}}
	for _, m := range catalog.Models() {
		for _, profile := range append(m.Profiles(), "") {
			for _, region := range m.JobRegions(profile) {
				a.regions[region] = true
			}
		}
	}
	return a
}

// call is one request on its way through an operation.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	caller Caller
	id     string // the id in the path, unescaped, if the operation has one there
}

// operation serves a call or refuses it with a *protocol.Error; any other error is the server's own.
type operation func(*api, *call) error

// route is one operation's place. An id in the path may hold slashes, escaped as clients should, or not.
type route struct {
	method, prefix, suffix string
	serve                  operation
}

var routes = []route{
	{http.MethodPost, "/model-invocation-job", "", (*api).createJob},
	{http.MethodGet, "/model-invocation-jobs", "", (*api).listJobs},
	{http.MethodPost, "/model-invocation-job/", "/stop", (*api).stopJob},
	{http.MethodGet, "/model-invocation-job/", "", (*api).getJob},
	{http.MethodPost, "/tagResource", "", (*api).tag},
	{http.MethodPost, "/untagResource", "", (*api).untag},
	{http.MethodPost, "/listTagsForResource", "", (*api).listTags},
	{http.MethodGet, "/foundation-models", "", (*api).listModels},
	{http.MethodGet, "/foundation-models/", "", (*api).getModel},
	{http.MethodGet, "/foundation-model-availability/", "", (*api).getAvailability},
	{http.MethodGet, "/use-case-for-model-access", "", (*api).getUseCase},
	{http.MethodGet, "/inference-profiles", "", (*api).listProfiles},
	{http.MethodGet, "/inference-profiles/", "", (*api).getProfile},
	{http.MethodPost, "/model/", "/invoke", held((*api).invoke)},
	{http.MethodPost, "/model/", "/invoke-with-response-stream", (*api).invokeStream},
	{http.MethodPost, "/model/", "/converse", held((*api).converse)},
	{http.MethodPost, "/model/", "/converse-stream", (*api).converseStream},
	{http.MethodPost, "/model/", "/count-tokens", (*api).countTokens},
}

// match gives the id in the path; ok is false when the path is another operation's.
func (rt route) match(method, escaped string) (id string, ok bool) {
	if method != rt.method {
		return "", false
	}
	if !strings.HasSuffix(rt.prefix, "/") {
		return "", strings.TrimSuffix(escaped, "/") == rt.prefix
	}
	rest, begins := strings.CutPrefix(escaped, rt.prefix)
	rest, ends := strings.CutSuffix(rest, rt.suffix)
	if !begins || !ends || rest == "" {
		return "", false
	}
	id, err := url.PathUnescape(rest)
	return id, err == nil
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if protocol.RequestID(w) == "" {
		protocol.Begin(w)
	}
	escaped := r.URL.EscapedPath()
	for _, rt := range routes {
		id, ok := rt.match(r.Method, escaped)
		if !ok {
			continue
		}
		if err := rt.serve(a, &call{w: w, r: r, caller: a.cfg.Caller(r), id: id}); err != nil {
			a.fail(w, r, err)
		}
		return
	}
	a.fail(w, r, refuse(unknownOperation, "The requested operation is not known: %s %s", r.Method, r.URL.Path))
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	refusal, ok := errors.AsType[*protocol.Error](err)
	if !ok {
		if r.Context().Err() == nil {
			a.cfg.Log.ErrorContext(r.Context(), "bedrock call failed", "path", r.URL.Path, "error", err)
		}
		refusal = refuse(internalServer, "%s", messageInternal)
	}
	protocol.RestJSON.WriteError(w, r, refusal)
}

// require refuses a call whose caller may not do it.
func (a *api) require(c *call, action, resource string, conditions map[string]string) error {
	if err := a.cfg.Access(c.r.Context(), c.caller.ARN, action, resource, conditions); err != nil {
		return refuse(accessDenied, "%s", err)
	}
	return nil
}
