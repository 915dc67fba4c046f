package run

import (
	"quarry/internal/base/ledger"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
)

// journals are the sealed journals of all shards of the pass that have one, in the order in which attempts were made.
func (r *Run) journals(shards []ledger.Shard) []lines.Sorted {
	var files []lines.Sorted
	for i := range shards {
		s := &shards[i]
		if s.Pass != r.planned.Pass || s.Times.Collected.IsZero() {
			continue
		}
		files = append(files, lines.Sorted{Path: r.files().Journal(s.ID), From: firstOrder(s), Rank: int(s.Seq)})
	}
	return files
}

// carriedParts are the answers of earlier passes to parts of documents that are asked.
func (r *Run) carriedParts() []lines.Sorted {
	if r.planned.KnownParts == 0 {
		return nil
	}
	return []lines.Sorted{{Path: r.index(r.planned.Pass).Path(index.EarlierFile), Rank: -1}}
}

// firstOrder bounds the orders of a shard's records from below. A retry shard's First is no order, and a pilot is drawn
// from everywhere.
func firstOrder(s *ledger.Shard) int64 {
	if len(s.Sources) > 0 {
		return 0
	}
	return s.First
}

// unbuilt are the outcomes of the records of the pass that were planned and not built.
func (r *Run) unbuilt(shards []ledger.Shard) []lines.Sorted {
	var files []lines.Sorted
	for i := range shards {
		if s := &shards[i]; s.Pass == r.planned.Pass && s.Unbuilt > 0 {
			files = append(files, lines.Sorted{Path: r.files().Unbuilt(s.ID), From: firstOrder(s), Rank: int(s.Seq)})
		}
	}
	return files
}
