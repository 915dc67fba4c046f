// Package runner lets one process at a time run a run whose ledger is in Postgres.
//
// It owns the lock of a run, the connection that holds it, and the question whether it is held still. It does not own the run's fence,
// which package ledger raises when the run is opened and which keeps a process without the lock from saving anything. What always
// holds: two processes never have the lock of a run at the same time; a process that may have lost it knows within 5 seconds, before the
// server gives it to another one; the connection is the server's own and not one of a proxy's pool.
package runner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
)

// The times of a lock. A process knows that it lost its connection before the server lets go of a process that does not answer, as one
// that is paused, or that the network cut off.
const (
	beatEvery = time.Second
	patience  = 4 * time.Second  // without an answer of the server the lock counts as lost
	grace     = time.Second      // for the server to notice that the last process was killed
	hangs     = 15 * time.Second // after which the server ends a session that sends nothing
)

// Sentinels of taking and holding the lock of a run.
var (
	// ErrHeld says that another process runs the run.
	ErrHeld = errors.New("another process works on it")
	// ErrPooled says that a proxy shares connections between clients, so that no client can hold a lock.
	ErrPooled = errors.New("a proxy gives this connection's server to other clients between two transactions")
	// ErrLost says that the lock is not held any more, or that the server does not confirm it.
	ErrLost = errors.New("the connection that holds the run was lost")
)

// Runner is a process's hold of a run, and its ledger. Safe for concurrent use.
type Runner struct {
	Ledger *ledger.Ledger

	run   quarry.RunID
	conn  *pgx.Conn
	key   int64
	pid   uint32 // of the server's process for the connection
	end   context.CancelFunc
	ended chan struct{}
	lost  chan struct{}

	mu   sync.Mutex
	seen time.Time // when the server last said that the lock is held
	why  error     // it was lost
}

// Open takes the lock of a run, then opens its ledger, which raises the run's fence; see ledger.OpenPostgres for the address. Where another
// process has the lock, the error wraps ErrHeld and is of the kind quarry.Locked; it says which process. A proxy that pools transactions is
// refused with ErrPooled. The runner is to be closed.
func Open(ctx context.Context, e *effect.Effects, address string, run quarry.RunID) (*Runner, error) {
	return open(ctx, e, address, run, hangs)
}

// Hold takes the lock of a run for a task that needs one process, but not the one that works on the run, such as to publish to one target.
// The runner has no ledger. Its errors are those of Open.
func Hold(ctx context.Context, address string, run quarry.RunID, task string) (*Runner, error) {
	return hold(ctx, address, run, keyOf(run, task), hangs)
}

func open(ctx context.Context, e *effect.Effects, address string, run quarry.RunID, hang time.Duration) (*Runner, error) {
	r, err := hold(ctx, address, run, keyOf(run, ""), hang)
	if err != nil {
		return nil, err
	}
	if r.Ledger, err = ledger.OpenPostgres(ctx, e, address, run); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

func hold(ctx context.Context, address string, run quarry.RunID, key int64, hang time.Duration) (*Runner, error) {
	server, err := ledger.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	cfg := server.Config()
	// One connection, few statements: nothing to prepare, which a proxy may not keep.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.RuntimeParams["application_name"] = processName()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, server.Fault(err)
	}
	r := &Runner{run: run, conn: conn, key: key, ended: make(chan struct{}), lost: make(chan struct{})}
	err = r.ownServer(ctx, cfg)
	if err == nil {
		err = r.take(ctx, hang)
	}
	for until := time.Now().Add(grace); errors.Is(err, ErrHeld) && time.Now().Before(until) && ctx.Err() == nil; {
		<-time.After(grace / 10)
		err = r.take(ctx, hang)
	}
	if err == nil {
		err = r.check(ctx)
	}
	if err != nil {
		return nil, errors.Join(refused(server, run, err), conn.Close(context.WithoutCancel(ctx)))
	}
	beat, end := context.WithCancel(context.WithoutCancel(ctx))
	r.end = end
	go r.beat(beat)
	return r, nil
}

// refused says what a person can do about a lock that was not taken.
func refused(server *ledger.Address, run quarry.RunID, err error) error {
	fault := &quarry.Error{Op: "open run", Subject: string(run), Err: err}
	switch {
	case errors.Is(err, ErrHeld):
		fault.Kind, fault.Hint = quarry.Locked, "wait until it ends; when it was killed, run the same command again after 15 seconds"
	case errors.Is(err, ErrPooled):
		fault.Kind = quarry.BadUsage
		fault.Hint = "name the server itself in the address of the ledger, or a port of the proxy that pools sessions"
	default:
		return server.Fault(err)
	}
	return fault
}

// processName is what the list of connections of the server calls this process; the server cuts it at 63 bytes.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "a host without a name"
	}
	return fmt.Sprintf("quarry %d on %s", os.Getpid(), host)
}

const (
	session = `SELECT pg_backend_pid(), current_setting('search_path')`
	whose   = `SELECT pg_backend_pid()`
	tryLock = `SELECT pg_try_advisory_lock($1)`
	unlock  = `SELECT pg_advisory_unlock($1)`
	// A lock of one number has it in two halves (https://www.postgresql.org/docs/current/view-pg-locks.html).
	locks = `FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND l.classid::bigint = $1::bigint >> 32 & 4294967295 AND l.objid::bigint = $1::bigint & 4294967295`
	holds  = `SELECT pg_backend_pid(), EXISTS (SELECT ` + locks + ` AND l.pid = pg_backend_pid())`
	holder = `SELECT COALESCE(application_name, ''), COALESCE(host(client_addr), ''), backend_start
		FROM pg_stat_activity WHERE pid = (SELECT l.pid ` + locks + ` LIMIT 1)`
	// The server ends the session of a process that does not send anything, and the connection to a machine that is gone. A server
	// without a setting, before version 14, waits for its system's own limit.
	limits = `SELECT set_config(name, value, false)
		FROM (VALUES ('idle_session_timeout', $1), ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '3'), ('tcp_keepalives_count', '3'))
		AS wanted (name, value) WHERE name IN (SELECT name FROM pg_settings)`
)

// ownServer fails with ErrPooled where the server's process of this connection is given to other connections too: a second connection,
// while both are open, gets the same one, or drives this one to another.
func (r *Runner) ownServer(ctx context.Context, cfg *pgx.ConnConfig) error {
	var path string
	if err := r.conn.QueryRow(ctx, session).Scan(&r.pid, &path); err != nil {
		return err
	}
	if path != "quarry" {
		return fmt.Errorf("%w: it drops the parameters of connections", ErrPooled)
	}
	second, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = second.Close(context.WithoutCancel(ctx)) }()
	tx, err := second.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var other, own uint32
	if err := tx.QueryRow(ctx, whose).Scan(&other); err != nil {
		return err
	}
	if other == r.pid {
		return ErrPooled
	}
	if err := r.conn.QueryRow(ctx, whose).Scan(&own); err != nil {
		return err
	}
	if own != r.pid {
		return ErrPooled
	}
	return nil
}

// take takes the lock, or says who has it.
func (r *Runner) take(ctx context.Context, hang time.Duration) error {
	if _, err := r.conn.Exec(ctx, limits, fmt.Sprintf("%dms", hang.Milliseconds())); err != nil {
		return err
	}
	var taken bool
	if err := r.conn.QueryRow(ctx, tryLock, r.key).Scan(&taken); err != nil || taken {
		return err
	}
	who, err := holderOf(ctx, r.conn, r.key)
	if err != nil || who == "" { // it let go of it meanwhile
		return cmp.Or(err, ErrHeld)
	}
	return fmt.Errorf("%w: %s", ErrHeld, who)
}

// holderOf says which process has a lock, and since when; empty: none.
func holderOf(ctx context.Context, conn *pgx.Conn, key int64) (string, error) {
	var name, address string
	var since *time.Time
	err := conn.QueryRow(ctx, holder, key).Scan(&name, &address, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if since == nil { // of another user, whose sessions this one may not see (pg_read_all_stats)
		return "a process of another user of the database", nil
	}
	if address != "" {
		name += " (" + address + ")"
	}
	return name + ", since " + quarry.Timestamp(*since), nil
}

// Holders says which processes work on runs, each as "quarry PID on HOST, since TIME", or as that of another user of the database; a run that is not in the map has none.
func Holders(ctx context.Context, address string, runs ...quarry.RunID) (map[quarry.RunID]string, error) {
	to, err := ledger.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	cfg := to.Config()
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, to.Fault(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	all := map[quarry.RunID]string{}
	for _, run := range runs {
		who, err := holderOf(ctx, conn, keyOf(run, ""))
		if err != nil {
			return nil, to.Fault(err)
		}
		if who != "" {
			all[run] = who
		}
	}
	return all, nil
}

// keyOf is the number of a run's lock, or of the one for a task.
func keyOf(run quarry.RunID, task string) int64 {
	name := "quarry run " + string(run)
	if task != "" {
		name += " " + task
	}
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// check reads from the server that the lock is held, by the same process of the server as before.
func (r *Runner) check(ctx context.Context) error {
	sent := time.Now()
	var pid uint32
	var held bool
	if err := r.conn.QueryRow(ctx, holds, r.key).Scan(&pid, &held); err != nil {
		return err
	}
	if pid != r.pid {
		return ErrPooled
	}
	if !held {
		return errors.New("the server says that the lock is free")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = sent
	return nil
}

// beat checks the lock until the runner is closed or the lock is lost. Then it ends the connection, which no one else uses any more.
func (r *Runner) beat(ctx context.Context) {
	defer close(r.ended)
	defer func() {
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		_, _ = r.conn.Exec(soon, unlock, r.key) // the server notices a closed connection later than the next process may come
		_ = r.conn.Close(soon)
	}()
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		until := r.seen.Add(patience)
		r.mu.Unlock()
		soon, cancel := context.WithDeadline(ctx, until)
		err := r.check(soon)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.lose(err)
			return
		}
	}
}

// lose notes why the lock is lost, once.
func (r *Runner) lose(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != nil {
		return
	}
	r.why = &quarry.Error{
		Kind: quarry.Locked, Op: "work on run", Subject: string(r.run), Err: fmt.Errorf("%w: %w", ErrLost, err),
		Hint: "run the same command again; it resumes where it stopped, unless another process does",
	}
	close(r.lost)
}

// Held fails with ErrLost, and the kind quarry.Locked, if the lock is lost, or if the server has not confirmed it for 4 seconds: as in a
// process that was paused and has not looked since. It makes no call.
func (r *Runner) Held() error {
	r.mu.Lock()
	why, seen := r.why, r.seen
	r.mu.Unlock()
	// The clock of the wall too: the other one does not count the time in which a machine sleeps.
	if now := time.Now(); why == nil && (now.Sub(seen) > patience || now.Round(0).Sub(seen.Round(0)) > patience) {
		r.lose(fmt.Errorf("the server has not been reached for %s", now.Round(0).Sub(seen.Round(0)).Round(time.Second)))
		r.mu.Lock()
		why = r.why
		r.mu.Unlock()
	}
	return why
}

// While gives a context that ends when the lock is lost, with the error of Held as its cause.
func (r *Runner) While(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-r.lost:
			cancel(r.Held())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// Close closes the ledger and lets go of the lock.
func (r *Runner) Close() (err error) {
	if r.Ledger != nil {
		err = r.Ledger.Close()
	}
	r.release()
	return err
}

// release ends the connection, and the lock with it.
func (r *Runner) release() {
	r.end()
	<-r.ended
}
