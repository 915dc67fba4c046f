package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/base/figure"
)

// outcome is one line of a journal.
type outcome struct {
	Order    int64           `json:"order"`
	RecordID quarry.RecordID `json:"record_id"`
	Class    quarry.Class    `json:"class"`
	Left     bool            `json:"left"`
	Parts    int             `json:"parts"`   // of a long document: in how many it is sent
	Doubled  int64           `json:"doubled"` // further lines of the record that the provider wrote
	Earlier  bool            `json:"earlier"` // made in an earlier pass: an answer to a part that was not sent again
	Result   result          `json:"result"`
	shard    quarry.ShardID  // whose journal it is
	written  value           // Result as the line has it
}

// unsent reports whether it is of a record that was planned and not sent, because its document changed in the sources.
func (o *outcome) unsent() bool { return o.Class == quarry.ClassSourceChanged }

// result is a line of results.jsonl, and what a journal keeps for one. Answer and document stay as they are written.
type result struct {
	ID             quarry.DocumentID   `json:"id"`
	Status         quarry.Status       `json:"status"`
	Output         value               `json:"output"`
	Text           string              `json:"text"`
	StopReason     string              `json:"stop_reason"`
	Model          string              `json:"model"`
	RequestedModel string              `json:"requested_model"`
	Mode           quarry.Mode         `json:"mode"`
	Parts          int                 `json:"parts"`
	Attempts       int                 `json:"attempts"`
	Usage          quarry.Usage        `json:"usage"`
	CostUSD        *quarry.USD         `json:"cost_usd"`
	Job            string              `json:"job"`
	RecordID       quarry.RecordID     `json:"record_id"`
	Salvaged       bool                `json:"salvaged"`
	SameAs         quarry.DocumentID   `json:"same_as"`
	Document       value               `json:"document"`
	Error          *quarry.ResultError `json:"error"`
}

// digest is what is kept of a content, since a shard's answers are not held. Its seed is another one in each process, so no content can be
// made to have another's.
type digest uint64

var seed = maphash.MakeSeed()

func digestOf(parts ...string) digest {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, part := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		_, _ = h.Write(n[:])
		_, _ = h.WriteString(part)
	}
	return digest(h.Sum64())
}

// The forms in which an answer can be claimed.
const (
	asText   = "text"   // the text as it is
	asFailed = "failed" // an answer that passed no check: the text, cut where it is long
	asError  = "error"
)

// claim is what a journal says of one attempt, as far as the raw output can contradict it.
type claim struct {
	class    quarry.Class
	left     bool
	salvaged bool
	content  digest // of the form and the content
	origin   digest // of stop reason and model
	usage    quarry.Usage
}

// claimOf takes a journal's line for what it says.
func claimOf(o *outcome) claim {
	r := &o.Result
	c := claim{class: o.Class, left: o.Left, salvaged: r.Salvaged, usage: r.Usage, origin: digestOf(r.StopReason, r.Model)}
	switch {
	case o.Class == quarry.ClassOK && len(r.Output) > 0:
		c.content = r.Output.likeness()
	case o.Class == quarry.ClassOK:
		c.content = digestOf(asText, r.Text)
	case o.Class.Answered():
		c.content = digestOf(asFailed, r.Text)
	case r.Error != nil:
		c.content = digestOf(asError, r.Error.Message)
	}
	return c
}

// statusOf is the status that a class calls for.
func statusOf(c quarry.Class) quarry.Status {
	switch {
	case c == quarry.ClassOK:
		return quarry.StatusOK
	case c.Answered():
		return quarry.StatusInvalid
	}
	return quarry.StatusFailed
}

// against says what a raw answer holds against the claim; empty: nothing.
func (c *claim) against(a *answer) string {
	if !c.class.Answered() {
		return fmt.Sprintf("the raw output has an answer, the journal says %s", c.class)
	}
	if a.unknown {
		if c.class != quarry.ClassNotJSON || c.content != digestOf(asFailed, "") {
			return "the raw answer has an unknown format, but the journal classified it"
		}
		return ""
	}
	switch {
	case !c.says(a):
		return "the answer in the journal differs from the raw answer"
	case c.usage != a.usage:
		return fmt.Sprintf("the raw answer took %s in and %s out, the journal says %s and %s", figure.Count(a.usage.InputTokens, "token"), figure.Thousands(a.usage.OutputTokens),
			figure.Thousands(c.usage.InputTokens), figure.Thousands(c.usage.OutputTokens))
	case c.origin != digestOf(a.stop, a.model):
		return "stop reason or model of the raw answer differ from the journal"
	}
	return ""
}

// againstEcho says what the modelInput that a line echoes holds against the claim: an answer may be another record's where it is not
// what was sent. Characters that were damaged on the way say nothing.
func (r *record) againstEcho(raw *rawLine) string {
	other := r.Sent != "" && raw.texts != 0 && strconv.FormatUint(raw.texts, 16) != r.Sent
	switch {
	case other && r.claim.class != quarry.ClassAnotherInput && r.claim.class != quarry.ClassNotJSON && !raw.damaged:
		return fmt.Sprintf("the raw output echoes a modelInput that was not sent, the journal says %s", r.claim.class)
	case !other && r.claim.class == quarry.ClassAnotherInput:
		return "the raw output echoes the modelInput that was sent, the journal says that it does not"
	}
	return ""
}

// says reports whether the claimed content is the answer's.
func (c *claim) says(a *answer) bool {
	if c.class != quarry.ClassOK {
		return c.content == digestOf(asFailed, cutLong(a.whole()))
	}
	if c.content == digestOf(asText, a.whole()) {
		return true
	}
	for _, text := range append([]string{a.text, a.thought}, a.tools...) {
		if !c.salvaged {
			if v := checked([]byte(text)); v != nil && c.content == v.likeness() {
				return true
			}
			continue
		}
		for _, v := range inside(text) {
			if c.content == v.likeness() {
				return true
			}
		}
	}
	return false
}

// longText is how much of an answer that passed no check a journal keeps.
const longText = 4000

func cutLong(s string) string {
	if len(s) <= longText {
		return s
	}
	return strings.ToValidUTF8(s[:longText], "") + "…"
}

// againstError says what a raw error holds against the claim.
func (c *claim) againstError(e *rawError) string {
	switch c.class {
	case quarry.ClassThrottled, quarry.ClassDown, quarry.ClassNoReply, quarry.ClassRecordError, quarry.ClassPromptCut, quarry.ClassUnstructured, quarry.ClassUnreadable:
	default:
		return fmt.Sprintf("the raw output has an error, the journal says %s", c.class)
	}
	message := e.message
	if e.code > 0 {
		message = fmt.Sprintf("%d: %s", e.code, e.message)
	}
	if !e.strange && c.content != digestOf(asError, message) {
		return "the error in the journal differs from the raw error"
	}
	return ""
}

// Bounds on the search for JSON in a text: an answer has one value, prose around it few braces.
const (
	maxOpenings = 1000
	maxRepaired = 32
)

// inside gives the JSON values that begin somewhere in a text, as it is or with the commas and line breaks repaired
// that models are known to write.
func inside(s string) []value {
	var out []value
	i := 0
	for n := range maxOpenings {
		next := strings.IndexAny(s[i:], "{[")
		if next < 0 {
			break
		}
		i += next
		if v, length := leading(s[i:]); length > 0 {
			if v != nil {
				out = append(out, v)
			}
			i += length
			continue
		}
		if n < maxRepaired {
			if v, _ := leading(repaired(s[i:])); v != nil {
				out = append(out, v)
			}
		}
		i++
	}
	return out
}

// leading gives the JSON value with which a text begins, and its length. One that is not UTF-8 has a length only.
func leading(s string) (v value, length int) {
	d := jsontext.NewDecoder(strings.NewReader(s), jsontext.AllowInvalidUTF8(true))
	text, err := d.ReadValue()
	if err != nil {
		return nil, 0
	}
	return checked(bytes.Clone(text)), len(text)
}

// onlyItself are the characters that a backslash in front of them changes in no reading.
const onlyItself = "'_$%#&*-.+@<>`"

// repaired writes line breaks and tabs inside strings as escapes, leaves out commas before a closing bracket and backslashes that
// mean nothing, and replaces half a surrogate pair by U+FFFD.
func repaired(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quoted && c == '\\' && i+1 < len(s):
			i++
			if !strings.ContainsRune(onlyItself, rune(s[i])) {
				b.WriteByte(c)
			}
			b.WriteByte(s[i])
			continue
		case quoted && (c == '\n' || c == '\r' || c == '\t'):
			b.WriteString(map[byte]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[c])
			continue
		case !quoted && c == ',':
			if rest := strings.TrimLeft(s[i+1:], " \t\r\n"); rest != "" && (rest[0] == '}' || rest[0] == ']') {
				continue
			}
		case c == '"':
			quoted = !quoted
		}
		b.WriteByte(c)
	}
	return b.String()
}
