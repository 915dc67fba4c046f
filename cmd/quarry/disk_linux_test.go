package main

import (
	"os"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// canMount tells whether this process may mount a small file system.
func canMount() bool {
	dir, err := os.MkdirTemp("", "quarry-mount-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(dir) }()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		return false
	}
	return syscall.Unmount(dir, 0) == nil
}

// smallDisk mounts a file system of a size, or gives it another size: smalldisk DIR SIZE.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR SIZE")
	}
	dir := ts.MkAbs(args[0])
	mounts, err := os.ReadFile("/proc/self/mounts")
	ts.Check(err)
	var flags uintptr
	if strings.Contains(string(mounts), " "+dir+" tmpfs ") {
		flags = syscall.MS_REMOUNT
	} else {
		ts.Check(os.MkdirAll(dir, 0o700))
		ts.Defer(func() { ts.Check(syscall.Unmount(dir, 0)) })
	}
	ts.Check(syscall.Mount("none", dir, "tmpfs", flags, "size="+args[1]))
}
