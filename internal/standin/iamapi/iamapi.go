// Package iamapi is the stand-in's IAM and STS: roles and their policies, who may do what, and temporary keys.
//
// It owns the identities of one account: its administrator, the roles, the sessions that AssumeRole makes, and every decision
// on a right. Accounts has those of all accounts of a server, so that a role can trust another account. It does not read signatures; the front gives it the caller in the context. Package policy evaluates statements; the
// principals of trust and resource policies are matched here. Not modelled: groups, further users, service control policies.
//
// What always holds: a change is on disk before its answer is sent; an explicit deny wins; what no policy allows is
// denied; a document that does not parse is never stored.
package iamapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quarry/internal/standin/protocol"
)

// DefaultAccount is the account of a key for which none is named, and the one in the examples of AWS's documentation.
const DefaultAccount = "123456789012"

const (
	adminName = "quarry"
	adminID   = "AIDAQUARRYLOCAL000001"
)

// Admin is the principal of every configured key of an account.
func Admin(account string) string { return "arn:aws:iam::" + account + ":user/" + adminName }

// AccountOf gives the account in an ARN; empty if it has none.
func AccountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}

// Config says where the identities live.
type Config struct {
	File    string           // the store's file, made when absent; required
	Account string           // 12 digits; default DefaultAccount
	NoSync  bool             // no fsync: for tests, never where data matters
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged
}

// Validate reports what is missing.
func (c Config) Validate() error {
	if c.File == "" {
		return errors.New("iamapi: a file is required")
	}
	return nil
}

// Caller is the proven sender of a request.
type Caller struct {
	ARN     string // of the user or of the session
	Account string // 12 digits
	UserID  string
	Role    string // the role's ARN when ARN is a session, else empty
	Region  string // that the request is for, where one is known
	IP      string // from where the request came, where that is known
	policy  string // a session's own policy, which can only narrow

	temporary bool // it came with temporary keys
}

// AdminCaller is who holds a configured key or bearer token of an account.
func AdminCaller(account string) Caller {
	return Caller{ARN: Admin(account), Account: account, UserID: adminID}
}

type callerKey struct{}

// WithCaller keeps the proven sender of a request for those who serve it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns what WithCaller kept; a context without one gives the zero Caller, who may do nothing.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// API serves IAM and STS from one store. Its methods may be called at once.
type API struct {
	db      *store
	account string
	admin   string   // the administrator's ARN
	others  Accounts // with this one; nil: there are none
	now     func() time.Time
	log     *slog.Logger
}

// Open opens or makes the store. One process at a time may hold it; Close lets it go.
func Open(cfg Config) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Account == "" {
		cfg.Account = DefaultAccount
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	db, err := openStore(cfg.File, cfg.NoSync)
	if err != nil {
		return nil, fmt.Errorf("open identities %s: %w", cfg.File, err)
	}
	return &API{db: db, account: cfg.Account, admin: Admin(cfg.Account), now: cfg.Now, log: cfg.Log}, nil
}

// of gives the identities of an account, nil for one that does not exist.
func (a *API) of(account string) *API {
	if account == a.account {
		return a
	}
	return a.others[account]
}

// Close releases the store's file.
func (a *API) Close() error { return a.db.close() }

// call is one request in the query protocol.
type call struct {
	form   url.Values
	caller Caller
	now    time.Time
}

type operation func(a *API, c call) (any, error)

// The namespaces and versions that the clients' models name.
const (
	iamVersion = "2010-05-08"
	iamSpace   = "https://iam.amazonaws.com/doc/2010-05-08/"
	stsVersion = "2011-06-15"
	stsSpace   = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// IAM serves the IAM service.
func (a *API) IAM() http.Handler { return a.serve(iamSpace, iamVersion, iamOperations()) }

// Do runs an operation of IAM as the administrator, with the parameters of the query protocol: name, value, name, value. The error is a
// *protocol.Error where IAM refuses it.
func (a *API) Do(action string, parameters ...string) error {
	form := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	_, err := iamOperations()[action](a, call{form: form, caller: AdminCaller(a.account), now: a.now().UTC()})
	return err
}

func iamOperations() map[string]operation {
	return map[string]operation{
		"CreateRole":                  (*API).createRole,
		"GetRole":                     (*API).getRole,
		"ListRoles":                   (*API).listRoles,
		"DeleteRole":                  (*API).deleteRole,
		"UpdateRole":                  (*API).updateRole,
		"UpdateAssumeRolePolicy":      (*API).updateTrust,
		"TagRole":                     (*API).tagRole,
		"UntagRole":                   (*API).untagRole,
		"ListRoleTags":                (*API).listRoleTags,
		"PutRolePolicy":               (*API).putRolePolicy,
		"GetRolePolicy":               (*API).getRolePolicy,
		"ListRolePolicies":            (*API).listRolePolicies,
		"DeleteRolePolicy":            (*API).deleteRolePolicy,
		"AttachRolePolicy":            (*API).attachRolePolicy,
		"DetachRolePolicy":            (*API).detachRolePolicy,
		"ListAttachedRolePolicies":    (*API).listAttachedRolePolicies,
		"ListInstanceProfilesForRole": (*API).listInstanceProfiles,
		"GetUser":                     (*API).getUser,
		"CreatePolicy":                (*API).createPolicy,
		"GetPolicy":                   (*API).getPolicy,
		"DeletePolicy":                (*API).deletePolicy,
		"ListPolicies":                (*API).listPolicies,
		"GetPolicyVersion":            (*API).getPolicyVersion,
		"ListPolicyVersions":          (*API).listPolicyVersions,
		"CreatePolicyVersion":         (*API).createPolicyVersion,
		"SetDefaultPolicyVersion":     (*API).setDefaultPolicyVersion,
		"DeletePolicyVersion":         (*API).deletePolicyVersion,
		"TagPolicy":                   (*API).tagPolicy,
		"UntagPolicy":                 (*API).untagPolicy,
		"ListPolicyTags":              (*API).listPolicyTags,
		"ListEntitiesForPolicy":       (*API).listEntitiesForPolicy,
		"AttachUserPolicy":            (*API).attachUserPolicy,
		"DetachUserPolicy":            (*API).detachUserPolicy,
		"ListAttachedUserPolicies":    (*API).listAttachedUserPolicies,
		"SimulatePrincipalPolicy":     (*API).simulate,
	}
}

// STS serves the Security Token Service.
func (a *API) STS() http.Handler {
	return a.serve(stsSpace, stsVersion, map[string]operation{
		"GetCallerIdentity": (*API).getCallerIdentity,
		"AssumeRole":        (*API).assumeRole,
		"GetSessionToken":   (*API).getSessionToken,
	})
}

func (a *API) serve(space, version string, operations map[string]operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if protocol.RequestID(w) == "" {
			protocol.Begin(w)
		}
		if err := r.ParseForm(); err != nil {
			protocol.Query.WriteError(w, r, refuse(http.StatusBadRequest, "MalformedQueryString", "The query string contains a syntax error"))
			return
		}
		action := r.Form.Get("Action")
		op, ok := operations[action]
		if got := r.Form.Get("Version"); !ok || got != version {
			protocol.Query.WriteError(w, r, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", action, got))
			return
		}
		result, err := op(a, call{form: r.Form, caller: CallerOf(r.Context()), now: a.now().UTC()})
		if refusal, ok := errors.AsType[*protocol.Error](err); ok {
			protocol.Query.WriteError(w, r, refusal)
			return
		}
		if err == nil {
			err = writeResult(w, space, action, result)
		}
		if err != nil {
			a.log.ErrorContext(r.Context(), "identity call", "action", action, "error", err)
			protocol.Query.WriteError(w, r, refuse(http.StatusInternalServerError, "ServiceFailure", "The request processing has failed because of an unknown error, exception or failure."))
		}
	})
}

func refuse(status int, code, format string, args ...any) *protocol.Error {
	return &protocol.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}
