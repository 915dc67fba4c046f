package rounds_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/cut"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/rounds"
	"quarry/internal/run/shardfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const body = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"text"}]}`

// structured is body with an answer schema.
const structured = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"text"}],` +
	`"output_config":{"format":{"schema":{"type":"object"},"type":"json_schema"}}}`

// queued is a record of the document at an order.
func queued(order int64) shardfile.Queued {
	return shardfile.Queued{
		Part:    shardfile.Part{Order: order, RecordID: quarry.RecordID(fmt.Sprintf("d%d-a1", order))},
		Attempt: 2, Base: []byte(body), Class: quarry.ClassMissing,
	}
}

func newQueue(dir string) *rounds.Queue {
	e := effect.New(nil)
	return &rounds.Queue{
		Effects: e, Files: shardfile.In(e, dir, ""), First: func(quarry.ShardID) (int64, error) { return 0, nil },
	}
}

func write[T any](t *testing.T, path string, all ...T) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	w, err := atomicfile.CreateZstd(effect.New(nil), path)
	must(t, err)
	defer w.Abort()
	for i := range all {
		must(t, lines.Write(w, &all[i]))
	}
	must(t, w.Commit())
}

// orders gives the orders of the queued records.
func orders(t *testing.T, q *rounds.Queue, from ...quarry.ShardID) (orders []int64) {
	t.Helper()
	for l, err := range q.Records(from) {
		must(t, err)
		orders = append(orders, l.Order)
	}
	return orders
}

func TestTheQueueIsInTheOrderOfTheDocuments(t *testing.T) {
	t.Parallel()
	q := newQueue(t.TempDir())
	write(t, q.Files.Queue("s00001"), queued(1), queued(4), queued(5))
	write(t, q.Files.Queue("s00002"), queued(10), queued(12))
	write(t, q.Files.Queue("p00001"), queued(2), queued(11))
	write(t, q.Files.Queue("m00001"), queued(3), queued(13))
	q.First = func(id quarry.ShardID) (int64, error) {
		if rounds.IsMerges(id) {
			t.Errorf("the first document of %s was looked up; it is no shard", id)
		}
		return map[quarry.ShardID]int64{"s00002": 10}[id], nil
	}
	if got := orders(t, q, "s00001", "s00002", "p00001", "m00001"); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 10, 11, 12, 13}) {
		t.Errorf("orders %v, want them sorted", got)
	}
	bounds := cut.Bounds{Quotas: quarry.Quotas{MinRecords: 1, RecordsPerFile: 3}}
	rows, _, err := q.Cut(t.Context(), []quarry.ShardID{"s00001", "m00001"}, 7, quarry.ModeJob, bounds)
	must(t, err)
	if len(rows) != 2 || rows[0].First != 0 || rows[0].Last != 2 || rows[1].First != 3 || rows[1].Last != 4 || rows[1].Pass != 7 {
		t.Errorf("Cut() = %+v, want places 0 to 2 and 3 to 4 of pass 7", rows)
	}
	gone := errors.New("gone")
	q.First = func(quarry.ShardID) (int64, error) { return 0, gone }
	for _, err := range q.Records([]quarry.ShardID{"s00001"}) {
		if !errors.Is(err, gone) {
			t.Errorf("Records() = %v, want %v", err, gone)
		}
	}
}

func TestARoundTakesWhatNoRoundHasTaken(t *testing.T) {
	t.Parallel()
	row := func(id quarry.ShardID, change func(*ledger.Shard)) ledger.Shard {
		s := ledger.Shard{ID: id, State: quarry.ShardDone, Detail: ledger.Detail{Pass: 2, Tally: ledger.Tally{Left: 10}}}
		change(&s)
		return s
	}
	rows := []ledger.Shard{
		row("p00001", func(*ledger.Shard) {}),
		row("s00001", func(*ledger.Shard) {}),
		row("s00002", func(s *ledger.Shard) { s.Pass = 1 }),
		row("s00003", func(s *ledger.Shard) { s.State = quarry.ShardCollected }),
		row("s00004", func(s *ledger.Shard) { s.Tally.Left = 0 }),
		row("s00005", func(s *ledger.Shard) { s.HandsTo = "r00001" }),
		row("s00006", func(s *ledger.Shard) { s.Unasked, s.Records = quarry.KindBelowMinimum, 4 }),
		row("s00007", func(s *ledger.Shard) { s.Pass, s.Unasked, s.Records = 1, quarry.KindBelowMinimum, 8 }),
	}
	if n := rounds.Unsent(rows, 2); n != 4 {
		t.Errorf("Unsent() = %d, want the 4 records of s00006", n)
	}
	for _, c := range []struct {
		among   []quarry.ShardID
		want    []quarry.ShardID
		records int64
	}{
		{nil, []quarry.ShardID{"p00001", "s00001"}, 20},
		{[]quarry.ShardID{"p00001", "s00003"}, []quarry.ShardID{"p00001"}, 10},
		{[]quarry.ShardID{}, nil, 0},
	} {
		if from, records := rounds.Waiting(rows, 2, c.among); !slices.Equal(from, c.want) || records != c.records {
			t.Errorf("Waiting(among %v) = %v, %d; want %v, %d", c.among, from, records, c.want, c.records)
		}
	}
	takes := rounds.Takes([]quarry.ShardID{"p00001", "m00001", "s00001"}, "r00003")
	if len(takes) != 2 || takes["p00001"] != "r00003" || takes["s00001"] != "r00003" {
		t.Errorf("Takes() = %v, want both shards and no file of merges", takes)
	}
}

func TestTheBodyOfTheNextAttempt(t *testing.T) {
	t.Parallel()
	first := queued(1)
	type queued = shardfile.Queued
	complain := func(l *queued) { l.Answer, l.Complaint = "{", "no JSON" }
	withSchema := func(l *queued) { l.Base = []byte(structured) }
	for name, c := range map[string]struct {
		change      func(*queued)
		plain       bool
		maxLine     int64
		has, hasNot string
	}{
		"a missing answer: the same again":         {change: func(*queued) {}, has: body},
		"cut off: a higher token limit":            {change: func(l *queued) { l.MaxTokens = 200 }, has: `"max_tokens":200`},
		"a bad answer: its complaint":              {change: complain, has: "no JSON"},
		"a complaint that does not fit: as it was": {change: complain, maxLine: 150, has: body},
		"a body of unknown shape: as it is":        {change: func(l *queued) { complain(l); l.Base = []byte(`{"x":1}`) }, has: `{"x":1}`},
		"the schema is sent":                       {change: withSchema, has: "output_config"},
		"an attempt was refused for its schema":    {change: func(l *queued) { withSchema(l); l.Plain = true }, hasNot: "output_config"},
		"the provider refuses schemas":             {change: withSchema, plain: true, hasNot: "output_config"},
	} {
		q := newQueue(t.TempDir())
		q.Plain, q.MaxLine = c.plain, c.maxLine
		l := first
		c.change(&l)
		got, err := q.Input(&l)
		must(t, err)
		if !strings.Contains(string(got), c.has) || c.hasNot != "" && strings.Contains(string(got), c.hasNot) {
			t.Errorf("%s: Input() = %s, want %q and not %q in it", name, got, c.has, c.hasNot)
		}
	}
}

// part is the outcome of an attempt at a part of a document of two parts.
func part(order int64, n, attempt int, class quarry.Class) shardfile.Outcome {
	id := quarry.DocumentID(fmt.Sprintf("d%d", order))
	record := quarry.NewRecordID(id, quarry.DocumentKey{byte(order)}, attempt)
	if n > 0 {
		record = record.Part(n)
	}
	o := shardfile.Outcome{Order: order, RecordID: record, Class: class, Parts: 2}
	o.Result = quarry.Result{ID: id, Status: quarry.StatusInvalid, Text: "an answer"}
	if class == quarry.ClassOK {
		o.Result.Status = quarry.StatusOK
	}
	return o
}

func earlier(o shardfile.Outcome) shardfile.Outcome {
	o.Earlier = true
	return o
}

func TestMergesAreQueuedOnceAllPartsAreAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := newQueue(dir)
	pass := index.Of(q.Effects, dir, 1)
	must(t, os.MkdirAll(pass.Path(""), 0o755))
	out, err := pass.Create()
	must(t, err)
	columns, err := pass.CreateColumns()
	must(t, err)
	for order := range int64(6) {
		hash := index.HashOf(quarry.DocumentID(fmt.Sprintf("d%d", order)))
		must(t, out.Add(&index.Entry{Hash: hash, Key: dedupe.Hash{byte(order)}, Bytes: 100}))
		must(t, columns.Add(index.Main, index.Tried{Last: 2, Bad: 1}, order, -1))
	}
	must(t, errors.Join(out.Commit(), columns.Commit()))
	single := shardfile.Outcome{Order: 5, RecordID: "d5-a1", Class: quarry.ClassOK}
	write(t, q.Files.Journal("s00001"),
		part(0, 1, 3, quarry.ClassOK), part(0, 2, 3, quarry.ClassOK), // both are answered
		part(1, 1, 3, quarry.ClassOK), part(1, 2, 3, quarry.ClassNotJSON), // one is not
		part(2, 1, 3, quarry.ClassOK), part(2, 2, 3, quarry.ClassOK), part(2, 0, 3, quarry.ClassNotJSON), // the merge was sent
		part(3, 1, 3, quarry.ClassNotJSON), part(3, 2, 3, quarry.ClassOK), // the first was sent again
		earlier(part(4, 1, 1, quarry.ClassOK)), earlier(part(4, 2, 1, quarry.ClassOK)), // both are answered by an earlier pass
		single)
	write(t, q.Files.Journal("r00001"), part(3, 1, 4, quarry.ClassOK))
	merge, err := prompt.New(prompt.Config{}.ForMerge(""))
	must(t, err)
	rows := []ledger.Shard{{ID: "r00001", Detail: ledger.Detail{Sources: []quarry.ShardID{"s00001", "m00001"}}}}
	m := rounds.Merges{
		Pass: pass, Renderer: merge, Journals: []lines.Sorted{{Path: q.Files.Journal("s00001")}, {Path: q.Files.Journal("r00001"), Rank: 1}},
	}
	id, n, err := q.AddMerges(t.Context(), rows, &m)
	must(t, err)
	if id != "m00002" || n != 3 {
		t.Fatalf("AddMerges() = %s, %d; want the 3 merges of documents 0, 3 and 4 in m00002", id, n)
	}
	if got := orders(t, q, id); !slices.Equal(got, []int64{0, 3, 4}) {
		t.Errorf("merges of the documents %v, want 0, 3 and 4", got)
	}
	for l, err := range q.Records([]quarry.ShardID{id}) {
		must(t, err)
		bad := 0
		if l.Order == 4 { // its parts were answered before, so the bad answer was the merge's
			bad = 1
		}
		if l.RecordID.Attempt() != 3 || l.RecordID.PartNumber() != 0 || l.Attempt != 3 || l.Bad != bad || l.Parts != 2 {
			t.Errorf("document %d: %+v, want its third attempt as a whole, with %d bad", l.Order, l, bad)
		}
	}
	first, err := os.ReadFile(q.Files.Queue(id))
	must(t, err)
	_, _, err = q.AddMerges(t.Context(), rows, &m)
	must(t, err)
	if again, err := os.ReadFile(q.Files.Queue(id)); err != nil || string(again) != string(first) {
		t.Errorf("written again the file differs (%v)", err)
	}

	m.Journals = m.Journals[1:]
	if id, n, err := q.AddMerges(t.Context(), rows, &m); err != nil || n != 0 || id != "" {
		t.Errorf("AddMerges() without answers = %q, %d, %v; want none", id, n, err)
	}
}

func TestOnlyShardsWithPartsAreWalked(t *testing.T) {
	t.Parallel()
	parted := rounds.Parted([]ledger.Shard{{ID: "s00001"}, {ID: "s00002", Detail: ledger.Detail{Parted: 3}}})
	if len(parted) != 1 || parted[0].ID != "s00002" {
		t.Errorf("Parted() = %+v, want s00002", parted)
	}
}

func TestFewQueuedRecordsAreSentAsTheBoundsAllow(t *testing.T) {
	t.Parallel()
	const stop, hold, call = cut.Stop, cut.Hold, cut.OnDemand
	for name, c := range map[string]struct {
		records int64
		mode    quarry.Mode
		below   cut.BelowMinimum
		later   bool
		want    quarry.Mode
		unsent  int64
		note    string
	}{
		"enough for a job":          {100, quarry.ModeJob, stop, false, quarry.ModeJob, 0, ""},
		"calls have no minimum":     {1, quarry.ModeFlex, stop, false, quarry.ModeFlex, 0, ""},
		"a later round may be full": {99, quarry.ModeJob, call, true, "", 0, ""},
		"calls are allowed":         {99, quarry.ModeJob, call, false, quarry.ModeOnDemand, 0, "sent again as on-demand calls"},
		"they wait for a later run": {99, quarry.ModeJob, hold, false, "", 99, "sends them now at a price"},
		"they end failed":           {99, quarry.ModeJob, stop, false, "", 99, "sends them on demand at a price, --below-minimum hold"},
	} {
		bounds := cut.Bounds{Quotas: quarry.Quotas{MinRecords: 100}, Below: c.below}
		got := rounds.Decide(c.records, c.mode, bounds, c.later, " at a price")
		if got.Mode != c.want || got.Unsent != c.unsent || !strings.Contains(got.Note, c.note) || (got.Note == "") != (c.note == "") {
			t.Errorf("%s: Decide() = %+v, want mode %q, %d unsent, a note with %q", name, got, c.want, c.unsent, c.note)
		}
	}
}
