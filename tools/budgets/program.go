package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The budgets of the program, its build and its tests. Times are those of two quiet cores.
const (
	linkedModules = 68
	programMB     = 54
	buildCPU      = 168 * time.Second
	testWall      = 150 * time.Second
	packageTest   = 60 * time.Second
)

func goCommand(root string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	return cmd
}

// linked builds the program for linux/amd64 as a release is built, and counts what is in it.
func linked(root string) (lines []line, err error) {
	dir, err := os.MkdirTemp("", "budgets-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "quarry")
	if err := goCommand(root, []string{"GOOS=linux", "GOARCH=amd64"}, "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/quarry").Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	return []line{
		{"linked modules", fmt.Sprint(len(info.Deps)), fmt.Sprintf("≤ %d", linkedModules)},
		{"stripped linux/amd64, MB", fmt.Sprintf("%.1f", float64(file.Size())/1e6), fmt.Sprintf("≤ %d", programMB)},
	}, nil
}

// coldBuild builds the program with empty caches, as on a machine that has only Go.
func coldBuild(root string) (lines []line, err error) {
	dir, err := os.MkdirTemp("", "budgets-")
	if err != nil {
		return nil, err
	}
	modules := filepath.Join(dir, "modules")
	env := []string{"GOCACHE=" + filepath.Join(dir, "cache"), "GOMODCACHE=" + modules, "GOFLAGS=-modcacherw"}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	download := goCommand(root, env, "mod", "download")
	if err := download.Run(); err != nil {
		return nil, fmt.Errorf("go mod download: %w", err)
	}
	archives, err := filepath.Glob(filepath.Join(modules, "cache", "download", "*", "*", "*", "@v", "*.zip"))
	if err != nil {
		return nil, err
	}
	cmd := goCommand(root, env, "build", "-o", filepath.Join(dir, "quarry"), "./cmd/quarry")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return []line{
		{"cold build, CPU seconds", fmt.Sprintf("%.0f", used.Seconds()), fmt.Sprintf("≤ %.0f", buildCPU.Seconds())},
		{"modules downloaded, at least", fmt.Sprint(len(archives)), ""},
	}, nil
}

var testLine = regexp.MustCompile(`(?m)^(?:ok|FAIL)\s+(\S+)\s+([0-9.]+)s`)

// runTests runs all tests without cached results. Packages of less than a tenth of their budget are not named.
func runTests(root string) ([]line, error) {
	cmd := goCommand(root, nil, "test", "-count=1", "-timeout", "25m", "./...")
	var out bytes.Buffer
	cmd.Stdout = &out
	began := time.Now()
	err := cmd.Run()
	lines := []line{{"go test ./..., seconds", fmt.Sprintf("%.0f", time.Since(began).Seconds()), fmt.Sprintf("≤ %.0f", testWall.Seconds())}}
	for _, found := range testLine.FindAllSubmatch(out.Bytes(), -1) {
		seconds, parseErr := strconv.ParseFloat(string(found[2]), 64)
		if parseErr != nil {
			return nil, parseErr
		}
		if seconds >= packageTest.Seconds()/10 {
			lines = append(lines, line{"  " + string(found[1]), fmt.Sprintf("%.0f", seconds), fmt.Sprintf("≤ %.0f", packageTest.Seconds())})
		}
	}
	if err != nil {
		lines = append(lines, line{"  tests that fail", err.Error(), ""})
	}
	return lines, nil
}
