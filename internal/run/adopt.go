package run

import (
	"context"
	"iter"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/run/adopt"
	"quarry/internal/run/life"
)

// Adopt takes a run over into an empty directory, with nothing but its id and its bucket; see adopt.Adoption. From then on it is a run like
// others, whose sources were not named yet. Nothing is sent. In a directory that has the run already it changes nothing.
func (r *Run) Adopt(ctx context.Context, id quarry.RunID) (adopt.Adopted, error) {
	r.began = time.Now()
	jobs := func(ctx context.Context, text string) iter.Seq2[quarry.Job, error] {
		return r.deps.Bedrock.Jobs(ctx, bedrock.Filter{NameContains: text})
	}
	a := adopt.Adoption{
		Config: &r.cfg, Book: r.book, Effects: r.deps.Effects, Files: r.files, Watch: r.deps.Watch, Bucket: r.deps.Bucket.Name(),
		At: adopt.Place{Bucket: life.Output(r.deps.Bucket), URI: r.deps.Bucket.URI, Jobs: jobs, Lag: r.cfg.ListLag},
	}
	if err := a.Check(ctx, id); err != nil {
		return adopt.Adopted{}, err
	}
	r.id = id
	return a.Take(ctx, id)
}
