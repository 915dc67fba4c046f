package rules

import (
	"fmt"
	"strings"

	"quarry/internal/base/catalog"
)

// sampling are the values that steer how tokens are drawn, nil where they are not set.
type sampling struct{ temperature, topP, topK []byte }

// sampling checks them against each other and against the model. top_k, `temperature` and `top_p` are as the body spells
// them.
func (w *walk) sampling(s sampling, topKName, temperatureName, topPName string) {
	if !w.facts.known || s.temperature == nil && s.topP == nil && s.topK == nil {
		return
	}
	m := w.facts.model
	// The default may be sent: "any other temperature or top_p value returns a 400 error"
	// (https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide#remove-sampling-parameters).
	refused := w.refuseSampling(catalog.Temperature, s.temperature, temperatureName, 1)
	refused = w.refuseSampling(catalog.TopP, s.topP, topPName, 0.99) || refused
	w.refuseSampling(catalog.TopK, s.topK, topKName, -1)
	if !refused && s.temperature != nil && s.topP != nil && m.Excludes(catalog.Temperature, catalog.TopP) {
		// https://github.com/BerriAI/litellm/issues/15070 has the message.
		w.at(strings.Trim(topPName, "`"), func() {
			w.say(s.topP, temperatureName+" and "+topPName+" cannot both be specified for this model. Please use only one.",
				"remove "+strings.Trim(temperatureName, "`")+" or "+strings.Trim(topPName, "`"))
		})
	}
}

// refuseSampling reports a value that the model does not take, unless it is the model's default.
func (w *walk) refuseSampling(field catalog.Field, value []byte, name string, taken float64) bool {
	if value == nil || w.facts.model.Takes(field) != catalog.No {
		return false
	}
	if f, isNumber := float(value); isNumber && f == taken {
		return false
	}
	plain := strings.Trim(name, "`")
	w.at(plain, func() {
		w.say(value, name+" is deprecated for this model.", "remove "+plain+": "+w.facts.model.Name+" takes none")
	})
	return true
}

// overLimit reports a limit of answer tokens above the model's.
func (w *walk) overLimit(value []byte) {
	name := w.facts.model.ID
	if w.facts.dialect == pydantic {
		name = baseName(name)
		w.say(value, fmt.Sprintf("%s: %s > %d, which is the maximum allowed number of output tokens for %s", w.pathWith("."), shown(value),
			w.facts.limit, name),
			fmt.Sprintf("set it to %d or less", w.facts.limit))
		return
	}
	// https://github.com/aws-samples/bedrock-access-gateway/issues/56 has the message.
	w.say(value, fmt.Sprintf("The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens value that is lower than %d.", w.facts.limit, w.facts.limit),
		fmt.Sprintf("set it to %d or less", w.facts.limit))
}

// baseName is a model's name in the messages of the Messages API, which does not know Bedrock's ids.
func baseName(id string) string {
	_, name, _ := strings.Cut(id, ".")
	name, _, _ = strings.Cut(name, "-v1")
	return name
}

const thinkingGuide = " Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"

// thinking checks the member thinking of f against the rest of f and the model. limit names the member with the limit of
// answer tokens.
func (w *walk) thinking(f fields, limit, effort string, interleaved bool) {
	value := f.get("thinking")
	if value == nil || value[0] != '{' {
		return
	}
	tag, _ := lookup(w, value, "type")
	kind := said(tag)
	w.push("thinking")
	defer w.pop()
	if w.facts.known && w.thinkingRefused(value, kind, effort) {
		return
	}
	if kind == "enabled" {
		budget, ok := lookup(w, value, "budget_tokens")
		most := f.get(limit)
		if ok && most != nil && !interleaved {
			b, isBudget := wholeNumber(budget)
			n, isLimit := wholeNumber(most)
			if isBudget && isLimit && b >= n {
				w.say(budget, "`max_tokens` must be greater than `thinking.budget_tokens`."+thinkingGuide+"#max-tokens-and-context-window-size",
					"raise max_tokens above the budget, or lower the budget")
			}
		}
	}
	if kind != "enabled" && kind != "adaptive" || w.facts.known && w.facts.model.Takes(catalog.Temperature) == catalog.No {
		return
	}
	if t, ok := float(f.get("temperature")); ok && t != 1 {
		w.say(f.get("temperature"),
			"`temperature` may only be set to 1 when thinking is enabled."+thinkingGuide+"#important-considerations-when-using-extended-thinking",
			"remove temperature, or thinking")
	}
	if p, ok := float(f.get("top_p")); ok && p < 0.95 {
		w.say(f.get("top_p"), "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."+thinkingGuide+"#important-considerations-when-using-extended-thinking", "remove top_p, or thinking")
	}
	if k := f.get("top_k"); k != nil {
		w.say(k, "`top_k` must be unset when thinking is enabled."+thinkingGuide+"#important-considerations-when-using-extended-thinking",
			"remove top_k, or thinking")
	}
}

// thinkingRefused reports a kind of thinking that the model does not have.
func (w *walk) thinkingRefused(value []byte, kind, effort string) bool {
	t := w.facts.model.Thinking()
	switch {
	case t.Takes(kind) != catalog.No:
	case kind == "disabled" && t.Off != "":
		w.say(value,
			fmt.Sprintf("%q is not supported for this model. Use %q to turn thinking off.", "thinking.type.disabled", "thinking.type."+t.Off),
			"set thinking to {\"type\": \""+t.Off+"\"}")
		return true
	case kind == "adaptive" || kind == "between_tools":
		w.say(value, kind+" thinking is not supported on this model", "remove thinking, or set its type to enabled with budget_tokens")
		return true
	default:
		w.say(value, fmt.Sprintf("%q is not supported for this model. Use %q and %q to control thinking behavior.", "thinking.type."+kind,
			"thinking.type.adaptive", "output_config.effort"),
			`set thinking to {"type": "adaptive"} and output_config.effort, or remove thinking`)
		return true
	}
	if kind == t.Off && t.On && (effort == "xhigh" || effort == "max") {
		// https://platform.claude.com/docs/en/build-with-claude/prompt-engineering/prompting-claude-haiku-5-5#use-effort-to-control-thinking
		w.say(value, fmt.Sprintf("thinking.type.%s is not supported with effort %s", kind, effort),
			"set output_config.effort to high or lower, or thinking to adaptive")
		return true
	}
	return false
}

// structured reports an answer schema that the model does not take.
func (w *walk) structured(value []byte) {
	if w.facts.known && w.facts.model.Takes(catalog.StructuredOutput) == catalog.No {
		// https://github.com/vectorize-io/hindsight/issues/3300 has the message.
		w.say(value, w.pathWith(".")+": Extra inputs are not permitted",
			"remove it: "+w.facts.model.Name+" has no structured output on Bedrock; put the schema into the prompt")
	}
}
