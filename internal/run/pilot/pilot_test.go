package pilot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/catalog"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/lines"
	"quarry/internal/run/pilot"
	"quarry/internal/run/shardfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// row is a shard that ended with so many records of each class.
func row(id quarry.ShardID, classes map[quarry.Class]int64, from ...quarry.ShardID) ledger.Shard {
	detail := ledger.Detail{Pass: 1, Sources: from, Tally: ledger.Tally{Classes: classes, OK: classes[quarry.ClassOK]}}
	s := ledger.Shard{ID: id, Kind: id.Kind(), State: quarry.ShardDone, Detail: detail}
	for _, n := range classes {
		s.Records += n
	}
	s.Tally.Usage = quarry.Usage{InputTokens: 10 * s.Records, OutputTokens: s.Records}
	return s
}

func never(string) bool { return false }

func TestAPilotIsItsShardsAndThoseThatAskedThemAgain(t *testing.T) {
	t.Parallel()
	other := row("p00009", map[quarry.Class]int64{quarry.ClassOK: 100})
	other.Pass = 2
	first := row("p00001", map[quarry.Class]int64{quarry.ClassOK: 5, quarry.ClassNotJSON: 2, quarry.ClassMissing: 3})
	first.Unbuilt = 2
	p := pilot.Of([]ledger.Shard{
		first,
		other,
		row("s00001", map[quarry.Class]int64{quarry.ClassOK: 50}),
		row("r00001", map[quarry.Class]int64{quarry.ClassOK: 4, quarry.ClassThrottled: 1}, "p00001"),
		row("r00002", map[quarry.Class]int64{quarry.ClassOK: 7}, "p00001", "s00001"),
		row("r00003", map[quarry.Class]int64{quarry.ClassOK: 1}, "r00001"),
	}, 1, 50, never)
	if want := []quarry.ShardID{"p00001", "r00001", "r00003"}; !slices.Equal(p.Shards, want) {
		t.Errorf("shards = %v, want %v", p.Shards, want)
	}
	// 10 records and 6 further attempts, of which 3 were missing and 1 throttled.
	if p.Records != 10 || p.OK != 10 || p.Judged != 12 || p.Usage.InputTokens != 160 || p.Classes[quarry.ClassNotJSON] != 2 {
		t.Errorf("Of = %+v, want 10 records, 10 good of 12 judged", p)
	}
	if p.Rest != 38 {
		t.Errorf("the rest of 50 planned records are %d, want 38: 10 are the pilot's, and 2 were not built", p.Rest)
	}
	for share, want := range map[float64]bool{0.83: true, 0.84: false} {
		if got := p.Good(share); got != want {
			t.Errorf("Good(%v) = %v for %d of %d", share, got, p.OK, p.Judged)
		}
	}
	if none := pilot.Of(nil, 1, 0, never); none.Shards == nil || none.Records != 0 {
		t.Errorf("Of nothing = %+v, want an empty list of shards", none)
	}
}

func TestTheGateIsPassedByJustTheShareThatItAsksFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ok, judged int64
		share      float64
		want       bool
	}{
		{70, 100, 0.7, true},
		{69, 100, 0.7, false},
		{71, 100, 0.7, true},
		{7, 100, 0.07, true},
		{6, 100, 0.07, false},
		{29, 100, 0.29, true},
		{57, 100, 0.57, true},
		{100, 100, 1, true},
		{99, 100, 1, false},
		{1, 1, 1, true},
		{0, 1, 0.01, false},
		{2, 3, 2.0 / 3, true},
		{0, 5, 0, true},
		{0, 0, 0.7, true}, // nothing was judged
	} {
		p := pilot.Outcome{OK: c.ok, Judged: c.judged}
		if got := p.Good(c.share); got != c.want {
			t.Errorf("Good(%v) = %v for %d of %d, want %v", c.share, got, c.ok, c.judged, c.want)
		}
	}
}

func TestAJobRefusedForItsSchemaIsReported(t *testing.T) {
	t.Parallel()
	failed := row("p00001", map[quarry.Class]int64{quarry.ClassMissing: 5})
	failed.Job.Status, failed.Job.Message = quarry.JobFailed, "output_config is not supported"
	ended := failed
	ended.Job.Status = quarry.JobCompleted
	refused := func(m string) bool { return strings.Contains(m, "output_config") }
	for want, s := range map[bool]ledger.Shard{true: failed, false: ended} {
		if p := pilot.Of([]ledger.Shard{s}, 1, 5, refused); p.JobRefused != want {
			t.Errorf("a job that ended %s: JobRefused = %v, want %v", s.Job.Status, p.JobRefused, want)
		}
	}
}

// answer is one record's part of the index and its outcome.
type answer struct {
	part    shardfile.Part
	outcome shardfile.Outcome
}

// answered is a record of a text with so many letters whose answer has a class and took tokens.
func answered(id string, attempt int, class quarry.Class, letters, in, out int64, japanese bool) answer {
	a := answer{part: shardfile.Part{
		ID: quarry.DocumentID(id), RecordID: quarry.NewRecordID(quarry.DocumentID(id), quarry.DocumentKey{1}, attempt),
		Document: quarry.DocumentInfo{Title: "T " + id},
		Sample: &shardfile.Sampled{
			Classes: quarry.CharClasses{Letters: letters, Words: letters / 5}, Japanese: japanese, Head: "head of " + id,
		},
	}}
	a.outcome.Class = class
	a.outcome.Result.Usage = quarry.Usage{InputTokens: in, OutputTokens: out}
	a.outcome.Result.Text = "answer to " + id
	return a
}

// write lays a shard's files into a run's directory.
func write(t *testing.T, files shardfile.Dir, shard quarry.ShardID, all ...answer) {
	t.Helper()
	e := effect.New(nil)
	for path, line := range map[string]func(a *answer) any{
		files.Part(shard):    func(a *answer) any { return a.part },
		files.Journal(shard): func(a *answer) any { return a.outcome },
	} {
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		w, err := atomicfile.CreateZstd(e, path)
		must(t, err)
		for i := range all {
			must(t, lines.Write(w, line(&all[i])))
		}
		must(t, w.Commit())
	}
}

func TestTheAnswersTeachWhatTheRestWillTake(t *testing.T) {
	t.Parallel()
	files := shardfile.In(effect.New(nil), t.TempDir(), "")
	var first []answer
	for i := range 20 {
		n := int64(100 * (i + 1))
		first = append(first, answered(string(rune('a'+i)), 1, quarry.ClassOK, n, n/4+50, 30, i%2 == 0))
	}
	complained := answered("a", 2, quarry.ClassOK, 100, 5000, 30, true)
	complained.part.Sample = nil // it sends more than its text
	silent := answered("z", 1, quarry.ClassMissing, 100, 0, 0, false)
	uncounted := answered("y", 1, quarry.ClassOK, 100, 9000, 30, false)
	uncounted.outcome.Result.Usage.Unknown = 1 // its sum holds what is known alone
	write(t, files, "p00001", append(first, silent, uncounted)...)
	write(t, files, "r00001", complained)
	p := pilot.Of(nil, 1, 100, never)
	p.Shards, p.Classes = []quarry.ShardID{"p00001", "r00001"}, map[quarry.Class]int64{quarry.ClassOK: 21}
	l, err := p.Learn(t.Context(), files, catalog.Anthropic, 4)
	must(t, err)
	if l.Samples != 20 || l.First.Records != 22 || l.First.Japanese != 10 || l.First.Classes.Letters != 21_200 {
		t.Errorf("learned from %d answers, of %+v, want 20, and 22 first attempts", l.Samples, l.First)
	}
	if p.Rest != 78 {
		t.Errorf("the rest of 100 planned records are %d, want 78", p.Rest)
	}
	if got := l.Weights.Total(quarry.CharClasses{Letters: 1000, Words: 200}, 0); got < 250 || got > 350 {
		t.Errorf("a text of 1000 letters is reckoned at %d tokens, want about 300", got)
	}
	if l.Again != 0 {
		t.Errorf("%v further attempts, want none: all answers are good", l.Again)
	}
	p.Classes[quarry.ClassNotJSON] = 10
	if l, err := p.Learn(t.Context(), files, catalog.Anthropic, 4); err != nil || l.Again <= 0 {
		t.Errorf("%v further attempts (%v), want some: ten answers were no JSON", l.Again, err)
	}
}

func TestNothingIsLearnedOfNoAnswer(t *testing.T) {
	t.Parallel()
	files := shardfile.In(effect.New(nil), t.TempDir(), "")
	write(t, files, "p00001", answered("a", 1, quarry.ClassMissing, 100, 0, 0, false))
	p := pilot.Outcome{Shards: []quarry.ShardID{"p00001"}}
	if l, err := p.Learn(t.Context(), files, catalog.Anthropic, 4); err != nil || l.Samples != 0 || l.First.Records != 1 {
		t.Errorf("Learn = %+v, %v, want nothing from one record", l, err)
	}
}

func TestPeopleSeeAnswersFromAllOverThePilot(t *testing.T) {
	t.Parallel()
	files := shardfile.In(effect.New(nil), t.TempDir(), "")
	var all []answer
	for i := range 20 {
		class := quarry.ClassOK
		if i%10 == 9 {
			class = quarry.ClassNotJSON
		}
		all = append(all, answered(string(rune('a'+i)), 1, class, 100, 50, 10, false))
	}
	write(t, files, "p00001", all[:10]...)
	write(t, files, "p00002", all[10:]...)
	p := pilot.Outcome{Shards: []quarry.ShardID{"p00001", "p00002"}}
	ids := func() string {
		t.Helper()
		got, err := p.Samples(t.Context(), files)
		must(t, err)
		var b strings.Builder
		for _, s := range got {
			b.WriteString(string(s.ID))
			if s.Class != "" {
				b.WriteString("!")
			}
			if s.Text != "answer to "+string(s.ID) || s.Head != "head of "+string(s.ID) {
				t.Errorf("sample = %+v", s)
			}
		}
		return b.String()
	}
	if got := ids(); got != "bfknr" {
		t.Errorf("samples = %s, want five good ones, evenly apart", got)
	}
	write(t, files, "p00001", all[8:10]...)
	write(t, files, "p00002", all[18:]...)
	if got := ids(); got != "ij!st!" {
		t.Errorf("samples of two good and two bad = %s, want all of them in order", got)
	}
}

func TestAJournalThatIsShorterThanItsPartIsAnError(t *testing.T) {
	t.Parallel()
	files := shardfile.In(effect.New(nil), t.TempDir(), "")
	a := answered("a", 1, quarry.ClassOK, 100, 50, 10, false)
	write(t, files, "p00001", a)
	part, err := os.ReadFile(files.Part("p00001"))
	must(t, err)
	write(t, files, "p00001")
	must(t, os.WriteFile(files.Part("p00001"), part, 0o644))
	p := pilot.Outcome{Shards: []quarry.ShardID{"p00001"}}
	if _, err := p.Samples(t.Context(), files); err == nil {
		t.Error("Samples read a record without an outcome")
	}
}

func TestAPassWithoutItsRestSaysWhetherItsPilotPassed(t *testing.T) {
	t.Parallel()
	good := row("p00001", map[quarry.Class]int64{quarry.ClassOK: 7, quarry.ClassNotJSON: 3})
	for name, tt := range map[string]struct {
		rows  []ledger.Shard
		share float64
		want  bool
	}{
		"just enough are good":           {[]ledger.Shard{good}, 0.7, true},
		"too few are good":               {[]ledger.Shard{good}, 0.71, false},
		"nothing was judged":             {[]ledger.Shard{row("p00001", map[quarry.Class]int64{quarry.ClassMissing: 3})}, 0.7, false},
		"there is no pilot":              {nil, 0, false},
		"the rest was sent all the same": {[]ledger.Shard{good, row("s00001", nil)}, 1, true},
	} {
		if got := pilot.Passed(tt.rows, 1, tt.share, never); got != tt.want {
			t.Errorf("%s: Passed() = %t", name, got)
		}
	}
	rest := row("s00001", nil)
	rest.Pass = 2
	if pilot.Passed([]ledger.Shard{good, rest}, 1, 1, never) {
		t.Error("the rest of another pass counts")
	}
}
