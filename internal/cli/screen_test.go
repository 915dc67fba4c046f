package cli

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/cli/board"
	"quarry/internal/run/event"
)

var (
	withTmux = flag.Bool("tmux", false, "compare screens of a terminal with golden files; needs tmux")
	update   = flag.Bool("update", false, "rewrite the golden files")
	drawing  = flag.Bool("drawing", false, "draw a screen for the test with -tmux, and wait")
)

// TestDrawing is what runs in the terminal of TestScreens: the view is drawn, lines are kept above it, and it is drawn again with
// more and with fewer lines.
func TestDrawing(t *testing.T) {
	if !*drawing {
		return
	}
	app := &App{Stderr: os.Stderr, Env: os.LookupEnv}
	p := &progress{app: app, live: app.newLive(os.Stderr), ticks: make(chan struct{})}
	if p.live == nil {
		t.Fatal("this terminal has no live view")
	}
	draw := func(b *board.Board) { p.live.draw(b.Lines(p.live.room())) }
	b := &board.Board{Title: "run k3v9x0q2ab in quarry-run, pass 1, mode batch, in us-west-2", Stages: []board.Stage{{Name: "plan", Done: true}, {Name: "pilot", AtIt: true}, {Name: "shards"}}}
	for i := range 12 {
		b.Jobs = append(b.Jobs, board.Job{Shard: fmt.Sprintf("s%05d", i), State: "InProgress", Done: int64(i), Records: 5000})
	}
	draw(b)
	p.event(event.Event{Kind: event.Note, Text: "記事の題名 \x1b[2J is a title with a control character"})
	b.Jobs = b.Jobs[:3]
	b.Rows = []board.Row{{Name: "records", Text: "6,203 of 115,000 processed (5%), 1,240/min"}, {Name: "failures", Text: "870 throttled, 30 not_json: しばらくお待ちください", Mood: board.Bad}}
	draw(b)
	draw(b)
	p.live.clear()
	fmt.Fprintln(os.Stderr, "a line that stays")
	draw(b)
	fmt.Fprint(os.Stderr, "drawn")
	time.Sleep(time.Minute) // the test ends the terminal before that
}

// TestScreens compares what a terminal shows with golden files.
func TestScreens(t *testing.T) {
	if !*withTmux {
		t.Skip("without -tmux")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []struct{ width, height int }{{40, 24}, {80, 24}, {200, 50}} {
		name := fmt.Sprintf("screen-%dx%d.txt", size.width, size.height)
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "tmux")
			tmux := func(args ...string) string {
				t.Helper()
				out, err := exec.CommandContext(t.Context(), "tmux", append([]string{"-u", "-S", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
				if err != nil {
					t.Fatalf("tmux %v: %v: %s", args, err, out)
				}
				return string(out)
			}
			tmux("new-session", "-d", "-x", fmt.Sprint(size.width), "-y", fmt.Sprint(size.height), "env", "LANG=C.UTF-8", self, "-test.run=^TestDrawing$", "-drawing")
			defer tmux("kill-server")
			screen := ""
			for deadline := time.Now().Add(20 * time.Second); !strings.HasSuffix(screen, "drawn"); {
				if time.Now().After(deadline) {
					t.Fatalf("the screen is not drawn:\n%s", screen)
				}
				time.Sleep(50 * time.Millisecond)
				screen = strings.TrimRight(tmux("capture-pane", "-p"), "\n")
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, []byte(screen+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimRight(string(want), "\n"), screen); diff != "" {
				t.Errorf("the screen (-want +got):\n%s", diff)
			}
		})
	}
}
