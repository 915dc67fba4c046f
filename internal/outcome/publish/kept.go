package publish

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"quarry"
	"quarry/internal/base/effect"
)

// The journal of a run that any machine can continue is kept as lines elsewhere, of which Replay makes the journal again. The line of a write is
// there before the write is made; that of its end follows with the next write, or when the command ends. If it is lost, the next command finds
// out from the target how the write ended, as after a crash.

// keptLine is one change of a write. Its name is the process that began it and a number, since two processes may begin one at the same moment:
// one of them has lost its lock, and makes no write.
type keptLine struct {
	Name  string    `json:"write"`
	At    time.Time `json:"at"`
	State string    `json:"state"` // intended, done or forgotten
	Entry *entry    `json:"entry,omitempty"`
}

const originTable = `CREATE TABLE IF NOT EXISTS origin (seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`

// forgetOrigin takes the number from the name of a row that is gone, since SQLite may give it again. The name is still known.
const forgetOrigin = `UPDATE origin SET seq = (SELECT MIN(MIN(seq), 0) - 1 FROM origin) WHERE `

// Replay makes the changes of kept lines in a journal that is empty.
func (j *Journal) Replay(ctx context.Context, lines io.Reader) error {
	return j.db.Change(ctx, "publish: replay", func(tx *effect.Tx) error {
		if _, err := tx.ExecContext(ctx, originTable); err != nil {
			return err
		}
		in := bufio.NewReaderSize(lines, 64<<10)
		for n := 1; ; n++ {
			text, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return nil
			}
			var l keptLine
			if err == nil {
				err = json.Unmarshal(text, &l)
			}
			if err == nil {
				err = l.replay(ctx, tx)
			}
			if err != nil {
				return fmt.Errorf("line %d of the journal: %w", n, err)
			}
		}
	})
}

func (l *keptLine) replay(ctx context.Context, tx *effect.Tx) error {
	if l.State == "intended" {
		var known int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM origin WHERE name = ?`, l.Name).Scan(&known)
		if err != nil || known > 0 { // an upload that was not known to have arrived is made again
			return err
		}
		seq, err := addWrite(ctx, tx, l.Entry, l.At)
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO origin (seq, name) VALUES (?, ?)`, seq, l.Name)
		}
		return err
	}
	const named = `seq = (SELECT seq FROM origin WHERE name = ?)`
	if l.State == "forgotten" {
		_, err := tx.ExecContext(ctx, `DELETE FROM writes WHERE `+named, l.Name)
		if err == nil {
			_, err = tx.ExecContext(ctx, forgetOrigin+`name = ?`, l.Name)
		}
		return err
	}
	text, err := json.Marshal(l.Entry)
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE writes SET state = 'done', entry = ? WHERE `+named, string(text), l.Name)
	}
	return err
}

// keeper keeps the changes of a journal elsewhere.
type keeper struct {
	process string // a name of no other process
	add     func(ctx context.Context, lines []byte) error
	begun   int          // writes that have a name
	ends    bytes.Buffer // lines of writes that ended, which are not kept yet
	failed  bool         // a line could not be kept, which ended the command
}

// Keep lets the journal keep every change with add, which fails where the line is not durable, or where this process may not write to the
// target any more. The journal was made by Replay.
func (j *Journal) Keep(add func(ctx context.Context, lines []byte) error) {
	j.keeper = &keeper{process: string(quarry.NewRunID()), add: add}
}

// keepIntent keeps a write that is about to be made.
func (j *Journal) keepIntent(ctx context.Context, n *entry) error {
	if j.keeper == nil {
		return nil
	}
	j.keeper.begun++
	name := j.keeper.process + "-" + strconv.Itoa(j.keeper.begun)
	err := j.db.Change(ctx, "publish: name", func(tx *effect.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO origin (seq, name) VALUES (?, ?)`, n.seq, name)
		return err
	})
	if err == nil {
		err = j.keeper.line(&keptLine{Name: name, At: time.Now().UTC(), State: "intended", Entry: n})
	}
	if err != nil {
		return err
	}
	return j.Flush(ctx)
}

// keepEnd notes what came of a write; it is kept with the next change.
func (j *Journal) keepEnd(ctx context.Context, n *entry, state string) error {
	if j.keeper == nil {
		return nil
	}
	l := keptLine{At: time.Now().UTC(), State: state}
	if state == "done" {
		l.Entry = n
	}
	if err := j.db.QueryRow(ctx, `SELECT name FROM origin WHERE seq = ?`, []any{n.seq}, &l.Name); err != nil {
		return err
	}
	if state == "forgotten" {
		err := j.db.Change(ctx, "publish: forget name", func(tx *effect.Tx) error {
			_, err := tx.ExecContext(ctx, forgetOrigin+`seq = ?`, n.seq)
			return err
		})
		if err != nil {
			return err
		}
	}
	return j.keeper.line(&l)
}

func (k *keeper) line(l *keptLine) error {
	text, err := json.Marshal(l)
	if err == nil {
		k.ends.Write(append(text, '\n'))
	}
	return err
}

// Flush keeps the ends of writes that are not kept yet.
func (j *Journal) Flush(ctx context.Context) error {
	if j.keeper == nil || j.keeper.failed || j.keeper.ends.Len() == 0 {
		return nil
	}
	if err := j.keeper.add(ctx, bytes.Clone(j.keeper.ends.Bytes())); err != nil {
		j.keeper.failed = true
		return err
	}
	j.keeper.ends.Reset()
	return nil
}
