package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/catalog"
	"quarry/internal/config"
	"quarry/internal/effect"
	"quarry/internal/ledger"
	"quarry/internal/quotas"
	"quarry/internal/run"
)

// A pool is a model in a Region. The first Region and the setting model make the home pool; every further Region and
// every further model makes another, where the catalogue does not know that the model takes no jobs there.

// modelIn is the model of the pool.
func (p *provider) modelIn(s *config.Settings) string {
	if p.model != "" {
		return p.model
	}
	return s.Model
}

// checkPools refuses settings that cannot hold in more than one place.
func checkPools(s *config.Settings) error {
	if len(s.Regions) < 2 {
		return nil
	}
	if s.Bucket != "" {
		return badSetting("bucket", errors.New("one bucket cannot be in several Regions; leave it out, and each Region has its own, quarry-<account>-<region>"))
	}
	if strings.HasPrefix(s.KMSKey, "arn:") {
		return badSetting("kms-key", errors.New("one key cannot be in several Regions; give the id of a multi-Region key, mrk-…, which is the same in each"))
	}
	return nil
}

// openPools adds the further pools to the home provider, which stands first among them.
func (a *App) openPools(s *config.Settings, home *provider) {
	home.pools = []*provider{home}
	regions := []string{home.cfg.Region}
	for _, r := range s.Regions {
		if !slices.Contains(regions, r) {
			regions = append(regions, r)
		}
	}
	models := []string{s.Model}
	for _, m := range s.Models {
		if !slices.Contains(models, m) {
			models = append(models, m)
		}
	}
	for _, region := range regions {
		for _, model := range models {
			if region == regions[0] && model == models[0] {
				continue
			}
			if m, profile, known := catalog.Find(model); known && !strings.HasPrefix(model, "arn:") {
				if in := m.JobRegions(profile); len(in) > 0 && !slices.Contains(in, region) {
					a.say("%s takes no jobs in %s: that pool is left out", model, region)
					continue
				}
			}
			p := &provider{identity: home.identity, roleARN: home.roleARN, model: model}
			p.cfg = home.cfg.Copy()
			p.cfg.Region = region
			p.bucket, p.bedrock = home.bucket, bedrock.New(p.cfg)
			if region != home.cfg.Region {
				p.bucket = bucket.New(p.cfg, fmt.Sprintf("quarry-%s-%s", p.identity.Account, region))
			}
			home.pools = append(home.pools, p)
		}
	}
}

// poolsOfRun gives the pools beside home that a run has given shards to: what is there is fetched, whatever the settings
// at hand name; and the model that home had.
func (p *provider) poolsOfRun(ctx context.Context, book *ledger.Ledger) (pools []run.Pool, home string, err error) {
	text, known, err := book.Fact(ctx, "pools")
	if err != nil || !known {
		return nil, "", err
	}
	var refs []ledger.Pool
	if err := json.Unmarshal([]byte(text), &refs); err != nil {
		return nil, "", fmt.Errorf("read the run's pools: %w", err)
	}
	for i, ref := range refs {
		if i == 0 {
			home = ref.Model
			continue
		}
		there := p.cfg.Copy()
		there.Region = ref.Region
		pools = append(pools, run.Pool{Region: ref.Region, Model: ref.Model, RoleARN: p.roleARN, Bucket: bucket.New(there, ref.Bucket), Bedrock: bedrock.New(there)})
	}
	return pools, home, nil
}

// inRegion gives a client for a job of any Region.
func (p *provider) inRegion(region string) *bedrock.Client {
	if region == p.cfg.Region {
		return p.bedrock
	}
	there := p.cfg.Copy()
	there.Region = region
	return bedrock.New(there)
}

// sameBody refuses further models that would not be asked with the very bytes that the first one is asked with: a shard
// goes to any of them.
func (a *App) sameBody(s *config.Settings, first *asking) error {
	body := func(ask *asking) ([]byte, error) {
		return ask.renderer.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x"), URL: "x", Lang: "en"})
	}
	want, err := body(first)
	if err != nil {
		return nil // a template that wants more of a document than this one has
	}
	for _, model := range s.Models {
		other := *s
		other.Model = model
		ask, err := a.asking(&other)
		if err != nil {
			return err
		}
		got, err := body(ask)
		switch {
		case err != nil:
			return badSetting("models", fmt.Errorf("%s: %w", model, err))
		case ask.model.Family != first.model.Family || ask.prompt.Invocation() != first.prompt.Invocation():
			return badSetting("models", fmt.Errorf("%s is of the family %s, %s of %s: a shard goes to either, so both have to take the same body; prompt.invocation_type Converse has one for all",
				s.Model, first.model.Family, model, ask.model.Family))
		case !bytes.Equal(got, want):
			return badSetting("models", fmt.Errorf("%s does not take the body that %s takes: a setting of the prompt is refused by one of them", model, s.Model))
		}
		if n := ask.model.MaxOutput; n > 0 && (first.model.MaxOutput == 0 || n < first.model.MaxOutput) {
			first.model.MaxOutput = n
		}
	}
	return nil
}

// furtherPools are the pools beside home, as a run takes them.
func (a *App) furtherPools(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, home *provider) []run.Pool {
	var out []run.Pool
	for _, p := range home.pools[1:] {
		out = append(out, run.Pool{
			Region: p.cfg.Region, Model: p.model, RoleARN: p.roleARN, Quotas: a.quotasOf(ctx, s, e, dir, p), Bucket: p.bucket, Bedrock: p.bedrock,
		})
	}
	return out
}

// quotasOf gives the quotas of a pool: the settings' first, then the account's, then the dated table's.
func (a *App) quotasOf(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, p *provider) quarry.Quotas {
	id := p.modelIn(s)
	model, profile, _ := catalog.Find(id)
	table := model.Quotas(profile)
	if s.Target != "aws" {
		return catalog.Merge(s.Quotas, table)
	}
	rows, err := a.readQuotas(ctx, e, dir, p)
	if err != nil && ctx.Err() == nil {
		a.say("quotas of %s as in the %s, since the account's cannot be read: %v", p.cfg.Region, table.Source, err)
	}
	if len(rows.Rows) == 0 {
		return catalog.Merge(s.Quotas, table)
	}
	return catalog.Merge(s.Quotas, model.ReadQuotas(rows.Rows, profile, rows.Source()), table)
}

// readQuotas gives what Service Quotas says of the pool's Region: as the run directory keeps it, for a day, or asked anew.
// Older rows stand in where the account cannot be asked; the error says why it could not.
func (a *App) readQuotas(ctx context.Context, e *effect.Effects, dir string, p *provider) (quotas.Rows, error) {
	path := filepath.Join(dir, quotas.FileName)
	rows, ok, err := quotas.Kept(path, p.identity.Account, p.cfg.Region)
	if err != nil {
		return quotas.Rows{}, err
	}
	if ok && rows.Fresh(time.Now()) {
		p.quotas = &quotaRows{rows.Rows, nil}
		return rows, nil
	}
	read, err := quotas.Read(ctx, p.cfg)
	p.quotas = &quotaRows{read, err}
	if err != nil {
		if ok {
			a.say("quotas of %s as they were read on %s", p.cfg.Region, rows.Read.Local().Format(time.RFC3339))
			p.quotas = &quotaRows{rows.Rows, nil}
			return rows, nil
		}
		return quotas.Rows{}, err
	}
	now := quotas.Rows{Account: p.identity.Account, Region: p.cfg.Region, Read: time.Now().UTC().Truncate(time.Second), Rows: read}
	return now, quotas.Keep(e, path, now)
}

// knownQuotas gives the quotas without asking anybody: the settings', those that a run directory keeps, the table's.
func (a *App) knownQuotas(s *config.Settings, region string) quarry.Quotas {
	model, profile, _ := catalog.Find(s.Model)
	table := model.Quotas(profile)
	rows, ok, err := quotas.Kept(filepath.Join(s.Dir, quotas.FileName), "", region)
	if err != nil || !ok {
		return catalog.Merge(s.Quotas, table)
	}
	return catalog.Merge(s.Quotas, model.ReadQuotas(rows.Rows, profile, rows.Source()), table)
}
