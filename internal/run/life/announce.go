package life

import (
	"bytes"
	"context"
	"slices"
	"time"

	"quarry/internal/aws/bedrock"
	"quarry/internal/base/ledger"
	"quarry/internal/run/pool"
	"quarry/internal/run/runjson"
)

// announce puts run.json into a pool's bucket, once a process, before the first job is made there.
func (l *Life) announce(ctx context.Context, to *pool.Pool) error {
	return l.Pools.Announce(to, func() error {
		head, err := l.Book.Head(ctx)
		if err != nil {
			return err
		}
		made := l.RunJSON
		made.Created = head.Created
		if made.Pools, err = l.placesUsed(ctx); err != nil {
			return err
		}
		b, err := runjson.Bytes(&made)
		if err != nil {
			return err
		}
		return to.Bucket.Put(ctx, runjson.Key(l.RunJSON.Run), bytes.NewReader(b))
	})
}

// placesUsed are the pools that the command names, and other places where jobs of the run are: `quarry adopt` has to look there too.
func (l *Life) placesUsed(ctx context.Context) ([]ledger.Pool, error) {
	places := l.Pools.Refs()
	used, err := l.Ledger.Places(ctx)
	if err != nil {
		return nil, err
	}
	for _, at := range used {
		known := func(p ledger.Pool) bool { return p.Region == at.Region && p.Bucket == at.Bucket }
		if !slices.ContainsFunc(places, known) {
			places = append(places, at)
		}
	}
	return places, nil
}

// note is what must be known of a shard, as its bucket keeps it.
func (l *Life) note(s *ledger.Shard, request *bedrock.CreateRequest) ([]byte, error) {
	return runjson.Bytes(&runjson.Note{
		Format: runjson.Format, Run: l.RunJSON.Run, Shard: s.ID, Kind: s.Kind, Pass: s.Pass, Attempt: s.Attempt,
		JobName: request.JobName, Token: request.Token,
		Records: s.Records, Bytes: s.Bytes, Digest: s.Digest, Sources: s.Sources, Uploaded: time.Now().UTC(), Asked: l.RunJSON.Asked,
	})
}
