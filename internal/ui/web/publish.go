package web

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/shown"
	"quarry/internal/outcome/publish"
	"quarry/internal/ui/difference"
)

// Published is what comparing the answers with the articles at the target found, and what was written.
type Published struct {
	Outcome *publish.Outcome
	Shown   []string // what the target has a person see before the first write
	Digest  string   // of all differences
	Wrote   bool
}

// publishing does the work that the publish pages start, one task a run: reading thousands of articles takes minutes.
type publishing struct {
	ctx    context.Context
	cancel context.CancelFunc
	do     func(ctx context.Context, dir, agreed string) (*Published, error)
	mu     sync.Mutex
	tasks  map[string]task // by run
	work   sync.WaitGroup
}

// task is the last work for a run. The zero value: there was none.
type task struct {
	busy  bool
	found *Published // nil: it is busy, or failed
	err   error
}

func newPublishing(ctx context.Context, do func(context.Context, string, string) (*Published, error)) *publishing {
	p := &publishing{do: do, tasks: map[string]task{}}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// start begins a task, unless one is under way. What was agreed to is written if it is what is found again.
func (p *publishing) start(run *Run, agreed string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tasks[run.ID].busy || p.ctx.Err() != nil {
		return
	}
	p.tasks[run.ID] = task{busy: true}
	p.work.Go(func() {
		found, err := p.do(p.ctx, run.Dir, agreed)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tasks[run.ID] = task{found: found, err: err}
	})
}

func (p *publishing) last(run *Run) task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tasks[run.ID]
}

func (p *publishing) close() {
	p.cancel()
	p.work.Wait()
}

// publishView is the page of what publish would write, and writes.
type publishView struct {
	Command, Target string // Target is empty if none was named
	Busy            bool
	Again           int
	Fault, Hint     string
	Found           bool
	Sum             string
	Counts          []fact
	Shown           []string
	Differences     []differenceView
	More            string
	Problems        []fact
	Secret, Digest  string
	Address         string
	Change          string // what the button writes; empty: there is nothing to write
	MayPublish      bool
}

type differenceView struct {
	ID, Title, Field, Address string
	Before, After             []span
}

// maxDifferences is how many differences and problems a page shows.
const maxDifferences = 200

func (s *Server) publishPage(r *http.Request) (*page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	v := &publishView{
		Target: shown.Line(s.cfg.Target, 300), Secret: s.secret, Address: run.address() + "publish", MayPublish: s.cfg.Allow.Publish,
		Command: "quarry ui --to TARGET --map FIELD=TEMPLATE",
	}
	t := s.publishing.last(&run)
	switch {
	case t.busy:
		v.Busy, v.Again = true, 2
	case t.err != nil:
		e := newErrorView(t.err)
		v.Fault, v.Hint = e.What, e.Hint
	}
	if t.found != nil {
		v.fill(&run, t.found)
	}
	return run.page("publish", "Publish", v, v.Again), nil
}

func (v *publishView) fill(run *Run, found *Published) {
	out := found.Outcome
	v.Found, v.Digest = true, found.Digest
	v.Sum = figure.Clause(out.ToChange, "article", "would change", "would change")
	if found.Wrote {
		v.Sum = figure.Clause(out.Written, "article", "was written", "were written")
	} else if out.ToChange > 0 {
		v.Change = figure.Count(out.ToChange, "article")
	}
	count := func(name string, n int64) {
		if n > 0 {
			v.Counts = append(v.Counts, fact{Name: name, Text: figure.Thousands(n)})
		}
	}
	count("with a checked answer", out.Articles)
	count("same already", out.Same)
	count("without a value", out.NoValue)
	count("changed by someone else, left as they are", out.Changed)
	count("left as they are for another reason", out.Failed)
	for _, line := range found.Shown {
		v.Shown = append(v.Shown, shown.Lines(line, maxMessage))
	}
	for i := range out.Differences[:min(len(out.Differences), maxDifferences)] {
		d := &out.Differences[i]
		before, after := difference.Of(d.Before, d.After)
		one := differenceView{
			ID: shown.Line(string(d.ID), 200), Title: shown.Line(d.Title, 300), Field: shown.Line(d.Field, 80),
			Before: spans(before, "removed"), After: spans(after, "added"),
			Address: (&asked{}).address(run.address()+"record", "id", string(d.ID)),
		}
		if one.Title == "" {
			one.Title = one.ID
		}
		v.Differences = append(v.Differences, one)
	}
	if len(out.Differences) > maxDifferences {
		v.More = "The first " + figure.Thousands(maxDifferences) + " differences are shown; quarry publish --dry-run shows all."
	}
	for _, p := range append(out.Problems, out.Notes...)[:min(len(out.Problems)+len(out.Notes), maxDifferences)] {
		v.Problems = append(v.Problems, fact{Name: shown.Line(string(p.ID), 200), Text: shown.Line(p.Reason, maxMessage)})
	}
}

// publish starts the comparison, or with the digest of a comparison that was shown, the writing.
func (s *Server) publish(r *http.Request) (string, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return "", err
	}
	agreed := r.PostForm.Get("digest")
	switch {
	case s.cfg.Target == "":
		return "", &quarry.Error{
			Kind: quarry.BadUsage, Op: "publish", Err: errors.New("no target was named"),
			Hint: "start quarry ui with --to and --map, as quarry publish",
		}
	case agreed != "" && !s.cfg.Allow.Publish:
		return "", &quarry.Error{
			Kind: quarry.Denied, Op: "publish", Err: errors.New("these pages may not do that"), Hint: "start quarry ui with --allow publish",
		}
	}
	s.publishing.start(&run, agreed)
	return run.address() + "publish", nil
}
