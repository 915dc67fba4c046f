package run

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/figure"
	"quarry/internal/ledger"
)

// Pool is one place where jobs run: a model in a Region, with the bucket, the role and the quotas that hold there. Jobs of
// all pools take the same modelInput.
type Pool struct {
	Region, Model string
	RoleARN       string
	Quotas        quarry.Quotas
	Bucket        *bucket.Bucket
	Bedrock       *bedrock.Client
}

func (p *Pool) ref() ledger.Pool {
	return ledger.Pool{Region: p.Region, Model: p.Model, Bucket: p.Bucket.Name()}
}

// name is how people tell it from the others: by Region, and by model where that is not enough.
func (r *Run) poolName(p ledger.Pool) string {
	for i := range r.pools {
		if o := &r.pools[i]; o.Region == p.Region && o.Model != p.Model {
			return p.Region + " " + p.Model
		}
	}
	return p.Region
}

// gatherPools puts the home pool, which the Config describes, before the further ones, and lets every shard fit into each
// of them: where one goes is decided when it is built.
func (r *Run) gatherPools(further []Pool) {
	r.pools = append([]Pool{{
		Region: r.cfg.Region, Model: r.cfg.Model, RoleARN: r.cfg.RoleARN, Quotas: r.cfg.Quotas, Bucket: r.bucket, Bedrock: r.bedrock,
	}}, further...)
	for i := range further {
		r.cfg.Quotas = tightest(r.cfg.Quotas, further[i].Quotas)
	}
}

// tightest are limits that hold in both places; jobs run in both at once. The limits of on-demand calls stay the first
// one's: calls are made at home.
func tightest(a, b quarry.Quotas) quarry.Quotas {
	lower := func(x, y int64) int64 {
		if x == 0 || (y != 0 && y < x) {
			return y
		}
		return x
	}
	a.MinRecords = max(a.MinRecords, b.MinRecords)
	a.RecordsPerFile, a.RecordsPerJob = lower(a.RecordsPerFile, b.RecordsPerFile), lower(a.RecordsPerJob, b.RecordsPerJob)
	a.FileBytes, a.JobBytes = lower(a.FileBytes, b.FileBytes), lower(a.JobBytes, b.JobBytes)
	if a.OpenJobs == 0 || b.OpenJobs == 0 {
		a.OpenJobs = 0
	} else {
		a.OpenJobs += b.OpenJobs
	}
	if b.Source != "" && !strings.Contains(a.Source, b.Source) {
		a.Source += "; " + b.Source
	}
	return a
}

// placeOf is where a shard's job is, was or will be: the home pool where nothing else was chosen.
func (r *Run) placeOf(s *ledger.Shard) ledger.Pool {
	if s.Pool != (ledger.Pool{}) {
		return s.Pool
	}
	if len(r.pools) == 0 { // offline
		return ledger.Pool{Region: r.cfg.Region, Model: r.cfg.Model}
	}
	return r.pools[0].ref()
}

// poolOf gives the pool that a shard is asked of, which an earlier command may have named: its job would not be found elsewhere,
// and would be paid again.
func (r *Run) poolOf(s *ledger.Shard) (*Pool, error) {
	if p := r.namedPool(s); p != nil {
		return p, nil
	}
	if p := r.former.at(s.Pool, r.deps.PoolAt); p != nil {
		return p, nil
	}
	return nil, r.otherPlace(s)
}

// namedPool gives the pool of a shard where the command at hand names it; nil: it does not.
func (r *Run) namedPool(s *ledger.Shard) *Pool {
	if s.Pool == (ledger.Pool{}) {
		return &r.pools[0]
	}
	for i := range r.pools {
		if p := &r.pools[i]; p.ref() == s.Pool {
			return p
		}
	}
	return nil
}

// formerPools are the places that earlier commands named.
type formerPools struct {
	mu    sync.Mutex
	pools map[ledger.Pool]*Pool
}

// at gives such a place, opened once; nil where it cannot be.
func (f *formerPools) at(place ledger.Pool, open func(ledger.Pool) Pool) *Pool {
	if open == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.pools[place]
	if p == nil {
		made := open(place)
		p = &made
		if f.pools == nil {
			f.pools = map[ledger.Pool]*Pool{}
		}
		f.pools[place] = p
	}
	return p
}

// otherPlace says that a shard was given to a pool that the command does not name any more.
func (r *Run) otherPlace(s *ledger.Shard) error {
	home, name, was, is := r.pools[0].ref(), "region", s.Pool.Region, r.pools[0].Region
	for i := range r.pools {
		switch p := r.pools[i].ref(); {
		case p.Region != s.Pool.Region:
		case p.Model == s.Pool.Model:
			name, was, is = "bucket", s.Pool.Bucket, p.Bucket
		case name == "region":
			name, was, is = "model", s.Pool.Model, p.Model
		}
	}
	flag := "--" + name + " " + was
	if len(r.pools) > 1 || (name == "region" && s.Pool.Bucket != home.Bucket && s.Pool.Model == home.Model) {
		flag += ", together with what is named now"
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "resume", Subject: r.cfg.Dir, Err: fmt.Errorf("shard %s was sent in %s %s, not %s", s.ID, name, was, is),
		Hint: fmt.Sprintf("use %s; elsewhere the job would not be found, and its records would be billed again", flag),
	}
}

// samePools names the pools that still have shards and that the command does not name, and refuses where they cannot be reached.
// A shard that was not sent yet is given to another.
func (r *Run) samePools(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	left := map[string]int64{}
	for i := range shards {
		s := &shards[i]
		if s.Mode != quarry.ModeJob || !(s.State.Open() || s.State == quarry.ShardEnded || s.State == quarry.ShardUploaded) {
			continue
		}
		p, err := r.poolOf(s)
		if err != nil {
			return err
		}
		if r.namedPool(s) == nil {
			left[p.Region+", bucket "+p.Bucket.Name()]++
		}
	}
	for _, place := range slices.Sorted(maps.Keys(left)) {
		r.watch(Event{Kind: Note, Text: fmt.Sprintf("%s in %s, which this command does not name: followed and collected there; what was not sent goes to %s",
			figure.Count(left[place], "job"), place, r.pools[0].Region)})
	}
	names, err := marshalled(r.poolRefs())
	if err != nil {
		return err
	}
	return r.ledger.SetFacts(ctx, map[string]string{"pools": names})
}

func (r *Run) poolRefs() []ledger.Pool {
	refs := make([]ledger.Pool, len(r.pools))
	for i := range r.pools {
		refs[i] = r.pools[i].ref()
	}
	return refs
}

// costAt is what a usage costs the account in a place: nothing where the provider is a stand-in, nil where the price is
// not known.
func (r *Run) costAt(p ledger.Pool, mode quarry.Mode, u quarry.Usage) *quarry.USD {
	if r.cfg.Local || r.cfg.Free {
		return new(quarry.USD)
	}
	return r.listCostAt(p, mode, u)
}

// listCostAt is what a usage costs by the place's own price; nil where that is not known.
func (r *Run) listCostAt(p ledger.Pool, mode quarry.Mode, u quarry.Usage) *quarry.USD {
	return r.pricesAt(p).Cost(mode, u)
}
