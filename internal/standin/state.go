package standin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/standin/bedrockapi"
	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/quotasapi"
	"quarry/internal/standin/s3api"
	"quarry/internal/standin/sigv4"
	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

// state is the services over one set of files. It is closed and opened again as a whole when a test resets or restores the server.
type state struct {
	keys     *keyring
	unproven unproven

	roles  iamapi.Accounts
	store  *store.Store
	engine *worker.Engine
	s3     *s3api.API
	api    map[service]http.Handler // all but S3

	wire bedrockapi.Config // of Bedrock's service

	closers []func(context.Context) error // in the order of opening
}

// openState opens the services over the files of the data directory, which it makes if they are missing, and which it first replaces if
// that is due. What it opened before an
// error is closed again.
func (s *Server) openState(ctx context.Context) (_ *state, err error) {
	st := &state{keys: s.keys, unproven: s.unproven}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.close(context.WithoutCancel(ctx)))
		}
	}()
	cfg := s.cfg
	if err := s.completeReplacement(); err != nil {
		return nil, err
	}
	accounts, err := accountsIn(cfg.Dir, s.keys.accounts())
	if err != nil {
		return nil, err
	}
	if st.roles, err = iamapi.OpenAccounts(cfg.Dir, accounts, iamapi.Config{NoSync: cfg.NoSync, Log: cfg.Log}); err != nil {
		return nil, err
	}
	st.closeLater(func(context.Context) error { return st.roles.Close() })
	if err := s.keys.keepSecret(st.roles); err != nil {
		return nil, err
	}
	if st.store, err = store.Open(store.Config{Dir: filepath.Join(cfg.Dir, "s3"), NoSync: cfg.NoSync}); err != nil {
		return nil, err
	}
	st.closeLater(func(context.Context) error { return st.store.Close() })
	if st.s3, err = s3api.New(s3api.Config{Store: st.store, Key: st.s3Key, Allow: st.allowS3}); err != nil {
		return nil, err
	}
	st.closeLater(func(context.Context) error { return st.s3.Close() })
	limits := func(_, modelID string) quarry.Quotas { return s.held.Load().Quotas(modelID) }
	st.engine, err = worker.Open(worker.Config{
		Dir: filepath.Join(cfg.Dir, "jobs"), NoSync: cfg.NoSync, Store: worker.FromStore(st.store), Model: s.answers,
		Quotas: limits, Access: st.roles.Access, Faults: s.Faults, StateDelay: cfg.StateDelay, Concurrency: cfg.Concurrency,
		Log: cfg.Log, Changed: s.changed,
	})
	if err != nil {
		return nil, err
	}
	st.closeLater(st.engine.Close)
	models, err := seededModels(s.seed)
	if err != nil {
		return nil, err
	}
	st.wire = bedrockapi.Config{
		Engine: st.engine, AnyModel: cfg.AnyModel, Caller: bedrockCaller, Access: st.roles.Access, Quotas: limits, Faults: s.Faults, Log: cfg.Log,
		Models: models,
	}
	if err := st.wire.Validate(); err != nil {
		return nil, err
	}
	st.api = map[service]http.Handler{
		serviceBedrock: bedrockapi.New(st.wire),
		serviceIAM:     st.roles.IAM(),
		serviceSTS:     st.roles.STS(),
		serviceQuotas: quotasapi.New(quotasapi.Config{
			Table: s.listed, Region: regionOf, Account: func(ctx context.Context) string { return iamapi.CallerOf(ctx).Account },
			Access: func(ctx context.Context, action string) error {
				return st.roles.Access(ctx, iamapi.CallerOf(ctx).ARN, action, "*", nil)
			},
		}),
	}
	return st, nil
}

// accountsIn are the accounts of the keys, and those that had one when the directory was served before.
func accountsIn(dir string, accounts []string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		account := iamapi.DefaultAccount
		if entry.Name() != iamapi.FileOf(account) {
			account = strings.TrimSuffix(strings.TrimPrefix(entry.Name(), "iam-"), ".db")
		}
		if isAccount(account) && entry.Name() == iamapi.FileOf(account) && !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return accounts, nil
}

func bedrockCaller(r *http.Request) bedrockapi.Caller {
	caller := iamapi.CallerOf(r.Context())
	return bedrockapi.Caller{ARN: caller.ARN, Account: caller.Account, Region: caller.Region}
}

// closeLater has a part closed with the state, before those that were opened earlier.
func (st *state) closeLater(end func(context.Context) error) { st.closers = append(st.closers, end) }

func (st *state) close(ctx context.Context) error { return closeAll(ctx, st.closers) }

// serve hands a request to its service.
func (st *state) serve(w http.ResponseWriter, r *http.Request) {
	to := route(r)
	if to == serviceS3 {
		st.s3.ServeHTTP(w, r)
		return
	}
	protocol.Begin(w)
	handler, ok := st.api[to]
	if !ok {
		to.protocol().WriteError(w, r, refuse(http.StatusNotFound, "UnknownOperationException", "the stand-in has no service %q", string(to)))
		return
	}
	proven, refusal := st.authenticate(w, r, to)
	if refusal != nil {
		to.protocol().WriteError(w, r, refusal)
		return
	}
	handler.ServeHTTP(w, proven)
}

func refuse(status int, code, format string, args ...any) *protocol.Error {
	return &protocol.Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// find returns what is known of an access key and who holds it.
func (st *state) find(id string) (sigv4.Key, iamapi.Caller, bool) {
	if key, ok := st.keys.keys[id]; ok {
		return sigv4.Key{Secret: key.secret}, iamapi.AdminCaller(key.account), true
	}
	return st.roles.Key(id)
}

// s3Key is find in the form that S3 needs.
func (st *state) s3Key(id string) (key sigv4.Key, account string, ok bool) {
	key, holder, ok := st.find(id)
	return key, holder.Account, ok
}

// allowS3 refuses what the policies of a role do not allow; the request's signature is proved. The administrator may do everything.
func (st *state) allowS3(r *http.Request, accessKeyID, action, resource string) error {
	_, caller, ok := st.find(accessKeyID)
	if !ok {
		return iamapi.ErrNoPrincipal // taken away since the request was proved
	}
	if caller.Role == "" {
		return nil
	}
	ctx := withCaller(r, caller, "").Context()
	return st.roles.Access(ctx, caller.ARN, action, resource, map[string]string{"aws:ResourceAccount": caller.Account})
}
