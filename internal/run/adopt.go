package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/adopt"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/life"
	"quarry/internal/run/runjson"
)

// A run can be taken over with nothing but its id and its bucket. What is found there becomes rows and a pass of their own
// (package adopt); from then on it is a run like others, whose sources were not named yet.

// Adopted says what was found when a run was taken over.
type Adopted struct {
	Region  string           `json:"region"`
	Jobs    int              `json:"jobs"`
	Unsent  []quarry.ShardID `json:"unsent"` // in the bucket without a job: never sent
	Before  bool             `json:"before"` // the directory had the run already
	Created string           `json:"created"`
	Model   string           `json:"model"`
}

// Adopt takes a run over into an empty directory: rows for all shards that have a job, and their parts of the index.
// Nothing is sent but questions. In a directory that has the run already it changes nothing.
func (r *Run) Adopt(ctx context.Context, id quarry.RunID) (Adopted, error) {
	r.began = time.Now()
	head, err := r.book.Head(ctx)
	if err != nil {
		return Adopted{}, err
	}
	known := head.Run != ""
	if known && head.Run != id {
		return Adopted{}, &quarry.Error{Kind: quarry.BadUsage, Op: "adopt run " + string(id), Subject: r.cfg.Dir, Err: fmt.Errorf("it holds run %s", head.Run), Hint: "name an empty directory with --dir"}
	}
	r.id = id
	made, err := readRunJSON(ctx, id, r.deps.Bucket, r.cfg.Region)
	if err != nil {
		return Adopted{}, err
	}
	jobs := func(ctx context.Context, text string) iter.Seq2[quarry.Job, error] {
		return r.deps.Bedrock.Jobs(ctx, bedrock.Filter{NameContains: text})
	}
	found, err := adopt.Find(ctx, made, adopt.Place{Bucket: life.Output(r.deps.Bucket), URI: r.deps.Bucket.URI, Jobs: jobs, Lag: r.cfg.ListLag})
	if err != nil {
		return Adopted{}, err
	}
	for _, job := range found.Others {
		r.deps.Watch.Note(fmt.Sprintf("job %s has the name %s but does not belong to this run: ignored", job.ARN, job.Name))
	}
	out := Adopted{Region: r.cfg.Region, Before: known, Created: made.Created, Model: made.Model, Jobs: found.Jobs(), Unsent: found.Unsent()}
	r.deps.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(id), Done: 1})
	if known {
		return out, nil
	}
	rows, err := found.Rows(ctx, r.deps.Effects, r.files)
	if err != nil {
		return out, err
	}
	for i := range rows {
		r.deps.Watch.Send(event.Event{Kind: event.JobAdopted, Shard: rows[i].ID, Text: string(rows[i].Job.ARN)})
	}
	return out, r.keepAdopted(ctx, found, rows)
}

// readRunJSON reads what the bucket says of the run, and refuses what cannot be taken over from here.
func readRunJSON(ctx context.Context, id quarry.RunID, b *bucket.Bucket, region string) (m runjson.Run, err error) {
	key := runjson.Key(id)
	refuse := func(err error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "adopt run " + string(id), Subject: b.URI(key), Err: err, Hint: hint}
	}
	body, _, err := b.Get(ctx, key)
	if errors.Is(err, bucket.ErrNoObject) {
		return m, refuse(bucket.ErrNoObject, "check --run, --bucket and --region; a run writes it before its first job, and a run of on-demand calls has none")
	}
	if err != nil {
		return m, err
	}
	defer func() { _ = body.Close() }()
	if m, err = runjson.Read(id, body); err != nil {
		return m, err
	}
	if n := len(m.Pools); n > 1 { // a job that is not looked for would be paid again
		return m, refuse(fmt.Errorf("its jobs are in %s, and only one pool can be taken over", figure.Count(n, "pool")),
			"use the run's own directory; `quarry collect ARN` fetches single jobs")
	}
	if was := m.Region; was != "" && was != region {
		return m, refuse(fmt.Errorf("its jobs are in %s, and this command uses %s", was, region), "say --region "+was)
	}
	return m, nil
}

// keepAdopted makes a run of what was found. Its rows come last: a run that has them is taken over.
func (r *Run) keepAdopted(ctx context.Context, found *adopt.Found, rows []ledger.Shard) error {
	m := &found.Run
	last, asked := found.Passes(rows)
	for n, of := range asked {
		if err := r.book.Change(ctx, n, func(_ *book.Head, p *book.Pass) { p.Asked = &of }); err != nil {
			return err
		}
	}
	return r.book.AddShards(ctx, last, rows, func(h *book.Head, _ *book.Pass) {
		h.Run, h.Created, h.Version, h.Target = r.id, m.Created, r.cfg.Version, r.cfg.Target()
		h.Pass, h.Adopted, h.Settings, h.Model, h.Sources = last, last, m.Settings, m.Model, m.Sources
		h.Region, h.Bucket, h.Numbered = cmp.Or(m.Region, r.cfg.Region), r.deps.Bucket.Name(), found.Numbers(rows)
	})
}
