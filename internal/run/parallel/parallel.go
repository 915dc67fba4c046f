// Package parallel does the same to many things on several workers, and gives what came of them in the order of the things.
//
// It owns the goroutines of a run's preparation and of its reading of answers, and knows nothing of either. What always
// holds: the outcomes are those of one worker, whatever the number of workers; memory holds two things a worker; when the
// sequence ends, for whatever reason, no goroutine of it is left.
package parallel

import (
	"context"
	"iter"
	"sync"
)

// Map calls work for each item of a sequence and gives the outcomes in the order of the items. work gets the number of its
// worker, from 0, so that each worker can keep state that is not shared. The first error, or the end of the context, ends the
// sequence, at its place in that order. A goroutine reads the sequence in, and outcomes are made ahead: at most two for each
// worker.
func Map[In, Out any](ctx context.Context, workers int, in iter.Seq2[In, error], work func(worker int, in In) (Out, error)) iter.Seq2[Out, error] {
	type outcome struct {
		out Out
		err error
	}
	type job struct {
		in   In
		done chan outcome
	}
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		jobs := make(chan job)
		queue := make(chan chan outcome, 2*workers)
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel()
		for worker := range workers {
			group.Go(func() {
				for j := range jobs {
					var o outcome
					o.out, o.err = work(worker, j.in)
					j.done <- o
				}
			})
		}
		group.Go(func() {
			defer close(queue)
			defer close(jobs)
			for thing, err := range in {
				done := make(chan outcome, 1) // the worker never waits for a reader that has gone
				select {
				case queue <- done:
				case <-ctx.Done():
					return
				}
				if err != nil {
					done <- outcome{err: err}
					return
				}
				select {
				case jobs <- job{thing, done}:
				case <-ctx.Done():
					return
				}
			}
		})
		for done := range queue {
			var o outcome
			select {
			case o = <-done:
			case <-ctx.Done():
				yield(o.out, context.Cause(ctx))
				return
			}
			if !yield(o.out, o.err) || o.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none Out
			yield(none, err)
		}
	}
}
