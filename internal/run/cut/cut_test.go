package cut_test

import (
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/pack"
	"quarry/internal/run/cut"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// planned makes the index of a pass over documents of 100 bytes, of which takes has one mark each; a block holds four of them.
// The document at order long is asked in three parts.
func planned(t *testing.T, takes string, long int) (*plan.Plan, index.Pass) {
	t.Helper()
	pass := index.Of(effect.New(nil), t.TempDir(), 1)
	must(t, os.MkdirAll(pass.Path(""), 0o755))
	out, err := pass.Create()
	must(t, err)
	defer out.Abort()
	columns, err := pass.CreateColumns()
	must(t, err)
	defer columns.Abort()
	p := &plan.Plan{Pass: 1, Mode: quarry.ModeJob}
	for order := range takes {
		p.Orders++
		if order%4 == 0 {
			must(t, out.AddBlock(index.Block{Order: int64(order), At: quarry.Position{Line: int64(order) + 1}}))
		}
		bytes := 100
		if order == long {
			bytes = 300
			for range 3 {
				must(t, out.AddPart(int64(order), 100))
			}
		}
		must(t, out.Add(&index.Entry{Hash: dedupe.Hash{byte(order)}, Key: dedupe.Hash{byte(order)}, Bytes: uint32(bytes)}))
		must(t, columns.Add(index.Disposition(takes[order]), index.Tried{}, int64(order), -1))
		if index.Disposition(takes[order]) == index.Main || index.Disposition(takes[order]) == index.Pilot {
			p.Asked++
			p.LineBytes += int64(bytes)
			if order == long {
				p.Long, p.Parts = 1, 3
			}
		}
	}
	must(t, columns.Commit())
	must(t, out.Commit())
	return p, pass
}

// withPilot has the plan draw as many documents of it as takes marks.
func withPilot(t *testing.T, p *plan.Plan, pass index.Pass, n int) {
	t.Helper()
	must(t, p.TopUpPilot(t.Context(), pass, n))
	if p.Pilot != int64(n) {
		t.Fatalf("the pilot has %d documents, want %d", p.Pilot, n)
	}
}

// text shows rows: kind, mode, positions, records, bytes, marks and from where the sources are read.
func text(rows []ledger.Shard) string {
	var b strings.Builder
	for i := range rows {
		s := &rows[i]
		first, last := cut.Positions(s)
		fmt.Fprintf(&b, "%s %s %d.%d-%d.%d %d records %d bytes", s.Kind, s.Mode, first.Order(), first.Part(), last.Order(), last.Part(), s.Records, s.Bytes)
		if s.Marks != "" {
			fmt.Fprintf(&b, " %s from %d at line %d", s.Marks, s.StartOrder, s.Start.Line)
		}
		if s.Unasked != "" {
			fmt.Fprintf(&b, " %s", s.Unasked)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func compare(t *testing.T, what string, rows []ledger.Shard, want ...string) {
	t.Helper()
	all := strings.Join(want, "\n")
	if all != "" {
		all += "\n"
	}
	if got := text(rows); got != all {
		t.Errorf("%s:\n%swant\n%s", what, got, all)
	}
}

func TestStretchesAndThePilot(t *testing.T) {
	t.Parallel()
	jobs := cut.Bounds{Quotas: quarry.Quotas{MinRecords: 2, RecordsPerFile: 4, RecordsPerJob: 4}}
	for name, c := range map[string]struct {
		takes  string
		pilot  int
		bounds cut.Bounds
		mode   quarry.Mode
		note   string
		want   []string
	}{
		"what is not asked lies between": {
			"mmsmmuemmm", 0, jobs, quarry.ModeJob, "",
			[]string{"main batch 0.0-4.0 4 records 400 bytes m from 0 at line 1", "main batch 7.0-9.0 3 records 300 bytes m from 4 at line 5"},
		},
		"a remainder below the minimum is shared": {
			"mmmmm", 0, jobs, quarry.ModeJob, "",
			[]string{"main batch 0.0-2.0 3 records 300 bytes m from 0 at line 1", "main batch 3.0-4.0 2 records 200 bytes m from 0 at line 1"},
		},
		"the pilot is drawn from all of it": {
			"mmmmmm", 2, jobs, quarry.ModeJob, "",
			[]string{"pilot batch 0.0-1.0 2 records 200 bytes p from 0 at line 1", "main batch 2.0-5.0 4 records 400 bytes m from 0 at line 1"},
		},
		"a pilot that leaves too few is the whole": {
			"mmm", 2, jobs, quarry.ModeJob, "the pilot is the whole run",
			[]string{"pilot batch 0.0-2.0 3 records 300 bytes mp from 0 at line 1"},
		},
		"a pilot that no file holds is none": {
			"mmmmmm", 3,
			cut.Bounds{Quotas: quarry.Quotas{MinRecords: 2, RecordsPerFile: 4, FileBytes: 250}},
			quarry.ModeJob, "no pilot",
			[]string{
				"main batch 0.0-1.0 2 records 200 bytes mp from 0 at line 1", "main batch 2.0-3.0 2 records 200 bytes mp from 0 at line 1",
				"main batch 4.0-5.0 2 records 200 bytes mp from 4 at line 5",
			},
		},
		"calls know no job's bounds": {
			"mmmmmm", 0, jobs, quarry.ModeOnDemand, "", []string{"main ondemand 0.0-5.0 6 records 600 bytes m from 0 at line 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, pass := planned(t, c.takes, -1)
			p.Mode = c.mode
			if c.pilot > 0 {
				withPilot(t, p, pass, c.pilot)
			}
			rows, err := cut.Plan(t.Context(), p, pass, c.bounds)
			must(t, err)
			compare(t, "Plan of "+c.takes, rows, c.want...)
			if notes := strings.Join(p.Notes, "; "); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
				t.Errorf("notes = %q, want %q", notes, c.note)
			}
		})
	}
}

func TestAShardBeginsInsideALongDocument(t *testing.T) {
	t.Parallel()
	p, pass := planned(t, "mmm", 1)
	rows, err := cut.Plan(t.Context(), p, pass, cut.Bounds{Quotas: quarry.Quotas{MinRecords: 1, RecordsPerFile: 3, RecordsPerJob: 3}})
	must(t, err)
	compare(t, "Plan", rows, "main batch 0.0-1.2 3 records 300 bytes m from 0 at line 1", "main batch 1.3-2.0 2 records 200 bytes m from 0 at line 1")
}

func TestRecordsOfWhichTooFewFillAFileAreNoJob(t *testing.T) {
	t.Parallel()
	quotas := quarry.Quotas{MinRecords: 3, RecordsPerFile: 10, FileBytes: 250}
	for below, want := range map[cut.BelowMinimum]string{
		cut.OnDemand: "main ondemand 0.0-1.0 2 records 200 bytes m from 0 at line 1",
		cut.Stop:     "main batch 0.0-1.0 2 records 200 bytes m from 0 at line 1 " + quarry.KindBelowMinimum,
	} {
		p, pass := planned(t, "mm", -1)
		rows, err := cut.Plan(t.Context(), p, pass, cut.Bounds{Quotas: quotas, Below: below})
		must(t, err)
		compare(t, string(below), rows, want)
		if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "2 records are so large") {
			t.Errorf("%s: notes = %q, want that 2 records are too large", below, p.Notes)
		}
	}
}

// left gives so many queued records of 100 bytes.
func left(n int64) iter.Seq2[pack.Item, error] {
	return func(yield func(pack.Item, error) bool) {
		for i := range n {
			if !yield(pack.Item{Order: i, Bytes: 100}, nil) {
				return
			}
		}
	}
}

func TestQueuedRecordsAreCutByTheirPlaces(t *testing.T) {
	t.Parallel()
	from := []quarry.ShardID{"s00001", "s00002"}
	bounds := cut.Bounds{Quotas: quarry.Quotas{MinRecords: 1, RecordsPerFile: 3, RecordsPerJob: 3}}
	rows, few, err := cut.Retries(t.Context(), left(5), from, 2, quarry.ModeJob, bounds)
	must(t, err)
	if few != "" || len(rows) != 2 || rows[0].First != 0 || rows[0].Last != 2 || rows[1].First != 3 || rows[1].Last != 4 {
		t.Errorf("Retries = %s%s, want places 0 to 2 and 3 to 4", text(rows), few)
	}
	for i := range rows {
		if s := &rows[i]; s.Kind != quarry.RetryShard || s.Pass != 2 || len(s.Sources) != 2 || s.State != quarry.ShardPlanned || s.Attempt != 1 {
			t.Errorf("row %d = %+v", i, s)
		}
	}
}

func TestAPlannedShardIsCutSmaller(t *testing.T) {
	t.Parallel()
	p, pass := planned(t, "mmsmmmmm", -1)
	whole, err := cut.Plan(t.Context(), p, pass, cut.Bounds{Quotas: quarry.Quotas{MinRecords: 1, RecordsPerFile: 100}})
	must(t, err)
	compare(t, "Plan", whole, "main batch 0.0-7.0 7 records 700 bytes m from 0 at line 1")
	for name, c := range map[string]struct {
		pieces cut.Pieces
		want   []string
	}{
		"evenly": {cut.Pieces{Least: 2, Most: 3, Bytes: 1000}, []string{
			"main batch 0.0-3.0 3 records 300 bytes m from 0 at line 1", "main batch 4.0-5.0 2 records 200 bytes m from 4 at line 5", "main batch 6.0-7.0 2 records 200 bytes m from 4 at line 5",
		}},
		"what fits and the rest": {cut.Pieces{Least: 3, Most: 3, Bytes: 300}, []string{
			"main batch 0.0-3.0 3 records 300 bytes m from 0 at line 1", "main batch 4.0-7.0 4 records 400 bytes m from 4 at line 5",
		}},
		"records larger than a piece": {cut.Pieces{Least: 2, Most: 3, Bytes: 50}, []string{
			"main batch 0.0-3.0 3 records 300 bytes m from 0 at line 1", "main batch 4.0-7.0 4 records 400 bytes m from 4 at line 5",
		}},
		"not at all": {cut.Pieces{Least: 4, Most: 4, Bytes: 400}, nil},
	} {
		rows, err := cut.Smaller(t.Context(), &whole[0], pass, nil, c.pieces)
		must(t, err)
		compare(t, "Smaller "+name, rows, c.want...)
	}
	again := ledger.Shard{Kind: quarry.RetryShard, Mode: quarry.ModeJob, Detail: ledger.Detail{First: 2, Last: 5, Records: 4, Bytes: 400}}
	rows, err := cut.Smaller(t.Context(), &again, pass, left(9), cut.Pieces{Least: 1, Most: 2, Bytes: 1000})
	must(t, err)
	if len(rows) != 2 || rows[0].First != 2 || rows[0].Last != 3 || rows[1].First != 4 || rows[1].Last != 5 {
		t.Errorf("Smaller of places 2 to 5 = %s, want 2 to 3 and 4 to 5", text(rows))
	}
	again.Records = 5
	if _, err := cut.Smaller(t.Context(), &again, pass, left(4), cut.Pieces{Least: 1, Most: 2, Bytes: 1000}); err == nil {
		t.Error("a shard of 5 records was cut into pieces of fewer")
	}
}
