package notify

import (
	"sync"
	"time"

	"quarry"
)

// StuckAfter is how long a job may process no record before that is an event.
const StuckAfter = 30 * time.Minute

// Job is a job as it was last seen.
type Job struct {
	Shard              quarry.ShardID
	ARN                string
	Processed, Records int64
	Open               bool // it has not ended
}

// Jobs finds those that process nothing. The zero value has seen none. Safe for concurrent use.
type Jobs struct {
	mu   sync.Mutex
	seen map[quarry.ShardID]*seenJob
}

type seenJob struct {
	Job
	since time.Time // of the last progress
	sent  bool
}

// See notes a job's progress.
func (s *Jobs) See(j Job, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !j.Open {
		delete(s.seen, j.Shard)
		return
	}
	if s.seen == nil {
		s.seen = map[quarry.ShardID]*seenJob{}
	}
	before := s.seen[j.Shard]
	if before != nil && j.ARN == "" {
		j.ARN = before.ARN
	}
	if before == nil || before.Processed != j.Processed || before.ARN != j.ARN {
		s.seen[j.Shard] = &seenJob{Job: j, since: now}
		return
	}
	before.Records = j.Records
}

// Check gives the jobs that have had records to process and no progress for StuckAfter, each once until it makes progress.
func (s *Jobs) Check(now time.Time) []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stuck []Job
	for _, j := range s.seen {
		if !j.sent && j.Processed < j.Records && now.Sub(j.since) >= StuckAfter {
			j.sent = true
			stuck = append(stuck, j.Job)
		}
	}
	return stuck
}
