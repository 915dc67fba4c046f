//go:build !linux

package testdata

// InMemory does nothing where a system has no place for files in memory.
func InMemory() {}
