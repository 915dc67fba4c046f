package rules

import (
	"fmt"
	"regexp"
)

// toolID has the pattern of ids that the Messages API names where it refuses one
// (https://github.com/maximhq/bifrost/issues/5097).
var toolID = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

func callID(w *walk, value []byte) {
	if value[0] != '"' {
		text(w, value)
		return
	}
	if !toolID.Match(inside(value)) {
		w.fault(value, message{kind: whole, text: "String should match pattern '" + toolID.String() + "'"},
			"use letters, digits, _ and -, in the call and in its result")
	}
}

// uniqueTools reports two tools of one name, the provider's own among them
// (https://github.com/danny-avila/LibreChat/issues/13162).
func (w *walk) uniqueTools(tools []byte) {
	if tools == nil || tools[0] != '[' {
		return
	}
	var names []string
	n := 0
	for tool := range w.c.Elements(tools) {
		if tool[0] == '{' {
			raw, _ := lookup(w, tool, "name")
			name := said(raw)
			for _, other := range names {
				if name != "" && name == other {
					w.push("tools")
					w.pushIndex(n)
					w.say(tool, "tools: Tool names must be unique.", "rename or remove the second "+shown([]byte(name)))
					w.pop()
					w.pop()
					return
				}
			}
			names = append(names, name)
		}
		n++
	}
}

// maxCached is how many blocks may end a part of the prompt that is cached
// (https://github.com/agentjido/req_llm/issues/503 has the message).
const maxCached = 4

func (w *walk) tooManyCached(body []byte) {
	if w.cached > maxCached {
		w.say(body, fmt.Sprintf("A maximum of %d blocks with cache_control may be provided. Found %d.", maxCached, w.cached),
			fmt.Sprintf("keep cache_control on %d blocks or fewer: each one covers all that comes before it", maxCached))
	}
}
