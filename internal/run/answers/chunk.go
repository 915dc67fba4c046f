package answers

import (
	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Place is the position of a record in its shard, and how many of its attempts no longer count: those of earlier passes
// that gave no answer, and those whose job never reached it or that were refused for their answer schema.
type Place struct {
	at, tried int32
	plain     bool // it went without an answer schema
	sent      shardfile.Texts
}

// placed is what Places takes of a line of the part of the index.
type placed struct {
	id                    quarry.RecordID
	tried, bad, unreached int32
	plain                 bool
	sent                  shardfile.Texts
}

// ReadMember takes one member.
func (p *placed) ReadMember(_ *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "record_id":
		jsonl.Text(v, value, &p.id)
	case "tried":
		jsonl.Int(v, value, &p.tried)
	case "bad":
		jsonl.Int(v, value, &p.bad)
	case "unreached":
		jsonl.Int(v, value, &p.unreached)
	case "plain":
		v.Bool(value, &p.plain)
	case "sent":
		p.sent.Read(v, value)
	}
}

// Places maps the records of a shard's part of the index, the file at path, to their places in it.
func Places(path string) (map[quarry.RecordID]Place, error) {
	places := map[quarry.RecordID]Place{}
	for p, err := range lines.Sealed[placed](path) {
		if err != nil {
			return nil, err
		}
		where := Place{at: int32(len(places)), tried: p.tried - p.bad + p.unreached, plain: p.plain, sent: p.sent}
		if p.plain {
			where.tried++
		}
		places[p.id] = where
	}
	return places, nil
}

// Chunk is what a piece of output came to.
type Chunk struct {
	Found   []shardfile.Found
	Foreign int64
	// ForeignAnswers are those lines of records that were not sent which hold an answer.
	ForeignAnswers int64
	Repaired       int64 // lines with characters that were damaged
	Broken         []collect.Unreadable
	PerByte        float64 // the most tokens of input for a byte of a line
}

// exchanged reports whether the modelInput that a line echoes is not what was sent under its recordId: then the answer may be to another
// record. A line without an echo, or with damaged characters, says nothing.
func exchanged(line *collect.Line, where Place) bool {
	if where.sent == 0 || line.Repaired {
		return false
	}
	echo := shardfile.TextsOf(line.ModelInput)
	return echo != 0 && echo != where.sent
}

// Chunk judges a piece of output. Many goroutines may call it.
func (j *Judge) Chunk(of *Job, places map[quarry.RecordID]Place, p collect.Piece) (Chunk, error) {
	var out Chunk
	var checker jsonl.Checker
	for line, unread := range p.Records(&checker) {
		if unread != nil {
			out.Broken = append(out.Broken, *unread)
			continue
		}
		if line.Repaired {
			out.Repaired++
		}
		where, ok := places[line.RecordID]
		if !ok {
			out.Foreign++
			if line.ModelOutput != nil {
				out.ForeignAnswers++
			}
			continue
		}
		f := j.Line(of, line, where)
		f.At = int(where.at)
		out.Found = append(out.Found, f)
		if u := f.Outcome.Result.Usage; u.InputTokens > 0 && len(line.ModelInput) > 0 {
			out.PerByte = max(out.PerByte, float64(u.InputTokens)/float64(shardfile.LineBytes(line.RecordID, line.ModelInput)))
		}
	}
	return out, nil
}
