package template

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"text/template"
)

// function is one of the language's own; and and or, which do not evaluate all arguments, are with the evaluation.
type function struct {
	least, most int // arguments; most -1: any number
	call        func(args []any) (any, error)
}

var functions = map[string]function{
	"index":    {1, -1, index},
	"slice":    {1, 4, slice},
	"len":      {1, 1, length},
	"not":      {1, 1, func(a []any) (any, error) { return !truth(a[0]), nil }},
	"print":    {0, -1, func(a []any) (any, error) { return fmt.Sprint(a...), nil }},
	"println":  {0, -1, func(a []any) (any, error) { return fmt.Sprintln(a...), nil }},
	"printf":   {1, -1, printf},
	"html":     {0, -1, func(a []any) (any, error) { return template.HTMLEscaper(a...), nil }},
	"js":       {0, -1, func(a []any) (any, error) { return template.JSEscaper(a...), nil }},
	"urlquery": {0, -1, func(a []any) (any, error) { return template.URLQueryEscaper(a...), nil }},
	"call":     {1, -1, func([]any) (any, error) { return nil, errors.New("no value here is a function") }},
	"eq":       {1, -1, eq},
	"ne":       {2, 2, func(a []any) (any, error) { equal, err := same(a[0], a[1]); return !equal, err }},
	"lt":       {2, 2, func(a []any) (any, error) { return ordered(a[0], a[1], func(c int) bool { return c < 0 }) }},
	"le":       {2, 2, func(a []any) (any, error) { return ordered(a[0], a[1], func(c int) bool { return c <= 0 }) }},
	"gt":       {2, 2, func(a []any) (any, error) { return ordered(a[0], a[1], func(c int) bool { return c > 0 }) }},
	"ge":       {2, 2, func(a []any) (any, error) { return ordered(a[0], a[1], func(c int) bool { return c >= 0 }) }},
}

func printf(args []any) (any, error) {
	format, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("the format is no text but %T", args[0])
	}
	return fmt.Sprintf(format, args[1:]...), nil
}

// index gives x[1][2] for index x 1 2.
func index(args []any) (any, error) {
	item := args[0]
	if item == nil {
		return nil, ErrNil
	}
	for _, key := range args[1:] {
		r := reflect.ValueOf(item)
		switch r.Kind() {
		case reflect.Invalid:
			return nil, ErrNil
		case reflect.Slice, reflect.String:
			i, err := position("index", key, r.Len()-1)
			if err != nil {
				return nil, err
			}
			item = r.Index(i).Interface()
		case reflect.Map:
			name, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("the key of a map is a text, not %T", key)
			}
			item, _, _ = member(item, name)
		default:
			return nil, fmt.Errorf("can't index a value of type %T", item)
		}
	}
	return item, nil
}

// slice gives x[1:2] for slice x 1 2.
func slice(args []any) (any, error) {
	r := reflect.ValueOf(args[0])
	switch {
	case args[0] == nil:
		return nil, ErrNil
	case r.Kind() != reflect.String && r.Kind() != reflect.Slice:
		return nil, fmt.Errorf("can't slice a value of type %T", args[0])
	case r.Kind() == reflect.String && len(args) == 4:
		return nil, errors.New("a text has no capacity")
	}
	bounds := []int{0, r.Len(), r.Len()}
	for i, a := range args[1:] {
		at, err := position("slice", a, r.Len())
		if err != nil {
			return nil, err
		}
		bounds[i] = at
	}
	if bounds[0] > bounds[1] || bounds[1] > bounds[2] {
		return nil, fmt.Errorf("the bounds %v decrease", bounds[:max(2, len(args)-1)])
	}
	if r.Kind() == reflect.String {
		return r.Slice(bounds[0], bounds[1]).Interface(), nil
	}
	return r.Slice3(bounds[0], bounds[1], bounds[2]).Interface(), nil
}

func length(args []any) (any, error) {
	r := reflect.ValueOf(args[0])
	switch r.Kind() {
	case reflect.Invalid:
		return nil, ErrNil
	case reflect.Map, reflect.Slice, reflect.String:
		return r.Len(), nil
	}
	return nil, fmt.Errorf("a value of type %T has no length", args[0])
}

func position(function string, value any, most int) (int, error) {
	r := reflect.ValueOf(value)
	var at int64
	switch {
	case r.CanInt():
		at = r.Int()
	case r.CanUint():
		at = int64(r.Uint()) // a byte of a text
	default:
		return 0, fmt.Errorf("can't use a value of type %T as an index", value)
	}
	if at < 0 || at > int64(most) {
		return 0, &OutOfRange{Function: function, Index: at}
	}
	return int(at), nil
}

// eq reports whether the first argument equals one of the others.
func eq(args []any) (any, error) {
	if len(args) < 2 {
		return false, errors.New("missing argument for comparison")
	}
	for _, other := range args[1:] {
		if equal, err := same(args[0], other); equal || err != nil {
			return equal, err
		}
	}
	return false, nil
}

func same(a, b any) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	if x, y := reflect.ValueOf(a), reflect.ValueOf(b); x.Type() == y.Type() && x.Comparable() {
		return a == b, nil
	}
	c, err := compare(a, b)
	return c == 0, err
}

func ordered(a, b any, holds func(int) bool) (any, error) {
	c, err := compare(a, b)
	return err == nil && holds(c), err
}

// compare orders texts, and numbers of one kind: a number of an item is a text, as its source wrote it.
func compare(a, b any) (int, error) {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case a == nil || b == nil:
		return 0, ErrNil
	case x.Kind() == reflect.String && y.Kind() == reflect.String:
		return cmp.Compare(x.String(), y.String()), nil
	case x.CanFloat() && y.CanFloat():
		return cmp.Compare(x.Float(), y.Float()), nil
	case (x.CanInt() || x.CanUint()) && (y.CanInt() || y.CanUint()):
		return cmp.Compare(whole(x), whole(y)), nil
	}
	return 0, fmt.Errorf("can't compare values of the types %T and %T", a, b)
}

// whole is an integer of a template: an int, or a byte of a text.
func whole(r reflect.Value) int64 {
	if r.CanInt() {
		return r.Int()
	}
	return int64(r.Uint())
}
