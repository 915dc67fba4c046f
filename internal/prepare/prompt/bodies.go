package prompt

import (
	"strconv"

	"quarry"
)

// settings are what a body is made of, after defaults and refusals.
type settings struct {
	system, user  []part // system is nil where none is sent
	maxTokens     int    // 0: not sent
	temperature   *float64
	topP          *float64
	stopSequences []string
	thinking      string // the type; empty: not sent
}

// body lays out the request body of a family; structured is the member that holds the schema, or empty.
func body(t quarry.InvocationType, f family, s settings, structured member) []piece {
	switch {
	case t == quarry.Converse:
		return converseBody(s, structured)
	case f == anthropic:
		return anthropicBody(s, structured)
	case f == nova:
		return novaBody(s)
	case f == llama3:
		return llamaBody(s, llama3Marks)
	case f == llama4:
		return llamaBody(s, llama4Marks)
	}
	return chatBody(s, structured)
}

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
func anthropicBody(s settings, structured member) []piece {
	m := append(commonMembers(s, "max_tokens", "stop_sequences"),
		member{"anthropic_version", quoted("bedrock-2023-05-31")},
		member{"messages", array(chatTurn("user", s.user))},
		structured)
	if s.system != nil {
		m = append(m, member{"system", str(s.system...)})
	}
	return objectOf(append(m, thinkingMember(s.thinking))...)
}

// chatBody is the shape of the open-weight models
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html).
func chatBody(s settings, structured member) []piece {
	turns := [][]piece{chatTurn("user", s.user)}
	if s.system != nil {
		turns = [][]piece{chatTurn("system", s.system), turns[0]}
	}
	return objectOf(append(commonMembers(s, "max_tokens", "stop"), member{"messages", array(turns...)}, structured)...)
}

func thinkingMember(kind string) member {
	if kind == "" {
		return member{}
	}
	return member{"thinking", objectOf(member{"type", quoted(kind)})}
}

func chatTurn(role string, content []part) []piece {
	return objectOf(member{"role", quoted(role)}, member{"content", str(content...)})
}

// commonMembers are the settings as top-level members in snake case.
func commonMembers(s settings, maxTokens, stop string) []member {
	var m []member
	if s.maxTokens > 0 {
		m = append(m, member{maxTokens, raw(strconv.Itoa(s.maxTokens))})
	}
	if s.temperature != nil {
		m = append(m, member{"temperature", number(*s.temperature)})
	}
	if s.topP != nil {
		m = append(m, member{"top_p", number(*s.topP)})
	}
	if len(s.stopSequences) > 0 {
		m = append(m, member{stop, stringArray(s.stopSequences)})
	}
	return m
}

// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
func converseBody(s settings, structured member) []piece {
	m := append(converseMembers(s), structured)
	if s.thinking != "" {
		m = append(m, member{"additionalModelRequestFields", objectOf(thinkingMember(s.thinking))})
	}
	return objectOf(m...)
}

// novaBody is Converse's shape with a version
// (https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html).
func novaBody(s settings) []piece {
	return objectOf(append(converseMembers(s), member{"schemaVersion", quoted("messages-v1")})...)
}

func converseMembers(s settings) []member {
	m := []member{{"messages", array(objectOf(
		member{"role", quoted("user")},
		member{"content", array(objectOf(member{"text", str(s.user...)}))}))}}
	if s.system != nil {
		m = append(m, member{"system", array(objectOf(member{"text", str(s.system...)}))})
	}
	var c []member
	if s.maxTokens > 0 {
		c = append(c, member{"maxTokens", raw(strconv.Itoa(s.maxTokens))})
	}
	if s.temperature != nil {
		c = append(c, member{"temperature", number(*s.temperature)})
	}
	if s.topP != nil {
		c = append(c, member{"topP", number(*s.topP)})
	}
	if len(s.stopSequences) > 0 {
		c = append(c, member{"stopSequences", stringArray(s.stopSequences)})
	}
	if c != nil {
		m = append(m, member{"inferenceConfig", objectOf(c...)})
	}
	return m
}

// llamaMarks are the special tokens between the turns of a Llama prompt.
type llamaMarks struct{ open, close, end string }

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html and Meta's model cards
// (https://www.llama.com/docs/model-cards-and-prompt-formats/).
var (
	llama3Marks = llamaMarks{open: "<|start_header_id|>", close: "<|end_header_id|>\n\n", end: "<|eot_id|>"}
	llama4Marks = llamaMarks{open: "<|header_start|>", close: "<|header_end|>\n\n", end: "<|eot|>"}
)

const llamaBegin = "<|begin_of_text|>"

func (m llamaMarks) turn(role string) string { return m.open + role + m.close }

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html: no stop sequences.
func llamaBody(s settings, m llamaMarks) []piece {
	mark := func(s string) part { return part{literal: escape(nil, s)} }
	var prompt []part
	if s.system != nil {
		prompt = append(prompt, mark(llamaBegin+m.turn("system")))
		prompt = append(prompt, s.system...)
		prompt = append(prompt, mark(m.end+m.turn("user")))
	} else {
		prompt = append(prompt, mark(llamaBegin+m.turn("user")))
	}
	prompt = append(prompt, s.user...)
	prompt = append(prompt, mark(m.end+m.turn("assistant")))
	s.stopSequences = nil
	return objectOf(append(commonMembers(s, "max_gen_len", ""), member{"prompt", str(prompt...)})...)
}

func stringArray(values []string) []piece {
	var elements [][]piece
	for _, v := range values {
		elements = append(elements, quoted(v))
	}
	return array(elements...)
}
