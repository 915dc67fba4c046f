package compose

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/quotas"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/book"
)

// A pool is a model in a Region. The first Region and the setting model make the home pool; every further Region and
// every further model makes another, where the catalogue does not know that the model takes no jobs there.

// ModelIn is the model of the pool.
func (p *Provider) ModelIn(s *config.Settings) string {
	if p.model != "" {
		return p.model
	}
	return s.Model
}

// checkPools refuses settings that cannot hold in more than one place.
func checkPools(s *config.Settings) error {
	if (len(s.VPCSubnets) == 0) != (len(s.VPCSecurityGroups) == 0) {
		return BadSetting("vpc-subnets",
			errors.New("a VPC needs both subnets and security groups: set vpc-subnets and vpc-security-groups, or neither"))
	}
	if len(s.Regions) < 2 {
		return nil
	}
	if len(s.VPCSubnets) > 0 {
		return BadSetting("vpc-subnets", errors.New("a VPC is in one Region; name one Region with --region"))
	}
	if s.Bucket != "" {
		return BadSetting("bucket", errors.New("a bucket is in one Region; without --bucket, each Region has its own, quarry-<account>-<region>"))
	}
	if strings.HasPrefix(s.KMSKey, "arn:") {
		return BadSetting("kms-key", errors.New("a key is in one Region; give the id of a multi-Region key, mrk-…, which is the same in each"))
	}
	return nil
}

// openPools adds the further pools to the home provider, which is first among them.
func (pr *Program) openPools(s *config.Settings, home *Provider) {
	home.Pools = []*Provider{home}
	regions := []string{home.AWS.Region}
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
					pr.Say("%s accepts no jobs in %s: this pool is left out", model, region)
					continue
				}
			}
			p := &Provider{Identity: home.Identity, RoleARN: home.RoleARN, model: model}
			p.AWS = home.AWS.Copy()
			p.AWS.Region = region
			p.Bucket, p.Bedrock = home.Bucket, bedrock.New(p.AWS)
			if region != home.AWS.Region {
				p.Bucket = bucket.New(p.AWS, fmt.Sprintf("quarry-%s-%s", p.Identity.Account, region))
			}
			home.Pools = append(home.Pools, p)
		}
	}
}

// PoolsOfRun gives the pools next to home that a run has given shards to: what is there is fetched, whatever the settings
// at hand name; and the model that home had.
func (p *Provider) PoolsOfRun(h *book.Head) (pools []run.Pool, home string) {
	for i, ref := range h.Pools {
		if i == 0 {
			home = ref.Model
			continue
		}
		pools = append(pools, p.PoolAt(ref))
	}
	return pools, home
}

// PoolAt gives a place that earlier commands of a run named: what they sent there is fetched from there.
func (p *Provider) PoolAt(ref ledger.Pool) run.Pool {
	there := p.AWS.Copy()
	there.Region = ref.Region
	return run.Pool{
		Region: ref.Region, Model: ref.Model, RoleARN: p.RoleARN, Bucket: bucket.New(there, ref.Bucket), Bedrock: bedrock.New(there),
	}
}

// InRegion gives a client for a job of any Region.
func (p *Provider) InRegion(region string) *bedrock.Client {
	if region == p.AWS.Region {
		return p.Bedrock
	}
	there := p.AWS.Copy()
	there.Region = region
	return bedrock.New(there)
}

// SameBody refuses further models that do not take the very request body of the first one: a shard
// goes to any of them.
func (pr *Program) SameBody(s *config.Settings, first *Request) error {
	body := func(req *Request) ([]byte, error) {
		return req.Renderer.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x"), URL: "x", Lang: "en"})
	}
	want, err := body(first)
	if err != nil {
		return nil // a template that wants more of a document than this one has
	}
	for _, model := range s.Models {
		other := *s
		other.Model = model
		req, err := pr.Request(&other)
		if err != nil {
			return err
		}
		got, err := body(req)
		switch {
		case err != nil:
			return BadSetting("models", fmt.Errorf("%s: %w", model, err))
		case req.Model.Family != first.Model.Family || req.Prompt.Invocation() != first.Prompt.Invocation():
			return BadSetting("models", fmt.Errorf("%s is of the family %s, %s of %s, and both must accept the same request body, because a shard can go to either; prompt.invocation_type: Converse works for all",
				s.Model, first.Model.Family, model, req.Model.Family))
		case !bytes.Equal(got, want):
			return BadSetting("models",
				fmt.Errorf("%s and %s do not accept the same request body: one of them refuses a setting of the prompt", model, s.Model))
		}
		if n := req.Model.MaxOutput; n > 0 && (first.Model.MaxOutput == 0 || n < first.Model.MaxOutput) {
			first.Model.MaxOutput = n
		}
	}
	return nil
}

// FurtherPools are the pools next to home, as a run takes them.
func (pr *Program) FurtherPools(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, home *Provider) []run.Pool {
	var out []run.Pool
	for _, p := range home.Pools[1:] {
		out = append(out, run.Pool{
			Region: p.AWS.Region, Model: p.model, RoleARN: p.RoleARN, Quotas: pr.QuotasOf(ctx, s, e, dir, p), Bucket: p.Bucket, Bedrock: p.Bedrock,
		})
	}
	return out
}

// QuotasOf gives the quotas of a pool: the settings' first, then the account's, then the dated table's.
func (pr *Program) QuotasOf(ctx context.Context, s *config.Settings, e *effect.Effects, dir string, p *Provider) quarry.Quotas {
	id := p.ModelIn(s)
	model, profile, _ := catalog.Find(id)
	table := model.Quotas(profile)
	if s.Target != "aws" {
		return catalog.Merge(s.Quotas, table)
	}
	rows, err := pr.readQuotas(ctx, e, dir, p)
	if err != nil && ctx.Err() == nil {
		pr.Say("quotas of %s: using the %s, because the account's quotas cannot be read: %v", p.AWS.Region, table.Source, err)
	}
	if len(rows.Rows) == 0 {
		return catalog.Merge(s.Quotas, table)
	}
	return catalog.Merge(s.Quotas, model.ReadQuotas(rows.Rows, profile, rows.Source()), table)
}

// readQuotas gives the rows of Service Quotas for the pool's Region: those kept in the run directory if they are less than a
// day old, else those of the account. If the account cannot be read, it gives the older rows and the reason as the error.
func (pr *Program) readQuotas(ctx context.Context, e *effect.Effects, dir string, p *Provider) (quotas.Rows, error) {
	path := filepath.Join(dir, quotas.FileName)
	rows, ok, err := quotas.Kept(path, p.Identity.Account, p.AWS.Region)
	if err != nil {
		return quotas.Rows{}, err
	}
	if ok && rows.Fresh(time.Now()) {
		p.quotas = &quotaRows{rows.Rows, nil}
		return rows, nil
	}
	read, err := quotas.Read(ctx, p.AWS)
	p.quotas = &quotaRows{read, err}
	if err != nil {
		if ok {
			pr.Say("quotas of %s: using those read on %s", p.AWS.Region, rows.Read.Local().Format(time.RFC3339))
			p.quotas = &quotaRows{rows.Rows, nil}
			return rows, nil
		}
		return quotas.Rows{}, err
	}
	now := quotas.Rows{Account: p.Identity.Account, Region: p.AWS.Region, Read: time.Now().UTC().Truncate(time.Second), Rows: read}
	return now, quotas.Keep(e, path, now)
}

// knownQuotas gives the quotas without a call to AWS: the settings', those that a run directory keeps, the table's.
func (pr *Program) knownQuotas(s *config.Settings, region string) quarry.Quotas {
	model, profile, _ := catalog.Find(s.Model)
	table := model.Quotas(profile)
	rows, ok, err := quotas.Kept(filepath.Join(s.Dir, quotas.FileName), "", region)
	if err != nil || !ok {
		return catalog.Merge(s.Quotas, table)
	}
	return catalog.Merge(s.Quotas, model.ReadQuotas(rows.Rows, profile, rows.Source()), table)
}
