package adopt

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/event"
	"quarry/internal/run/runjson"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spec"
)

// Adopted says what was found when a run was taken over.
type Adopted struct {
	Region  string           `json:"region"`
	Jobs    int              `json:"jobs"`
	Unsent  []quarry.ShardID `json:"unsent"` // in the bucket without a job: never sent
	Before  bool             `json:"before"` // the directory had the run already
	Created string           `json:"created"`
	Model   string           `json:"model"`
}

// Adoption takes runs over into a directory.
type Adoption struct {
	Config  *spec.Config
	Book    *book.Book
	Effects *effect.Effects
	Files   shardfile.Dir
	Watch   event.Watch
	Bucket  string // its name
	At      Place
}

// Check refuses a directory that has another run (BadUsage).
func (a *Adoption) Check(ctx context.Context, id quarry.RunID) error {
	head, err := a.Book.Head(ctx)
	if err != nil || head.Run == "" || head.Run == id {
		return err
	}
	return &quarry.Error{Kind: quarry.BadUsage, Op: "adopt run " + string(id), Subject: a.Config.Dir, Err: fmt.Errorf("it holds run %s", head.Run), Hint: "name an empty directory with --dir"}
}

// Take makes rows for all shards that have a job, with their parts of the index, and a run of them in the book. In a directory that has the
// run already it only says what is there.
func (a *Adoption) Take(ctx context.Context, id quarry.RunID) (Adopted, error) {
	head, err := a.Book.Head(ctx)
	if err != nil {
		return Adopted{}, err
	}
	made, err := a.readRunJSON(ctx, id)
	if err != nil {
		return Adopted{}, err
	}
	found, err := Find(ctx, made, a.At)
	if err != nil {
		return Adopted{}, err
	}
	for _, job := range found.Others {
		a.Watch.Note(fmt.Sprintf("job %s has the name %s but does not belong to this run: ignored", job.ARN, job.Name))
	}
	out := Adopted{
		Region: a.Config.Region, Before: head.Run != "", Created: made.Created, Model: made.Model, Jobs: found.Jobs(), Unsent: found.Unsent(),
	}
	a.Watch.Send(event.Event{Kind: event.RunOpened, Text: string(id), Done: 1})
	if out.Before {
		return out, nil
	}
	rows, err := found.Rows(ctx, a.Effects, a.Files)
	if err != nil {
		return out, err
	}
	for i := range rows {
		a.Watch.Send(event.Event{Kind: event.JobAdopted, Shard: rows[i].ID, Text: string(rows[i].Job.ARN)})
	}
	return out, a.keep(ctx, found, rows)
}

// readRunJSON reads what the bucket says of the run, and refuses what cannot be taken over from here.
func (a *Adoption) readRunJSON(ctx context.Context, id quarry.RunID) (m runjson.Run, err error) {
	key := runjson.Key(id)
	refuse := func(err error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "adopt run " + string(id), Subject: a.At.URI(key), Err: err, Hint: hint}
	}
	body, err := a.At.Bucket.Get(ctx, key)
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
	if was := m.Region; was != "" && was != a.Config.Region {
		return m, refuse(fmt.Errorf("its jobs are in %s, and this command uses %s", was, a.Config.Region), "say --region "+was)
	}
	return m, nil
}

// keep makes a run of what was found. Its rows come last: a run that has them is taken over.
func (a *Adoption) keep(ctx context.Context, found *Found, rows []ledger.Shard) error {
	m := &found.Run
	last, sentWith := found.Passes(rows)
	for n, of := range sentWith {
		if err := a.Book.Change(ctx, n, func(_ *book.Head, p *book.Pass) { p.Asked = &of }); err != nil {
			return err
		}
	}
	return a.Book.AddShards(ctx, last, rows, func(h *book.Head, _ *book.Pass) {
		h.Run, h.Created, h.Target = m.Run, m.Created, a.Config.Target()
		a.Config.NoteWriter(h)
		h.Pass, h.Adopted, h.Settings, h.Model, h.Sources = last, last, m.Settings, m.Model, m.Sources
		h.Region, h.Bucket, h.Numbered = cmp.Or(m.Region, a.Config.Region), a.Bucket, found.Numbers(rows)
	})
}
