package resume_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/ledger"
	"quarry/internal/run/book"
	"quarry/internal/run/resume"
	"quarry/internal/run/runjson"
)

var (
	head = book.Head{Pass: 1, Sources: []string{"a"}, Target: "aws", Region: "us-west-2", Bucket: "b", Settings: "s", Seen: "f"}
	same = resume.Command{Dir: "d", Sources: []string{"a"}, Target: "aws", Region: "us-west-2", Bucket: "b", Settings: "s", Seen: "f"}
)

func row(state quarry.ShardState) ledger.Shard {
	return ledger.Shard{ID: "s00001", Kind: quarry.MainShard, Mode: quarry.ModeJob, State: state, Detail: ledger.Detail{Pass: 1}}
}

func with[T any](v T, change func(*T)) T {
	change(&v)
	return v
}

func TestACommandThatDiffersIsRefusedOnceSomethingWasSent(t *testing.T) {
	t.Parallel()
	unsent, sent := row(quarry.ShardBuilt), row(quarry.ShardIntended)
	failed := with(row(quarry.ShardBuilt), func(s *ledger.Shard) { s.Past = []ledger.Job{{}} })
	for name, tt := range map[string]struct {
		change func(*resume.Command)
		check  func(*resume.Command, *book.Head, []ledger.Shard) error
		refuse string
	}{
		"other sources":  {func(c *resume.Command) { c.Sources = []string{"x"} }, (*resume.Command).CheckSources, "its sources are a, not x"},
		"another target": {func(c *resume.Command) { c.Target = "local" }, (*resume.Command).CheckTarget, "it was started with --target aws"},
	} {
		c := with(same, tt.change)
		if err := tt.check(&same, &head, []ledger.Shard{sent}); err != nil {
			t.Errorf("the same command: %v", err)
		}
		if err := tt.check(&c, &head, []ledger.Shard{unsent}); err != nil {
			t.Errorf("%s, with nothing sent: %v", name, err)
		}
		for _, s := range []ledger.Shard{sent, failed} {
			if err := tt.check(&c, &head, []ledger.Shard{unsent, s}); err == nil || !strings.Contains(err.Error(), tt.refuse) {
				t.Errorf("%s, with a shard %s sent: %v, want %q", name, s.State, err, tt.refuse)
			}
		}
		for _, h := range []book.Head{with(head, func(h *book.Head) { h.Finished = 1 }), with(head, func(h *book.Head) { h.Adopted, h.Pass = 1, 2 })} {
			if err := tt.check(&c, &h, nil); err == nil {
				t.Errorf("%s of a run that has answers: no error", name)
			}
		}
	}
	other := with(same, func(c *resume.Command) { c.Sources = []string{"x"} })
	takenOver := with(head, func(h *book.Head) { h.Adopted = 1 })
	replaces := with(other, func(c *resume.Command) { c.ReplaceSource = true })
	if err := other.CheckSources(&takenOver, []ledger.Shard{sent}); err != nil {
		t.Errorf("the first sources of a run that was taken over: %v", err)
	}
	if err := replaces.CheckSources(&head, []ledger.Shard{sent}); err != nil {
		t.Errorf("--replace-source: %v", err)
	}
}

func TestAnotherPlaceIsRefusedWhileJobsAreAtTheFirst(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*resume.Command){
		"--region us-west-2": func(c *resume.Command) { c.Region = "us-east-1" },
		"--bucket b":         func(c *resume.Command) { c.Bucket = "other" },
	} {
		c := with(same, change)
		for state, refused := range map[quarry.ShardState]bool{
			quarry.ShardPlanned: false, quarry.ShardBuilt: false, quarry.ShardUploaded: true, quarry.ShardIntended: true, quarry.ShardSubmitted: true,
			quarry.ShardEnded: true, quarry.ShardCollected: false, quarry.ShardDone: false,
		} {
			err := c.CheckPlace(&head, []ledger.Shard{row(state)})
			var q *quarry.Error
			if (err != nil) != refused || (refused && (!errors.As(err, &q) || !strings.Contains(q.Hint, name))) {
				t.Errorf("a shard %s, another place: %v, refused: %v, with the hint %s", state, err, refused, name)
			}
		}
		named := with(row(quarry.ShardSubmitted), func(s *ledger.Shard) { s.Pool = ledger.Pool{Region: "eu-west-1"} })
		calls := with(row(quarry.ShardUploaded), func(s *ledger.Shard) { s.Mode = quarry.ModeOnDemand })
		if err := c.CheckPlace(&head, []ledger.Shard{named, calls}); err != nil {
			t.Errorf("shards that are not at the home pool: %v", err)
		}
	}
	anywhere := book.Head{}
	if err := same.CheckPlace(&anywhere, []ledger.Shard{row(quarry.ShardSubmitted)}); err != nil {
		t.Errorf("a run that does not say where it is: %v", err)
	}
}

func TestWhatBecomesOfThePassAtHand(t *testing.T) {
	t.Parallel()
	settings := func(c *resume.Command) { c.Settings = "t" }
	files := func(c *resume.Command) { c.Seen = "g" }
	replace := func(c *resume.Command) { c.ReplaceSource = true }
	nothing := func(*resume.Command) {}
	fewer := func(c *resume.Command) { c.Attempts = 1 }
	judged, queued := book.Pass{Judged: "j"}, book.Pass{Asked: &runjson.Run{Asked: runjson.Asked{Attempts: 4}}}
	for _, tt := range []struct {
		name   string
		change func(*resume.Command)
		pass   book.Pass
		state  quarry.ShardState
		flags  string
		want   resume.Fate
	}{
		{"the same command, nothing sent", nothing, book.Pass{}, quarry.ShardUploaded, "", resume.Continue},
		{"other settings, nothing sent", settings, book.Pass{}, quarry.ShardUploaded, "", resume.Drop},
		{"other files, nothing sent", files, book.Pass{}, quarry.ShardBuilt, "", resume.Drop},
		{"other flags, nothing sent", nothing, book.Pass{Flags: "x"}, quarry.ShardPlanned, "y", resume.Drop},
		{"flags that were not kept", nothing, book.Pass{}, quarry.ShardPlanned, "y", resume.Continue},
		{"the same command", nothing, book.Pass{Flags: "x"}, quarry.ShardSubmitted, "y", resume.Continue},
		{"other settings", settings, book.Pass{}, quarry.ShardSubmitted, "", resume.GiveUp},
		{"other files: documents are sent as they were planned", files, book.Pass{}, quarry.ShardSubmitted, "", resume.Continue},
		{"a pilot without an answer", nothing, book.Pass{Unanswered: true}, quarry.ShardDone, "", resume.GiveUp},
		{"stopped at the gate, same files", nothing, judged, quarry.ShardDone, "", resume.Continue},
		{"stopped at the gate, other files", files, judged, quarry.ShardDone, "", resume.IfCorrected},
		{"stopped at the gate, sources said to be corrected", replace, judged, quarry.ShardDone, "", resume.GiveUp},
		{"stopped at the gate, no files", files, book.Pass{Judged: resume.CannotTell}, quarry.ShardDone, "", resume.Continue},
		{"fewer attempts, with records queued for another", fewer, queued, quarry.ShardDone, "", resume.GiveUp},
		{"as many attempts, with records queued for another", func(c *resume.Command) { c.Attempts = 4 }, queued, quarry.ShardDone, "", resume.Continue},
		{"fewer attempts, nothing queued", fewer, queued, quarry.ShardSubmitted, "", resume.Continue},
		{"not stopped, sources said to be corrected", replace, book.Pass{}, quarry.ShardDone, "", resume.Continue},
	} {
		c := with(same, tt.change)
		of := row(tt.state)
		if of.State == quarry.ShardDone {
			of.Tally.Left = 3
		}
		if got := c.Fate(&head, &tt.pass, []ledger.Shard{of}, tt.flags); got != tt.want {
			t.Errorf("%s: fate %d, want %d", tt.name, got, tt.want)
		}
		abandoned := with(head, func(h *book.Head) { h.Abandoned = 1 })
		if got := c.Fate(&abandoned, &tt.pass, []ledger.Shard{row(tt.state)}, tt.flags); got != resume.GivingUp {
			t.Errorf("%s, after a crash: fate %d, want that the pass is given up to the end", tt.name, got)
		}
	}
}

func TestWhichPassIsNext(t *testing.T) {
	t.Parallel()
	ended := with(head, func(h *book.Head) { h.Finished = 1 })
	for _, tt := range []struct {
		name    string
		head    book.Head
		change  func(*resume.Command)
		planned bool
		pass    int
		begins  bool
		fails   bool
	}{
		{"nothing is new", ended, func(*resume.Command) {}, true, 1, false, false},
		{"a document is to be sent again", with(ended, func(h *book.Head) { h.Open = 1 }), func(*resume.Command) {}, true, 2, true, false},
		{"other settings", ended, func(c *resume.Command) { c.Settings = "t" }, true, 2, true, false},
		{"other files", ended, func(c *resume.Command) { c.Seen = "g" }, true, 2, true, false},
		{"sources that are no files", with(ended, func(h *book.Head) { h.Seen = "" }), func(c *resume.Command) { c.Seen = "" }, true, 2, true, false},
		{"not finished", head, func(*resume.Command) {}, true, 1, false, false},
		{"not planned", head, func(c *resume.Command) { c.Settings = "t" }, false, 1, true, false},
		{"planned with other settings", head, func(c *resume.Command) { c.Settings = "t" }, true, 0, false, true},
	} {
		c := with(same, tt.change)
		pass, begins, err := c.Next(&tt.head, tt.planned)
		if pass != tt.pass || begins != tt.begins || (err != nil) != tt.fails {
			t.Errorf("%s: pass %d, begins %v, %v, want %d, %v", tt.name, pass, begins, err, tt.pass, tt.begins)
		}
	}
}

func TestRowsSayWhichPassesThereAreAndWhichBegan(t *testing.T) {
	t.Parallel()
	planned, built := row(quarry.ShardPlanned), with(row(quarry.ShardBuilt), func(s *ledger.Shard) { s.Pass, s.Kind = 3, quarry.PilotShard })
	rows := []ledger.Shard{built, planned, built}
	if got := resume.Passes(rows, 2); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("Passes = %v, want 1, 2 and 3", got)
	}
	for _, tt := range []struct {
		pass int
		kind quarry.ShardKind
		want bool
	}{{1, "", false}, {2, "", false}, {3, "", true}, {3, quarry.PilotShard, true}, {3, quarry.MainShard, false}} {
		if got := resume.Began(rows, tt.pass, tt.kind); got != tt.want {
			t.Errorf("Began(%d, %q) = %t", tt.pass, tt.kind, got)
		}
	}
}
