package shardfile

import (
	"encoding/json"

	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
)

// ReadMember takes one member of a journal's line.
func (o *Outcome) ReadMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "order":
		jsonl.Int(v, value, &o.Order)
	case "record_id":
		jsonl.Text(v, value, &o.RecordID)
	case "class":
		jsonl.Word(v, value, &o.Class)
	case "left":
		v.Bool(value, &o.Left)
	case "parts":
		jsonl.Int(v, value, &o.Parts)
	case "doubled":
		jsonl.Int(v, value, &o.Doubled)
	case "earlier":
		v.Bool(value, &o.Earlier)
	case "result":
		resultline.Into(c, v, value, &o.Result)
	}
}

// ReadMember takes one member of a line of the part of the index.
func (p *Part) ReadMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "id":
		jsonl.Text(v, value, &p.ID)
	case "order":
		jsonl.Int(v, value, &p.Order)
	case "record_id":
		jsonl.Text(v, value, &p.RecordID)
	case "sent":
		p.Sent.Read(v, value)
	case "tried":
		jsonl.Int(v, value, &p.Tried)
	case "bad":
		jsonl.Int(v, value, &p.Bad)
	case "unreached":
		jsonl.Int(v, value, &p.Unreached)
	case "plain":
		v.Bool(value, &p.Plain)
	case "resent":
		v.Bool(value, &p.Resent)
	case "parts":
		jsonl.Int(v, value, &p.Parts)
	case "document":
		resultline.Document(c, v, value, &p.Document)
	case "cleaned":
		if v.Object(value) {
			p.Cleaned = &Cleaned{}
			for name, value := range c.Members(value) {
				p.Cleaned.readMember(c, v, name, value)
			}
		}
	case "sample": // of the pilot's documents only
		v.Keep(json.Unmarshal(value, &p.Sample))
	}
}

func (cl *Cleaned) readMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "mode":
		jsonl.Word(v, value, &cl.Mode)
	case "source":
		jsonl.Int(v, value, &cl.Source)
	case "text":
		jsonl.Int(v, value, &cl.Text)
	case "cut":
		v.Bool(value, &cl.Cut)
	case "dropped":
		if !v.Object(value) {
			return
		}
		cl.Dropped = map[string][2]int64{}
		for name, value := range c.Members(value) {
			var rule string
			jsonl.Name(v, name, &rule)
			var tally [2]int64
			n := 0
			for count := range c.Elements(value) {
				if n < len(tally) {
					jsonl.Int(v, count, &tally[n])
				}
				n++
			}
			cl.Dropped[rule] = tally
		}
	}
}

// Read takes the digits.
func (t *Texts) Read(v *jsonl.Values, value []byte) {
	var digits string
	if jsonl.Text(v, value, &digits); digits != "" {
		v.Keep(t.UnmarshalText([]byte(digits)))
	}
}

// ReadMember takes one member of a line of the retry queue.
func (q *Queued) ReadMember(c *jsonl.Checker, v *jsonl.Values, name, value []byte) {
	switch string(name) {
	case "attempt":
		jsonl.Int(v, value, &q.Attempt)
	case "base":
		v.Raw(value, (*[]byte)(&q.Base))
	case "class":
		jsonl.Word(v, value, &q.Class)
	case "max_tokens":
		jsonl.Int(v, value, &q.MaxTokens)
	case "answer":
		jsonl.Text(v, value, &q.Answer)
	case "complaint":
		jsonl.Text(v, value, &q.Complaint)
	default:
		q.Part.ReadMember(c, v, name, value)
	}
}
