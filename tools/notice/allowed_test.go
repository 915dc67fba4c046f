package main

import (
	"strings"
	"testing"
)

func under(kinds ...string) *module { return &module{licences: []licence{{kinds: kinds}}} }

func TestOnlyPermissiveLicencesAreLinkedUnasked(t *testing.T) {
	t.Parallel()
	const listed = "github.com/go-sql-driver/mysql"
	for name, tt := range map[string]struct {
		modules map[string]*module
		want    string
	}{
		"as it is":                      {map[string]*module{"example.org/a": under("MIT"), listed: under("MPL-2.0")}, ""},
		"one more with copyleft":        {map[string]*module{"example.org/a": under("MPL-2.0"), listed: under("MPL-2.0")}, "example.org/a is linked under MPL-2.0"},
		"copyleft next to another":      {map[string]*module{"example.org/a": under("MIT", "MPL-2.0"), listed: under("MPL-2.0")}, "example.org/a is linked under MPL-2.0"},
		"a reason that nothing needs":   {map[string]*module{"example.org/a": under("MIT")}, listed + " needs no reason"},
		"a reason for a permissive one": {map[string]*module{listed: under("MIT")}, listed + " needs no reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := permitted(tt.modules)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("have %v, want %q", err, tt.want)
			}
		})
	}
}
