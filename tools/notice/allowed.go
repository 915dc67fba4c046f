package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// permissive licences ask for their text and a copyright line at most, which NOTICE has.
var permissive = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ICU", "ISC", "MIT", "Unlicense", "public domain"}

// onPurpose has the modules under another licence, with the reason why each may be linked.
var onPurpose = map[string]string{
	"github.com/go-sql-driver/mysql": "MPL-2.0 asks for the source of its own files, which are linked unchanged; NOTICE says where they are",
}

// permitted names every module that may not be linked, and every reason that no module needs.
func permitted(modules map[string]*module) error {
	var faults []error
	unused := maps.Clone(onPurpose)
	for _, name := range sortedKeys(modules) {
		for _, kind := range modules[name].kinds() {
			if slices.Contains(permissive, kind) {
				continue
			}
			if onPurpose[name] == "" {
				faults = append(faults, fmt.Errorf("%s is linked under %s: replace it, or give the reason in onPurpose (tools/notice)", name, kind))
			}
			delete(unused, name)
		}
	}
	for _, name := range sortedKeys(unused) {
		faults = append(faults, fmt.Errorf("%s needs no reason: take it out of onPurpose (tools/notice)", name))
	}
	return errors.Join(faults...)
}
