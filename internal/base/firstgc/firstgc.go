// Package firstgc puts off the first garbage collection of the process until its command begins.
//
// The initialisation of all packages makes some MiB that live as long as the process; to collect them twice meanwhile
// frees nothing, and costs every command a part of its start. Packages are initialised in the order of their import
// paths, each as soon as what it imports is (https://go.dev/ref/spec#Program_initialization), and package net, which the
// large ones import, waits for packages of the name "vendor/…": so this one, which imports next to nothing, comes before
// them. There is nothing to call: package main imports it for its effect. How the collector works from then on, the
// command decides.
package firstgc

import "runtime/debug"

// usual is the runtime's own setting. Another one comes from the environment variable GOGC, and stays.
const usual = 100

var _ = func() (was int) {
	if was = debug.SetGCPercent(4 * usual); was != usual {
		debug.SetGCPercent(was)
	}
	return was
}()
