package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
)

// Queue is what the shards have of one quota of open jobs, all but the one that is placed.
type Queue struct {
	Open   int64         // shards that have one of its slots: their job is intended or submitted
	Queued int64         // shards that wait for one
	Oldest time.Time     // when the first of the open jobs was submitted; zero: none was
	Took   time.Duration // how long jobs took that ended, the latest weighing most; 0: none has
	Full   time.Time     // until when it takes no job, since it refused one
}

// Quota names the quota of open jobs that jobs in a pool count against: it counts all jobs "using a base model", by whatever profile
// they name it (https://docs.aws.amazon.com/general/latest/gr/bedrock.html). Empty: the pool is not chosen yet.
func (p Pool) Quota() string {
	if p == (Pool{}) {
		return ""
	}
	model := p.Model
	if m, _, ok := catalog.Find(model); ok {
		model = m.ID
	}
	return p.Region + " " + model
}

// took is how long a job ran; 0: it has not ended, or it failed.
func (j *Job) took() time.Duration {
	if j.Ended.IsZero() || j.Submitted.IsZero() || j.Status == quarry.JobFailed {
		return 0
	}
	return max(j.Ended.Sub(j.Submitted), 0)
}

// The rows that have a job slot, and those that wait for one.
const (
	hasSlot  = `state IN ('intended', 'submitted')`
	isQueued = `mode = 'batch' AND state IN ('built', 'uploaded')`
)

const (
	addQuota  = `INSERT INTO quota (id, full_until) VALUES ($1, 0) ON CONFLICT (id) DO NOTHING`
	readQuota = `SELECT full_until FROM quota WHERE id = $1 /*for update*/`
	fillQuota = `INSERT INTO quota (id, full_until) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET full_until = excluded.full_until`
	countOpen = `SELECT COUNT(*), COALESCE(MIN(NULLIF(since, 0)), 0) FROM shard
		WHERE quota IN ($1, $2) AND (quota <> '' OR /*run and*/ TRUE) AND ` + hasSlot + ` AND NOT (/*run and*/ id = $3)`
	countWait = `SELECT COUNT(*) FROM shard WHERE quota = $1 AND ` + isQueued + ` AND NOT (/*run and*/ id = $2)`
	lastTook  = `SELECT took FROM shard WHERE quota = $1 AND took > 0 ORDER BY ended DESC, took DESC LIMIT 8`
	addPlace  = `INSERT INTO place (/*run,*/ region, model, bucket) VALUES (/*'run',*/ $1, $2, $3)
		ON CONFLICT (/*run,*/ region, model, bucket) DO NOTHING`
	allPlaces = `SELECT region, model, bucket FROM place WHERE /*run and*/ TRUE ORDER BY region, model, bucket`
)

// Place gives a shard a pool or a job slot, as decide says by what the other shards have of the quotas of pools: in one transaction, so
// that no two shards take the last slot. The first pool is home, where jobs of rows that name no pool are. decide changes the shard
// and reports whether it did; then the row is saved. An error of decide changes nothing.
func (l *Ledger) Place(ctx context.Context, s *Shard, pools []Pool, decide func([]Queue) (changed bool, err error)) error {
	return l.change(ctx, "ledger: place "+string(s.ID), func(tx *effect.Tx) error {
		queues := make([]Queue, len(pools))
		if err := lockQuotas(ctx, tx, pools); err != nil {
			return fmt.Errorf("place shard %s: %w", s.ID, err)
		}
		for i, p := range pools {
			unnamed := p.Quota()
			if unnamed == pools[0].Quota() {
				unnamed = ""
			}
			var err error
			if queues[i], err = l.queue(ctx, tx, s.ID, p.Quota(), unnamed); err != nil {
				return fmt.Errorf("place shard %s: %w", s.ID, err)
			}
		}
		changed, err := decide(queues)
		if err != nil || !changed {
			return err
		}
		return l.save(ctx, tx, s)
	})
}

// lockQuotas locks the rows of quotas, all processes in one order. What is counted after that is still so when the transaction ends.
func lockQuotas(ctx context.Context, tx *effect.Tx, pools []Pool) error {
	var quotas []string
	for _, p := range pools {
		quotas = append(quotas, p.Quota())
	}
	slices.Sort(quotas)
	for _, quota := range slices.Compact(quotas) {
		var full int64
		if _, err := tx.ExecContext(ctx, addQuota, quota); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, readQuota, quota).Scan(&full); err != nil {
			return err
		}
	}
	return nil
}

// queue reads what the shards but one have of a quota. The rows of unnamed have its slots too.
func (l *Ledger) queue(ctx context.Context, tx *effect.Tx, but quarry.ShardID, quota, unnamed string) (q Queue, err error) {
	var full, oldest int64
	if err := tx.QueryRowContext(ctx, readQuota, quota).Scan(&full); err != nil {
		return q, err
	}
	if err := tx.QueryRowContext(ctx, countOpen, quota, unnamed, string(but)).Scan(&q.Open, &oldest); err != nil {
		return q, err
	}
	if err := tx.QueryRowContext(ctx, countWait, quota, string(but)).Scan(&q.Queued); err != nil {
		return q, err
	}
	q.Full = l.time(full)
	if oldest > 0 {
		q.Oldest = time.UnixMilli(oldest)
	}
	q.Took, err = took(tx.QueryContext(ctx, lastTook, quota))
	return q, err
}

// took is a mean of what jobs took, given the last one first. That one weighs a third, the one before it a third of the rest, and so on.
func took(rows *effect.Rows, err error) (time.Duration, error) {
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var last []int64
	for rows.Next() {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return 0, err
		}
		last = append(last, ms)
	}
	var mean time.Duration
	for i := range last {
		ms := time.Duration(last[len(last)-1-i]) * time.Millisecond
		if mean == 0 {
			mean = ms
		}
		mean = (2*mean + ms) / 3
	}
	return mean, rows.Err()
}

// Fill notes that the quota of a pool takes no job until a time, since it refused one.
func (l *Ledger) Fill(ctx context.Context, p Pool, until time.Time) error {
	return l.change(ctx, "ledger: a full pool", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, fillQuota, p.Quota(), l.due(until))
		return err
	})
}

// Places gives the pools in which jobs were made, of rows that name their pool.
func (l *Ledger) Places(ctx context.Context) (places []Pool, err error) {
	rows, err := l.db.Query(ctx, allPlaces)
	if err != nil {
		return nil, fmt.Errorf("read the pools of jobs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p Pool
		if err := rows.Scan(&p.Region, &p.Model, &p.Bucket); err != nil {
			return nil, fmt.Errorf("read the pools of jobs: %w", err)
		}
		places = append(places, p)
	}
	return places, rows.Err()
}
