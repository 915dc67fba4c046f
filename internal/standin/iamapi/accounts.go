package iamapi

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"quarry/internal/standin/protocol"
	"quarry/internal/standin/sigv4"
)

// Accounts are the identities of all accounts of a server, by account. Each account has a file of its own, and sees only its own
// roles, policies and sessions.
type Accounts map[string]*API

// OpenAccounts opens the identities of each account below dir: iam.db for DefaultAccount, iam-ACCOUNT.db for the others. cfg gives
// the rest of the settings.
func OpenAccounts(dir string, accounts []string, cfg Config) (Accounts, error) {
	all := Accounts{}
	for _, account := range accounts {
		cfg.Account, cfg.File = account, filepath.Join(dir, FileOf(account))
		api, err := Open(cfg)
		if err != nil {
			return nil, errors.Join(err, all.Close())
		}
		api.others = all
		all[account] = api
	}
	return all, nil
}

// FileOf is the name of the file with an account's identities.
func FileOf(account string) string {
	if account == DefaultAccount {
		return "iam.db"
	}
	return "iam-" + account + ".db"
}

// Close releases the files of all accounts.
func (all Accounts) Close() error {
	var err error
	for _, api := range all {
		err = errors.Join(err, api.Close())
	}
	return err
}

// Key returns what is known of a temporary access key of any account, as API.Key does.
func (all Accounts) Key(id string) (key sigv4.Key, holder Caller, ok bool) {
	for _, api := range all {
		if key, holder, ok = api.Key(id); ok {
			return key, holder, true
		}
	}
	return sigv4.Key{}, Caller{}, false
}

// Access decides as API.Access does, by the policies of the principal's account; for a service that assumes a role, by those of the
// role's account.
func (all Accounts) Access(ctx context.Context, principalARN, action, resource string, conditions map[string]string) error {
	decides := principalARN
	if strings.HasSuffix(principalARN, ".amazonaws.com") {
		decides = resource
	}
	api := all[AccountOf(decides)]
	if api == nil {
		return ErrNoPrincipal
	}
	return api.Access(ctx, principalARN, action, resource, conditions)
}

// IAM serves each caller with the IAM of its account.
func (all Accounts) IAM() http.Handler { return all.each((*API).IAM) }

// STS serves each caller with the STS of its account.
func (all Accounts) STS() http.Handler { return all.each((*API).STS) }

func (all Accounts) each(service func(*API) http.Handler) http.Handler {
	handlers := map[string]http.Handler{}
	for account, api := range all {
		handlers[account] = service(api)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, ok := handlers[CallerOf(r.Context()).Account]
		if !ok { // a caller whom nothing proved
			protocol.Query.WriteError(w, r, refuse(http.StatusForbidden, "AccessDenied", "The caller belongs to no account of this server."))
			return
		}
		handler.ServeHTTP(w, r)
	})
}
