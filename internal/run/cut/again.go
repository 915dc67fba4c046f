package cut

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/index"
)

// Retries cuts the retry queue of a round, given by the places of its records, into shards of further attempts: First and Last of
// such a row are places. from are the shards whose records are queued. few says what people should know; it may be empty.
func Retries(ctx context.Context, queue iter.Seq2[pack.Item, error], from []quarry.ShardID, pass int, mode quarry.Mode, bounds Bounds) (rows []ledger.Shard, few string, err error) {
	for span, err := range pack.Spans(ctx, queue, bounds.of(mode)) {
		if err != nil {
			return nil, "", fmt.Errorf("cut the retry queue into shards: %w", err)
		}
		rows = append(rows, ledger.Shard{
			Kind: quarry.RetryShard, State: quarry.ShardPlanned, Mode: mode,
			Detail: ledger.Detail{Pass: pass, Sources: from, First: span.First, Last: span.Last, Records: span.Records, Bytes: span.Bytes, Attempt: 1},
		})
	}
	return rows, tooFew(rows, bounds), nil
}

// Pieces bounds the pieces of a shard that is cut again.
type Pieces struct {
	Least int64 // records of each
	Most  int64 // records of each, where they are even
	Bytes int64 // of each, likewise
}

// Smaller cuts a planned shard again: into even pieces, or, where there is no even cut, into the most records that fit and the
// rest, whose turn comes later. queue has the records of a shard of further attempts, as Retries had them; pass is the
// index of any other's. It gives fewer than two rows where the shard cannot be cut so.
func Smaller(ctx context.Context, s *ledger.Shard, pass index.Pass, queue iter.Seq2[pack.Item, error], p Pieces) ([]ledger.Shard, error) {
	even := pack.Config{Quotas: quarry.Quotas{MinRecords: p.Least, RecordsPerFile: p.Most, FileBytes: p.Bytes}, Margin: 1}
	rows, err := again(s, pass, queue, p.Least, func(items iter.Seq2[pack.Item, error]) iter.Seq2[pack.Span, error] {
		return pack.Spans(ctx, items, even)
	})
	var large *pack.TooLargeError
	if errors.As(err, &large) { // one record alone is more than a piece of even size
		rows, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n := min(p.Most, s.Records-p.Least); len(rows) < 2 && n >= p.Least {
		return again(s, pass, queue, p.Least, func(items iter.Seq2[pack.Item, error]) iter.Seq2[pack.Span, error] { return firstOf(items, n) })
	}
	return rows, nil
}

// firstOf cuts the first n items from the others.
func firstOf(items iter.Seq2[pack.Item, error], n int64) iter.Seq2[pack.Span, error] {
	return func(yield func(pack.Span, error) bool) {
		var span pack.Span
		for item, err := range items {
			if err != nil {
				yield(pack.Span{}, err)
				return
			}
			if span.Records == n {
				if !yield(span, nil) {
					return
				}
				n, span = 0, pack.Span{}
			}
			if span.Records == 0 {
				span.First = item.Order
			}
			span.Last, span.Records, span.Bytes = item.Order, span.Records+1, span.Bytes+item.Bytes
		}
		if span.Records > 0 {
			yield(span, nil)
		}
	}
}

// again cuts a planned shard's records again; nil where not every piece would hold the minimum.
func again(s *ledger.Shard, pass index.Pass, records iter.Seq2[pack.Item, error], least int64, cut func(iter.Seq2[pack.Item, error]) iter.Seq2[pack.Span, error]) ([]ledger.Shard, error) {
	first, last := index.RecordPos(s.First), index.RecordPos(s.Last)
	if s.Kind != quarry.RetryShard {
		column, err := pass.OpenDispositions()
		if err != nil {
			return nil, err
		}
		defer func() { _ = column.Close() }()
		records = items(pass, column, s.Marks)
		first, last = Positions(s)
	}
	within := func(yield func(pack.Item, error) bool) {
		for item, err := range records {
			if err == nil && (index.RecordPos(item.Order) < first || index.RecordPos(item.Order) > last) {
				continue
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
	var rows []ledger.Shard
	var n int64
	for span, err := range cut(within) {
		if err != nil {
			return nil, fmt.Errorf("cut shard %s: %w", s.ID, err)
		}
		if span.Records < least {
			return nil, nil
		}
		piece := ledger.Shard{Kind: s.Kind, State: quarry.ShardPlanned, Mode: s.Mode, Detail: s.Detail}
		piece.Records, piece.Bytes, piece.Waits = span.Records, span.Bytes, ""
		if s.Kind == quarry.RetryShard {
			piece.First, piece.Last = span.First, span.Last
		} else {
			from, to := index.RecordPos(span.First), index.RecordPos(span.Last)
			piece.First, piece.FirstPart, piece.Last, piece.LastPart = from.Order(), from.Part(), to.Order(), to.Part()
		}
		n += span.Records
		rows = append(rows, piece)
	}
	if n != s.Records {
		return nil, fmt.Errorf("cut shard %s: %s instead of %s", s.ID, figure.Count(n, "record"), figure.Thousands(s.Records))
	}
	if s.Kind == quarry.RetryShard {
		return rows, nil
	}
	return rows, placeStretches(pass, rows)
}
