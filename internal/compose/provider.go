package compose

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry/internal/aws/account"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/setup"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/config"
	"quarry/internal/standin"
)

// Provider is where jobs run: a model in a Region of an account, its bucket and its role.
type Provider struct {
	AWS      aws.Config
	Identity account.Identity
	Bucket   *bucket.Bucket
	Bedrock  *bedrock.Client
	RoleARN  string
	Free     bool        // a stand-in is what the address of AWS leads to: nothing is paid
	Changed  []string    // what the stand-in was given: bucket and role
	quotas   *quotaRows  // nil: not read yet
	model    string      // empty: as the settings say
	Pools    []*Provider // all places where jobs run, this one first
}

// OpenProvider starts the stand-in for target local, or finds the AWS account for target aws. Nothing is sent to AWS
// unless the target says so.
func (pr *Program) OpenProvider(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, c *Closers) (*Provider, error) {
	client := e.HTTPClient(effect.HTTPConfig{})
	c.Add(func() error { client.CloseIdleConnections(); return nil })
	cfg := account.Config{HTTP: client, Profile: s.Profile, Effects: e}
	if err := checkPools(s); err != nil {
		return nil, err
	}
	if len(s.Regions) > 0 {
		cfg.Region = s.Regions[0]
	}
	if s.Target == "local" {
		fixed, err := pr.startStandin(ctx, s, dir, c)
		if err != nil {
			return nil, err
		}
		cfg.Fixed = fixed
	}
	p := &Provider{}
	var err error
	if p.AWS, err = account.Load(ctx, cfg); err != nil {
		return nil, err
	}
	p.Free = s.Target != "local" && pr.free(aws.ToString(p.AWS.BaseEndpoint), func(address string) bool {
		return standin.IsOne(ctx, client, address)
	})
	if p.Identity, err = account.WhoAmI(ctx, p.AWS); err != nil {
		return nil, err
	}
	name := s.Bucket
	if name == "" {
		name = fmt.Sprintf("quarry-%s-%s", p.Identity.Account, p.AWS.Region)
	}
	p.Bucket = bucket.New(p.AWS, name)
	p.Bedrock = bedrock.New(p.AWS)
	p.RoleARN = p.Identity.RoleARN(s.Role)
	pr.openPools(s, p)
	if s.Target == "local" { // what setup does on AWS when asked, since nothing here can cost or harm
		for _, pool := range p.Pools {
			if err := pool.Bucket.Make(ctx); err != nil {
				return nil, err
			}
			changed, err := setup.EnsureRole(ctx, pool.AWS, s.Role, pool.Wants(s))
			if err != nil {
				return nil, err
			}
			p.Changed = append(p.Changed, changed...)
		}
	}
	return p, nil
}

// Wants is what setup makes there.
func (p *Provider) Wants(s *config.Settings) setup.Wants {
	return setup.Wants{
		Account: setup.Account{ID: p.Identity.Account, Partition: p.Identity.Partition, Region: p.AWS.Region},
		Bucket:  p.Bucket.Name(), Role: s.Role, Model: p.ModelIn(s), KMSKey: s.KMSKey, ExpireDays: s.ExpireDays, KeepForever: s.ExpireDays == 0,
	}
}

// startStandin runs the stand-in inside this process, its data under the run directory.
func (pr *Program) startStandin(ctx context.Context, s *config.Settings, dir string, c *Closers) (*account.FixedKeys, error) {
	cfg, err := pr.standinConfig(s, dir)
	if err != nil {
		return nil, err
	}
	cfg.CheckBackends = pr.CheckBackends
	if pr.Say != nil {
		cfg.Notice = func(text string) { pr.Say("%s", text) }
	}
	server, err := standin.Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c.Add(func() error { return server.Close(context.WithoutCancel(ctx)) })
	id, secret := server.Keys()
	return &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}, nil
}

// standinConfig is the stand-in of the settings, with its data under the run directory.
func (pr *Program) standinConfig(s *config.Settings, dir string) (standin.Config, error) {
	key, err := pr.backendKey(s)
	if err != nil {
		return standin.Config{}, err
	}
	cfg := standin.Config{
		Dir: filepath.Join(dir, "local"), Backends: s.Backends, BackendModel: s.BackendName, BackendKey: key, Concurrency: s.Concurrency,
		AnyModel: true, BackendWait: s.BackendWait,
	}
	if err := cfg.Validate(); err != nil {
		return standin.Config{}, BadSetting("backend", err)
	}
	return cfg, nil
}

// backendKey reads the backend's key from the variable whose name is the setting: a secret is never an argument.
func (pr *Program) backendKey(s *config.Settings) (string, error) {
	if s.BackendKey == "" {
		return "", nil
	}
	key, ok := pr.Env(s.BackendKey)
	if !ok {
		return "", BadSetting("backend-key-env", fmt.Errorf("the variable %s is not set", s.BackendKey))
	}
	return key, nil
}

// quotaRows is what Service Quotas answered.
type quotaRows struct {
	rows []catalog.QuotaRow
	err  error
}
