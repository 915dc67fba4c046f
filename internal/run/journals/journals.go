// Package journals lists the files that hold the outcomes of a pass.
//
// It owns which shards have such a file and in which order attempts were made. It opens none of them. What always holds: a journal is listed
// once it is sealed, so what is read of it does not change.
package journals

import (
	"quarry/internal/base/ledger"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/plan"
	"quarry/internal/run/shardfile"
)

// Sealed are the journals of those shards of a pass that have a sealed one, in the order in which attempts were made.
func Sealed(files shardfile.Dir, rows []ledger.Shard, pass int) (list []lines.Sorted) {
	for i := range rows {
		if s := &rows[i]; s.Pass == pass && !s.Times.Collected.IsZero() {
			list = append(list, lines.Sorted{Path: files.Journal(s.ID), From: First(s), Rank: int(s.Seq)})
		}
	}
	return list
}

// Unbuilt are the outcomes of the records of a pass that were planned and not built.
func Unbuilt(files shardfile.Dir, rows []ledger.Shard, pass int) (list []lines.Sorted) {
	for i := range rows {
		if s := &rows[i]; s.Pass == pass && s.Unbuilt > 0 {
			list = append(list, lines.Sorted{Path: files.Unbuilt(s.ID), From: First(s), Rank: int(s.Seq)})
		}
	}
	return list
}

// Carried are the answers of earlier passes to parts of documents that the pass sends.
func Carried(of index.Pass, planned *plan.Plan) []lines.Sorted {
	if planned.KnownParts == 0 {
		return nil
	}
	return []lines.Sorted{{Path: of.Path(index.EarlierFile), Rank: -1}}
}

// First bounds the orders of a shard's records from below. A retry shard's First is no order, and a pilot is drawn from everywhere.
func First(s *ledger.Shard) int64 {
	if len(s.Sources) > 0 {
		return 0
	}
	return s.First
}
