package cli

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry/internal/account"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/catalog"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/setup"
	"quarry/internal/standin"
)

// provider is where jobs run.
type provider struct {
	cfg      aws.Config
	identity account.Identity
	bucket   *bucket.Bucket
	bedrock  *bedrock.Client
	roleARN  string
	changed  []string
	quotas   *quotaRows  // nil: not read yet
	model    string      // empty: as the settings say
	pools    []*provider // all places where jobs run, this one first
}

// openProvider starts the stand-in for target local, or finds the AWS account for target aws. Nothing is sent to AWS
// unless the target says so.
func (a *App) openProvider(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, c *closers) (*provider, error) {
	client := e.HTTPClient(effect.HTTPConfig{})
	c.add(func() error { client.CloseIdleConnections(); return nil })
	cfg := account.Config{HTTP: client, Profile: s.Profile, Effects: e}
	if err := checkPools(s); err != nil {
		return nil, err
	}
	if len(s.Regions) > 0 {
		cfg.Region = s.Regions[0]
	}
	if s.Target == "local" {
		fixed, err := a.startStandin(ctx, s, dir, c)
		if err != nil {
			return nil, err
		}
		cfg.Fixed = fixed
	}
	p := &provider{}
	var err error
	if p.cfg, err = account.Load(ctx, cfg); err != nil {
		return nil, err
	}
	if p.identity, err = account.WhoAmI(ctx, p.cfg); err != nil {
		return nil, err
	}
	name := s.Bucket
	if name == "" {
		name = fmt.Sprintf("quarry-%s-%s", p.identity.Account, p.cfg.Region)
	}
	p.bucket = bucket.New(p.cfg, name)
	p.bedrock = bedrock.New(p.cfg)
	p.roleARN = p.identity.RoleARN(s.Role)
	a.openPools(s, p)
	if s.Target == "local" { // what setup does on AWS when asked, since nothing here can cost or harm
		for _, pool := range p.pools {
			if err := pool.bucket.Make(ctx); err != nil {
				return nil, err
			}
			changed, err := setup.EnsureRole(ctx, pool.cfg, s.Role, pool.wants(s))
			if err != nil {
				return nil, err
			}
			p.changed = append(p.changed, changed...)
		}
	}
	return p, nil
}

func (p *provider) wants(s *config.Settings) setup.Wants {
	return setup.Wants{
		Account: setup.Account{ID: p.identity.Account, Partition: p.identity.Partition, Region: p.cfg.Region},
		Bucket:  p.bucket.Name(), Role: s.Role, Model: p.modelIn(s), KMSKey: s.KMSKey, ExpireDays: s.ExpireDays, KeepForever: s.ExpireDays == 0,
	}
}

// startStandin runs the stand-in inside this process, its data under the run directory.
func (a *App) startStandin(ctx context.Context, s *config.Settings, dir string, c *closers) (*account.FixedKeys, error) {
	key, err := a.backendKey(s)
	if err != nil {
		return nil, err
	}
	cfg := standin.Config{
		Dir: filepath.Join(dir, "local"), Backends: s.Backends, BackendModel: s.BackendName, BackendKey: key, Concurrency: s.Concurrency,
	}
	if err := cfg.Validate(); err != nil {
		return nil, badSetting("backend", err)
	}
	server, err := standin.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.add(func() error { return server.Close(context.WithoutCancel(ctx)) })
	id, secret := server.Keys()
	return &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}, nil
}

// backendKey reads the backend's key from the variable whose name is the setting: a secret is never an argument.
func (a *App) backendKey(s *config.Settings) (string, error) {
	if s.BackendKey == "" {
		return "", nil
	}
	key, ok := a.Env(s.BackendKey)
	if !ok {
		return "", badSetting("backend-key-env", fmt.Errorf("the variable %s is not set", s.BackendKey))
	}
	return key, nil
}

// quotaRows is what Service Quotas answered.
type quotaRows struct {
	rows []catalog.QuotaRow
	err  error
}
