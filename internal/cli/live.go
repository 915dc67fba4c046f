package cli

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"quarry/internal/cli/board"
)

// live is a block of lines at the end of a terminal that is drawn again in its place.
type live struct {
	out   io.Writer
	size  func() (width, height int)
	color bool
	drawn []int // the widths of the lines on the screen, in cells
}

// newLive is for a stream that is a terminal which can move its cursor; nil for any other.
func (a *App) newLive(stream any) *live {
	f, ok := stream.(*os.File)
	if kind, _ := a.Env("TERM"); !ok || a.quiet || kind == "dumb" || !isTerminal(f) || !movesCursor(f) {
		return nil
	}
	without, _ := a.Env("NO_COLOR") // https://no-color.org: any value but the empty one
	return &live{out: f, color: without == "", size: func() (int, int) {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
		return 80, 24
	}}
}

// room is what a board may take: the last column and the last line stay free, since some terminals begin a new line after them.
func (l *live) room() board.Size {
	w, h := l.size()
	return board.Size{Width: w - 1, Lines: max(h-1, 1), Colour: l.color}
}

// draw replaces the block.
func (l *live) draw(lines []string) {
	var b strings.Builder
	b.WriteString(l.back())
	l.drawn = l.drawn[:0]
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
		l.drawn = append(l.drawn, runewidth.StringWidth(colours.ReplaceAllString(line, "")))
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(l.out, b.String())
}

// clear takes the block away, so that something else can be printed there.
func (l *live) clear() {
	if len(l.drawn) > 0 {
		fmt.Fprint(l.out, l.back()+"\x1b[J")
		l.drawn = l.drawn[:0]
	}
}

// back moves to the first line of the block. A terminal that became narrower has broken its lines.
func (l *live) back() string {
	w, h := l.size()
	rows := 0
	for _, width := range l.drawn {
		rows += max(1, (width+w-1)/max(w, 1))
	}
	if rows = min(rows, h-1); rows <= 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", rows)
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")
