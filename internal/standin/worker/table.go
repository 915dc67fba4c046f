package worker

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"quarry/internal/standin/boltfile"
)

// table is the durable list of jobs.
type table struct{ db *bolt.DB }

var (
	bucketMeta   = []byte("meta")
	bucketJobs   = []byte("jobs")   // job id → Job as JSON
	bucketOrder  = []byte("order")  // number, big endian → job id
	bucketTokens = []byte("tokens") // account, Region, token → job id

	keyAhead  = []byte("ahead")
	keyFormat = []byte("format")
)

const tableFormat = "1"

func openTable(path string, noSync bool) (*table, error) {
	beside, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("open job table %s: %w", path, err)
	}
	if err := boltfile.Check(path, len(beside) > 1); err != nil {
		return nil, fmt.Errorf("open job table: %w", err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: 2 * time.Second, FreelistType: bolt.FreelistMapType, NoSync: noSync, NoGrowSync: noSync,
	})
	if err != nil {
		return nil, fmt.Errorf("open job table %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketJobs, bucketOrder, bucketTokens} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if have := meta.Get(keyFormat); have != nil && string(have) != tableFormat {
			return fmt.Errorf("it has format %q, this program knows %q", have, tableFormat)
		}
		return meta.Put(keyFormat, []byte(tableFormat))
	})
	if err != nil {
		_ = db.Close() // the reason it is closed for is the one to report
		return nil, fmt.Errorf("open job table %s: %w", path, err)
	}
	return &table{db: db}, nil
}

func (t *table) close() error {
	if err := t.db.Close(); err != nil {
		return fmt.Errorf("close job table: %w", err)
	}
	return nil
}

func tokenKey(s Spec) []byte { return []byte(s.Account + "\x00" + s.Region + "\x00" + s.Token) }

// add numbers and stores a new job, unless its token names one that is there already, which is returned instead.
func (t *table) add(j Job) (stored Job, known bool, err error) {
	err = t.db.Update(func(tx *bolt.Tx) error {
		tokens := tx.Bucket(bucketTokens)
		if j.Token != "" {
			if id := tokens.Get(tokenKey(j.Spec)); id != nil {
				known = true
				return decodeJob(tx.Bucket(bucketJobs).Get(id), &j)
			}
			if err := tokens.Put(tokenKey(j.Spec), []byte(j.ID)); err != nil {
				return err
			}
		}
		order := tx.Bucket(bucketOrder)
		number, err := order.NextSequence()
		if err != nil {
			return err
		}
		j.Number = number
		if err := order.Put(binary.BigEndian.AppendUint64(nil, number), []byte(j.ID)); err != nil {
			return err
		}
		return putJob(tx, j)
	})
	if err != nil {
		return Job{}, false, fmt.Errorf("store job %s: %w", j.Name, err)
	}
	return j, known, nil
}

// byToken finds the job of a token.
func (t *table) byToken(s Spec) (j Job, found bool, err error) {
	err = t.db.View(func(tx *bolt.Tx) error {
		id := tx.Bucket(bucketTokens).Get(tokenKey(s))
		if id == nil {
			return nil
		}
		found = true
		return decodeJob(tx.Bucket(bucketJobs).Get(id), &j)
	})
	if err != nil {
		return Job{}, false, fmt.Errorf("look up token: %w", err)
	}
	return j, found, nil
}

func (t *table) put(j Job) error {
	return t.db.Update(func(tx *bolt.Tx) error { return putJob(tx, j) })
}

func putJob(tx *bolt.Tx, j Job) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketJobs).Put([]byte(j.ID), b)
}

func (t *table) get(id string) (Job, error) {
	var j Job
	err := t.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketJobs).Get([]byte(id))
		if b == nil {
			return ErrNoSuchJob
		}
		return decodeJob(b, &j)
	})
	if err != nil {
		return Job{}, fmt.Errorf("job %s: %w", id, err)
	}
	return j, nil
}

func decodeJob(b []byte, j *Job) error {
	if b == nil {
		return ErrNoSuchJob
	}
	*j = Job{}
	return json.Unmarshal(b, j)
}

// jobsPage is how many jobs are read in one look at the table: a long look would keep its file from growing.
const jobsPage = 256

// jobs gives the jobs after number from, or before it when ascending is false (0: all), in the order of creation.
func (t *table) jobs(from uint64, ascending bool) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		for {
			page, err := t.page(from, ascending)
			if err != nil {
				yield(Job{}, fmt.Errorf("list jobs: %w", err))
				return
			}
			for _, j := range page {
				if !yield(j, nil) {
					return
				}
			}
			if len(page) < jobsPage {
				return
			}
			from = page[len(page)-1].Number
		}
	}
}

func (t *table) page(from uint64, ascending bool) (page []Job, err error) {
	err = t.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketOrder).Cursor()
		var k, id []byte
		next := c.Prev
		switch {
		case ascending:
			k, id = c.Seek(binary.BigEndian.AppendUint64(nil, from+1))
			next = c.Next
		case from == 0:
			k, id = c.Last()
		default:
			if k, _ = c.Seek(binary.BigEndian.AppendUint64(nil, from)); k == nil {
				k, id = c.Last()
			} else {
				k, id = c.Prev()
			}
		}
		for ; k != nil && len(page) < jobsPage; k, id = next() {
			var j Job
			if err := decodeJob(tx.Bucket(bucketJobs).Get(id), &j); err != nil {
				return fmt.Errorf("job %s: %w", id, err)
			}
			page = append(page, j)
		}
		return nil
	})
	return page, err
}

// ahead is how far the clock was moved.
func (t *table) ahead() (d time.Duration, err error) {
	err = t.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(bucketMeta).Get(keyAhead); len(b) == 8 {
			d = time.Duration(binary.BigEndian.Uint64(b))
		}
		return nil
	})
	return d, err
}

func (t *table) setAhead(d time.Duration) error {
	return t.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keyAhead, binary.BigEndian.AppendUint64(nil, uint64(d)))
	})
}
