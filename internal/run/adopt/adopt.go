// Package adopt finds out what is left of a run whose directory is lost, from its bucket and its provider alone, and makes rows
// and an index of it.
//
// run.json has the settings, a note next to each part of the index names its shard, and the provider knows which shards have a
// job. A shard without a job was never sent. The records of the other shards become a pass of their own, as if the sources had
// held no others; when the sources are named again, the next pass finds these documents answered and sends the rest.
// The plan need not be the same as before, so neither a changed source nor a changed quota can cause a record to be sent twice.
//
// It owns these conclusions and the order of the work (Adoption), whose last step is one change of the book. It reads bucket and provider
// through functions that it is given, and sends nothing. What always holds: a job that the provider shows is in exactly one row; one that another made under such a name is in none; memory
// holds rows and notes, never records.
package adopt

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/runjson"
	"quarry/internal/run/shardfile"
)

// Place is where a run is looked for.
type Place struct {
	Bucket collect.Store
	URI    func(key string) string // of an object, as people know it
	// Jobs lists the provider's jobs whose name has a text in it.
	Jobs func(ctx context.Context, text string) iter.Seq2[quarry.Job, error]
	Lag  time.Duration // after its upload a shard's job may be missing from that list for so long
}

// Found is a run as its bucket and its provider know it.
type Found struct {
	Run    runjson.Run
	Others []quarry.Job // that have a name of the run and were not made by it

	at    Place
	notes map[quarry.ShardID]runjson.Note
	parts map[quarry.ShardID]bool
	jobs  map[quarry.ShardID][]quarry.Job // by attempt
}

// Find reads from the bucket which shards a run has, and from the provider which jobs. What seems never sent is looked for twice.
func Find(ctx context.Context, run runjson.Run, at Place) (*Found, error) {
	f := &Found{Run: run, at: at, notes: map[quarry.ShardID]runjson.Note{}, parts: map[quarry.ShardID]bool{}}
	if err := f.readIndex(ctx); err != nil {
		return nil, err
	}
	if err := f.findJobs(ctx); err != nil {
		return nil, err
	}
	unsent := f.Unsent()
	if len(unsent) == 0 {
		return f, nil
	}
	// A job is created once its shard is in the bucket, and a list that is read a moment later may not show it yet. So the jobs
	// of shards that seem never sent are looked for once more.
	var last time.Time
	for _, id := range unsent {
		if at := f.notes[id].Uploaded; at.After(last) {
			last = at
		}
	}
	if wait := min(time.Until(last.Add(at.Lag)), at.Lag); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return f, f.findJobs(ctx)
}

// readIndex finds the parts of the index and reads their notes.
func (f *Found) readIndex(ctx context.Context) error {
	prefix := runjson.IndexPrefix(f.Run.Run)
	var notes []quarry.ShardID
	for o, err := range f.at.Bucket.Objects(ctx, prefix) {
		key := o.Key
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(key, prefix)
		if id, ok := strings.CutSuffix(name, runjson.PartEnding); ok {
			f.parts[quarry.ShardID(id)] = true
		} else if id, ok := strings.CutSuffix(name, runjson.NoteEnding); ok {
			notes = append(notes, quarry.ShardID(id))
		}
	}
	for _, id := range notes {
		n, err := f.readNote(ctx, id)
		if err != nil {
			return err
		}
		f.notes[id] = n
	}
	return nil
}

func (f *Found) readNote(ctx context.Context, id quarry.ShardID) (runjson.Note, error) {
	body, err := f.at.Bucket.Get(ctx, runjson.NoteKey(f.Run.Run, id))
	if err != nil {
		return runjson.Note{}, err
	}
	defer func() { _ = body.Close() }()
	return f.Run.ReadNote(id, body)
}

// findJobs lists the run's jobs. The name alone does not make a job the run's: where the file's digest is known, its token must
// be the one that this name and this file have.
func (f *Found) findJobs(ctx context.Context) error {
	f.jobs, f.Others = map[quarry.ShardID][]quarry.Job{}, nil
	for job, err := range f.at.Jobs(ctx, quarry.JobNamePrefix(f.Run.Run)) {
		if err != nil {
			return err
		}
		run, shard, attempt, ok := quarry.ParseJobName(job.Name)
		if !ok || run != f.Run.Run || job.Name != quarry.JobName(run, shard, attempt) {
			continue
		}
		if n, ok := f.notes[shard]; ok && job.Token != "" && job.Token != runjson.Token(job.Name, n.Digest) {
			f.Others = append(f.Others, job)
			continue
		}
		f.jobs[shard] = append(f.jobs[shard], job)
	}
	for _, jobs := range f.jobs {
		slices.SortFunc(jobs, func(a, b quarry.Job) int { return attemptOf(a) - attemptOf(b) })
	}
	return nil
}

func attemptOf(j quarry.Job) int {
	_, _, attempt, _ := quarry.ParseJobName(j.Name)
	return attempt
}

// Jobs is how many jobs of the run there are.
func (f *Found) Jobs() (n int) {
	for _, jobs := range f.jobs {
		n += len(jobs)
	}
	return n
}

// Unsent are the shards in the bucket that have no job.
func (f *Found) Unsent() []quarry.ShardID {
	out := []quarry.ShardID{}
	for id := range f.parts {
		if len(f.jobs[id]) == 0 {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Rows makes the row of each shard that has a job, in the order in which the run made them, and fetches its part of the index
// into the run's directory.
func (f *Found) Rows(ctx context.Context, e *effect.Effects, files shardfile.Dir) ([]ledger.Shard, error) {
	if err := e.MkdirAll(filepath.Dir(files.Part("x"))); err != nil {
		return nil, err
	}
	var rows []ledger.Shard
	for _, id := range slices.Sorted(maps.Keys(f.jobs)) {
		if arn := f.jobs[id][0].ARN; !f.parts[id] {
			return nil, &quarry.Error{
				Kind: quarry.Provider, Op: "adopt", Subject: "shard " + string(id),
				Err:  fmt.Errorf("its job %s exists, but %s, which maps its answers to documents, does not", arn, f.at.URI(runjson.PartKey(f.Run.Run, id))),
				Hint: "restore the object (look for a lifecycle rule, an older version), or collect the answers of the job alone: quarry collect " + string(arn),
			}
		}
		if err := f.fetchPart(ctx, e, id, files.Part(id)); err != nil {
			return nil, fmt.Errorf("fetch the index of shard %s: %w", id, err)
		}
		row, err := f.row(id, files.Part(id))
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	rank := map[quarry.ShardKind]int{quarry.PilotShard: 0, quarry.MainShard: 1, quarry.RetryShard: 2}
	slices.SortFunc(rows, func(a, b ledger.Shard) int {
		return cmp.Or(cmp.Compare(a.Pass, b.Pass), cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(a.ID.Number(), b.ID.Number()))
	})
	for i := range rows {
		rows[i].Seq = int64(i) + 1
	}
	return rows, nil
}

// row makes a shard's row of its jobs, its note and its part of the index, a file at path.
func (f *Found) row(id quarry.ShardID, path string) (ledger.Shard, error) {
	jobs := f.jobs[id]
	last := jobs[len(jobs)-1]
	n, noted := f.notes[id]
	if !noted { // format 1 had none
		n = runjson.Note{Kind: id.Kind(), Pass: max(f.Run.Planned.Pass, 1), Asked: f.Run.Asked}
	}
	s := ledger.Shard{ID: id, Kind: n.Kind, State: quarry.ShardSubmitted, Mode: quarry.ModeJob, Detail: ledger.Detail{
		Pass: n.Pass, Marks: string(index.Main), Sources: n.Sources, Bytes: n.Bytes, Digest: n.Digest, Attempt: attemptOf(last),
		Intent: ledger.Intent{JobName: last.Name, Token: last.Token},
		Job:    ledger.Job{ARN: last.ARN, Name: last.Name, Status: last.Status, Message: last.Message, Counts: last.Counts, Submitted: last.Submitted},
	}}
	for _, job := range jobs[:len(jobs)-1] {
		s.Past = append(s.Past, ledger.Job{ARN: job.ARN, Name: job.Name, Status: job.Status, Message: job.Message, Counts: job.Counts, Submitted: job.Submitted, Ended: job.Ended})
	}
	if n.Kind == quarry.PilotShard {
		s.Marks += string(index.Pilot)
	}
	for p, err := range lines.Read[shardfile.Part](path) {
		if err != nil {
			return s, err
		}
		if s.Records == 0 {
			s.First = p.Order
		}
		s.Last = p.Order
		s.Records++
	}
	if noted && s.Records != n.Records {
		return s, fmt.Errorf("the index of shard %s has %s instead of %s", id, figure.Count(s.Records, "record"), figure.Thousands(n.Records))
	}
	if n.Kind == quarry.RetryShard { // its records come from everywhere
		s.First, s.Last = 0, s.Records-1
	}
	return s, nil
}

// fetchPart copies a shard's part of the index, compressed as it is.
func (f *Found) fetchPart(ctx context.Context, e *effect.Effects, id quarry.ShardID, path string) error {
	body, err := f.at.Bucket.Get(ctx, runjson.PartKey(f.Run.Run, id))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(struct{ io.Writer }{out}, body); err != nil {
		return err
	}
	return out.Commit()
}

// Numbers gives, for each kind, the highest number of a shard that is in the bucket or has a row.
func (f *Found) Numbers(rows []ledger.Shard) map[quarry.ShardKind]int {
	numbers := map[quarry.ShardKind]int{}
	for id := range f.parts {
		numbers[id.Kind()] = max(numbers[id.Kind()], id.Number())
	}
	for i := range rows {
		numbers[rows[i].Kind] = max(numbers[rows[i].Kind], rows[i].ID.Number())
	}
	return numbers
}

// Passes gives the last pass, and what the last one and each that has a row were sent with.
func (f *Found) Passes(rows []ledger.Shard) (last int, sentWith map[int]runjson.Run) {
	last = max(f.Run.Planned.Pass, 1)
	for i := range rows {
		last = max(last, rows[i].Pass)
	}
	sentWith = map[int]runjson.Run{last: f.Run}
	for i := range rows {
		if n, ok := f.notes[rows[i].ID]; ok {
			of := f.Run
			of.Asked, of.Planned.Pass = n.Asked, n.Pass
			sentWith[n.Pass] = of
		}
	}
	return last, sentWith
}
