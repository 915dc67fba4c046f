package records_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/source"
	"quarry/internal/run/book"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/prepare"
	"quarry/internal/run/results"
	"quarry/internal/ui/records"
)

// doc is a document of a source with how it ended.
type doc struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Body  string `json:"body"`
	Lang  string `json:"lang,omitempty"`

	result quarry.Result
	none   bool // it has no result
}

// world is a run directory and its source.
type world struct {
	t      testing.TB
	dir    string // of the run
	source string
	cfg    prepare.Config
	e      *effect.Effects
}

func newWorld(t testing.TB) *world {
	t.Helper()
	r, err := prompt.New(prompt.Config{Model: quarry.DefaultModel})
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	w := &world{
		t: t, dir: filepath.Join(folder, "run"), source: filepath.Join(folder, "source.jsonl"), e: effect.New(nil),
		cfg: prepare.Config{Clean: clean.Config{}, Prompt: r, Workers: 2},
	}
	w.must(os.MkdirAll(w.dir, 0o700))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// writeSource writes documents that each gives.
func (w *world) writeSource(n int, each func(i int) *doc) {
	f, err := os.Create(w.source)
	w.must(err)
	enc := json.NewEncoder(f)
	for i := range n {
		w.must(enc.Encode(each(i)))
	}
	w.must(f.Close())
}

func (w *world) open(ctx context.Context, _ int) ([]source.Source, error) {
	return source.Open(ctx, []string{w.source}, source.Config{})
}

// plan writes the index of a pass as planning does, and notes it in the ledger.
func (w *world) plan(pass int) int64 {
	of := index.Of(w.e, w.dir, pass)
	writer, err := of.Create()
	w.must(err)
	columns, err := of.CreateColumns()
	w.must(err)
	w.must(w.e.MkdirAll(of.SortDir()))
	ids := dedupe.NewSorter(w.e, dedupe.Config{Dir: of.SortDir(), Name: "ids"})
	sources, err := w.open(w.t.Context(), pass)
	w.must(err)
	var order int64
	for block, err := range prepare.Blocks(w.t.Context(), w.cfg, source.Blocks(w.t.Context(), sources, quarry.Position{}), nil) {
		w.must(err)
		w.must(writer.AddBlock(index.Block{Order: order, At: block.First}))
		for i := range block.Items {
			item := &block.Items[i]
			w.must(writer.Add(&index.Entry{Hash: item.Hash, Key: dedupe.Hash(item.Key[:16]), Bytes: uint32(len(item.Input))}))
			w.must(writer.AddName(item.Document.ID))
			w.must(columns.Add(index.Main, index.Tried{}, order, -1))
			w.must(ids.Add(dedupe.Entry{Hash: item.Hash, Order: order}))
			order++
		}
	}
	w.must(writer.Commit())
	w.must(columns.Commit())
	w.must(of.WriteIDs(ids))
	w.must(ids.Close())
	w.change(pass, func(h *book.Head, p *book.Pass) {
		h.Run, h.Pass = "testrun001", pass
		p.Plan = &plan.Plan{Pass: pass, Orders: order, Documents: order, Asked: order}
	})
	return order
}

func (w *world) change(pass int, fn func(*book.Head, *book.Pass)) {
	w.ledger(func(l *ledger.Ledger) { w.must(book.Of(l).Change(w.t.Context(), pass, fn)) })
}

func (w *world) ledger(fn func(*ledger.Ledger)) {
	l, err := ledger.Open(w.t.Context(), w.e, filepath.Join(w.dir, "ledger.db"))
	w.must(err)
	fn(l)
	w.must(l.Close())
}

// finish writes the results of a pass and ends it.
func (w *world) finish(pass int, orders int64, each func(i int) *doc) {
	of := index.Of(w.e, w.dir, pass)
	out, err := results.Create(w.e, w.dir, of)
	w.must(err)
	for i := range orders {
		if d := each(int(i)); !d.none {
			w.must(out.Add(i, &d.result, 1, true))
		}
	}
	w.must(out.Commit(orders))
	w.must(of.KeepResults(w.e, filepath.Join(w.dir, results.File)))
	w.change(pass, func(h *book.Head, _ *book.Pass) { h.Finished = pass })
}

// run makes a finished run of documents.
func (w *world) run(docs []doc) {
	each := func(i int) *doc { return &docs[i] }
	w.writeSource(len(docs), each)
	w.finish(1, w.plan(1), each)
}

func (w *world) config() records.Config {
	return records.Config{Dir: w.dir, Sources: &records.Sources{Open: w.open, Prepare: w.cfg, Stamp: "settings"}}
}

// store opens the index and brings it up to date.
func (w *world) store(cfg records.Config) *records.Store {
	w.t.Helper()
	s, err := records.Open(w.t.Context(), cfg)
	w.must(err)
	w.t.Cleanup(func() { _ = s.Close() })
	w.must(s.Update(w.t.Context()))
	return s
}

func (w *world) page(s *records.Store, q records.Query) records.Page {
	w.t.Helper()
	p, err := s.Page(w.t.Context(), &q)
	w.must(err)
	return p
}

// answered is a good result whose answer is one text.
func answered(id, title, answer string) quarry.Result {
	cost := quarry.USD(1_000_000_000)
	output, _ := json.Marshal(map[string]string{"summary": answer})
	return quarry.Result{
		ID: quarry.DocumentID(id), Status: quarry.StatusOK, Output: output, RequestedModel: "m", Region: "us-west-2", Attempts: 1, CostUSD: &cost,
		Document: quarry.DocumentInfo{Title: title},
	}
}

func numbered(n int) []doc {
	docs := make([]doc, n)
	for i := range docs {
		id, title := fmt.Sprintf("d%d", i), fmt.Sprintf("Title %d", i)
		docs[i] = doc{ID: id, Title: title, Body: fmt.Sprintf("<p>The body of document %d, with a <b>bold</b> word.</p>", i), result: answered(id, title, fmt.Sprintf("answer %d", i))}
	}
	return docs
}

func ids(p records.Page) (list []string) {
	for _, r := range p.Rows {
		list = append(list, string(r.ID))
	}
	return list
}
