package board_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"quarry/internal/cli/board"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// busy is a run with jobs in many states, in two Regions, with failures, a cap and texts of documents and providers.
func busy() *board.Board {
	jobs := []board.Job{
		{Shard: "s00003", State: "InProgress", Done: 1203, Records: 5000, Job: "abcdefghijkl", Place: "us-west-2"},
		{Shard: "s00004", State: "Submitted", Records: 5000, Job: "bcdefghijklm", Place: "us-east-1"},
		{Shard: "s00005", State: "uploaded", Records: 5000, Place: "us-east-1", Waits: "all 20 job slots of us-east-1 are in use; the next look is in 12 seconds"},
		{Shard: "s00002", State: "PartiallyCompleted", Done: 5000, Records: 5000, OK: 4100, Invalid: 12, Failed: 3, Resent: 885, Job: "cdefghijklmn", Place: "us-west-2", Mood: board.Warn},
	}
	for i := range 20 {
		jobs = append(jobs, board.Job{Shard: fmt.Sprintf("s%05d", 6+i), State: "planned", Records: 5000})
	}
	return &board.Board{
		Title: "run k3v9x0q2ab in quarry-run, pass 1, mode batch, in us-west-2",
		Stages: []board.Stage{
			{Name: "plan", Done: true},
			{Name: "preflight", Done: true},
			{Name: "pilot", Done: true},
			{Name: "shards", AtIt: true, Explanation: "shards …  12m03s"},
			{Name: "export"},
			{Name: "report"},
		},
		Jobs: jobs,
		Rows: []board.Row{
			{Name: "records", Text: "6,203 of 115,000 processed (5%), 1,240/min"},
			{Name: "ETA", Text: "about 14:05, in 1h27m: pace of the last 10m00s"},
			{Name: "cost", Text: "$3.20, forecast $37.84 ($36.63 to $39.05), cap $50.00"},
			{Name: "tokens", Text: "12,345,678 in, 3,400,000 out"},
			{Name: "failures", Text: "870 throttled, 30 not_json", Mood: board.Bad},
			{Name: "message", Text: "12 × throttled: リクエストが多すぎます。しばらくお待ちください。 Too many requests,\x1b[2J please wait before trying again", Short: true},
		},
	}
}

func TestBoards(t *testing.T) {
	t.Parallel()
	for _, size := range []board.Size{{Width: 40, Lines: 23}, {Width: 80, Lines: 23}, {Width: 200, Lines: 50}, {Width: 80, Lines: 12}, {Width: 80}} {
		name := fmt.Sprintf("%dx%d.txt", size.Width, size.Lines)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := busy().Lines(size)
			path := filepath.Join("testdata", name)
			text := strings.Join(lines, "\n") + "\n"
			if *update {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("the board (-want +got):\n%s", diff)
			}
		})
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestABoardKeepsToItsSizeAndItsWords(t *testing.T) {
	t.Parallel()
	words := map[string]bool{"…": true}
	for _, row := range busy().Rows {
		for _, word := range strings.Fields(board.Plainly(row.Text)) {
			words[word] = true
		}
	}
	for width := 30; width < 130; width++ {
		for _, high := range []int{0, 6, 12, 24} {
			lines := busy().Lines(board.Size{Width: width, Lines: high, Colour: true})
			if high > 0 && len(lines) > high {
				t.Errorf("%d lines, want at most %d", len(lines), high)
			}
			for _, line := range lines {
				line = sgr.ReplaceAllString(line, "")
				if w := runewidth.StringWidth(line); w > width {
					t.Errorf("%d cells of %d: %q", w, width, line)
				}
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
					t.Errorf("a control character in %q", line)
				}
				name, text, _ := strings.Cut(line, " ")
				if name != "" && name != "records" && name != "cost" && name != "tokens" {
					continue // only rows of plain words
				}
				for _, word := range strings.Fields(text) {
					if name != "" && !words[word] && !strings.HasPrefix(strings.TrimSpace(line), "waits") {
						t.Errorf("width %d breaks a word: %q in %q", width, word, line)
					}
				}
			}
		}
	}
}

func TestABoardWithoutColourHasNoEscapes(t *testing.T) {
	t.Parallel()
	plain := strings.Join(busy().Lines(board.Size{Width: 80}), "\n")
	coloured := strings.Join(busy().Lines(board.Size{Width: 80, Colour: true}), "\n")
	if strings.Contains(plain, "\x1b") {
		t.Errorf("an escape in %q", plain)
	}
	if !strings.Contains(coloured, "\x1b[31m") || sgr.ReplaceAllString(coloured, "") != plain {
		t.Errorf("with colour the text is another:\n%s", coloured)
	}
}

func TestPlainlyTakesOutWhatMovesTheCursor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\x1b[2Jb\rc\x07":     "a[2Jbc",
		"one\ttwo\nthree":      "one two\nthree",
		"\u202edesrever\u202c": "desrever",
		"می\u200cخواهم":        "می\u200cخواهم",
		"\u009b31mred":         "31mred",
	} {
		if got := board.Plainly(in); got != want {
			t.Errorf("Plainly(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFoldBreaksBetweenWordsAndKeepsColumns(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"short": "short",
		"  cost         paid nothing at all today":  "  cost         paid nothing at\n               all today",
		"               Check that the server runs": "               Check that the\n               server runs",
		"a line without any column of its own here": "a line without any column of\n  its own here",
		"answered by  クラス: Debugger クラス":            "answered by  クラス: Debugger\n             クラス",
	} {
		if got := board.Fold(line, 30); got != want {
			t.Errorf("Fold(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestPaceIsThatOfTheLastTenMinutes(t *testing.T) {
	t.Parallel()
	var p board.Pace
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	if rate, _ := p.Lately(); rate != 0 {
		t.Errorf("nothing was seen, and the pace is %v", rate)
	}
	done := int64(0)
	for range 3600 { // an hour: 10 a second, then 1 a second
		p.See(at, done)
		if at = at.Add(time.Second); at.Minute() < 40 {
			done += 10
		} else {
			done++
		}
	}
	rate, over := p.Lately()
	if rate < 59 || rate > 62 || over < 9*time.Minute || over > 11*time.Minute {
		t.Errorf("%.1f a minute over %v, want about 60 over 10 minutes", rate, over)
	}
	p.See(at, 5) // the next pass
	if rate, _ := p.Lately(); rate != 0 {
		t.Errorf("after a new start the pace is %v", rate)
	}
}
