package dir

import (
	"bytes"
	"path"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
)

// This file tells texts that were not published, and which texts meet conditions: by their names, and by the fields at the top
// of their front matter. All else of front matter is the cleaner's.

// maxFront is how long front matter is looked through.
const maxFront = 64 << 10

// fields gives the fields of front matter that are one word or text on one line, in YAML (---) or TOML (+++).
func fields(text []byte) map[string]string {
	var mark, between string
	switch {
	case bytes.HasPrefix(text, []byte("---")):
		mark, between = "---", ":"
	case bytes.HasPrefix(text, []byte("+++")):
		mark, between = "+++", "="
	default:
		return nil
	}
	found := map[string]string{}
	lines := strings.Split(string(text[:min(len(text), maxFront)]), "\n")
	if strings.TrimSpace(lines[0]) != mark {
		return nil
	}
	for _, line := range lines[1:] {
		line = strings.TrimRight(line, " \t\r")
		name, value, ok := strings.Cut(line, between)
		name = strings.TrimRight(name, " \t")
		switch {
		case line == mark || line == "...":
			return found
		case mark == "+++" && strings.HasPrefix(line, "["):
			return found // a table: what follows is inside of it
		case !ok || name == "" || strings.ContainsAny(name[:1], " \t#-"):
			continue
		}
		if _, twice := found[strings.Trim(name, `"'`)]; !twice {
			found[strings.Trim(name, `"'`)] = scalar(value)
		}
	}
	return nil // it has no end, so it is text
}

// scalar gives a value without its quotes and without a comment.
func scalar(v string) string {
	v = strings.TrimSpace(v)
	if v != "" && (v[0] == '"' || v[0] == '\'') {
		if end := strings.IndexByte(v[1:], v[0]); end >= 0 {
			return v[1 : 1+end]
		}
		return v
	}
	if at := strings.Index(v, " #"); at >= 0 {
		v = strings.TrimSpace(v[:at])
	}
	if v == "" || strings.HasPrefix(v, "#") {
		return ""
	}
	return v
}

// unpublished gives the conditions by which a text is reached that was not published: front matter says so, as Hugo, Jekyll and
// Pelican have it; or its name does, which is draft_… in Medium's export, and below _drafts in Jekyll's folders. A text that front
// matter or its name calls a draft gets the field draft with the value true.
func unpublished(id, file string, front map[string]string) (conditions []item.Condition) {
	base := path.Base(file)
	byName := strings.HasPrefix(base, "draft_") && strings.HasSuffix(base, ".html") ||
		slices.Contains(strings.Split(path.Dir(id), "/"), "_drafts")
	if byName || is(front["draft"], "true", "yes", "on") {
		conditions = append(conditions, item.Condition{Field: item.Draft, Value: "true"})
	}
	if is(front["published"], "false", "no", "off") {
		conditions = append(conditions, item.Condition{Field: "published", Value: front["published"]})
	}
	if is(front["status"], "draft", "private", "pending", "hidden") {
		conditions = append(conditions, item.Condition{Field: "status", Value: front["status"]})
	}
	return conditions
}

func is(value string, of ...string) bool { return slices.Contains(of, strings.ToLower(value)) }

// leftOut reports whether a text is left out: by a condition, or because it was not published.
func leftOut(cfg item.Config, id, file string, text []byte) bool {
	front := fields(text)
	states := unpublished(id, file, front)
	ways := make([]string, len(states))
	open := true
	for i, state := range states {
		ways[i] = state.Field + "=" + state.Value
		open = open && cfg.Asks(state.Field)
	}
	if !open {
		cfg.Notes.Count(note.Unpublished, note.Reached(item.Draft, ways...))
		return true
	}
	draft := slices.ContainsFunc(states, func(c item.Condition) bool { return c.Field == item.Draft })
	meets := cfg.Meets(func(field string) (string, bool) {
		if field == item.Draft {
			return strconv.FormatBool(draft), true
		}
		v, ok := front[field]
		return v, ok
	})
	if !meets && cfg.Filtered != nil {
		cfg.Filtered()
	}
	return !meets
}
