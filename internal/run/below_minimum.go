package run

import "context"

// countUnsent adds up the records of the pass that no job took.
func (r *Run) countUnsent(ctx context.Context) error {
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return err
	}
	for i := range shards {
		if s := &shards[i]; s.Pass == r.planned.Pass && s.Unasked != "" {
			r.unsent += s.Records
		}
	}
	return nil
}
