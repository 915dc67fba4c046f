package web

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"quarry"
	"quarry/internal/ui/view"
)

// publishing does the work that the publish pages start, one task a run: reading thousands of articles takes minutes.
type publishing struct {
	ctx    context.Context
	cancel context.CancelFunc
	do     func(ctx context.Context, dir, agreed string) (*view.Published, error)
	mu     sync.Mutex
	tasks  map[string]view.Task // by run
	work   sync.WaitGroup
}

func newPublishing(ctx context.Context, do func(context.Context, string, string) (*view.Published, error)) *publishing {
	p := &publishing{do: do, tasks: map[string]view.Task{}}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// start begins a task, unless one is under way. What was agreed to is written if it is what is found again.
func (p *publishing) start(run *view.Run, agreed string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tasks[run.ID].Busy || p.ctx.Err() != nil {
		return
	}
	p.tasks[run.ID] = view.Task{Busy: true}
	p.work.Go(func() {
		found, err := p.do(p.ctx, run.Dir, agreed)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tasks[run.ID] = view.Task{Found: found, Err: err}
	})
}

func (p *publishing) last(run *view.Run) view.Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tasks[run.ID]
}

func (p *publishing) close() {
	p.cancel()
	p.work.Wait()
}

func (s *Server) publishPage(r *http.Request) (*view.Page, error) {
	run, err := s.find(r.Context(), r.PathValue("run"))
	if err != nil {
		return nil, err
	}
	return view.PublishPage(&run, s.cfg.Target, s.publishing.last(&run), s.forms()), nil
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
	return run.Address() + "publish", nil
}
