package web

import (
	"context"

	"quarry/internal/ui/view"
)

// find gives the run with this name in addresses. Only runs that a search found can be reached, so that no address leads out of the folders.
func (s *Server) find(ctx context.Context, id string) (view.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, ok := s.found[id]; ok {
		return run, nil
	}
	if _, _, err := s.search(ctx); err != nil {
		return view.Run{}, err
	}
	if run, ok := s.found[id]; ok {
		return run, nil
	}
	return view.Run{}, view.ErrNoPage
}

// list searches the runs.
func (s *Server) list(ctx context.Context) ([]view.Run, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.search(ctx)
}

func (s *Server) search(ctx context.Context) ([]view.Run, int, error) {
	runs, more, err := s.cfg.Runs.List(ctx)
	if err != nil {
		return nil, 0, err
	}
	s.found = make(map[string]view.Run, len(runs))
	for _, run := range runs {
		s.found[run.ID] = run
	}
	return runs, more, nil
}
