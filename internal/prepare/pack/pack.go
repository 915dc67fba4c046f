// Package pack cuts a stream of records into shards that fit the quotas.
//
// It owns the arithmetic of quotas and nothing else: it opens no files and knows no cloud. The order of records is kept,
// and every record is in exactly one span. One span is one input file and one job, so the limits of files and of jobs
// both hold. What is held back does not grow with the number of records.
package pack

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/base/figure"
)

// DefaultMargin is the share of the byte quotas that is used. AWS does not say whether its GB is 10⁹ or 2³⁰ bytes, nor
// whether the line feeds count (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
const DefaultMargin = 0.95

// Config says against what to pack.
type Config struct {
	// Quotas are the model's limits. One that is 0 is not known, and nothing is packed against it.
	Quotas quarry.Quotas
	// Margin is the share of the byte quotas that is used, above 0 and at most 1. Zero means DefaultMargin.
	Margin float64
}

// Validate reports limits that no job can keep.
func (c Config) Validate() error {
	if !(c.Margin >= 0 && c.Margin <= 1) { // a NaN is neither
		return fmt.Errorf("margin %v: want more than 0 and at most 1", c.Margin)
	}
	for _, q := range []struct {
		name  string
		value int64
	}{
		{"minimum of records", c.Quotas.MinRecords},
		{"records per file", c.Quotas.RecordsPerFile},
		{"records per job", c.Quotas.RecordsPerJob},
		{"bytes per file", c.Quotas.FileBytes},
		{"bytes per job", c.Quotas.JobBytes},
	} {
		if q.value < 0 {
			return fmt.Errorf("%s is %d: want 0 or more", q.name, q.value)
		}
	}
	if maxRecords := c.MaxRecords(); maxRecords > 0 && maxRecords < c.Quotas.MinRecords {
		return fmt.Errorf("a job needs at least %s, but may hold only %s", figure.Count(c.Quotas.MinRecords, "record"),
			figure.Thousands(maxRecords))
	}
	return nil
}

// MaxRecords is how many records a span may hold; 0 means that no limit is known.
func (c Config) MaxRecords() int64 { return lower(c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob) }

// MaxBytes is how many bytes a span may hold, the margin taken off; 0 means that no limit is known.
func (c Config) MaxBytes() int64 {
	limit := lower(c.Quotas.FileBytes, c.Quotas.JobBytes)
	if limit == 0 {
		return 0
	}
	margin := c.Margin
	if margin == 0 {
		margin = DefaultMargin
	}
	if used := float64(limit) * margin; used < float64(limit) { // the whole may not fit into an int64 and back
		limit = int64(used)
	}
	return max(1, limit)
}

// lower gives the lower of two limits of which 0 means none.
func lower(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// Item is one record: its place in the run, and the bytes of its whole JSONL line with the line feed.
type Item struct {
	Order int64
	Bytes int64
}

// Span is a stretch of consecutive items that go into one file.
type Span struct {
	First, Last int64 // the orders of the first and the last item
	Records     int64
	Bytes       int64
}

// TooLargeError is an item that fits into no file. It is left out; packing continues after it.
type TooLargeError struct {
	Item  Item
	Limit int64 // bytes, the margin taken off
}

// Error names the item and both sizes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("pack record %d: it has %s, and one file may hold %s", e.Item.Order, figure.Count(e.Item.Bytes, "byte"),
		figure.Thousands(e.Limit))
}

// ErrOrder says that items did not come in rising order, or that one has no bytes.
var ErrOrder = errors.New("not a record that follows")

// Spans cuts the items, which come in rising order, into spans as large as the quotas allow. A span holds fewer than
// MinRecords only when the total does, or where the limits leave no other way: when so few records already fill a file,
// or when no number of spans between the minimum and the maximum gives the total. (Where a file holds less than twice
// the minimum and bytes are short as well, a way that is far ahead can be missed.)
//
// An item larger than a file is yielded as a *[TooLargeError] with an empty Span, and packing continues; any other error
// ends the sequence. The sequence can be read as often as items can.
func Spans(ctx context.Context, items iter.Seq2[Item, error], cfg Config) iter.Seq2[Span, error] {
	return func(yield func(Span, error) bool) {
		if err := cfg.Validate(); err != nil {
			yield(Span{}, fmt.Errorf("pack: %w", err))
			return
		}
		p := newPacker(cfg)
		var seen, last int64
		for item, err := range items {
			if err == nil && seen&1023 == 0 {
				err = ctx.Err()
			}
			if err != nil {
				yield(Span{}, fmt.Errorf("pack: %w", err))
				return
			}
			if item.Bytes < 1 || (seen > 0 && item.Order <= last) {
				yield(Span{}, fmt.Errorf("pack record %s of %s: %w", figure.Thousands(item.Order), figure.Count(item.Bytes, "byte"), ErrOrder))
				return
			}
			last = item.Order
			seen++
			if p.maxBytes > 0 && item.Bytes > p.maxBytes {
				if !yield(Span{}, &TooLargeError{item, p.maxBytes}) {
					return
				}
				continue
			}
			p.add(item)
			for p.ready() {
				if !yield(p.cut(false), nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Span{}, fmt.Errorf("pack: %w", err))
			return
		}
		for !p.empty() {
			if !yield(p.cut(true), nil) {
				return
			}
		}
	}
}
