package dir

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry/internal/base/jsonl"
)

// This file tells what Quarry itself wrote into a folder of texts: it would be read as documents by the next command.

// RunNames are what a run writes into its directory. quarry.yaml is not one of them: a file of that name is left as it is.
var RunNames = []string{
	"ledger.db", "ledger.db-wal", "ledger.db-shm", "results.jsonl", "failed.jsonl", "near-duplicates.jsonl", "report.json", "report.html",
	"quarry.log", "quotas.json", "files.json", "bucket.json", "stop", "lock", "review.jsonl", "overrides.jsonl", "question.json", "approvals.jsonl", "review.lock",
	"ui.db", "ui.db-wal", "ui.db-shm",
	"index", "journal", "notify", "publish", "raw", "shards", "local",
}

// standInNames are what the stand-in writes into its directory.
var standInNames = []string{"iam.db", "jobs", "s3", "local.log", "lock"}

// madeBy says what a folder is that Quarry made: a run directory, the data of the stand-in, a build. Empty: none of them.
func madeBy(folder string) string {
	has := func(name string) bool {
		_, err := os.Lstat(filepath.Join(folder, name))
		return err == nil
	}
	lock := head(filepath.Join(folder, "lock"))
	locked := len(lock) > 0 && len(lock) <= 32 && len(bytes.Trim(lock, "0123456789\n")) == 0
	switch {
	case has("iam.db") && (has("s3") || has("jobs") || has("local.log")):
		return "data of quarry local"
	case has("ledger.db") && bytes.HasPrefix(head(filepath.Join(folder, "ledger.db")), []byte("SQLite format 3\x00")), locked:
		return "run directory"
	case has("shards.json"):
		list := head(filepath.Join(folder, "shards.json"))
		if bytes.Contains(list, []byte(`"modelInvocationType"`)) && bytes.Contains(list, []byte(`"quotas"`)) {
			return "build"
		}
	}
	return ""
}

// Ours gives a function that reports whether Quarry wrote a file or folder below root, given its path as filepath.WalkDir gives it.
func Ours(root string) func(path string, d fs.DirEntry) bool {
	made := madeBy(root)
	return func(path string, d fs.DirEntry) bool {
		switch {
		case path == root:
			return false
		case made != "" && filepath.Dir(path) == filepath.Clean(root) && wrote(made, d.Name()):
			return true
		}
		return d.IsDir() && madeBy(path) != ""
	}
}

// wrote reports whether Quarry wrote a file or folder of this name into a folder that it made and that is read as a source.
func wrote(made, name string) bool {
	switch made {
	case "run directory":
		return slices.Contains(RunNames, name)
	case "data of quarry local":
		return slices.Contains(standInNames, name)
	case "build":
		number, isShard := strings.CutSuffix(strings.TrimPrefix(name, "s"), ".jsonl")
		return name == "shards.json" || isShard && len(number) >= 5 && strings.Trim(number, "0123456789") == ""
	}
	return false
}

// isResults reports whether a file of JSON lines holds the results of a run, as a run and an export write them: its first line
// has what only they have.
func isResults(path string) bool {
	line, _, _ := bytes.Cut(head(path), []byte{'\n'})
	if jsonl.Check(line) != nil {
		return false
	}
	for _, name := range []string{"id", "status", "attempts", "usage", "cost_usd", "document"} {
		if _, ok := jsonl.Lookup(line, name); !ok {
			return false
		}
	}
	return true
}

// head gives the first 64 KiB of a file; nothing where it cannot be read.
func head(path string) []byte {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, 64<<10)
	n, _ := io.ReadFull(f, b) // a short file is looked at as it is
	return b[:n]
}
