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
	"quarry/internal/ui/find"
	"quarry/internal/ui/words"
)

// How much is taken in by one change: a moment's work, so that another process does not wait long, and few segments of the index.
const (
	changeRecords = 8192
	changeBytes   = 8 << 20
)

// takeResults takes in the results of a pass that has ended, in the order of the documents, from where the index is.
func (s *Store) takeResults(ctx context.Context, t *target) error {
	have, err := s.db.State(ctx, t.pass)
	if err != nil {
		return err
	}
	next, done := have.Begin(t.want())
	if done {
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
		err := s.change(ctx, t, func(k *find.Taker) error {
			if k.Have.Next != b.from {
				return find.ErrMoved
			}
			for i := range b.records {
				if err := k.Take(&b.records[i]); err != nil {
					return err
				}
			}
			k.Have.Next = b.to
			if k.Have.Complete = b.last; b.last { // what a pass under way needed is in its results now
				return k.End()
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
	records  []find.Record
	last     bool
	err      error
}

// readResults reads results and texts and sends them in batches. It closes the channel.
func (s *Store) readResults(ctx context.Context, t *target, next int64, to chan<- batch) {
	defer close(to)
	known := s.index(t.pass).Known(t.plan.Orders)
	defer known.Close()
	texts := s.pass(t.pass).Words(ctx)
	defer func() { s.noteTexts(texts.Close()) }()
	var reader resultline.Reader
	for last := false; !last; {
		b := batch{from: next, to: next}
		for size := 0; len(b.records) < changeRecords && size < changeBytes && b.to < t.plan.Orders && b.err == nil; b.to++ {
			r := find.Record{Order: b.to}
			b.err = errors.Join(readResult(known, &reader, &r), ctx.Err())
			if b.err == nil && r.Ended {
				r.Text, b.err = texts.Of(b.to)
			}
			size += len(r.Title) + len(r.Text) + len(r.Answer)
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
func readResult(known *index.Known, reader *resultline.Reader, r *find.Record) error {
	line, err := known.Line(r.Order)
	if err != nil || len(line) == 0 {
		return err
	}
	var res quarry.Result
	if err := reader.Read(line, &res); err != nil {
		return fmt.Errorf("read the result of document %d: %w", r.Order+1, err)
	}
	set(r, &res, line)
	return nil
}

// set takes over what the index keeps of a result.
func set(r *find.Record, res *quarry.Result, line []byte) {
	r.Ended, r.Status, r.Cost = true, res.Status, res.CostUSD
	r.Class, r.Language, r.Pool = classOf(res), res.Document.Lang, poolOf(res)
	sum := sha256.Sum256(line)
	r.Digest = binary.LittleEndian.Uint64(sum[:])
	r.Title = words.Append(nil, res.Document.Title)
	r.Answer = words.Append(nil, AnswerText(res))
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
