package worker

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/standin/faults"
)

// What the engine answers when it refuses a request.
var (
	ErrNoSuchJob    = errors.New("no such job")
	ErrTokenReused  = errors.New("the client request token belongs to a job with other parameters")
	ErrTooManyJobs  = errors.New("too many open jobs for the model")
	ErrNotStoppable = errors.New("the job is not in a state in which it can be stopped")
)

// Spec is a job as it was requested. Package bedrockapi has checked its form.
type Spec struct {
	Account string `json:"account"`
	Region  string `json:"region"`

	Name    string                `json:"name"`
	RoleARN string                `json:"role"`
	Token   string                `json:"token,omitempty"`
	Digest  string                `json:"digest,omitempty"` // of the parameters: a token comes back with the same or in conflict
	Type    quarry.InvocationType `json:"type"`

	ModelID    string   `json:"model"`             // as Get says it: a profile's ARN where a profile was named
	AskID      string   `json:"ask"`               // as requests to the model name it
	BaseModel  string   `json:"base"`              // whose open jobs are counted together
	InvokeARNs []string `json:"invokes,omitempty"` // what the role must be allowed to invoke

	InputURI     string `json:"input"`
	InputFormat  string `json:"inputFormat,omitempty"`
	InputOwner   string `json:"inputOwner,omitempty"`
	OutputURI    string `json:"output"`
	OutputOwner  string `json:"outputOwner,omitempty"`
	OutputKMSKey string `json:"outputKMSKey,omitempty"`

	VPC          json.RawMessage   `json:"vpc,omitempty"` // kept and given back
	TimeoutHours int               `json:"timeoutHours"`  // 0 means 24
	Tags         map[string]string `json:"tags,omitempty"`
}

// Job is a job and how far it is.
type Job struct {
	Spec
	ID     string `json:"id"`
	Number uint64 `json:"number"` // of the job among all of the engine, from 1

	Status    quarry.JobStatus `json:"status"`
	Message   string           `json:"message,omitempty"`
	Submitted time.Time        `json:"submitted"`
	Modified  time.Time        `json:"modified"`
	Ended     time.Time        `json:"ended,omitzero"`
	Expires   time.Time        `json:"expires"`

	Counts       quarry.JobCounts `json:"counts"` // with the answers that a fault dropped, which are billed
	Dropped      int64            `json:"dropped,omitempty"`
	InputTokens  int64            `json:"inputTokens"`
	OutputTokens int64            `json:"outputTokens"`
	Uncounted    int64            `json:"uncounted,omitempty"` // answers that are not in the tokens, which the back end did not count

	Seeded bool        `json:"seeded,omitempty"` // it had ended when it was added: nothing was answered here, and nothing is on the bill
	Begun  bool        `json:"begun,omitempty"`  // it was InProgress, so there is output
	Files  []inputFile `json:"files,omitempty"`  // as Validating found them
}

// inputFile is one file of the input. A file that is another one later fails the job.
type inputFile struct {
	Key     string `json:"key"`
	Output  string `json:"output"` // key of its output, below the job's folder
	Size    int64  `json:"size"`
	ETag    string `json:"etag"`
	Records int64  `json:"records"`
}

// Shown are the counters as the provider shows them, in the job and in its manifest: a record that a fault dropped was
// processed nowhere that can be seen. Counters above what the output holds would say that output is missing.
func (j Job) Shown() quarry.JobCounts {
	c := j.Counts
	c.Processed -= j.Dropped
	c.Success -= j.Dropped
	return c
}

// ARN is the job's ARN.
func (j Job) ARN() quarry.JobARN {
	return quarry.JobARN(fmt.Sprintf("arn:aws:bedrock:%s:%s:model-invocation-job/%s", j.Region, j.Account, j.ID))
}

// folder is the bucket and key prefix of the job's output.
func (j Job) folder() (bucket, prefix string) {
	bucket, prefix = splitURI(j.OutputURI)
	prefix = strings.TrimSuffix(prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return bucket, prefix + j.ID + "/"
}

func splitURI(uri string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(uri, "s3://"), "/")
	return bucket, key
}

// newJobID draws 12 of [a-z0-9], the form of the service model's pattern.
func newJobID() (string, error) {
	id := make([]byte, 12)
	for i := range id {
		n, err := rand.Int(rand.Reader, big.NewInt(36))
		if err != nil {
			return "", fmt.Errorf("draw a job id: %w", err)
		}
		id[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[n.Int64()]
	}
	return string(id), nil
}

// live is an open job in memory.
type live struct {
	mu     sync.Mutex
	job    Job
	cancel context.CancelFunc // of the step under way
}

func (l *live) snapshot() Job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.job
}

// step gives the context of one step of the job's life. A stop ends it.
func (l *live) step(ctx context.Context, status quarry.JobStatus) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	if l.job.Status != status { // the stop came between the look and now
		cancel()
	}
	return ctx, cancel
}

func (e *Engine) changed(j Job) {
	if e.cfg.Changed != nil {
		e.cfg.Changed(j)
	}
}

// move is the only way from one state to the next: durable, and only when the job is still in the state it leaves.
// moved is false when it is not; nothing is changed then.
func (e *Engine) move(l *live, from, to quarry.JobStatus, change func(*Job)) (moved bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.job.Status != from {
		return false, nil
	}
	next := l.job
	next.Status, next.Modified = to, e.clock.now()
	if to.Terminal() {
		next.Ended = next.Modified
	}
	if change != nil {
		change(&next)
	}
	if err := e.table.put(next); err != nil {
		return false, fmt.Errorf("job %s: %s to %s: %w", next.ID, from, to, err)
	}
	l.job = next
	e.changed(next)
	e.cfg.Log.Debug("job", "job", next.ID, "from", from, "to", to)
	return true, nil
}

// faultsOf lays the job's tag over the engine's faults. A tag that does not parse was refused at Create.
func (e *Engine) faultsOf(j Job) faults.Set {
	set, err := faults.Parse(j.Tags[faults.Tag])
	if err != nil {
		return e.cfg.Faults()
	}
	return set.Over(e.cfg.Faults())
}
