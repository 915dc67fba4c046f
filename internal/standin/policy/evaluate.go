package policy

import (
	"regexp"
	"strings"
	"sync"
)

// Question is what a decision is about. A context key may hold several values; the names of keys have no case.
type Question struct {
	Action, Resource string
	Context          map[string][]string
}

// Decision is what a statement or a policy says.
type Decision int

// A statement that does not match says nothing.
const (
	NoMatch Decision = iota
	Allow
	Deny
)

// Decide says what one statement of a document of this version means for a question. A statement with a fault denies.
func (s Statement) Decide(version string, q Question) Decision {
	if !validVersion(version) || s.check() != nil {
		return Deny
	}
	if !s.coversAction(q.Action) || !s.coversResource(version, q) {
		return NoMatch
	}
	matched, ok := holds(s.Condition, version, q.Context)
	switch {
	case !ok:
		return Deny
	case !matched:
		return NoMatch
	case s.Effect == "Allow":
		return Allow
	}
	return Deny
}

func (s Statement) coversAction(action string) bool {
	matches := func(patterns Texts) bool {
		for _, p := range patterns {
			if Glob(strings.ToLower(p), strings.ToLower(action)) {
				return true
			}
		}
		return false
	}
	if len(s.Action) > 0 {
		return matches(s.Action)
	}
	return !matches(s.NotAction)
}

func (s Statement) coversResource(version string, q Question) bool {
	matches := func(patterns Texts) bool {
		for _, p := range patterns {
			if version == Version2012 {
				p = substitute(p, q.Context)
			}
			if Glob(p, q.Resource) {
				return true
			}
		}
		return false
	}
	if len(s.Resource) > 0 {
		return matches(s.Resource)
	}
	return !matches(s.NotResource)
}

// variable is compiled when a policy first has one: every start of the program would pay for it otherwise.
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z0-9_:.\-/]+)\}`) })

// substitute replaces ${key}. A key that is absent or has several values stays as it is, so that it matches nothing.
func substitute(s string, context map[string][]string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	return variable().ReplaceAllStringFunc(s, func(match string) string {
		values, ok := lookup(context, match[2:len(match)-1])
		if !ok || len(values) != 1 {
			return match
		}
		return values[0]
	})
}

func lookup(context map[string][]string, key string) ([]string, bool) {
	if v, ok := context[key]; ok {
		return v, true
	}
	for name, v := range context {
		if strings.EqualFold(name, key) {
			return v, true
		}
	}
	return nil, false
}

// Glob matches text with a pattern in which * is any run of bytes and ? any single one.
func Glob(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
