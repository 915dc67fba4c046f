package setup

import (
	"encoding/json"
	"fmt"
	"strings"
)

// merge brings one statement of ours into a policy: in place of the one of the same Sid, or at the end. It says what it
// did; nothing when the policy says it already, under whatever Sid.
func (w *written) merge(ours object, where string) ([]string, error) {
	want, err := factsOf(ours)
	if err != nil {
		return nil, err
	}
	text, err := compact(ours)
	if err != nil {
		return nil, err
	}
	mine := sid(text)
	for i, statement := range w.statements {
		have, err := factsOf(statement)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", where, err)
		}
		if have.equal(want) {
			return nil, nil
		}
		if sid(statement) == mine {
			w.statements[i] = text
			return []string{fmt.Sprintf("restore statement %s of %s: %s", mine, where, difference(have, want))}, nil
		}
	}
	w.statements = append(w.statements, text)
	return []string{fmt.Sprintf("add statement %s to %s: %s", mine, where, want.summary())}, nil
}

// keep drops the statements of a policy of ours that are not wanted and says which. Those that let another model be
// called stay: a role may serve more than one.
func (w *written) keep(wanted []object, where string) ([]string, error) {
	names := map[string]bool{}
	for _, o := range wanted {
		text, err := compact(o)
		if err != nil {
			return nil, err
		}
		names[sid(text)] = true
	}
	var lines []string
	var kept []json.RawMessage
	seen := map[string]bool{}
	for i, statement := range w.statements {
		have, err := factsOf(statement)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", where, err)
		}
		name := sid(statement)
		if (names[name] || isModel(name, have)) && !seen[name] {
			seen[name] = true
			kept = append(kept, statement)
			continue
		}
		lines = append(lines, fmt.Sprintf("drop statement %s of %s: %s", named(statement, i), where, have.summary()))
	}
	w.statements = kept
	return lines, nil
}

// isModel reports whether a statement lets models be called that it names, and does nothing else.
func isModel(name string, f facts) bool {
	if !strings.HasPrefix(name, "Model") || len(f) != 3 || len(f["Resource"]) == 0 {
		return false
	}
	if e, a := f["Effect"], f["Action"]; len(e) != 1 || e[0] != "Allow" || len(a) != 1 || a[0] != "bedrock:InvokeModel" {
		return false
	}
	for _, arn := range f["Resource"] {
		kind, id, _ := strings.Cut(arn[strings.LastIndexByte(arn[:strings.IndexByte(arn+"/", '/')], ':')+1:], "/")
		if !strings.HasPrefix(arn, "arn:") || !strings.HasSuffix(kind, "foundation-model") && !strings.HasSuffix(kind, "inference-profile") ||
			id == "" || strings.ContainsAny(id, "*?") {
			return false
		}
	}
	return true
}
