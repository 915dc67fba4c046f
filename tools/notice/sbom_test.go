package main

import (
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
)

func TestBillNamesWhatAProgramIsMadeOf(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: "quarry", Version: "v0.1.0"},
		Deps: []*debug.Module{{Path: "example.org/b", Version: "v2.0.0"}, {Path: "example.org/a", Version: "v1.0.0"}},
	}
	modules := map[string]*module{"example.org/a": under("MIT"), "example.org/b": under("public domain", "ISC"), "example.org/other": under("MIT")}
	doc, err := bill(info, modules)
	if err != nil {
		t.Fatal(err)
	}
	want := []component{
		{"library", "pkg:golang/example.org/a@v1.0.0", "example.org/a", "v1.0.0", "pkg:golang/example.org/a@v1.0.0", []licenceChoice{{spdx{ID: "MIT"}}}},
		{
			"library", "pkg:golang/example.org/b@v2.0.0", "example.org/b", "v2.0.0", "pkg:golang/example.org/b@v2.0.0",
			[]licenceChoice{{spdx{ID: "ISC"}}, {spdx{Name: "public domain"}}},
		},
		{"library", "pkg:golang/stdlib@1.26.8", "stdlib", "1.26.8", "pkg:golang/stdlib@1.26.8", []licenceChoice{{spdx{ID: "BSD-3-Clause"}}}},
	}
	if !reflect.DeepEqual(doc.Components, want) {
		t.Errorf("components are\n%+v, want\n%+v", doc.Components, want)
	}
	if c := doc.Metadata.Component; c.Type != "application" || c.Ref != "pkg:golang/quarry@v0.1.0" {
		t.Errorf("the program is written as %+v", c)
	}
	delete(modules, "example.org/b")
	if _, err := bill(info, modules); err == nil || !strings.Contains(err.Error(), "example.org/b is linked") {
		t.Errorf("a module without a licence: %v", err)
	}
}
