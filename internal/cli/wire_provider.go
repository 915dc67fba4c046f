package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry"
	"quarry/internal/account"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/catalog"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/quotas"
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
	quotas   *quotaRows // nil: not read yet
}

// openProvider starts the stand-in for target local, or finds the AWS account for target aws. Nothing is sent to AWS
// unless the target says so.
func (a *App) openProvider(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, c *closers) (*provider, error) {
	client := e.HTTPClient(effect.HTTPConfig{})
	c.add(func() error { client.CloseIdleConnections(); return nil })
	cfg := account.Config{HTTP: client, Profile: s.Profile, Effects: e}
	if len(s.Regions) > 1 {
		return nil, badSetting("region", errors.New("one Region at a time"))
	}
	if len(s.Regions) == 1 {
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
	if s.Target == "local" { // what setup does on AWS when asked, since nothing here can cost or harm
		if err := p.bucket.Make(ctx); err != nil {
			return nil, err
		}
		if p.changed, err = setup.EnsureRole(ctx, p.cfg, s.Role, p.wants(s)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *provider) wants(s *config.Settings) setup.Wants {
	return setup.Wants{
		Account: setup.Account{ID: p.identity.Account, Partition: p.identity.Partition, Region: p.cfg.Region},
		Bucket:  p.bucket.Name(), Role: s.Role, Model: s.Model, KMSKey: s.KMSKey, ExpireDays: s.ExpireDays, KeepForever: s.ExpireDays == 0,
	}
}

// startStandin runs the stand-in inside this process, its data under the run directory.
func (a *App) startStandin(ctx context.Context, s *config.Settings, dir string, c *closers) (*account.FixedKeys, error) {
	key, err := a.backendKey(s)
	if err != nil {
		return nil, err
	}
	server, err := standin.Start(ctx, standin.Config{
		Dir: filepath.Join(dir, "local"), Backends: s.Backends, BackendModel: s.BackendName, BackendKey: key, Concurrency: s.Concurrency,
	})
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

// readQuotas asks the account for its quotas. Where it may not be asked, the dated table stands in, and that is said.
func (a *App) readQuotas(ctx context.Context, s *config.Settings, ask *asking, where *provider) quarry.Quotas {
	_, profile, _ := catalog.Find(s.Model)
	table := ask.model.Quotas(profile)
	rows, err := quotas.Read(ctx, where.cfg)
	where.quotas = &quotaRows{rows, err}
	if err != nil {
		a.say("quotas as in the %s, since the account's cannot be read: %v", table.Source, err)
		return table
	}
	return catalog.Merge(ask.model.ReadQuotas(rows, profile, "service quotas"), table)
}

// quotaRows is what Service Quotas answered.
type quotaRows struct {
	rows []catalog.QuotaRow
	err  error
}
