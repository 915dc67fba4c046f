package run_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bedrock"
	"quarry/internal/aws/bucket"
	"quarry/internal/aws/cost"
	"quarry/internal/aws/setup"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run"
	"quarry/internal/run/event"
	"quarry/internal/run/spec"
	"quarry/internal/run/state"
	"quarry/internal/standin"
)

// world is what survives the death of a run's process: a stand-in and a run directory.
type world struct {
	server *standin.Server
	dir    string
	source string
	bucket string
	// endpoint is where the run finds the stand-in; empty: at its own address.
	endpoint string
	idle     time.Duration // how long a body may give nothing; zero: as always
	cfg      func(*run.Config)
	deps     func(*run.Deps)

	wires   *wires   // what the network is; nil: sockets
	region  string   // of the home pool. Empty: the default
	regions []string // of further pools
	model   string   // zero: quarry.DefaultModel
	event   func(event.Event)

	kept   quarry.RunID // the ledger is a file, the files of the run are in the bucket too, and each process has a directory of its own; empty: they are not
	shared *shared      // the ledger is in Postgres, and each process has a directory of its own; nil: all have one directory
}

type worldConfig struct {
	docs   string // JSONL
	fault  string
	quotas string        // a table; empty: a minimum of 3 and 4 records a job
	delay  time.Duration // in each state of a job before it runs. Zero: hardly any
	cfg    func(*run.Config)
	wires  *wires // nil: sockets
	// backend answers instead of the built-in model: openai=URL.
	backend     string
	concurrency int // of requests to it; zero: the stand-in's own
}

func newWorld(t testing.TB, cfg worldConfig) *world {
	t.Helper()
	base := t.TempDir()
	if cfg.quotas == "" {
		cfg.quotas = `{"*":{"min_records":3,"records_per_job":4,"records_per_file":4}}`
	}
	write(t, filepath.Join(base, "quotas.json"), cfg.quotas)
	w := &world{dir: filepath.Join(base, "run"), source: filepath.Join(base, "docs.jsonl"), bucket: "quarry-test", cfg: cfg.cfg, wires: cfg.wires}
	write(t, w.source, cfg.docs)
	var listener net.Listener
	if cfg.wires != nil {
		listener = cfg.wires
	}
	var err error
	w.server, err = standin.Start(t.Context(), standin.Config{
		Listener: listener,
		Dir:      filepath.Join(base, "standin"), NoSync: true, TestClock: true, StateDelay: max(cfg.delay, time.Nanosecond), Fault: cfg.fault, QuotasFile: filepath.Join(base, "quotas.json"),
		Backends: backends(cfg.backend), Concurrency: cfg.concurrency,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.server.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w
}

func backends(one string) []string {
	if one == "" {
		return nil
	}
	return []string{one}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run is the life of one process: it opens everything again over what is on the disk and at the provider.
func (w *world) run(t testing.TB, hook effect.Hook) (run.Outcome, map[effect.Kind]int64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), w.patience())
	defer cancel()
	e := effect.New(hook)
	out, err := w.live(ctx, t, e)
	return out, e.Counts(), err
}

func (w *world) live(ctx context.Context, t testing.TB, e *effect.Effects) (out run.Outcome, err error) {
	r, end, err := w.wire(ctx, t, e)
	if err != nil {
		return out, err
	}
	defer end()
	out, err = r.Do(ctx)
	if err != nil {
		return out, err
	}
	for _, c := range out.Report.Proof.Checks { // lines and tokens are the provider's, which faults make differ
		if !c.OK && c.Name != "lines" && c.Name != "tokens" {
			t.Errorf("the report says that %s are %d and %d", c.Says, c.Left, c.Right)
		}
	}
	return out, r.Close(ctx)
}

// wire puts a run together over the world.
func (w *world) wire(ctx context.Context, t testing.TB, e *effect.Effects) (r *run.Run, end func(), err error) {
	if w.shared != nil || w.kept != "" {
		w.dir = t.TempDir()
	}
	if err := e.MkdirAll(w.dir); err != nil {
		return nil, nil, err
	}
	if w.kept != "" {
		if err := w.restore(ctx, t, e); err != nil {
			return nil, nil, err
		}
	}
	book, closeBook, err := w.openLedger(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	id, secret := w.server.Keys()
	network := effect.HTTPConfig{Idle: w.idle}
	if w.wires != nil {
		network.Dial = w.wires.dial
	}
	client := e.HTTPClient(network)
	stop := func() {
		client.CloseIdleConnections()
		_ = closeBook() // as a dying process would: what is not committed is gone
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	aws, err := account.Load(ctx, account.Config{HTTP: client, Region: w.region, Backoff: 5 * time.Millisecond, Fixed: &account.FixedKeys{Endpoint: cmp.Or(w.endpoint, w.server.URL()), KeyID: id, Secret: secret}})
	if err != nil {
		return nil, nil, err
	}
	me, err := account.WhoAmI(ctx, aws)
	if err != nil {
		return nil, nil, err
	}
	b := bucket.New(aws, w.bucketIn(aws.Region))
	if err := b.Make(ctx); err != nil {
		return nil, nil, err
	}
	wants := setup.Wants{Account: setup.Account{ID: me.Account, Partition: me.Partition, Region: aws.Region}, Bucket: b.Name(), Model: cmp.Or(w.model, quarry.DefaultModel)}
	if _, err := setup.EnsureRole(ctx, aws, "quarry-batch", wants); err != nil {
		return nil, nil, err
	}
	sources, err := source.Open(ctx, []string{w.source}, source.Config{})
	if err != nil {
		return nil, nil, err
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
			Settings: "x", Model: quarry.DefaultModel, MaxTokens: 4096, Type: quarry.InvokeModel, Mode: quarry.ModeJob, Prompt: renderer, Check: checker,
		},
		Place: spec.Place{
			Dir: w.dir, Sources: []string{w.source}, Local: true, Region: aws.Region, RoleARN: me.RoleARN("quarry-batch"),
			Quotas: quarry.Quotas{MinRecords: 3, RecordsPerFile: 4, RecordsPerJob: 4, FileBytes: 1e9, JobBytes: 5e9, OpenJobs: 2},
		},
		Gate:  spec.Gate{Pilot: 3},
		Means: spec.Means{Version: "test", Prices: cost.Default(), Poll: 2 * time.Millisecond},
	}
	if w.cfg != nil {
		w.cfg(&cfg)
	}
	pools, err := w.furtherPools(ctx, aws, &cfg, wants)
	if err != nil {
		return nil, nil, err
	}
	deps := run.Deps{Effects: e, Ledger: book, Sources: sources, Bucket: b, Bedrock: bedrock.New(aws), Pools: pools, Watch: w.event, PoolAt: func(ref ledger.Pool) run.Pool {
		there := aws.Copy()
		there.Region = ref.Region
		return run.Pool{Region: ref.Region, Model: ref.Model, RoleARN: cfg.RoleARN, Bucket: bucket.New(there, ref.Bucket), Bedrock: bedrock.New(there)}
	}}
	if w.shared != nil {
		if _, err := state.Open(ctx, w.shared.config(e, w.dir, b, book)); err != nil {
			return nil, nil, err
		}
		cfg.Run, deps.Commit = w.shared.run, book.SaveFiles
	}
	if w.kept != "" {
		if _, err := state.OpenLocal(ctx, state.Config{Effects: e, Dir: w.dir, Run: w.kept, Bucket: b, Ledger: book}); err != nil {
			return nil, nil, err
		}
		cfg.Run, deps.Commit = w.kept, book.SaveFiles
	}
	if w.deps != nil {
		w.deps(&deps)
	}
	return run.New(cfg, deps), stop, nil
}

// bucketIn is the name of the world's bucket in a Region.
func (w *world) bucketIn(region string) string {
	if region == account.DefaultRegion {
		return w.bucket
	}
	return w.bucket + "-" + region
}

// bill is what the provider knows: how often it answered each record.
func (w *world) bill(t *testing.T) map[string]int64 {
	t.Helper()
	resp, err := w.client().Get(w.server.URL() + "/_quarry/bill")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var bill struct {
		Records map[string]struct {
			Answered int64 `json:"answered"`
		} `json:"records"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for id, r := range bill.Records {
		out[id] = r.Answered
	}
	return out
}

// results reads results.jsonl, by document and as text with what differs between two runs of the same taken out.
func (w *world) results(t *testing.T) (map[string]quarry.Result, string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]quarry.Result{}
	var text strings.Builder
	for line := range bytes.Lines(b) {
		var r quarry.Result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("results.jsonl: %v in %s", err, line)
		}
		if _, twice := byID[string(r.ID)]; twice {
			t.Errorf("document %s has two results", r.ID)
		}
		byID[string(r.ID)] = r
		r.Job = "" // the provider's name for a job
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(out, '\n'))
	}
	return byID, text.String()
}

// someDocs makes n documents, with one that holds nothing and one that asks what another asks.
func someDocs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"doc-%03d","title":"Article %d","content":"<p>Number %d tells how a quarry works. Stone is cut from the face of a hill. Blocks number %d go down to the valley by rail, and masons take them there.</p>"}`+"\n", i, i, i, i)
	}
	b.WriteString(`{"id":"empty","title":"A drawing","content":"<svg><path d=\"M0 0\"/></svg>"}` + "\n")
	b.WriteString(`{"id":"twin","title":"Article 1","content":"<p>Number 1 tells how a quarry works. Stone is cut from the face of a hill. Blocks number 1 go down to the valley by rail, and masons take them there.</p>"}` + "\n")
	return b.String()
}
