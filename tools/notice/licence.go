package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// module is what is known of one linked module.
type module struct {
	name, dir string
	packages  map[string][]string // directory → Go files
	licences  []licence
	notices   []string
	copyright []string
	inner     []string // modules of the same repository, of which nothing else is to be said
}

// licence is one licence file.
type licence struct {
	kinds []string
	text  string
}

func (m *module) kinds() []string {
	var all []string
	for _, l := range m.licences {
		all = append(all, l.kinds...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Files that name a licence and say nothing of the program.
var skipped = map[string]string{
	"modernc.org/memory LICENSE-LOGO":         "of a picture",
	"modernc.org/sqlite LICENSE-3RD-PARTY.md": "repeats the licences of all modules it knows, linked or not; those that are linked are here by themselves",
}

var (
	licenceName = regexp.MustCompile(`(?i)^(un)?licen[cs]e([-._].*)?$|^copying([-._].*)?$|.*-licen[cs]e\.(txt|html|md)$`)
	noticeName  = regexp.MustCompile(`(?i)^notice(\.(txt|md))?$`)
)

// read finds the licence files of the linked packages: in their directories, and in those above them up to the module's.
func (m *module) read() error {
	seen := map[string]bool{}
	for _, dir := range sortedKeys(m.packages) {
		for ; ; dir = filepath.Dir(dir) {
			if seen[dir] {
				break
			}
			seen[dir] = true
			if err := m.readDir(dir); err != nil {
				return err
			}
			if dir == m.dir || len(dir) <= len(m.dir) {
				break
			}
		}
	}
	if len(m.licences) == 0 {
		return errors.New("no licence file")
	}
	slices.SortFunc(m.licences, func(a, b licence) int { return strings.Compare(a.text, b.text) })
	if len(m.copyright) == 0 {
		if err := m.readHeaders(); err != nil {
			return err
		}
	}
	m.copyright = byHolder(m.copyright)
	return nil
}

func (m *module) readDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		notice := noticeName.MatchString(e.Name())
		if e.IsDir() || strings.HasSuffix(e.Name(), ".go") || !notice && !licenceName.MatchString(e.Name()) || skipped[m.name+" "+e.Name()] != "" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		text := strings.Trim(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n \f")
		m.copyright = append(m.copyright, copyrightLines(text)...)
		if notice {
			m.notices = append(m.notices, text)
			continue
		}
		kinds := kindsOf(text)
		if len(kinds) == 0 {
			return fmt.Errorf("%s: a licence of no known kind; look at it before it is linked", filepath.Join(strings.TrimPrefix(dir, m.dir), e.Name()))
		}
		m.licences = append(m.licences, licence{kinds, text})
	}
	return nil
}

// readHeaders takes the copyright lines at the top of the linked files, where no licence file has one.
func (m *module) readHeaders() error {
	for _, dir := range sortedKeys(m.packages) {
		for _, file := range m.packages[dir] {
			b, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				return err
			}
			top, _, _ := strings.Cut(string(b), "\npackage ")
			m.copyright = append(m.copyright, copyrightLines(top)...)
		}
	}
	return nil
}

// A licence is recognized by a sentence that no other licence has. A person must review any other kind first, the GPL's among them.
var known = []struct{ kind, says string }{
	{"Apache-2.0", "licensed under the apache license version 2 0"},
	{"Apache-2.0", "apache license version 2 0 january 2004"},
	{"MPL-2.0", "mozilla public license version 2 0"},
	{"MIT", "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation"},
	{"ISC", "permission to use copy modify and or distribute this software for any purpose with or without fee is hereby granted"},
	{"BSD-3-Clause", "redistribution and use in source and binary forms"},
	{"BSD-2-Clause", "redistribution and use in source and binary forms"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"CC0-1.0", "cc0 1 0 universal"},
	{"public domain", "the author disclaims copyright to this source code"},
	{"public domain", "has been dedicated to the public domain by the authors"},
	{"ICU", "icu license icu 1 8 1 and later"},
}

func kindsOf(text string) []string {
	flat := words(text)
	endorses := strings.Contains(flat, "be used to endorse")
	var kinds []string
	for _, k := range known {
		switch {
		case !strings.Contains(flat, k.says),
			k.kind == "BSD-3-Clause" && !endorses, k.kind == "BSD-2-Clause" && endorses:
			continue
		}
		kinds = append(kinds, k.kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// words gives a text's letters and digits alone, so that two settings of one licence are equal.
func words(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

var (
	copyrightLine = regexp.MustCompile(`^(?i:(portions )?copyright\s*(\(c\)|©|:|\d{4}|the ))|^Copyright [A-Z].* All Rights Reserved`)
	comment       = regexp.MustCompile(`^[\s/*#>-]+|[\s*]+$`)
	years         = regexp.MustCompile(`\b(?:19|20)\d\d\b`)
	yearsHead     = regexp.MustCompile(`(?i)^copyright\s*(\(c\)|©)?\s*((?:19|20)\d\d[\d\s,–-]*(?:present)?)[,.]?\s*`)
)

func copyrightLines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line = comment.ReplaceAllString(line, "")
		// The appendix of the Apache License shows how such a line looks.
		if copyrightLine.MatchString(line) && !strings.Contains(line, "[yyyy]") && !strings.Contains(line, "{yyyy}") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return out
}

// byHolder makes one line of those that differ in their years alone: the files of a module are of many years.
func byHolder(lines []string) []string {
	type span struct{ first, last, line string }
	var order []string
	spans := map[string]*span{}
	for _, line := range lines {
		key := words(yearsHead.ReplaceAllString(line, ""))
		s := spans[key]
		if s == nil {
			s = &span{line: line}
			spans[key] = s
			order = append(order, key)
		}
		for _, y := range years.FindAllString(yearsHead.FindString(line), -1) {
			if s.first == "" || y < s.first {
				s.first = y
			}
			s.last = max(s.last, y)
		}
	}
	counts := map[string]int{}
	for _, line := range lines {
		counts[words(yearsHead.ReplaceAllString(line, ""))]++
	}
	var out []string
	for _, key := range order {
		s := spans[key]
		if counts[key] > 1 && s.first != "" {
			when := s.first
			if s.last != s.first {
				when += "-" + s.last
			}
			s.line = "Copyright " + when + " " + yearsHead.ReplaceAllString(s.line, "")
		}
		out = append(out, s.line)
	}
	slices.Sort(out)
	return out
}

// licenceText is a text that one module or several come under.
type licenceText struct {
	kinds, of []string
	body      string
}

// distinct gives every licence text once, without the lines that say whose the module is.
func distinct(modules map[string]*module) []*licenceText {
	texts := map[string]*licenceText{}
	for _, name := range sortedKeys(modules) {
		for _, l := range modules[name].licences {
			if slices.Equal(l.kinds, []string{"Apache-2.0"}) {
				continue
			}
			body := withoutHead(l)
			key := words(body)
			t := texts[key]
			if t == nil {
				t = &licenceText{kinds: l.kinds, body: body}
				texts[key] = t
			}
			if !slices.Contains(t.of, name) {
				t.of = append(t.of, name)
			}
		}
	}
	out := make([]*licenceText, 0, len(texts))
	for _, key := range sortedKeys(texts) {
		out = append(out, texts[key])
	}
	slices.SortStableFunc(out, func(a, b *licenceText) int {
		return strings.Compare(strings.Join(a.kinds, " "), strings.Join(b.kinds, " "))
	})
	return out
}

// withoutHead leaves out title and copyright lines above the text, which are the modules' own.
func withoutHead(l licence) string {
	if len(l.kinds) > 1 {
		return l.text
	}
	for _, begins := range []string{"Permission is hereby granted", "Permission to use, copy", "Redistribution and use in source", "1. Definitions\n"} {
		if i := strings.Index(l.text, begins); i > 0 && strings.Count(l.text, begins) == 1 {
			return l.text[i:]
		}
	}
	return l.text
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
