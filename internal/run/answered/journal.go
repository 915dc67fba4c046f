package answered

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
)

// Journal is the sealed journal of a shard.
type Journal struct {
	Shard quarry.ShardID
	Path  string
	// Entries is the index of the shard's pass, in which the documents' whole keys are; nil where it is not there any more.
	Entries *index.EntryColumn
}

// attempt is what a line of a journal says that is remembered.
type attempt struct {
	order  int64
	record quarry.RecordID
	class  quarry.Class
	id     quarry.DocumentID
}

// ReadMember takes one member.
func (a *attempt) ReadMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "order":
		jsonl.Int(v, value, &a.order)
	case "record_id":
		jsonl.Text(v, value, &a.record)
	case "class":
		jsonl.Word(v, value, &a.class)
	case "result":
		for name, value := range c.Members(value) {
			if string(name) == "id" { // the first member of those that Quarry writes
				jsonl.Text(v, value, &a.id)
				return
			}
		}
	}
}

// ReadHead takes the members where the line begins as Quarry writes it and no text has an escape, and reports whether it did.
func (a *attempt) ReadHead(line []byte) bool {
	order, rest, ok := bytes.Cut(line, []byte(`,"record_id":"`))
	order, begins := bytes.CutPrefix(order, []byte(`{"order":`))
	record, rest, ok2 := bytes.Cut(rest, []byte(`","class":"`))
	class, rest, ok3 := bytes.Cut(rest, []byte(`"`))
	_, rest, ok4 := bytes.Cut(rest, []byte(`,"result":{"id":"`)) // what is between has numbers and no texts
	quote := bytes.IndexByte(rest, '"')
	if !ok || !begins || !ok2 || !ok3 || !ok4 || quote < 0 || !bytes.HasSuffix(rest, []byte("}}\n")) {
		return false
	}
	id := rest[:quote]
	n, err := strconv.ParseInt(string(order), 10, 64)
	if err != nil || !plain(record) || !plain(class) || !plain(id) {
		return false
	}
	*a = attempt{order: n, record: quarry.RecordID(record), class: quarry.Class(class), id: quarry.DocumentID(id)}
	return true
}

// plain reports whether what is between two quotes is the text that it says.
func plain(text []byte) bool {
	return bytes.IndexByte(text, '\\') < 0 && bytes.IndexByte(text, '"') < 0 && utf8.Valid(text)
}

// AddJournal adds all outcomes of a shard, and covers it. A journal that is missing is an error: what it held was paid for.
func (n *News) AddJournal(ctx context.Context, j Journal) error {
	line := int64(0)
	for a, err := range lines.Sealed[attempt](j.Path) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		e := Entry{
			ID: index.HashOf(a.id), Part: a.record.PartNumber(), Attempt: a.record.Attempt(), How: HowOf(a.class), Shard: j.Shard, Line: line,
		}
		line++
		if a.class == quarry.ClassUnsent {
			continue // it was not sent: its number is free
		}
		var ok bool
		if e.Key, ok, err = j.keyOf(a.order, a.record, e.ID); err != nil {
			return err
		}
		if !ok { // not a record of ours
			continue
		}
		if err := n.Add(&e); err != nil {
			return err
		}
	}
	n.Cover(j.Shard)
	return nil
}

// keyOf gives what is known of the key of a record: the half that the index of its pass keeps, or what the recordId holds.
func (j *Journal) keyOf(order int64, record quarry.RecordID, id dedupe.Hash) (key dedupe.Hash, ok bool, err error) {
	prefix, ok := record.KeyPrefix()
	if !ok {
		return key, false, nil
	}
	copy(key[:], prefix[:])
	if j.Entries == nil {
		return key, true, nil
	}
	e, found, err := j.Entries.Of(order)
	if err != nil || !found {
		return key, true, err
	}
	if e.Hash == id && [prefixBytes]byte(e.Key[:]) == prefix {
		key = e.Key
	}
	return key, true, nil
}
