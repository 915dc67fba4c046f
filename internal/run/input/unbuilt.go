package input

import (
	"encoding/hex"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/ledger"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// unbuilt are the records of a shard that were planned and cannot be built, because their documents are not in the sources as
// they were. Each has an outcome, in a file of its own next to the shard's journal. The file is made with the first of them.
type unbuilt struct {
	Changed
	builder *Builder
	shard   *ledger.Shard
	out     *atomicfile.Writer
}

// Changed counts what was planned for a shard and cannot be built.
type Changed struct {
	Records, Documents int64
	First              []string // ids of the first documents
}

// add notes why a document is not built. id is empty if it is not known any more.
func (u *unbuilt) add(p *planned, id quarry.DocumentID, why string, doc quarry.DocumentInfo) (err error) {
	if u.out == nil {
		path := u.builder.Files.Unbuilt(u.shard.ID)
		if err := u.builder.Effects.MkdirAll(filepath.Dir(path)); err != nil {
			return err
		}
		if u.out, err = atomicfile.CreateZstd(u.builder.Effects, path); err != nil {
			return err
		}
	}
	if id == "" { // planned by a version that did not keep the ids
		id = quarry.DocumentID("sha256:" + hex.EncodeToString(p.entry.Hash[:]))
	}
	if u.Documents++; len(u.First) < 3 {
		u.First = append(u.First, string(id))
	}
	o := shardfile.Outcome{Order: p.order, Class: quarry.ClassSourceChanged, Result: quarry.Result{
		ID: id, Status: quarry.StatusFailed, RequestedModel: u.builder.Model, Attempts: p.tried, CostUSD: new(quarry.USD), Document: doc,
		Error: &quarry.ResultError{Kind: string(quarry.ClassSourceChanged), Message: why + "; it was not sent; the next run plans it again"},
	}}
	if len(p.parts) == 0 {
		u.Records++
		return lines.Write(u.out, &o)
	}
	var key quarry.DocumentKey
	copy(key[:], p.entry.Key[:])
	o.Parts = len(p.parts)
	for i := range p.parts {
		if !p.sends(u.shard, i+1) {
			continue
		}
		u.Records++
		o.RecordID = quarry.NewRecordID(id, key, p.tried+1).Part(i + 1)
		o.Result.RecordID = o.RecordID
		if err := lines.Write(u.out, &o); err != nil {
			return err
		}
	}
	return nil
}

// commit makes the file appear. Where there are none, one that an earlier build left counts for nothing: the shard's row says
// how many there are.
func (u *unbuilt) commit() error {
	if u.out == nil {
		return nil
	}
	return u.out.Commit()
}

func (u *unbuilt) abort() {
	if u.out != nil {
		u.out.Abort()
	}
}
