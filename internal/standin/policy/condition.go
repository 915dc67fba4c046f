package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator without its qualifiers:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type operator struct {
	compare func(policy, request string) bool
	not     bool
	texts   bool // variables are replaced in its values
}

// operators are all but Null, which compares nothing. AWS evaluates ArnEquals as ArnLike.
var operators = map[string]operator{
	"StringEquals":              {compare: equal, texts: true},
	"StringNotEquals":           {compare: equal, texts: true, not: true},
	"StringEqualsIgnoreCase":    {compare: strings.EqualFold, texts: true},
	"StringNotEqualsIgnoreCase": {compare: strings.EqualFold, texts: true, not: true},
	"StringLike":                {compare: Glob, texts: true},
	"StringNotLike":             {compare: Glob, texts: true, not: true},
	"ArnEquals":                 {compare: Glob, texts: true},
	"ArnLike":                   {compare: Glob, texts: true},
	"ArnNotEquals":              {compare: Glob, texts: true, not: true},
	"ArnNotLike":                {compare: Glob, texts: true, not: true},
	"NumericEquals":             {compare: number(func(order int) bool { return order == 0 })},
	"NumericNotEquals":          {compare: number(func(order int) bool { return order == 0 }), not: true},
	"NumericLessThan":           {compare: number(func(order int) bool { return order < 0 })},
	"NumericLessThanEquals":     {compare: number(func(order int) bool { return order <= 0 })},
	"NumericGreaterThan":        {compare: number(func(order int) bool { return order > 0 })},
	"NumericGreaterThanEquals":  {compare: number(func(order int) bool { return order >= 0 })},
	"DateEquals":                {compare: date(func(order int) bool { return order == 0 })},
	"DateNotEquals":             {compare: date(func(order int) bool { return order == 0 }), not: true},
	"DateLessThan":              {compare: date(func(order int) bool { return order < 0 })},
	"DateLessThanEquals":        {compare: date(func(order int) bool { return order <= 0 })},
	"DateGreaterThan":           {compare: date(func(order int) bool { return order > 0 })},
	"DateGreaterThanEquals":     {compare: date(func(order int) bool { return order >= 0 })},
	"Bool":                      {compare: boolean},
	"BinaryEquals":              {compare: equal},
	"IpAddress":                 {compare: address},
	"NotIpAddress":              {compare: address, not: true},
}

func equal(policy, request string) bool { return policy == request }

// number makes a comparison of the request's number with the policy's. What is no number never compares.
func number(holds func(order int) bool) func(policy, request string) bool {
	return func(policy, request string) bool {
		p, errP := strconv.ParseFloat(policy, 64)
		r, errR := strconv.ParseFloat(request, 64)
		if errP != nil || errR != nil || p != p || r != r {
			return false
		}
		switch {
		case r < p:
			return holds(-1)
		case r > p:
			return holds(1)
		}
		return holds(0)
	}
}

// date makes a comparison of the request's time with the policy's.
func date(holds func(order int) bool) func(policy, request string) bool {
	return func(policy, request string) bool {
		p, okP := parseDate(policy)
		r, okR := parseDate(request)
		return okP && okR && holds(r.Compare(p))
	}
}

// parseDate reads both forms that IAM takes: ISO 8601 and seconds of the epoch.
func parseDate(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		whole := int64(f)
		return time.Unix(whole, int64((f-float64(whole))*1e9)), true
	}
	return time.Time{}, false
}

func boolean(policy, request string) bool {
	p, errP := strconv.ParseBool(policy)
	r, errR := strconv.ParseBool(request)
	return errP == nil && errR == nil && p == r
}

// address reports whether the request's address is in the policy's range, or is its address.
func address(policy, request string) bool {
	r, err := netip.ParseAddr(request)
	if err != nil {
		return false
	}
	if one, err := netip.ParseAddr(policy); err == nil {
		return one.Unmap() == r.Unmap()
	}
	network, err := netip.ParsePrefix(policy)
	return err == nil && network.Masked().Contains(r.Unmap())
}

// values are those of one condition key: texts, numbers and booleans, one or a list.
type values []string

// UnmarshalJSON takes one value for a list of one.
func (v *values) UnmarshalJSON(data []byte) error {
	var raws []json.RawMessage
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(trimmed, &raws); err != nil {
			return err
		}
	} else {
		raws = []json.RawMessage{data}
	}
	*v = (*v)[:0]
	for _, raw := range raws {
		raw = bytes.TrimSpace(raw)
		var text string
		switch {
		case len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || string(raw) == "null":
			return fmt.Errorf("condition value %s is not a string, number or boolean", raw)
		case raw[0] != '"':
			text = string(raw) // as it is written: 5.50 stays 5.50
		default:
			if err := json.Unmarshal(raw, &text); err != nil {
				return err
			}
		}
		*v = append(*v, text)
	}
	return nil
}

// condition is one operator of a Condition block.
type condition struct {
	operator
	null, all, any, ifExists bool
	keys                     map[string]values
}

// conditions reads a Condition block. An absent one is empty.
func conditions(raw json.RawMessage) ([]condition, error) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, nil
	}
	var block map[string]map[string]values
	if err := json.Unmarshal(raw, &block); err != nil {
		return nil, err
	}
	var out []condition
	for name, keys := range block {
		c := condition{keys: keys}
		base := name
		if base, c.all = strings.CutPrefix(name, "ForAllValues:"); !c.all {
			base, c.any = strings.CutPrefix(name, "ForAnyValue:")
		}
		if c.null = base == "Null"; !c.null {
			base, c.ifExists = strings.CutSuffix(base, "IfExists")
			known := false
			if c.operator, known = operators[base]; !known {
				return nil, fmt.Errorf("condition operator %q is not known", name)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// holds evaluates a Condition block. ok is false where it cannot be evaluated.
func holds(raw json.RawMessage, version string, context map[string][]string) (matched, ok bool) {
	all, err := conditions(raw)
	if err != nil {
		return false, false
	}
	for _, c := range all {
		for key, want := range c.keys {
			have, present := lookup(context, key)
			if !c.holds(want, have, present, version, context) {
				return false, true
			}
		}
	}
	return true, true
}

func (c condition) holds(want values, have []string, present bool, version string, context map[string][]string) bool {
	switch {
	case c.null:
		for _, w := range want {
			if absent, err := strconv.ParseBool(strings.ToLower(w)); err == nil && absent != present {
				return true
			}
		}
		return false
	case !present:
		return c.all || c.not || c.ifExists
	}
	oneOf := func(value string) bool {
		for _, w := range want {
			if version == Version2012 && c.texts {
				w = substitute(w, context)
			}
			if c.compare(w, value) {
				return true
			}
		}
		return false
	}
	// A negated operator holds where no value is among the policy's; the qualifiers say whether all or any must hold.
	every := c.all || c.not && !c.any
	for _, value := range have {
		if good := oneOf(value) != c.not; good != every {
			return good
		}
	}
	return every
}
