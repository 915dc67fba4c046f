package run_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run"
	"quarry/internal/run/offline"
	"quarry/internal/run/spec"
)

// inputFiles reads the input files of a directory, by name.
func inputFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, path := range paths {
		if name := filepath.Base(path); name != "shards.json" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(b)
		}
	}
	return out
}

// nvme is CRC-64/NVME, whose polynomial is 0xAD93D23594C93659, bits reversed.
var nvme = crc64.MakeTable(0x9A6C9329AC4BC9B5)

// build writes the input files of a source as `quarry build` does.
func build(t *testing.T, docs string, quotas quarry.Quotas, workers int, set func(*run.Config)) (map[string]string, offline.Built) {
	t.Helper()
	base := t.TempDir()
	path := filepath.Join(base, "docs.jsonl")
	write(t, path, docs)
	e := effect.New(nil)
	sources, err := source.Open(t.Context(), []string{path}, source.Config{})
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := prompt.New(prompt.Config{})
	if err != nil {
		t.Fatal(err)
	}
	checker, err := parse.New(parse.Config{Schema: renderer.Schema()})
	if err != nil {
		t.Fatal(err)
	}
	cfg := run.Config{
		Asked: spec.Asked{
			Model: quarry.DefaultModel, MaxTokens: 4096, Type: quarry.InvokeModel, Mode: quarry.ModeJob, Prompt: renderer, Check: checker,
		},
		Place: spec.Place{Dir: base, Sources: []string{path}, Local: true, Quotas: quotas},
		Means: spec.Means{Workers: workers, Prices: cost.Default()},
	}
	if set != nil {
		set(&cfg)
	}
	planned, err := cfg.Offline(e, sources, nil)
	if err != nil {
		t.Fatal(err)
	}
	built, err := offline.Build(t.Context(), planned, filepath.Join(base, "out"))
	if err != nil {
		t.Fatal(err)
	}
	files := inputFiles(t, filepath.Join(base, "out"))
	for _, f := range built.Shards {
		sum := crc64.Checksum([]byte(files[f.File]), nvme)
		if want := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum)); f.CRC64NVME != want {
			t.Errorf("checksum of %s = %s, want %s", f.File, f.CRC64NVME, want)
		}
	}
	return files, built
}

// The run reads the sources again for each shard. A build that reads them once has to give the same bytes.
func TestBuildAtOneReadingGivesTheRunsFiles(t *testing.T) {
	t.Parallel()
	byRecords := quarry.Quotas{MinRecords: 3, RecordsPerFile: 4, RecordsPerJob: 4, FileBytes: 1e9, JobBytes: 5e9, OpenJobs: 2}
	byBytes := quarry.Quotas{MinRecords: 3, RecordsPerFile: 4, RecordsPerJob: 4, FileBytes: 6300, JobBytes: 5e9, OpenJobs: 2}
	var many strings.Builder // of which some repeat, from the middle on
	for i := range 40 {
		n := i
		if i > 9 && i%7 == 0 {
			n = i - 8
		}
		many.WriteString(doc(fmt.Sprintf("doc-%d", i), longText(n)))
	}
	for name, docs := range map[string]string{
		"nothing repeats, and the files are full":           plainDocs(12),
		"nothing repeats, and the remainder is too short":   plainDocs(13),
		"one asks what another asks":                        someDocs(14),
		"many repeat, in every file":                        many.String(),
		"an id comes again":                                 plainDocs(9) + doc("doc-2", longText(99)) + doc("doc-x", longText(99)) + doc("doc-3", longText(3)),
		"what repeats one that is left out for its id":      plainDocs(2) + doc("doc-0", longText(50)) + doc("doc-x", longText(50)) + doc("doc-y", longText(51)),
		"a broken line and an empty document in the middle": plainDocs(3) + "{broken\n" + doc("nothing", "<p> </p>") + doc("d", longText(50)) + doc("e", longText(51)) + doc("f", longText(52)),
		"the first document repeats in the next file":       plainDocs(5) + doc("again", longText(0)) + doc("f", longText(52)),
	} {
		for what, quotas := range map[string]quarry.Quotas{"records": byRecords, "bytes": byBytes} {
			t.Run(name+", cut by "+what, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, worldConfig{docs: docs, cfg: func(c *run.Config) { c.NoPilot, c.KeepShards, c.Quotas = true, true, quotas }})
				if _, _, err := w.run(t, nil); err != nil {
					t.Fatal(err)
				}
				want := inputFiles(t, filepath.Join(w.dir, "shards"))
				for _, workers := range []int{1, 2, 5} {
					got, built := build(t, docs, quotas, workers, nil)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("files with %d workers (-run +build):\n%s", workers, diff)
					}
					if len(built.Shards) != len(got) {
						t.Errorf("shards.json names %d files of %d", len(built.Shards), len(got))
					}
				}
			})
		}
	}
}

// Long documents are several records of one key, and shards may begin and end inside of them.
func TestBuildOfLongDocumentsGivesTheRunsFiles(t *testing.T) {
	t.Parallel()
	parts := inParts(t)
	w := newWorld(t, worldConfig{docs: longDocs(14) + longDocs(3), quotas: partQuotas, cfg: func(c *run.Config) {
		c.NoPilot, c.KeepShards = true, true
		parts(c)
	}})
	if _, _, err := w.run(t, nil); err != nil {
		t.Fatal(err)
	}
	want := inputFiles(t, filepath.Join(w.dir, "shards"))
	got, _ := build(t, longDocs(14)+longDocs(3), quarry.Quotas{MinRecords: 3, RecordsPerFile: 6, RecordsPerJob: 6, FileBytes: 1e9, JobBytes: 5e9, OpenJobs: 2}, 2, parts)
	if len(got) < 4 {
		t.Fatalf("%d files, want some", len(got))
	}
	for name, content := range got {
		if diff := cmp.Diff(want[name], content); diff != "" {
			t.Errorf("%s (-run +build):\n%s", name, diff)
		}
	}
}

func plainDocs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(doc(fmt.Sprintf("doc-%d", i), longText(i)))
	}
	return b.String()
}
