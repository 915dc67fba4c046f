package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"quarry/internal/standin/model/ask"
	"quarry/internal/standin/model/family"
)

// The models that need no server say their own names, never another model's.
const (
	ExtractiveID = "quarry.extractive-v1"
	EchoID       = "quarry.echo-v1"
)

// local answers in the process. write makes the answer's whole text.
type local struct {
	id    string
	write func(*family.Prompt) (string, error)
}

func (m local) Answer(ctx context.Context, r Request) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	start := time.Now()
	p, err := parse(r)
	if err != nil {
		return Response{}, err
	}
	if mode := p.ToolChoice.Mode; mode == "any" || mode == "tool" {
		return Response{}, &Error{Code: 400, Message: m.id + " does not call tools; tool_choice must be auto or none"}
	}
	text, err := m.write(p)
	if err != nil {
		return Response{}, refused(err)
	}
	reply := finish(p, continuation(text, p.Prefill()))
	reply.ID, reply.Model, reply.Created, reply.Latency = answerID(r), m.id, start, time.Since(start)
	reply.InputTokens = max(1, p.InputTokens())
	body, err := p.Encode(reply)
	if err != nil {
		return Response{}, &Error{Code: 500, Message: err.Error()}
	}
	return Response{Body: body, InputTokens: reply.InputTokens, OutputTokens: reply.OutputTokens}, nil
}

// continuation leaves out what the client already wrote of the answer in its last assistant turn.
func continuation(text, prefill string) string {
	prefill = strings.TrimSpace(prefill)
	if rest, ok := strings.CutPrefix(text, prefill); ok {
		return rest
	}
	if strings.HasSuffix(prefill, "{") {
		return strings.TrimPrefix(text, "{")
	}
	return text
}

// finish ends the text where a stop sequence or max_tokens ends it.
func finish(p *family.Prompt, text string) family.Reply {
	r := family.Reply{Text: text}
	at := -1
	for _, stop := range p.Stop {
		if i := strings.Index(text, stop); stop != "" && i >= 0 && (at < 0 || i < at) {
			at, r.StopSequence = i, stop
		}
	}
	if at >= 0 {
		r.Text, r.Stop = text[:at], family.StopSequence
	}
	if p.MaxTokens > 0 {
		if cut, ok := family.CutTokens(r.Text, p.MaxTokens); ok {
			r.Text, r.Stop, r.StopSequence = cut, family.MaxTokens, ""
		}
	}
	r.OutputTokens = max(1, family.Tokens(r.Text))
	return r
}

// answerID is the same for the same record and body, so that a record computed again looks the same.
func answerID(r Request) string {
	h := sha256.New()
	h.Write([]byte(r.RecordID + "\x00" + r.ModelID + "\x00"))
	h.Write(r.Body)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// echoHead is how many runes of the user's text go under each key.
const echoHead = 200

func echo(p *family.Prompt) (string, error) {
	a, err := ask.Read(p)
	if err != nil {
		return "", err
	}
	user := strings.TrimSpace(p.UserText())
	if !a.Form.JSON {
		return user, nil
	}
	head := user
	n := 0
	for i := range user {
		if n == echoHead {
			head = user[:i]
			break
		}
		n++
	}
	out, err := a.Form.Fill(func(_ string, n *ask.Node) (any, error) { return echoValue(head, n), nil })
	return string(out), err
}

func echoValue(head string, n *ask.Node) any {
	switch {
	case len(n.Enum()) > 0:
		return n.Enum()[0]
	case n.String():
		return head
	case n.Array():
		list := []any{}
		for range max(1, n.MinItems()) {
			if n.Items() == nil || !n.Items().Plain() {
				break
			}
			list = append(list, echoValue(head, n.Items()))
		}
		return list
	case n.Number():
		return 0
	case n.Bool():
		return false
	}
	return nil
}
