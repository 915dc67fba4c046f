package compose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/base/ledger/runner"
	"quarry/internal/config"
	"quarry/internal/run/book"
	"quarry/internal/run/state"
)

// Deletion is a run of a ledger in Postgres that this process holds to delete it: its rows, and its objects in all its buckets.
type Deletion struct {
	Run     quarry.RunID
	Objects int64
	Bytes   int64 // of them

	runner *runner.Runner
	dir    string // that may be a copy of its files
	heaps  []heap
}

// heap is what a run has below one prefix of a bucket.
type heap struct {
	in     *bucket.Bucket
	prefix string
}

// OldRuns gives the runs on which no process works and whose last pass ended, or which began, before a time.
func OldRuns(ctx context.Context, s *config.Settings, before time.Time) (old []quarry.RunID, err error) {
	rows, err := Runs(ctx, s)
	for i := range rows {
		r := &rows[i]
		last, bad := time.Parse(time.RFC3339, r.last)
		if err = errors.Join(err, bad); bad == nil && r.Owner == "" && last.Before(before) {
			old = append(old, r.Run)
		}
	}
	return old, err
}

// FindDeletion holds a run and counts what would be removed. It removes nothing. A run on which a process works is refused with the kind
// quarry.Locked; one that may have answers at the provider, which would be paid for and lost, with quarry.BadUsage.
func (pr *Program) FindDeletion(ctx context.Context, s *config.Settings, id quarry.RunID, c *Closers) (*Deletion, error) {
	e := effect.New(nil)
	l, err := ledger.ReadPostgres(ctx, e, s.Ledger, id) // a mistyped id makes no run
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return nil, err
	}
	d := &Deletion{Run: id, dir: s.Dir}
	if d.runner, err = runner.Open(ctx, e, s.Ledger, id); err != nil {
		return nil, err
	}
	c.Add(d.runner.Close)
	_, counts, err := runOf(ctx, d.runner.Ledger)
	if err != nil {
		return nil, err
	}
	if n := atProvider(counts) + counts.States[quarry.ShardCalling]; n > 0 {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "delete run", Subject: string(id), Err: fmt.Errorf("%s under way, and its answers are paid for", figure.Clause(n, "shard", "is", "are")),
			Hint: "let `quarry run` collect them, or stop the run first: quarry stop --run " + string(id) + ", then run it again until it ends",
		}
	}
	head, err := book.Of(d.runner.Ledger).Head(ctx)
	if err != nil {
		return nil, err
	}
	client := e.HTTPClient(effect.HTTPConfig{})
	c.Add(func() error { client.CloseIdleConnections(); return nil })
	for _, at := range placesOf(&head) {
		aws, err := account.Load(ctx, account.Config{HTTP: client, Profile: s.Profile, Effects: e, Region: at.Region})
		if err != nil {
			return nil, err
		}
		b := bucket.New(aws, at.Bucket)
		d.heaps = append(d.heaps, heap{b, "quarry/" + string(id) + "/"}, heap{b, state.Prefix + string(id) + "/"})
	}
	return d, d.each(ctx, func(_ *bucket.Bucket, o bucket.Object) error {
		d.Objects++
		d.Bytes += o.Size
		return nil
	})
}

// placesOf gives the buckets of a run, each once, with its Region.
func placesOf(h *book.Head) []ledger.Pool {
	var places []ledger.Pool
	for _, p := range append([]ledger.Pool{{Region: h.Region, Bucket: h.Bucket}}, h.Pools...) {
		if p.Bucket != "" && !slices.ContainsFunc(places, func(q ledger.Pool) bool { return q.Bucket == p.Bucket }) {
			places = append(places, p)
		}
	}
	return places
}

func (d *Deletion) each(ctx context.Context, do func(*bucket.Bucket, bucket.Object) error) error {
	for _, h := range d.heaps {
		for o, err := range h.in.Objects(ctx, h.prefix) {
			if errors.Is(err, bucket.ErrNoBucket) { // someone removed it with all that it held
				break
			}
			if err == nil {
				err = do(h.in, o)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Delete removes the run: its objects, the copy of its files if the command's directory is one, and last its rows, so that what was
// interrupted can be done again.
func (d *Deletion) Delete(ctx context.Context) error {
	ctx, end := d.runner.While(ctx)
	defer end()
	err := d.each(ctx, func(in *bucket.Bucket, o bucket.Object) error { return in.Remove(ctx, o.Key) })
	if err == nil {
		err = state.RemoveCopy(effect.New(nil), d.dir, d.Run)
	}
	if err != nil {
		return err
	}
	return d.runner.Ledger.Delete(ctx)
}
