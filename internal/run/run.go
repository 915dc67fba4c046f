// Package run is the main job: it joins the steps, each of which knows nothing of the others, and remembers in the ledger
// how far each came.
//
// It owns the order of the steps, retries and resuming. It does not clean, render, pack, send or parse: packages of those names
// do. The life of a shard is in package life; what is in the run directory, what is decided and calculated is in the other
// packages below this one. What always holds: the same command brings an interrupted run to its end;
// every document ends in exactly one place; an intent is durable before its effect; no record goes out again while an earlier
// submission of it may still be answered.
package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/review"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/calls"
	"quarry/internal/run/deliver"
	"quarry/internal/run/event"
	"quarry/internal/run/index"
	"quarry/internal/run/input"
	"quarry/internal/run/pool"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spec"
	"quarry/internal/run/summary"
)

// Deps are the means of a run.
type Deps struct {
	Effects *effect.Effects
	Ledger  *ledger.Ledger
	Sources []source.Source
	// Keep gives the sources of a pass in the place of Sources, where some of them can be read only once or change while
	// they are read: what they gave for this pass is kept first. planned says that the pass has its plan already, so they
	// have to give what they gave then. nil: Sources are read where they are.
	Keep    func(ctx context.Context, pass int, planned bool) ([]source.Source, error)
	Bucket  *bucket.Bucket
	Bedrock *bedrock.Client
	// Commit makes what was written durable where other machines find it, as each change of the ledger does. nil: the run's directory is the
	// only place.
	Commit func(ctx context.Context) error
	// Review keeps what people say of the run where other machines find it; nil: the run's directory is the only place.
	Review review.Elsewhere
	// Pools are further places for jobs, in addition to the one that Config, Bucket and Bedrock describe.
	Pools []Pool
	// PoolAt gives a place that earlier commands named and this one does not: what they sent there is followed and collected there, and
	// nothing new is sent. nil: a command that leaves such a place is refused.
	PoolAt func(ledger.Pool) Pool
	// AnyDocument refuses sources that hold no document, as those of a mistyped condition, before a pass is given up for one that reads them;
	// pass is the number of the latter. nil: that is not checked early.
	AnyDocument func(ctx context.Context, pass int) error
	// Preflight checks for free whatever could fail later; nil where there is nothing to check.
	Preflight func(ctx context.Context) error
	// Confirm asks a person before money is spent; nil: no question is asked.
	Confirm func(ctx context.Context, question string) error
	// While gives a context that ends, with the cause, when another process may have taken the run over. nil: the lock of the run's directory
	// keeps others out.
	While func(ctx context.Context) (context.Context, context.CancelFunc)
	// Watch receives what happens.
	Watch event.Watch
}

// Config is what the command says of the run; see package spec.
type Config = spec.Config

// refusal says why a command would be refused before it sends anything as a pass.
func (d *Deps) refusal(ctx context.Context, pass int) error {
	if d.AnyDocument != nil {
		if err := d.AnyDocument(ctx, pass); err != nil {
			return err
		}
	}
	if d.Preflight == nil {
		return nil
	}
	return d.Preflight(ctx)
}

// parts are what a run joins. Run and each pass work with the same ones.
type parts struct {
	deps      Deps
	book      *book.Book
	pools     *pool.Pools
	caller    *calls.Caller
	files     shardfile.Dir
	delivered deliver.Files
	review    review.Dir
	places    *input.Places // where the documents are now, once the sources were found to have changed
}

// process is what this process knows of the run that it works on.
type process struct {
	id    quarry.RunID
	began time.Time
	seen  string // what the files of the sources were before any of them was read

	registers bool // another process sends what this one plans
}

// Run is one command on one run. What it knows of a pass is in a value of its own; see pass.
type Run struct {
	parts
	process
	cfg Config
	at  int // the pass that the command works on; 0: it is not known yet
}

// New gives a run. It makes no call and writes nothing. The home pool, which the Config describes, is before the further ones; every shard
// fits into each of them, since where one goes is decided when it is built.
func New(cfg Config, deps Deps) *Run {
	cfg.Complete()
	home := Pool{Region: cfg.Region, Model: cfg.Model, RoleARN: cfg.RoleARN, Quotas: cfg.Quotas, Bucket: deps.Bucket, Bedrock: deps.Bedrock}
	pools := pool.New(append([]Pool{home}, deps.Pools...), deps.PoolAt)
	cfg.Quotas = pools.Quotas()
	caller := calls.New(calls.Config{
		Client: deps.Bedrock, Model: cfg.Model, Type: cfg.Type, MaxOutput: cfg.MaxOutput, Quotas: cfg.Quotas,
		Concurrency: cfg.Concurrency, CachePrefix: cfg.CachePrefix, Local: cfg.Local, Watch: deps.Watch,
	})
	kept := book.Of(deps.Ledger)
	return &Run{cfg: cfg, parts: parts{
		deps: deps, book: kept, pools: pools, caller: caller, places: &input.Places{},
		files:     shardfile.In(deps.Effects, cfg.Dir, "").Committing(deps.Commit),
		delivered: deliver.Files{Effects: deps.Effects, Dir: cfg.Dir, Book: kept},
		review:    review.Dir{Effects: deps.Effects, Path: cfg.Dir, Elsewhere: deps.Review},
	}}
}

// Pool is one place where jobs run; see package pool.
type Pool = pool.Pool

// index is the index of pass n.
func (p *parts) index(n int) index.Pass { return index.Of(p.deps.Effects, p.delivered.Dir, n) }

// count is what a step did: taken = done + failed + skipped, or the run fails.
type count struct{ taken, done, failed, skipped int64 }

type step struct {
	name string
	do   func(context.Context) (count, error)
}

// Do brings the run to its end, from any state, and returns its outcome, which is valid only without an error.
func (r *Run) Do(ctx context.Context) (Outcome, error) {
	p, err := r.doSteps(ctx, "report")
	if err != nil {
		return Outcome{}, r.halted(ctx, err)
	}
	return Outcome{Run: r.id, Planned: p.planned, Totals: p.totals, Report: p.made}, nil
}

// Register plans the pass at hand, checks it, and asks the user once whether it may be sent. It sends nothing: another process does, with Do,
// and does not ask again.
func (r *Run) Register(ctx context.Context) error {
	r.registers = true
	_, err := r.doSteps(ctx, "preflight")
	return r.halted(ctx, err)
}

// doSteps does the steps to the last one.
func (r *Run) doSteps(ctx context.Context, last string) (*pass, error) {
	defer r.places.Close()
	if r.deps.While != nil {
		alive, end := r.deps.While(ctx)
		defer end()
		ctx = alive
	}
	r.began, r.seen = time.Now(), source.Seen(r.cfg.Sources)
	p, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.keepSources(ctx); err != nil {
		return nil, err
	}
	for _, s := range p.steps() {
		if err := r.doStep(ctx, s); err != nil || s.name == last {
			return p, err
		}
	}
	return p, nil
}

func (r *Run) doStep(ctx context.Context, s step) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	began := time.Now()
	if err := r.deps.Ledger.SaveStep(ctx, ledger.Step{Name: s.name, Began: began, Ended: began}); err != nil {
		return err
	}
	r.deps.Watch.Send(event.Event{Kind: event.StepBegan, Step: s.name})
	n, err := s.do(ctx)
	if err != nil {
		return err
	}
	if n.taken != n.done+n.failed+n.skipped {
		return fmt.Errorf("step %s: took %d, but %d done, %d failed and %d skipped", s.name, n.taken, n.done, n.failed, n.skipped)
	}
	ended := time.Now()
	r.deps.Watch.Send(event.Event{Kind: event.StepEnded, Step: s.name, Done: n.done, Failed: n.failed, Skipped: n.skipped, Total: n.taken, Since: began})
	return r.deps.Ledger.SaveStep(ctx, ledger.Step{
		Name: s.name, Finished: true, Began: began, Ended: ended, Taken: n.taken, Done: n.done, Failed: n.failed, Skipped: n.skipped,
	})
}

// Outcome is what a finished run came to.
type Outcome = summary.Outcome

// Close notes how long this process worked on the run.
func (r *Run) Close(ctx context.Context) error {
	if r.id == "" {
		return nil
	}
	took := time.Since(r.began)
	return r.book.Change(ctx, r.at, func(h *book.Head, p *book.Pass) {
		h.Active += took
		if r.at > 0 && p.Ended == nil && h.Finished != r.at {
			p.Worked += took
		}
	})
}
