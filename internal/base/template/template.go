// Package template executes the templates of text/template's language over plain values: texts, numbers, lists, maps and structs.
//
// It owns execution and the functions of the language; text/template/parse owns the syntax. A value is printed by the caller's function,
// which knows where the text goes. Unlike text/template it calls no method of a value: if methods can be looked up by name, the linker
// keeps every exported method of every type of the program, which is a quarter of the binary. What always holds: an execution changes
// neither the template nor the values; every fault is an *Error that names its place; a template that needs no method gives what
// text/template gives.
package template

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/template/parse"
)

// A Template is a parsed template with those that it defines. It may be executed by several goroutines at once.
type Template struct {
	Name  string
	Trees map[string]*parse.Tree // by name, including its own
}

// Parse parses a template. An error begins with "template: NAME:LINE:".
func Parse(name, source string) (*Template, error) {
	known := map[string]any{"and": true, "or": true}
	for function := range functions {
		known[function] = true
	}
	trees, err := parse.Parse(name, source, "", "", known)
	if err != nil {
		return nil, err
	}
	return &Template{Name: name, Trees: trees}, nil
}

// Error is a fault of an execution.
type Error struct {
	Name   string // of the template
	Line   int    // from 1
	Action string // what was evaluated, as it is written in the template
	Err    error  // ErrNil, *NotObject, *OutOfRange, an error of the caller's printing, or another that says what is wrong
}

func (e *Error) Error() string {
	return fmt.Sprintf("template: %s:%d: at {{%s}}: %v", e.Name, e.Line, e.Action, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// ErrNil is the error of a function that got nil where it needs a value.
var ErrNil = errors.New("no value")

// NotObject is the error of a member of a value that has no members.
type NotObject struct{ Member string }

func (e *NotObject) Error() string {
	return e.Member + " would be a member of a value that is no object"
}

// OutOfRange is the error of an index or slice beyond the end of its value.
type OutOfRange struct {
	Function string // index or slice
	Index    int64
}

func (e *OutOfRange) Error() string { return fmt.Sprintf("index %d is out of range", e.Index) }

// Execute writes the template for a value. print makes the text of a value that an action prints; nil is a value that is not there.
// After an error, a part of the text may have been written.
func (t *Template) Execute(w io.Writer, data any, print func(value any) (string, error)) error {
	s := &state{t: t, tree: t.Trees[t.Name], w: w, print: print, vars: []variable{{"$", data}}}
	return s.list(data, s.tree.Root)
}

// maxDepth is how deep templates may call one another.
const maxDepth = 1000

type variable struct {
	name  string
	value any
}

// state is an execution of one template; one that it calls has a state of its own.
type state struct {
	t     *Template
	tree  *parse.Tree
	w     io.Writer
	print func(any) (string, error)
	vars  []variable
	depth int
}

// A range loop catches these.
var errBreak, errContinue = errors.New("break"), errors.New("continue")

// at says where an error arose, if it does not say so yet.
func (s *state) at(n parse.Node, err error) error {
	if placed := (*Error)(nil); err == nil || errors.As(err, &placed) {
		return err
	}
	place, action := s.tree.ErrorContext(n) // NAME:LINE:COLUMN
	place = place[:strings.LastIndexByte(place, ':')]
	colon := strings.LastIndexByte(place, ':')
	line, _ := strconv.Atoi(place[colon+1:])
	return &Error{Name: place[:colon], Line: line, Action: action, Err: err}
}

func (s *state) list(dot any, l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := s.node(dot, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) node(dot any, n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode:
		_, err := s.w.Write(n.Text)
		return err
	case *parse.ActionNode:
		return s.action(dot, n)
	case *parse.IfNode:
		return s.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return s.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		defer s.scope()()
		return s.loop(dot, n)
	case *parse.TemplateNode:
		return s.call(dot, n)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	}
	return nil // a comment
}

func (s *state) action(dot any, n *parse.ActionNode) error {
	value, err := s.pipe(dot, n.Pipe)
	if err != nil || len(n.Pipe.Decl) > 0 {
		return err
	}
	text, err := s.print(value)
	if err != nil {
		return s.at(n.Pipe, err)
	}
	_, err = io.WriteString(s.w, text)
	return err
}

// branch executes if and with.
func (s *state) branch(dot any, b *parse.BranchNode, with bool) error {
	defer s.scope()()
	value, err := s.pipe(dot, b.Pipe)
	switch {
	case err != nil:
		return err
	case !truth(value):
		return s.list(dot, b.ElseList)
	case with:
		return s.list(value, b.List)
	}
	return s.list(dot, b.List)
}

func (s *state) loop(dot any, r *parse.RangeNode) error {
	value, err := s.pipe(dot, r.Pipe) // its variables hold all of it until they hold an item
	if err != nil {
		return err
	}
	items, err := itemsOf(value, len(r.Pipe.Decl))
	if err != nil {
		return s.at(r.Pipe, err)
	}
	empty := true
	for key, item := range items {
		empty = false
		end := s.scope()
		err := s.iteration(key, item, r)
		end()
		if errors.Is(err, errBreak) {
			break
		}
		if err != nil && !errors.Is(err, errContinue) {
			return err
		}
	}
	if empty {
		return s.list(dot, r.ElseList)
	}
	return nil
}

func (s *state) iteration(key, item any, r *parse.RangeNode) error {
	bound := []any{key, item}
	for i, v := range r.Pipe.Decl {
		if err := s.bind(r.Pipe, v, bound[i+2-len(r.Pipe.Decl)]); err != nil {
			return err
		}
	}
	return s.list(item, r.List)
}

func (s *state) call(dot any, n *parse.TemplateNode) error {
	tree := s.t.Trees[n.Name]
	if tree == nil {
		return s.at(n, fmt.Errorf("template %q not defined", n.Name))
	}
	if s.depth == maxDepth {
		return s.at(n, fmt.Errorf("templates call one another more than %d deep", maxDepth))
	}
	var argument any
	if n.Pipe != nil {
		var err error
		if argument, err = s.pipe(dot, n.Pipe); err != nil {
			return err
		}
	}
	called := &state{t: s.t, tree: tree, w: s.w, print: s.print, vars: []variable{{"$", argument}}, depth: s.depth + 1}
	return called.list(argument, tree.Root)
}

// scope gives the function that forgets the variables declared since.
func (s *state) scope() (end func()) {
	n := len(s.vars)
	return func() { s.vars = s.vars[:n] }
}

// bind declares a variable of a pipeline, or assigns to it.
func (s *state) bind(p *parse.PipeNode, v *parse.VariableNode, value any) error {
	if !p.IsAssign {
		s.vars = append(s.vars, variable{v.Ident[0], value})
		return nil
	}
	at, err := s.variable(v)
	if err == nil {
		at.value = value
	}
	return err
}

func (s *state) variable(v *parse.VariableNode) (*variable, error) {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == v.Ident[0] {
			return &s.vars[i], nil
		}
	}
	return nil, s.at(v, fmt.Errorf("undefined variable: %s", v.Ident[0]))
}
