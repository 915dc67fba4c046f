package template

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template/parse"
)

// pipe evaluates a pipeline, in which each command's value is the last argument of the next one, and declares its variables.
func (s *state) pipe(dot any, p *parse.PipeNode) (value any, err error) {
	for i, cmd := range p.Cmds {
		var last []any
		if i > 0 {
			last = []any{value}
		}
		if value, err = s.command(dot, cmd, last); err != nil {
			return nil, err
		}
	}
	for _, v := range p.Decl {
		if err := s.bind(p, v, value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func (s *state) command(dot any, cmd *parse.CommandNode, last []any) (any, error) {
	switch first := cmd.Args[0].(type) {
	case *parse.IdentifierNode:
		return s.function(dot, first.Ident, cmd, cmd.Args[1:], last)
	case *parse.NilNode:
		return nil, s.at(cmd, errors.New("nil is not a command"))
	}
	if len(cmd.Args) > 1 || len(last) > 0 {
		return nil, s.at(cmd, fmt.Errorf("can't give argument to non-function %s", cmd.Args[0]))
	}
	return s.operand(dot, cmd.Args[0])
}

func (s *state) operand(dot any, n parse.Node) (any, error) {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		number, err := constant(n)
		return number, s.at(n, err)
	case *parse.FieldNode:
		return s.members(n, dot, n.Ident)
	case *parse.VariableNode:
		v, err := s.variable(n)
		if err != nil {
			return nil, err
		}
		return s.members(n, v.value, n.Ident[1:])
	case *parse.ChainNode:
		value, err := s.operand(dot, n.Node)
		if err != nil {
			return nil, err
		}
		return s.members(n, value, n.Field)
	case *parse.PipeNode:
		return s.pipe(dot, n)
	case *parse.IdentifierNode:
		return s.function(dot, n.Ident, n, nil, nil)
	}
	return nil, s.at(n, fmt.Errorf("can't evaluate %s", n))
}

// function calls one; n is the whole command.
func (s *state) function(dot any, name string, n parse.Node, args []parse.Node, last []any) (any, error) {
	if name == "and" || name == "or" {
		return s.shortCircuit(dot, name, n, args, last)
	}
	values := make([]any, 0, len(args)+1)
	for _, a := range args {
		v, err := s.operand(dot, a)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	values = append(values, last...)
	f := functions[name]
	if len(values) < f.least || f.most >= 0 && len(values) > f.most {
		return nil, s.at(n, fmt.Errorf("wrong number of args for %s: got %d", name, len(values)))
	}
	value, err := f.call(values)
	if err != nil {
		return nil, s.at(n, fmt.Errorf("%s: %w", name, err))
	}
	return value, nil
}

// shortCircuit gives the first value that decides, or the last.
func (s *state) shortCircuit(dot any, name string, n parse.Node, args []parse.Node, last []any) (value any, err error) {
	if len(args)+len(last) == 0 {
		return nil, s.at(n, fmt.Errorf("wrong number of args for %s: got 0", name))
	}
	for _, a := range args {
		if value, err = s.operand(dot, a); err != nil || truth(value) == (name == "or") {
			return value, err
		}
	}
	for _, v := range last {
		value = v
	}
	return value, nil
}

// members follows a chain of names from a value. A missing member is nil, and its members are nil.
func (s *state) members(n parse.Node, value any, names []string) (any, error) {
	for i, name := range names {
		next, there, ok := member(value, name)
		if !ok || there && next == nil && i < len(names)-1 {
			if ok {
				name = names[i+1]
			}
			return nil, s.at(n, &NotObject{Member: name})
		}
		value = next
	}
	return value, nil
}

// member looks a name up in a map or a struct. ok is false if the value has no members at all, or is a struct without this one.
func member(value any, name string) (v any, there, ok bool) {
	switch value := value.(type) {
	case nil:
		return nil, false, true
	case map[string]any:
		v, there = value[name]
		return v, there, true
	}
	r := reflect.Indirect(reflect.ValueOf(value))
	if r.Kind() != reflect.Struct {
		return nil, false, false
	}
	field := r.FieldByName(name)
	if !field.IsValid() || !field.CanInterface() {
		return nil, false, false
	}
	return field.Interface(), true, true
}

// itemsOf gives what a range goes over, with the index or key of each.
func itemsOf(value any, variables int) (iter.Seq2[any, any], error) {
	r := reflect.ValueOf(value)
	switch {
	case value == nil:
		return func(func(any, any) bool) {}, nil
	case r.Kind() == reflect.Slice:
		return func(yield func(any, any) bool) {
			for i := range r.Len() {
				if !yield(i, r.Index(i).Interface()) {
					return
				}
			}
		}, nil
	case r.CanInt() && variables < 2:
		return func(yield func(any, any) bool) {
			for i := range r.Int() {
				if !yield(nil, int(i)) {
					return
				}
			}
		}, nil
	}
	if m, ok := value.(map[string]any); ok {
		return func(yield func(any, any) bool) {
			for _, key := range slices.Sorted(maps.Keys(m)) {
				if !yield(key, m[key]) {
					return
				}
			}
		}, nil
	}
	return nil, fmt.Errorf("range can't iterate over %v", value)
}

// truth is false for nil, false, zero and what is empty.
func truth(value any) bool {
	r := reflect.ValueOf(value)
	switch r.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Map, reflect.Slice, reflect.String:
		return r.Len() > 0
	case reflect.Struct:
		return true
	}
	return !r.IsZero()
}

// constant is a number by Go's rules for a constant without a type.
func constant(n *parse.NumberNode) (any, error) {
	hex := strings.HasPrefix(strings.ToLower(n.Text), "0x") && !strings.ContainsAny(n.Text, "pP")
	switch {
	case n.IsComplex:
		return n.Complex128, nil
	case n.IsFloat && !hex && !strings.HasPrefix(n.Text, "'") && strings.ContainsAny(n.Text, ".eEpP"):
		return n.Float64, nil
	case n.IsInt:
		return int(n.Int64), nil
	}
	return nil, fmt.Errorf("%s overflows int", n.Text)
}
