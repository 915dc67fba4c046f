package run

import (
	"bytes"
	"context"
	"slices"
	"time"

	"quarry/internal/aws/bedrock"
	"quarry/internal/base/ledger"
	"quarry/internal/run/runjson"
)

// runJSON is what must be known of the run as it is now.
func (r *Run) runJSON(created string) runjson.Run {
	return runjson.Run{
		Format: runjson.Format, Run: r.id, Created: created, Version: r.cfg.Version, Region: r.cfg.Region, Bucket: r.bucket.Name(),
		Role: r.cfg.RoleARN, KMSKey: r.cfg.KMSKey, Mode: r.planned.Mode, Sources: r.cfg.Sources, Quotas: r.cfg.Quotas, Planned: r.planned,
		PilotMinValid: r.cfg.PilotMinValid,
		Pools:         r.pools.Refs(), Asked: r.asked.note(),
	}
}

func (r *Run) isAnnounced(pool *Pool) bool {
	_, done := r.announced.Load(pool.Bucket.Name())
	return done
}

// announce puts run.json into a pool's bucket, once a process, before the first job is asked for there.
func (r *Run) announce(ctx context.Context, pool *Pool) error {
	if r.isAnnounced(pool) {
		return nil
	}
	head, err := r.book.Head(ctx)
	if err != nil {
		return err
	}
	made := r.runJSON(head.Created)
	if made.Pools, err = r.placesUsed(ctx); err != nil {
		return err
	}
	b, err := runjson.Bytes(&made)
	if err != nil {
		return err
	}
	if err := pool.Bucket.Put(ctx, runjson.Key(r.id), bytes.NewReader(b)); err != nil {
		return err
	}
	r.announced.Store(pool.Bucket.Name(), true)
	return nil
}

// placesUsed are the pools that the command names, and other places where jobs of the run are: `quarry adopt` has to look
// there too.
func (r *Run) placesUsed(ctx context.Context) ([]ledger.Pool, error) {
	places := r.pools.Refs()
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return nil, err
	}
	for i := range shards {
		s := &shards[i]
		known := func(p ledger.Pool) bool { return p.Region == s.Pool.Region && p.Bucket == s.Pool.Bucket }
		if s.Job.ARN != "" && s.Pool != (ledger.Pool{}) && !slices.ContainsFunc(places, known) {
			places = append(places, s.Pool)
		}
	}
	return places, nil
}

// note is what must be known of a shard, as its bucket keeps it.
func (r *Run) note(s *ledger.Shard, request *bedrock.CreateRequest) ([]byte, error) {
	return runjson.Bytes(&runjson.Note{
		Format: runjson.Format, Run: r.id, Shard: s.ID, Kind: s.Kind, Pass: s.Pass, Attempt: s.Attempt,
		JobName: request.JobName, Token: request.Token,
		Records: s.Records, Bytes: s.Bytes, Digest: s.Digest, Sources: s.Sources, Uploaded: time.Now().UTC(), Asked: r.asked.note(),
	})
}
