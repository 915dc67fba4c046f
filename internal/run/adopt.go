package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/bedrock"
	"quarry/internal/bucket"
	"quarry/internal/ledger"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// A run can be taken over with nothing but its id and its bucket: run.json says what was asked, a note beside each part of
// the index which shard that is, and the provider which of them have a job. What has no job was never sent. The records of
// those that have one make a pass of their own, as if the sources had held no others; when the sources are named again,
// the pass after it finds these documents answered and asks the rest. Nothing has to be planned as it was before, so
// neither a changed source nor a changed quota can let a record be asked twice.

// adoptedFact names the pass that was taken over, until sources are named again.
const adoptedFact = "adopted"

// numberedFact holds the highest number of a shard of each kind that lies in the bucket.
const numberedFact = "numbered"

// Adopted says what was found when a run was taken over.
type Adopted struct {
	Region  string           `json:"region"`
	Jobs    int              `json:"jobs"`
	Unsent  []quarry.ShardID `json:"unsent"` // lie in the bucket and have no job: never sent
	Before  bool             `json:"before"` // the directory had the run already
	Created string           `json:"created"`
	Model   string           `json:"model"`
}

// taking is a run on its way into a directory.
type taking struct {
	*Run
	manifest manifestOfRun
	notes    map[quarry.ShardID]shardNote
	parts    map[quarry.ShardID]bool
	jobs     map[quarry.ShardID][]quarry.Job // by attempt
}

// Adopt takes a run over into an empty directory: rows for all shards that have a job, and their parts of the index.
// Nothing is sent but questions. In a directory that has the run already it changes nothing.
func (r *Run) Adopt(ctx context.Context, id quarry.RunID) (Adopted, error) {
	r.began = time.Now()
	has, known, err := r.ledger.Fact(ctx, "run")
	if err != nil {
		return Adopted{}, err
	}
	if known && has != string(id) {
		return Adopted{}, &quarry.Error{Kind: quarry.BadUsage, Op: "adopt run " + string(id), Subject: r.cfg.Dir, Err: fmt.Errorf("it holds run %s", has), Hint: "name an empty directory with --dir"}
	}
	r.id = id
	t := &taking{Run: r, notes: map[quarry.ShardID]shardNote{}, parts: map[quarry.ShardID]bool{}, jobs: map[quarry.ShardID][]quarry.Job{}}
	if err := t.read(ctx); err != nil {
		return Adopted{}, err
	}
	out := Adopted{Region: r.cfg.Region, Before: known, Created: t.manifest.Created, Model: t.manifest.Model, Unsent: t.unsent()}
	for _, jobs := range t.jobs {
		out.Jobs += len(jobs)
	}
	r.watch(Event{Kind: RunOpened, Text: string(id), Done: 1})
	if known {
		return out, nil
	}
	rows, err := t.rows(ctx)
	if err != nil {
		return out, err
	}
	facts, err := t.facts(rows)
	if err != nil {
		return out, err
	}
	return out, r.ledger.AddShards(ctx, rows, facts, nil)
}

// read asks the bucket what the run is, and the provider which jobs it has.
func (t *taking) read(ctx context.Context) error {
	if err := t.readManifest(ctx); err != nil {
		return err
	}
	if err := t.readIndex(ctx); err != nil {
		return err
	}
	if err := t.findJobs(ctx); err != nil {
		return err
	}
	unsent := t.unsent()
	if len(unsent) == 0 {
		return nil
	}
	// A job is asked for when its shard lies in the bucket, and a list that is asked a moment later need not show it yet. So
	// what seems never sent is looked for once more.
	var last time.Time
	for _, id := range unsent {
		if at := t.notes[id].Uploaded; at.After(last) {
			last = at
		}
	}
	if wait := min(time.Until(last.Add(t.cfg.ListLag)), t.cfg.ListLag); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return t.findJobs(ctx)
}

func (t *taking) readManifest(ctx context.Context) error {
	key := runJSONKey(t.id)
	err := t.getJSON(ctx, key, &t.manifest)
	if errors.Is(err, bucket.ErrNoObject) {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "adopt run " + string(t.id), Subject: t.bucket.URI(key), Err: bucket.ErrNoObject,
			Hint: "check --run, --bucket and --region; a run puts it there before its first job, and one that makes runtime calls has none",
		}
	}
	if err != nil {
		return err
	}
	if t.manifest.Run != t.id {
		return fmt.Errorf("read %s: it is of run %q", key, t.manifest.Run)
	}
	if t.manifest.Attempts == 0 { // format 1 did not say
		t.manifest.Attempts = 4
	}
	if err := newerManifest(key, t.manifest.Format, t.manifest.Version); err != nil {
		return err
	}
	if n := len(t.manifest.Pools); n > 1 { // a job that is not looked for would be paid again
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "adopt run " + string(t.id), Subject: t.bucket.URI(key), Err: fmt.Errorf("its jobs are shared out among %d pools, and only one can be taken over", n),
			Hint: "go on with the run's own directory; `quarry collect ARN` fetches single jobs",
		}
	}
	if was := t.manifest.Region; was != "" && was != t.cfg.Region {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "adopt run " + string(t.id), Subject: t.bucket.URI(key), Err: fmt.Errorf("its jobs are in %s, and this command asks %s", was, t.cfg.Region),
			Hint: "say --region " + was,
		}
	}
	return nil
}

// newerManifest refuses what a newer version wrote.
func newerManifest(key string, format int, version string) error {
	if format <= ManifestFormat {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "read", Subject: key, Err: fmt.Errorf("format %d: %w", format, ledger.ErrNewerFormat),
		Hint: fmt.Sprintf("this version reads format %d at most; use Quarry %s, or a newer one", ManifestFormat, cmp.Or(version, "of the version that made the run")),
	}
}

func (t *taking) getJSON(ctx context.Context, key string, v any) error {
	body, _, err := t.bucket.Get(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	b, err := io.ReadAll(io.LimitReader(body, 16<<20))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// readIndex finds the parts of the index and reads the notes beside them.
func (t *taking) readIndex(ctx context.Context) error {
	prefix := t.id.Prefix() + "index/"
	var notes []quarry.ShardID
	for o, err := range t.bucket.Objects(ctx, prefix) {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(o.Key, prefix)
		if id, ok := strings.CutSuffix(name, ".jsonl.zst"); ok {
			t.parts[quarry.ShardID(id)] = true
		} else if id, ok := strings.CutSuffix(name, ".json"); ok {
			notes = append(notes, quarry.ShardID(id))
		}
	}
	for _, id := range notes {
		var n shardNote
		if err := t.getJSON(ctx, noteKey(t.id, id), &n); err != nil {
			return err
		}
		if n.Run != t.id || n.Shard != id {
			return fmt.Errorf("read %s: it is of shard %q of run %q", noteKey(t.id, id), n.Shard, n.Run)
		}
		if err := newerManifest(noteKey(t.id, id), n.Format, t.manifest.Version); err != nil {
			return err
		}
		t.notes[id] = n
	}
	return nil
}

// findJobs lists the run's jobs. The name alone does not make a job ours: where the file's digest is known, its token must be
// the one that this name and this file have.
func (t *taking) findJobs(ctx context.Context) error {
	clear(t.jobs)
	for job, err := range t.bedrock.Jobs(ctx, bedrock.Filter{NameContains: quarry.JobNamePrefix(t.id)}) {
		if err != nil {
			return err
		}
		run, shard, attempt, ok := quarry.ParseJobName(job.Name)
		if !ok || run != t.id || job.Name != quarry.JobName(run, shard, attempt) {
			continue
		}
		if n, ok := t.notes[shard]; ok && job.Token != "" && job.Token != jobToken(job.Name, n.Digest) {
			t.watch(Event{Kind: Note, Text: fmt.Sprintf("job %s has the name %s and was not made by this run: left alone", job.ARN, job.Name)})
			continue
		}
		t.jobs[shard] = append(t.jobs[shard], job)
	}
	for _, jobs := range t.jobs {
		slices.SortFunc(jobs, func(a, b quarry.Job) int { return attemptOf(a) - attemptOf(b) })
	}
	return nil
}

func attemptOf(j quarry.Job) int {
	_, _, attempt, _ := quarry.ParseJobName(j.Name)
	return attempt
}

// jobToken is the clientRequestToken of a job: the same name and the same file give the same one.
func jobToken(name, digest string) string {
	sum := sha256.Sum256([]byte(name + "\n" + digest))
	return hex.EncodeToString(sum[:])
}

// unsent are the shards in the bucket that have no job.
func (t *taking) unsent() []quarry.ShardID {
	out := []quarry.ShardID{}
	for id := range t.parts {
		if len(t.jobs[id]) == 0 {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// rows makes the row of each shard that has a job, and fetches its part of the index.
func (t *taking) rows(ctx context.Context) ([]ledger.Shard, error) {
	if err := t.effects.MkdirAll(filepath.Dir(t.files().Part("x"))); err != nil {
		return nil, err
	}
	var rows []ledger.Shard
	for _, id := range slices.Sorted(maps.Keys(t.jobs)) {
		if !t.parts[id] {
			return nil, &quarry.Error{
				Kind: quarry.Provider, Op: "adopt", Subject: "shard " + string(id), Err: fmt.Errorf("its job %s is there, but not %s, which says whose answers it holds", t.jobs[id][0].ARN, t.bucket.URI(t.partKey(id))),
				Hint: "bring the object back (a lifecycle rule, a version), or take what the job answered by itself: quarry collect " + string(t.jobs[id][0].ARN),
			}
		}
		row, err := t.row(ctx, id)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	rank := map[quarry.ShardKind]int{quarry.PilotShard: 0, quarry.MainShard: 1, quarry.RetryShard: 2}
	slices.SortFunc(rows, func(a, b ledger.Shard) int {
		return cmp.Or(cmp.Compare(a.Pass, b.Pass), cmp.Compare(rank[a.Kind], rank[b.Kind]), cmp.Compare(numberOf(a.ID), numberOf(b.ID)))
	})
	for i := range rows {
		rows[i].Seq = int64(i) + 1
	}
	return rows, nil
}

func (t *taking) row(ctx context.Context, id quarry.ShardID) (ledger.Shard, error) {
	jobs := t.jobs[id]
	last := jobs[len(jobs)-1]
	n, noted := t.notes[id]
	if !noted { // format 1 had none
		n = shardNote{Kind: kindOf(id), Pass: max(t.manifest.Planned.Pass, 1), asked: t.manifest.asked}
	}
	if err := t.fetchPart(ctx, id); err != nil {
		return ledger.Shard{}, fmt.Errorf("fetch the index of shard %s: %w", id, err)
	}
	s := ledger.Shard{ID: id, Kind: n.Kind, State: quarry.ShardSubmitted, Mode: quarry.ModeJob, Detail: ledger.Detail{
		Pass: n.Pass, Takes: string(index.Main), Sources: n.Sources, Bytes: n.Bytes, Digest: n.Digest, Attempt: attemptOf(last),
		Intent: ledger.Intent{JobName: last.Name, Token: last.Token},
		Job:    ledger.Job{ARN: last.ARN, Name: last.Name, Status: last.Status, Message: last.Message, Counts: last.Counts, Submitted: last.Submitted},
	}}
	for _, job := range jobs[:len(jobs)-1] {
		s.Past = append(s.Past, ledger.Job{ARN: job.ARN, Name: job.Name, Status: job.Status, Message: job.Message, Counts: job.Counts, Submitted: job.Submitted, Ended: job.Ended})
	}
	if n.Kind == quarry.PilotShard {
		s.Takes += string(index.Pilot)
	}
	for p, err := range lines.Read[shardfile.Part](t.files().Part(id)) {
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
		return s, fmt.Errorf("the index of shard %s has %d records instead of %d", id, s.Records, n.Records)
	}
	if n.Kind == quarry.RetryShard { // its records come from everywhere
		s.First, s.Last = 0, s.Records-1
	}
	t.watch(Event{Kind: JobAdopted, Shard: id, Text: string(last.ARN)})
	return s, nil
}

// fetchPart copies a shard's part of the index, compressed as it is.
func (t *taking) fetchPart(ctx context.Context, id quarry.ShardID) error {
	body, _, err := t.bucket.Get(ctx, t.partKey(id))
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	out, err := atomicfile.Create(t.effects, t.files().Part(id))
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(struct{ io.Writer }{out}, body); err != nil {
		return err
	}
	return out.Commit()
}

func kindOf(id quarry.ShardID) quarry.ShardKind {
	switch {
	case strings.HasPrefix(string(id), "p"):
		return quarry.PilotShard
	case strings.HasPrefix(string(id), "r"):
		return quarry.RetryShard
	}
	return quarry.MainShard
}

// numberOf is the number in a shard's id.
func numberOf(id quarry.ShardID) int {
	n, _ := strconv.Atoi(strings.TrimLeft(string(id), "prs"))
	return n
}

// facts are what the ledger has to know beside the rows.
func (t *taking) facts(rows []ledger.Shard) (map[string]string, error) {
	m := &t.manifest
	pass := max(m.Planned.Pass, 1)
	numbers := map[quarry.ShardKind]int{}
	for id := range t.parts {
		numbers[kindOf(id)] = max(numbers[kindOf(id)], numberOf(id))
	}
	for i := range rows {
		pass = max(pass, rows[i].Pass)
		numbers[rows[i].Kind] = max(numbers[rows[i].Kind], numberOf(rows[i].ID))
	}
	region := cmp.Or(m.Region, t.cfg.Region)
	target := t.target()
	facts := map[string]string{
		"run": string(t.id), "pass": strconv.Itoa(pass), adoptedFact: strconv.Itoa(pass), "seen": "", "settings": m.Settings, "model": m.Model,
		"created": m.Created, "version": t.cfg.Version, "target": target, "region": region, "bucket": t.bucket.Name(),
	}
	put := func(name string, v any) error {
		b, err := json.Marshal(v)
		facts[name] = string(b)
		return err
	}
	errs := []error{put("sources", m.Sources), put(numberedFact, numbers), put(manifestFact(pass), m)}
	for i := range rows {
		if n, ok := t.notes[rows[i].ID]; ok {
			of := *m
			of.asked, of.Planned.Pass = n.asked, n.Pass
			errs = append(errs, put(manifestFact(n.Pass), of))
		}
	}
	return facts, errors.Join(errs...)
}

// numbered gives the highest number of a shard of each kind.
func (r *Run) numbered(ctx context.Context, shards []ledger.Shard) (map[quarry.ShardKind]int, error) {
	numbers := map[quarry.ShardKind]int{}
	text, ok, err := r.ledger.Fact(ctx, numberedFact)
	if err != nil {
		return nil, err
	}
	if ok {
		if err := json.Unmarshal([]byte(text), &numbers); err != nil {
			return nil, fmt.Errorf("read the numbers of the shards taken over: %w", err)
		}
	}
	for i := range shards {
		numbers[shards[i].Kind] = max(numbers[shards[i].Kind], numberOf(shards[i].ID))
	}
	return numbers, nil
}
