package shardfile

import (
	"slices"
	"strconv"

	"quarry/internal/base/jsonl"
	"quarry/internal/base/resultline"
	"quarry/internal/run/lines"
)

// A run writes and reads these lines for every record, so they are spelled here and not by reflection. The bytes are those of encoding/json.

// AppendLine appends the outcome as a line of a journal has it, without the newline.
func (o *Outcome) AppendLine(dst []byte) ([]byte, error) {
	dst = strconv.AppendInt(append(dst, `{"order":`...), o.Order, 10)
	dst = text(dst, `,"record_id":`, o.RecordID)
	dst = text(dst, `,"class":`, o.Class)
	dst = flag(dst, `,"left":true`, o.Left)
	dst = number(dst, `,"parts":`, int64(o.Parts))
	dst = number(dst, `,"doubled":`, o.Doubled)
	dst = flag(dst, `,"earlier":true`, o.Earlier)
	dst, err := resultline.Append(append(dst, `,"result":`...), &o.Result)
	return append(dst, '}'), err
}

// AppendLine appends the line of the part of the index.
func (p *Part) AppendLine(dst []byte) ([]byte, error) {
	dst, err := p.appendMembers(append(dst, '{'))
	return append(dst, '}'), err
}

func (p *Part) appendMembers(dst []byte) (_ []byte, err error) {
	dst = jsonl.AppendQuoted(append(dst, `"id":`...), p.ID)
	dst = strconv.AppendInt(append(dst, `,"order":`...), p.Order, 10)
	dst = jsonl.AppendQuoted(append(dst, `,"record_id":`...), p.RecordID)
	if p.Sent != 0 {
		dst = strconv.AppendUint(append(dst, `,"sent":"`...), uint64(p.Sent), 16)
		dst = append(dst, '"')
	}
	dst = number(dst, `,"tried":`, int64(p.Tried))
	dst = number(dst, `,"bad":`, int64(p.Bad))
	dst = number(dst, `,"unreached":`, int64(p.Unreached))
	dst = flag(dst, `,"plain":true`, p.Plain)
	dst = flag(dst, `,"resent":true`, p.Resent)
	dst = number(dst, `,"parts":`, int64(p.Parts))
	dst = resultline.AppendDocument(append(dst, `,"document":`...), &p.Document)
	if p.Cleaned != nil {
		dst = p.Cleaned.append(append(dst, `,"cleaned":`...))
	}
	if p.Sample != nil { // of the pilot's documents only
		dst, err = lines.Append(append(dst, `,"sample":`...), p.Sample)
	}
	return dst, err
}

func (cl *Cleaned) append(dst []byte) []byte {
	dst = jsonl.AppendQuoted(append(dst, `{"mode":`...), cl.Mode)
	dst = strconv.AppendInt(append(dst, `,"source":`...), cl.Source, 10)
	dst = strconv.AppendInt(append(dst, `,"text":`...), cl.Text, 10)
	dst = flag(dst, `,"cut":true`, cl.Cut)
	if len(cl.Dropped) > 0 {
		rules := make([]string, 0, 8)
		for rule := range cl.Dropped {
			rules = append(rules, rule)
		}
		slices.Sort(rules)
		dst = append(dst, `,"dropped":{`...)
		for i, rule := range rules {
			if i > 0 {
				dst = append(dst, ',')
			}
			tally := cl.Dropped[rule]
			dst = strconv.AppendInt(append(jsonl.AppendQuoted(dst, rule), ':', '['), tally[0], 10)
			dst = strconv.AppendInt(append(dst, ','), tally[1], 10)
			dst = append(dst, ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// AppendLine appends the line of the retry queue.
func (q *Queued) AppendLine(dst []byte) ([]byte, error) {
	dst, err := q.Part.appendMembers(append(dst, '{'))
	dst = strconv.AppendInt(append(dst, `,"attempt":`...), int64(q.Attempt), 10)
	dst = append(dst, `,"base":`...)
	if q.Base == nil {
		dst = append(dst, "null"...)
	}
	dst = jsonl.AppendCompact(dst, q.Base)
	dst = jsonl.AppendQuoted(append(dst, `,"class":`...), q.Class)
	dst = number(dst, `,"max_tokens":`, int64(q.MaxTokens))
	dst = text(dst, `,"answer":`, q.Answer)
	dst = text(dst, `,"complaint":`, q.Complaint)
	return append(dst, '}'), err
}

// text appends a member that is left out where it is empty.
func text[S ~string](dst []byte, name string, value S) []byte {
	if value == "" {
		return dst
	}
	return jsonl.AppendQuoted(append(dst, name...), value)
}

// number appends a member that is left out where it is 0.
func number(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, name...), n, 10)
}

func flag(dst []byte, member string, set bool) []byte {
	if set {
		return append(dst, member...)
	}
	return dst
}
