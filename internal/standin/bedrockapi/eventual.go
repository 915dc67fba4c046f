package bedrockapi

import (
	"sync"

	"quarry/internal/standin/faults"
	"quarry/internal/standin/worker"
)

// eventual is what a control plane that agrees with itself a moment later looks like from outside, as faults: a Create
// that made a job and never said so (BerriAI/litellm-docs PR 1408 tells of such jobs, billed and forgotten), a job that is
// not found right after it was made (hashicorp/terraform-provider-aws PR 49877), a page of a list that is sent twice.
//
// Each falls on a job once, as far as this process remembers.
type eventual struct {
	faults func() faults.Set

	mu   sync.Mutex
	done map[once]bool
}

// once is one way to misbehave with one job.
type once struct {
	kind faults.Kind
	look look
	job  uint64
}

// look tells two ways of looking at a job apart.
type look int

const (
	byCreate look = iota
	byGet
	byList
)

// hits reports whether a fault falls on this look at a job, and remembers it.
func (e *eventual) hits(k faults.Kind, by look, j *worker.Job) bool {
	set := e.faults()
	if own, err := faults.Parse(j.Tags[faults.Tag]); err == nil {
		set = own.Over(set)
	}
	if !set.Hits(k, faults.JobKey(j.Number)) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	now := once{k, by, j.Number}
	if e.done[now] {
		return false
	}
	if e.done == nil {
		e.done = map[once]bool{}
	}
	e.done[now] = true
	return true
}
