// Package pool knows the pools that a run sends jobs to, and decides which of them each shard goes to.
//
// A pool is a model in a Region, with its bucket, role and quotas. The package owns that choice, the slots of open jobs, and what
// a refusal means for them. It submits nothing and changes no row: it returns a verdict. What always holds: a job is only looked
// for in the pool that its row names; each shard fits into every pool that a command names.
package pool

import (
	"fmt"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/ledger"
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

// Ref is the pool as rows name it.
func (p *Pool) Ref() ledger.Pool {
	return ledger.Pool{Region: p.Region, Model: p.Model, Bucket: p.Bucket.Name()}
}

// Pools are the pools that a command names, of which the first is home, and those that earlier commands named. Safe for
// concurrent use.
type Pools struct {
	named []Pool
	open  func(ledger.Pool) Pool

	mu     sync.Mutex
	former map[ledger.Pool]*Pool // opened once

	announcing sync.Mutex
	announced  map[string]bool // names of buckets
}

// New gives pools. open gives one that only an earlier command named: what was sent there is followed and collected there. nil:
// such a pool is refused.
func New(named []Pool, open func(ledger.Pool) Pool) *Pools {
	return &Pools{named: named, open: open, former: map[ledger.Pool]*Pool{}, announced: map[string]bool{}}
}

// Home is the first one.
func (p *Pools) Home() *Pool { return &p.named[0] }

// Refs are those that the command names.
func (p *Pools) Refs() []ledger.Pool {
	refs := make([]ledger.Pool, len(p.named))
	for i := range p.named {
		refs[i] = p.named[i].Ref()
	}
	return refs
}

// Schedule makes the schedule of the pools that the command names.
func (p *Pools) Schedule() *Schedule {
	places := make([]Place, len(p.named))
	for i := range p.named {
		places[i] = Place{Pool: p.named[i].Ref(), Quotas: p.named[i].Quotas}
	}
	return NewSchedule(places)
}

// Quotas are limits that hold in all named pools; jobs run in all of them at once. The limits of on-demand calls are those of home,
// where calls are made.
func (p *Pools) Quotas() quarry.Quotas {
	q := p.named[0].Quotas
	for i := range p.named[1:] {
		q = tightest(q, p.named[1+i].Quotas)
	}
	return q
}

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

// Of gives the pool of a shard, which an earlier command may have named: elsewhere its job would not be found, and its records would be
// billed again.
func (p *Pools) Of(s *ledger.Shard) (*Pool, error) {
	if at := p.Named(s); at != nil {
		return at, nil
	}
	if p.open == nil {
		return nil, p.unreachable(s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.former[s.Pool]
	if at == nil {
		made := p.open(s.Pool)
		at = &made
		p.former[s.Pool] = at
	}
	return at, nil
}

// Announce acts once for the bucket of a pool: again only after an error.
func (p *Pools) Announce(to *Pool, act func() error) error {
	p.announcing.Lock()
	defer p.announcing.Unlock()
	name := to.Bucket.Name()
	if p.announced[name] {
		return nil
	}
	err := act()
	p.announced[name] = err == nil
	return err
}

// Left counts the shards of jobs at places that the command does not name, by place. It refuses a place that cannot be reached.
func (p *Pools) Left(rows []ledger.Shard) (map[string]int64, error) {
	left := map[string]int64{}
	for i := range rows {
		s := &rows[i]
		if s.Mode != quarry.ModeJob || !(s.State.Open() || s.State == quarry.ShardEnded || s.State == quarry.ShardUploaded) {
			continue
		}
		at, err := p.Of(s)
		if err != nil {
			return nil, err
		}
		if p.Named(s) == nil {
			left[at.Region+", bucket "+at.Bucket.Name()]++
		}
	}
	return left, nil
}

// Named gives the pool of a shard where the command names it; nil: it does not.
func (p *Pools) Named(s *ledger.Shard) *Pool {
	if s.Pool == (ledger.Pool{}) {
		return &p.named[0]
	}
	for i := range p.named {
		if at := &p.named[i]; at.Ref() == s.Pool {
			return at
		}
	}
	return nil
}

// unreachable says that a shard was given to a pool that the command does not name any more.
func (p *Pools) unreachable(s *ledger.Shard) error {
	home, name, was, is := p.named[0].Ref(), "region", s.Pool.Region, p.named[0].Region
	for _, at := range p.Refs() {
		switch {
		case at.Region != s.Pool.Region:
		case at.Model == s.Pool.Model:
			name, was, is = "bucket", s.Pool.Bucket, at.Bucket
		case name == "region":
			name, was, is = "model", s.Pool.Model, at.Model
		}
	}
	flag := "--" + name + " " + was
	if len(p.named) > 1 || (name == "region" && s.Pool.Bucket != home.Bucket && s.Pool.Model == home.Model) {
		flag += ", in addition to the ones named now"
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "resume", Subject: "shard " + string(s.ID), Err: fmt.Errorf("it was sent in %s %s, not %s", name, was, is),
		Hint: fmt.Sprintf("use %s; elsewhere the job would not be found, and its records would be billed again", flag),
	}
}
