package records

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
	"quarry/internal/run/index"
	"quarry/internal/ui/words"
)

// How much is taken in by one change: a moment's work, so that another process does not wait long, and few segments of the index.
const (
	changeRecords = 8192
	changeBytes   = 8 << 20
)

// takeResults takes in the results of a pass that has ended, in the order of the documents, from where the index is.
func (s *Store) takeResults(ctx context.Context, t *target) error {
	have, err := readState(ctx, s.db.read.Query, t.pass)
	if err != nil {
		return err
	}
	next := have.next
	if have.stamp != t.stamp || have.stale(t) {
		next = 0
	} else if have.complete {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan batch, 1) // the next one is read while one is written
	go s.readResults(ctx, t, next, batches)
	defer func() {
		cancel()
		for range batches { // until the reader has gone
		}
	}()
	for b := range batches {
		if b.err != nil {
			return b.err
		}
		err := s.change(ctx, t, func(k *taker) error {
			if k.have.next != b.from {
				return errMoved
			}
			for i := range b.records {
				if err := k.take(&b.records[i]); err != nil {
					return err
				}
			}
			k.have.next = b.to
			if k.have.complete = b.last; b.last { // what a pass under way needed is in its results now
				_, err := k.tx.ExecContext(ctx, fmt.Sprintf(`DROP TABLE IF EXISTS attempt_%d`, t.pass))
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if b.last {
			return nil
		}
	}
	return context.Cause(ctx)
}

// batch is what one change takes in: the documents of the orders from, up to but without to.
type batch struct {
	from, to int64
	records  []record
	last     bool
	err      error
}

// readResults reads results and texts and sends them in batches. It closes the channel.
func (s *Store) readResults(ctx context.Context, t *target, next int64, to chan<- batch) {
	defer close(to)
	known := s.index(t.pass).Known(t.plan.Orders)
	defer known.Close()
	texts := s.openTexts(ctx, t.pass)
	defer texts.close()
	var reader resultline.Reader
	for last := false; !last; {
		b := batch{from: next, to: next}
		for size := 0; len(b.records) < changeRecords && size < changeBytes && b.to < t.plan.Orders && b.err == nil; b.to++ {
			r := record{order: b.to}
			b.err = errors.Join(readResult(known, &reader, &r), ctx.Err())
			if b.err == nil && r.ended {
				r.text, b.err = texts.of(b.to)
			}
			size += len(r.title) + len(r.text) + len(r.answer)
			b.records = append(b.records, r)
		}
		b.last = b.to == t.plan.Orders
		select {
		case to <- b:
		case <-ctx.Done():
			return
		}
		next, last = b.to, b.last || b.err != nil
	}
}

// readResult reads how a document ended.
func readResult(known *index.Known, reader *resultline.Reader, r *record) error {
	line, err := known.Line(r.order)
	if err != nil || len(line) == 0 {
		return err
	}
	var res quarry.Result
	if err := reader.Read(line, &res); err != nil {
		return fmt.Errorf("read the result of document %d: %w", r.order+1, err)
	}
	r.set(&res, line)
	return nil
}

// set takes over what the index keeps of a result.
func (r *record) set(res *quarry.Result, line []byte) {
	r.ended, r.status, r.cost = true, res.Status, res.CostUSD
	r.class, r.language, r.pool = classOf(res), res.Document.Lang, poolOf(res)
	sum := sha256.Sum256(line)
	r.digest = binary.LittleEndian.Uint64(sum[:])
	r.title = words.Append(nil, res.Document.Title)
	r.answer = words.Append(nil, AnswerText(res))
}

// classOf is why a record is not good, or its status.
func classOf(res *quarry.Result) string {
	if res.Error != nil && res.Error.Kind != "" {
		return res.Error.Kind
	}
	return string(res.Status)
}

// poolOf names the model that was requested and where.
func poolOf(res *quarry.Result) string {
	switch {
	case res.RequestedModel == "":
		return ""
	case res.Region == "":
		return res.RequestedModel
	}
	return res.Region + " " + res.RequestedModel
}

// AnswerText is what a model answered as one text: all texts and numbers of its JSON, each on its line, or the text itself.
func AnswerText(res *quarry.Result) string {
	if len(res.Output) == 0 {
		return res.Text
	}
	return string(appendTexts(nil, res.Output, 0))
}

// deepest bounds recursion: no answer is that deep.
const deepest = 64

func appendTexts(dst, value []byte, depth int) []byte {
	if len(value) == 0 || depth > deepest {
		return dst
	}
	switch value[0] {
	case '"':
		return append(jsonl.Unescape(dst, value[1:len(value)-1]), '\n')
	case '{':
		for _, v := range jsonl.Members(value) {
			dst = appendTexts(dst, v, depth+1)
		}
	case '[':
		for v := range jsonl.Elements(value) {
			dst = appendTexts(dst, v, depth+1)
		}
	case 'n': // null
	default:
		return append(append(dst, value...), '\n')
	}
	return dst
}
