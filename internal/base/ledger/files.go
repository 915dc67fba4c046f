package ledger

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"quarry/internal/base/effect"
)

// File is a file of the run as the ledger has it: what it is called below the run's directory, and the object that holds its content. In a
// change, no object says that the name went, with all names below it.
type File struct {
	Name, Object string
	Bytes        int64
}

// Files makes the files that a run wrote durable where all machines find them. Its calls follow each other.
type Files interface {
	// Flush makes durable whatever the run wrote, and gives what rows have to say of it: all that was not committed yet.
	Flush(ctx context.Context) ([]File, error)
	// Committed says that what Flush gave last is committed, and which objects no row names any more.
	Committed(ctx context.Context, free []string)
}

// attached are the files of a ledger; one change at a time takes with it what they say.
type attached struct {
	mu     sync.Mutex
	files  Files
	log    Log           // is also files, for a ledger that is a file; nil: the ledger is in Postgres
	unkept []Transaction // what the log has not kept yet
}

// Attach lets every change of the ledger be preceded by Flush, and name in the same transaction the files that it gives: so rows and files are
// always those of one moment. It is called before the first change, for a ledger in Postgres.
func (l *Ledger) Attach(f Files) { l.attached = &attached{files: f} }

// Fence is the number under which this process took the run over: one more than that of the process before it.
func (l *Ledger) Fence() int64 { return l.server.fence }

const (
	allFiles = `SELECT name, object, bytes FROM file WHERE /*run and*/ TRUE ORDER BY name`
	oneFile  = `SELECT object FROM file WHERE /*run and*/ name = $1`
	setFile  = `INSERT INTO file (/*run,*/ name, object, bytes) VALUES (/*'run',*/ $1, $2, $3)
		ON CONFLICT (/*run,*/ name) DO UPDATE SET object = excluded.object, bytes = excluded.bytes`
	freeFiles = `DELETE FROM file WHERE /*run and*/ (name = $1 OR substr(name, 1, length($2)) = $2) RETURNING object`
)

// Files gives the files of the run, in the order of their names.
func (l *Ledger) Files(ctx context.Context) iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		rows, err := l.db.Query(ctx, allFiles)
		if err != nil {
			yield(File{}, fmt.Errorf("read the files of the run: %w", err))
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var f File
			if err := rows.Scan(&f.Name, &f.Object, &f.Bytes); err != nil {
				yield(f, err)
				return
			}
			if !yield(f, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(File{}, err)
		}
	}
}

// SaveFiles makes all that the run wrote durable, and the ledger name it: a change of no other row. Without Attach it does nothing.
func (l *Ledger) SaveFiles(ctx context.Context) error {
	if l.attached == nil {
		return nil
	}
	return l.change(ctx, "ledger: save files", func(*effect.Tx) error { return nil })
}

// withFiles runs what changes the ledger, with what the files say.
func (l *Ledger) withFiles(ctx context.Context, change func(save func(*effect.Tx) error) error) error {
	if l.attached == nil {
		return change(func(*effect.Tx) error { return nil })
	}
	l.attached.mu.Lock()
	defer l.attached.mu.Unlock()
	files, err := l.attached.files.Flush(ctx)
	if err != nil {
		return err
	}
	var free []string
	err = change(func(tx *effect.Tx) error {
		free, err = saveFiles(ctx, tx, files)
		return err
	})
	if err == nil && l.attached.log != nil {
		if err = l.attached.log.Keep(ctx, l.attached.unkept); err == nil {
			l.attached.unkept = nil
		}
	}
	if err == nil {
		l.attached.files.Committed(ctx, free)
	}
	return err
}

// saveFiles stores what became of files, and gives the objects that are replaced or gone.
func saveFiles(ctx context.Context, tx *effect.Tx, files []File) (free []string, err error) {
	for _, f := range files {
		if f.Object == "" {
			gone, err := texts(tx.QueryContext(ctx, freeFiles, f.Name, f.Name+"/"))
			if err != nil {
				return nil, fmt.Errorf("forget file %s: %w", f.Name, err)
			}
			free = append(free, gone...)
			continue
		}
		was, err := texts(tx.QueryContext(ctx, oneFile, f.Name))
		if err == nil {
			_, err = tx.ExecContext(ctx, setFile, f.Name, f.Object, f.Bytes)
		}
		if err != nil {
			return nil, fmt.Errorf("save file %s: %w", f.Name, err)
		}
		if len(was) > 0 && was[0] != f.Object { // the same one where a change before was not known to be committed
			free = append(free, was[0])
		}
	}
	return free, nil
}

// texts reads rows of one text.
func texts(rows *effect.Rows, err error) (all []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
