package offline_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
	"quarry/internal/run/index"
	"quarry/internal/run/limits"
	"quarry/internal/run/offline"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
)

const nova = "us.amazon.nova-pro-v1:0"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// config plans n documents for Nova Pro, which is sold in the flex tier.
func config(t *testing.T, n int) offline.Config {
	t.Helper()
	var docs strings.Builder
	for i := range n {
		fmt.Fprintf(&docs, `{"id":"doc-%03d","content":"Number %d tells how a quarry works. Stone is cut from the face of hill %d."}`+"\n", i, i, 7*i)
	}
	path := filepath.Join(t.TempDir(), "docs.jsonl")
	must(t, os.WriteFile(path, []byte(docs.String()), 0o600))
	sources, err := source.Open(t.Context(), []string{path}, source.Config{})
	must(t, err)
	renderer, err := prompt.New(prompt.Config{Model: nova})
	must(t, err)
	quotas := quarry.Quotas{MinRecords: 3, RecordsPerFile: 4, RecordsPerJob: 4, FileBytes: 1e9, JobBytes: 5e9}
	model := forecast.Model{Family: catalog.Family("nova"), MaxTokens: 4096}
	prices := forecast.Prices{Table: cost.Default(), Model: nova, Region: "us-east-1"}
	return offline.Config{
		Planner: planner.Config{
			Effects: effect.New(nil), Dir: t.TempDir(), Pass: 1, Sources: sources, Names: []string{path}, Prepare: prepare.Config{Prompt: renderer, Workers: 2},
			Model: nova, Attempts: 4, Pilot: 3, Answers: model,
		},
		Terms: planner.Terms{
			Mode: quarry.ModeJob, Bounds: cut.Bounds{Quotas: quotas, Below: cut.OnDemand}, Basis: forecast.Basis{Model: model, Prices: prices},
			Limits: limits.Work{Prices: prices, Quotas: quotas, Concurrency: 64},
		},
		Type: quarry.InvokeModel, Settings: "s", Request: "a", Of: "this build",
	}
}

func TestFewRecordsAreSentInFlexWhereThereIsTime(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]quarry.Mode{"1h": quarry.ModeFlex, "4m": quarry.ModeOnDemand} {
		cfg := config(t, 14)
		cfg.By, cfg.Terms.Mode, cfg.Terms.Bounds.Quotas.MinRecords = by, quarry.ModeAuto, 100
		cfg.Terms.Limits.Quotas.RPM = 6 // 14 calls take 140 s
		f, err := offline.Plan(t.Context(), cfg, nil)
		must(t, err)
		if f.Planned.Mode != want || f.Recommended != want {
			t.Errorf("by %s: mode %s, recommended %s, want %s", by, f.Planned.Mode, f.Recommended, want)
		}
	}
}

func TestAPlanSaysThatARunWouldStop(t *testing.T) {
	t.Parallel()
	for wouldStop, want := range map[bool]string{
		true:  "2 records are below the 3-record minimum of a batch job: a run stops before it sends anything",
		false: "2 records are below the 3-record minimum of a batch job: sent as on-demand calls",
	} {
		cfg := config(t, 2)
		cfg.Terms.WouldStop = wouldStop
		f, err := offline.Plan(t.Context(), cfg, nil)
		must(t, err)
		if len(f.Planned.Notes) != 1 || !strings.HasPrefix(f.Planned.Notes[0], want) {
			t.Errorf("WouldStop = %v: notes %q, want %q", wouldStop, f.Planned.Notes, want)
		}
	}
}

// finished is a run of which the first n documents have an answer.
func finished(t *testing.T, n int) offline.Finished {
	t.Helper()
	cfg := config(t, n)
	p, err := cfg.Planner.Plan(t.Context(), planner.Earlier{})
	must(t, err)
	ends, err := index.Of(cfg.Planner.Effects, cfg.Planner.Dir, 1).CreateEnds()
	must(t, err)
	for i := range p.Orders {
		must(t, ends.Add(i, index.EndedOK, 1, 1))
	}
	must(t, ends.Commit(p.Orders))
	return offline.Finished{Dir: cfg.Planner.Dir, Pass: 1, Plan: p}
}

func TestAPlanIsComparedWithAFinishedRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings string
		piloted  []string
		pilot    int64
	}{
		"of another prompt":                        {"other", []string{"other"}, 3},
		"of the same prompt, whose pilot passed":   {"other", []string{"other", "a"}, 0},
		"of the same settings, so without a pilot": {"s", nil, 0},
	} {
		was := finished(t, 4)
		was.Settings, was.Piloted = c.settings, c.piloted
		f, err := offline.Plan(t.Context(), config(t, 12), &was)
		must(t, err)
		if want := (offline.Known{New: 8, Same: 4}); f.Known == nil || *f.Known != want || f.Planned.Pilot != c.pilot {
			t.Errorf("%s: a pilot of %d, known %+v; want %d and %+v", name, f.Planned.Pilot, f.Known, c.pilot, want)
		}
	}
}

func TestABuildReplacesOnlyItsOwnFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(dir string) error
		of    string
		want  string // empty: it is built once more
	}{
		"the same build":             {spoil: func(string) error { return nil }},
		"a file that is not a shard": {spoil: func(dir string) error { return os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600) }, want: "notes.txt"},
		"a shard that was changed":   {spoil: func(dir string) error { return os.Truncate(filepath.Join(dir, "s00001.jsonl"), 10) }, want: "s00001.jsonl was changed"},
		"another build":              {spoil: func(string) error { return nil }, of: "another build", want: "it holds another build: 3 shards of 9 records"},
	} {
		dir := filepath.Join(t.TempDir(), "out")
		built, err := offline.Build(t.Context(), config(t, 9), dir)
		must(t, err)
		if built.Records != 9 || len(built.Shards) != 3 || built.Planned.Pilot != 0 {
			t.Fatalf("%s: built %+v, want 9 records in 3 files and no pilot", name, built)
		}
		must(t, c.spoil(dir))
		cfg := config(t, 9)
		if c.of != "" {
			cfg.Of = c.of
		}
		_, err = offline.Build(t.Context(), cfg, dir)
		var q *quarry.Error
		switch {
		case c.want == "":
			must(t, err)
		case !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: Build() = %v, want an error of kind BadUsage that says %q", name, err, c.want)
		}
	}
}
