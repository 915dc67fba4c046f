package shardfile

import (
	"encoding/binary"
	"errors"

	"quarry"
)

// What a line of output says is kept for seconds, in a file that only this process reads: its texts and numbers one after another, each
// text after its length.

// pack appends what a line of output says. What the journal takes from the record's part and from the shard (document, model, cost …) is
// not there yet.
func (f *Found) pack(dst []byte) []byte {
	o, res := &f.Outcome, &f.Outcome.Result
	dst = packText(dst, o.RecordID)
	dst = packText(dst, o.Class)
	dst = packText(dst, res.Status)
	dst = packText(dst, res.Job)
	dst = packText(dst, res.Model)
	dst = packText(dst, res.StopReason)
	dst = packText(dst, res.Output)
	dst = packText(dst, res.Text)
	dst = packText(dst, res.ModelOutput)
	flags := packFlag(o.Left, 1) | packFlag(res.Salvaged, 2) | packFlag(res.Error != nil, 4) | packFlag(f.Next != nil, 8)
	for _, n := range [...]int64{
		o.Doubled, int64(res.Attempts), res.Usage.InputTokens, res.Usage.OutputTokens, res.Usage.CacheReadTokens, res.Usage.CacheWriteTokens,
		res.Usage.Unknown, flags,
	} {
		dst = binary.AppendVarint(dst, n)
	}
	if res.Error != nil {
		dst = packText(packText(dst, res.Error.Kind), res.Error.Message)
	}
	if n := f.Next; n != nil {
		dst = packText(packText(packText(dst, n.Class), n.Answer), n.Complaint)
		dst = binary.AppendVarint(binary.AppendVarint(dst, int64(n.Attempt)), int64(n.MaxTokens))
	}
	return dst
}

func packText[S ~string | ~[]byte](dst []byte, text S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func packFlag(set bool, flag int64) int64 {
	if set {
		return flag
	}
	return 0
}

// unpacker reads what pack wrote. Words that come with every record are made once.
type unpacker struct {
	rest  []byte
	words map[string]string
	torn  bool
}

var errTorn = errors.New("the outcomes of a shard cannot be read again")

// unpack reads what pack wrote of one line. The outcome shares no memory with it.
func (u *unpacker) unpack(packed []byte) (f Found, err error) {
	u.rest, u.torn = packed, false
	o, res := &f.Outcome, &f.Outcome.Result
	o.RecordID = quarry.RecordID(u.bytes())
	res.RecordID = o.RecordID
	o.Class, res.Status = quarry.Class(u.word()), quarry.Status(u.word())
	res.Job, res.Model, res.StopReason = u.word(), u.word(), u.word()
	res.Output = u.raw()
	res.Text = string(u.bytes())
	res.ModelOutput = u.raw()
	o.Doubled, res.Attempts = u.number(), int(u.number())
	res.Usage = quarry.Usage{
		InputTokens: u.number(), OutputTokens: u.number(), CacheReadTokens: u.number(), CacheWriteTokens: u.number(), Unknown: u.number(),
	}
	flags := u.number()
	o.Left, res.Salvaged = flags&1 != 0, flags&2 != 0
	if flags&4 != 0 {
		res.Error = &quarry.ResultError{Kind: u.word(), Message: string(u.bytes())}
	}
	if flags&8 != 0 {
		f.Next = &Queued{Class: quarry.Class(u.word()), Answer: string(u.bytes()), Complaint: string(u.bytes())}
		f.Next.Attempt, f.Next.MaxTokens = int(u.number()), int(u.number())
	}
	if u.torn || len(u.rest) > 0 {
		return Found{}, errTorn
	}
	return f, nil
}

func (u *unpacker) bytes() []byte {
	n, used := binary.Uvarint(u.rest)
	if used <= 0 || n > uint64(len(u.rest)-used) {
		u.torn = true
		return nil
	}
	text := u.rest[used : used+int(n)]
	u.rest = u.rest[used+int(n):]
	return text
}

// raw gives nil where there is no text.
func (u *unpacker) raw() []byte { return append([]byte(nil), u.bytes()...) }

// mostWords bounds how many words are kept: a model may name itself, and a stop reason, as it likes.
const mostWords = 256

func (u *unpacker) word() string {
	b := u.bytes()
	if word, known := u.words[string(b)]; known {
		return word
	}
	if u.words == nil || len(u.words) == mostWords {
		u.words = map[string]string{}
	}
	word := string(b)
	u.words[word] = word
	return word
}

func (u *unpacker) number() int64 {
	n, used := binary.Varint(u.rest)
	if used <= 0 {
		u.torn = true
		return 0
	}
	u.rest = u.rest[used:]
	return n
}
