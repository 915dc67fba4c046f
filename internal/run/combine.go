package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// The second stage of long documents: when every part of one has a good answer, one more record asks to merge them. Such
// records are found by a walk over the journals, in the order of the documents, and are written as leftovers are: a retry
// shard takes them together with whatever else is left, under the same rules.

// mergesPrefix begins the name of a round's file of merges, where those of leftovers have a shard's id.
const mergesPrefix = "m"

func isMerges(id quarry.ShardID) bool { return strings.HasPrefix(string(id), mergesPrefix) }

// planMerges writes the merges that can be asked now, and gives the name of their file and how many they are. Written
// again after a crash, the file is the same. It is asked when no shard of the pass is under way.
func (r *Run) planMerges(ctx context.Context, shards []ledger.Shard) (quarry.ShardID, int64, error) {
	if r.planned.Long == 0 || r.cfg.Long == nil {
		return "", 0, nil
	}
	var parted []ledger.Shard
	rounds := map[quarry.ShardID]bool{}
	for i := range shards {
		if shards[i].Parted > 0 {
			parted = append(parted, shards[i])
		}
		for _, id := range shards[i].Sources {
			if isMerges(id) {
				rounds[id] = true
			}
		}
	}
	id := quarry.ShardID(fmt.Sprintf("%s%05d", mergesPrefix, len(rounds)+1))
	if err := r.effects.MkdirAll(filepath.Dir(r.files().Left(id))); err != nil {
		return "", 0, err
	}
	out, err := atomicfile.CreateZstd(r.effects, r.files().Left(id))
	if err != nil {
		return "", 0, err
	}
	defer out.Abort()
	var n int64
	var attempts []shardfile.Outcome
	give := func() error {
		merge, err := r.mergeOf(attempts)
		if merge == nil || err != nil {
			return err
		}
		n++
		return lines.Write(out, merge)
	}
	for o, err := range lines.Merge(r.journals(parted), func(o *shardfile.Outcome) int64 { return o.Order }) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return "", 0, err
		}
		if o.Parts == 0 {
			continue
		}
		if len(attempts) > 0 && attempts[0].Order != o.Order {
			if err := give(); err != nil {
				return "", 0, err
			}
			attempts = attempts[:0]
		}
		attempts = append(attempts, o)
	}
	if err := give(); err != nil || n == 0 {
		return "", 0, err
	}
	return id, n, out.Commit()
}

// mergeOf gives the record that merges a document's answers: nil where a part has no good answer, where it was asked
// already, and where it would not fit into an input file.
func (r *Run) mergeOf(attempts []shardfile.Outcome) (*shardfile.Left, error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	d := readParted(attempts)
	if len(d.merge) > 0 || d.unanswered() > 0 {
		return nil, nil
	}
	res := &attempts[0].Result
	doc := quarry.Document{
		ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Lang: res.Document.Lang, Fields: res.Document.Fields,
		Format: quarry.FormatText, Parts: len(d.parts),
	}
	for i := range d.parts {
		answer := &best(d.parts[i]).Result
		doc.Body = prompt.AppendAnswer(doc.Body, i+1, len(d.parts), answer.Output, answer.Text)
	}
	input, err := r.cfg.Long.Merge.Append(nil, &doc)
	if err != nil {
		return nil, fmt.Errorf("merge the answers about %s: %w", res.ID, err)
	}
	id := attempts[0].RecordID.Whole().Again(d.tried + 1)
	if limit := r.maxLine(); limit > 0 && shardfile.LineBytes(id, input) > limit {
		return nil, nil
	}
	return &shardfile.Left{
		Part:    shardfile.Part{ID: res.ID, Order: attempts[0].Order, RecordID: id, Tried: d.tried, Parts: len(d.parts), Document: res.Document},
		Attempt: d.tried + 1, Base: input,
	}, nil
}

// parted are the attempts at a long document, apart.
type parted struct {
	parts [][]shardfile.Outcome // of each part, in the order in which they were made
	merge []shardfile.Outcome
	tried int // attempts made in earlier passes
}

func readParted(attempts []shardfile.Outcome) parted {
	d := parted{parts: make([][]shardfile.Outcome, attempts[0].Parts), tried: attempts[0].RecordID.Attempt() - 1}
	for _, o := range attempts {
		d.tried = min(d.tried, o.RecordID.Attempt()-1)
		switch n := o.RecordID.PartNumber(); {
		case n == 0:
			d.merge = append(d.merge, o)
		case n <= len(d.parts):
			d.parts[n-1] = append(d.parts[n-1], o)
		}
	}
	return d
}

// unanswered is the number of the first part without a good answer, from 1; 0: all have one.
func (d *parted) unanswered() int {
	for i, attempts := range d.parts {
		if len(attempts) == 0 || best(attempts).Result.Status != quarry.StatusOK {
			return i + 1
		}
	}
	return 0
}

// kindUnmerged says that all parts of a document are answered, and nobody was asked to merge them.
const kindUnmerged = "not_merged"

// partedResult makes one result of all attempts at a long document: that of the merge, or, where it was never asked, of
// the part that stood in its way.
func (r *Run) partedResult(attempts []shardfile.Outcome) *quarry.Result {
	d := readParted(attempts)
	var res *quarry.Result
	switch n := d.unanswered(); {
	case len(d.merge) > 0:
		res = r.bestResult(d.merge)
	case n > 0 && len(d.parts[n-1]) > 0:
		res = r.bestResult(d.parts[n-1])
		res.Status, res.Output = quarry.StatusFailed, nil
		res.Error = &quarry.ResultError{Kind: res.Error.Kind, Message: fmt.Sprintf("part %d of %d: %s", n, len(d.parts), res.Error.Message)}
	case n > 0:
		res = r.bestResult(attempts[:1])
		res.Status, res.Output, res.Text = quarry.StatusFailed, nil, ""
		res.Error = &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: fmt.Sprintf("part %d of %d was never asked", n, len(d.parts))}
	default:
		res = r.bestResult(attempts[len(attempts)-1:])
		res.Status, res.Output, res.Text, res.StopReason, res.Salvaged = quarry.StatusFailed, nil, "", "", false
		res.Error = &quarry.ResultError{Kind: kindUnmerged, Message: fmt.Sprintf("its %d parts are answered, and the answers do not fit into one record", len(d.parts))}
		if r.partial {
			res.Error = &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: fmt.Sprintf("its %d parts are answered, and the answers are not merged yet", len(d.parts))}
		}
		if r.belowMinimum > 0 {
			res.Error = &quarry.ResultError{Kind: quarry.KindBelowMinimum, Message: fmt.Sprintf(
				"its %d parts are answered, and to merge them is one of %d records that were left, below the minimum of a batch job", len(d.parts), r.belowMinimum)}
		}
	}
	res.Parts, res.Attempts = len(d.parts), d.tried+len(attempts)
	return res
}

// lastAttempt is the highest number of an attempt at any record of a document: the next pass goes on behind it.
func lastAttempt(attempts []shardfile.Outcome) int {
	n := 0
	for i := range attempts {
		n = max(n, attempts[i].Result.Attempts)
	}
	return n
}
