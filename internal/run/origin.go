package run

import "context"

// keepSources opens the sources of the pass, once it is known which that is: a new one reads them anew, one that was
// interrupted goes on with what it has.
func (r *Run) keepSources(ctx context.Context) error {
	if r.deps.Keep == nil {
		return nil
	}
	_, planned, err := r.plannedPass(ctx, r.pass)
	if err != nil {
		return err
	}
	r.sources, err = r.deps.Keep(ctx, r.pass, planned)
	return err
}
