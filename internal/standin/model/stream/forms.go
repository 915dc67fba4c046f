package stream

import (
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

// object is a JSON object whose members are written in order of name.
type object = map[string]any

// anthropicForm is the stream of Claude's Messages API; Bedrock adds its metrics to the last chunk.
type anthropicForm struct{}

func (anthropicForm) begin(h head) []any {
	var usage any = messagesUsage(h.counts)
	if len(h.usage) > 0 {
		usage = h.usage
	}
	return []any{object{"type": "message_start", "message": object{
		"id": h.id, "type": "message", "role": "assistant", "model": h.model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage,
	}}}
}

// messagesUsage is empty where no counts are known: clients read its members, and none is 0.
func messagesUsage(c *Counts) object {
	if c == nil {
		return object{}
	}
	return object{"input_tokens": c.Input, "output_tokens": c.Output}
}

func (anthropicForm) open(index int, b block) []any {
	content := object{"type": "text", "text": ""}
	switch b.kind {
	case reasoningBlock:
		content = object{"type": "thinking", "thinking": "", "signature": ""}
	case toolBlock:
		content = object{"type": "tool_use", "id": b.id, "name": b.name, "input": object{}}
	}
	return []any{object{"type": "content_block_start", "index": index, "content_block": content}}
}

func (anthropicForm) piece(index int, b block, text string) []any {
	delta := object{"type": "text_delta", "text": text}
	switch b.kind {
	case reasoningBlock:
		delta = object{"type": "thinking_delta", "thinking": text}
	case toolBlock:
		delta = object{"type": "input_json_delta", "partial_json": text}
	}
	return []any{object{"type": "content_block_delta", "index": index, "delta": delta}}
}

func (anthropicForm) close(index int, b block) []any {
	var out []any
	if b.signature != "" {
		out = append(out, object{"type": "content_block_delta", "index": index, "delta": object{"type": "signature_delta", "signature": b.signature}})
	}
	return append(out, object{"type": "content_block_stop", "index": index})
}

func (anthropicForm) end(a answer, m metrics) []any {
	sequence := a.stopSequence
	if len(sequence) == 0 {
		sequence = jsontext.Value("null")
	}
	last := object{
		"type": "message_delta", "delta": object{"stop_reason": a.stop, "stop_sequence": sequence},
		"usage": messagesUsage(a.counts),
	}
	if len(a.filler) > 0 {
		last["filler"] = a.filler
	}
	return []any{last, object{"type": "message_stop", "amazon-bedrock-invocationMetrics": m}}
}

// converseForm is ConverseStream's. A block of text has no start of its own there.
type converseForm struct{}

func (converseForm) begin(head) []any {
	return []any{named{"messageStart", object{"role": "assistant"}}}
}

func (converseForm) open(index int, b block) []any {
	if b.kind != toolBlock {
		return nil
	}
	return []any{named{"contentBlockStart", object{"contentBlockIndex": index, "start": object{"toolUse": object{"toolUseId": b.id, "name": b.name}}}}}
}

func (converseForm) piece(index int, b block, text string) []any {
	return []any{named{"contentBlockDelta", object{"contentBlockIndex": index, "delta": converseDelta(b, text)}}}
}

func converseDelta(b block, text string) object {
	switch b.kind {
	case reasoningBlock:
		return object{"reasoningContent": object{"text": text}}
	case toolBlock:
		return object{"toolUse": object{"input": text}}
	}
	return object{"text": text}
}

func (converseForm) close(index int, _ block) []any {
	return []any{named{"contentBlockStop", object{"contentBlockIndex": index}}}
}

func (converseForm) end(a answer, m metrics) []any {
	stop := object{"stopReason": a.stop}
	if len(a.additional) > 0 {
		stop["additionalModelResponseFields"] = a.additional
	}
	last := object{"usage": a.usage, "metrics": object{"latencyMs": m.Latency}}
	if len(a.tier) > 0 {
		last["serviceTier"] = a.tier
	}
	return []any{named{"messageStop", stop}, named{"metadata", last}}
}

// novaForm is the stream of Nova's InvokeModel body: Converse's events, each under its name.
type novaForm struct{}

func (novaForm) begin(h head) []any { return wrap(converseForm{}.begin(h)) }

func (novaForm) open(index int, b block) []any { return wrap(converseForm{}.open(index, b)) }

func (novaForm) piece(index int, b block, text string) []any {
	return wrap(converseForm{}.piece(index, b, text))
}

func (novaForm) close(index int, b block) []any { return wrap(converseForm{}.close(index, b)) }

func (novaForm) end(a answer, m metrics) []any {
	last := object{"metadata": object{"usage": a.usage, "metrics": object{}, "trace": object{}}, "amazon-bedrock-invocationMetrics": m}
	if a.model != "" { // who answered: Nova's own body has no member for it
		last["model"] = a.model
	}
	if len(a.filler) > 0 {
		last["filler"] = a.filler
	}
	return []any{object{"messageStop": object{"stopReason": a.stop}}, last}
}

func wrap(events []any) []any {
	for i, e := range events {
		if n, ok := e.(named); ok {
			events[i] = object{n.event: n.body}
		}
	}
	return events
}

// chatForm is the stream of chat completions.
type chatForm struct {
	h     head
	calls int
}

func (f *chatForm) chunk(delta object, finish any) object {
	return object{
		"id": f.h.id, "object": "chat.completion.chunk", "model": f.h.model,
		"choices": []any{object{"index": 0, "delta": delta, "finish_reason": finish}},
	}
}

func (f *chatForm) begin(h head) []any {
	f.h = h
	return []any{f.chunk(object{"role": "assistant", "content": ""}, nil)}
}

func (f *chatForm) open(_ int, b block) []any {
	if b.kind != toolBlock {
		return nil
	}
	f.calls++
	return []any{f.chunk(object{"tool_calls": []any{object{
		"index": f.calls - 1, "id": b.id, "type": "function", "function": object{"name": b.name, "arguments": ""},
	}}}, nil)}
}

func (f *chatForm) piece(_ int, b block, text string) []any {
	switch b.kind {
	case reasoningBlock:
		return []any{f.chunk(object{"reasoning_content": text}, nil)}
	case toolBlock:
		return []any{f.chunk(object{"tool_calls": []any{object{"index": f.calls - 1, "function": object{"arguments": text}}}}, nil)}
	}
	return []any{f.chunk(object{"content": text}, nil)}
}

func (f *chatForm) close(int, block) []any { return nil }

func (f *chatForm) end(a answer, m metrics) []any {
	last := f.chunk(object{}, a.stop)
	if len(a.usage) > 0 {
		last["usage"] = a.usage
	}
	if a.created != 0 {
		last["created"] = a.created
	}
	if len(a.filler) > 0 {
		last["filler"] = a.filler
	}
	last["amazon-bedrock-invocationMetrics"] = m
	return []any{last}
}

// textForm is the stream of the families whose answer is one text: Llama, Mistral's prompts, DeepSeek-R1, Titan.
type textForm struct {
	kind   family.Kind
	counts *Counts // nil: not known
	output int64   // of what was written
	said   bool    // the prompt's tokens were written
}

func (f *textForm) begin(h head) []any {
	f.counts = h.counts
	return nil
}

func (f *textForm) open(int, block) []any { return nil }

func (f *textForm) piece(_ int, b block, text string) []any {
	if b.kind != textBlock {
		return nil
	}
	f.output += family.Tokens(text)
	return []any{f.chunk(text, nil)}
}

func (f *textForm) close(int, block) []any { return nil }

func (f *textForm) chunk(text string, stop any) object {
	var input, output any
	if f.counts != nil {
		output = f.output
		if !f.said && f.counts.Input > 0 {
			f.said, input = true, f.counts.Input
		}
	}
	switch f.kind {
	case family.MistralText:
		return object{"outputs": []any{object{"text": text, "stop_reason": stop}}}
	case family.DeepSeek:
		return object{"choices": []any{object{"index": 0, "text": text, "stop_reason": stop}}}
	case family.Titan:
		var total any
		if stop != nil {
			total = output
		}
		return object{"outputText": text, "index": 0, "inputTextTokenCount": input, "totalOutputTextTokenCount": total, "completionReason": stop}
	}
	return object{"generation": text, "prompt_token_count": input, "generation_token_count": output, "stop_reason": stop}
}

func (f *textForm) end(a answer, m metrics) []any {
	f.counts = a.counts
	if a.counts != nil {
		f.output = a.counts.Output
	}
	last := f.chunk("", a.stop)
	if a.model != "" { // who answered: the family has no member for it
		last["model"] = a.model
	}
	if len(a.filler) > 0 {
		last["filler"] = a.filler
	}
	last["amazon-bedrock-invocationMetrics"] = m
	return []any{last}
}
