package web

import (
	"context"
	"time"

	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
)

// State is how far a run is: what quarry status prints.
type State struct {
	Run     string
	Ended   bool // the last pass has ended
	Planned bool // there is a pass
	Board   *board.Board
	// Records of the last pass, and those of them that came back.
	Records, Processed int64
	Cost               string // in words; empty: not known
	Changed            time.Time
	Failures           []report.Failure
	Waits              *review.Question // for whose answer the run waits; nil: for none
	Report             *report.Report   // of the last finished pass; nil: there is none yet
}

// find gives the run with this name in addresses. Only runs that a search found can be reached, so that no address leads out of the folders.
func (s *Server) find(ctx context.Context, id string) (Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, ok := s.found[id]; ok {
		return run, nil
	}
	if _, _, err := s.search(ctx); err != nil {
		return Run{}, err
	}
	if run, ok := s.found[id]; ok {
		return run, nil
	}
	return Run{}, errNoPage
}

// list searches the runs.
func (s *Server) list(ctx context.Context) ([]Run, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.search(ctx)
}

func (s *Server) search(ctx context.Context) ([]Run, int, error) {
	runs, more, err := s.cfg.Runs.List(ctx)
	if err != nil {
		return nil, 0, err
	}
	s.found = make(map[string]Run, len(runs))
	for _, run := range runs {
		s.found[run.ID] = run
	}
	return runs, more, nil
}
