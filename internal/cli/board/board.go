// Package board draws the state of a run for a terminal: its stages, its jobs, and what it took so far.
//
// It owns what is on the screen at which width and height. It reads no ledger, no clock and no terminal. What always holds: no line
// is wider than it may be; no word is broken unless it alone is wider than a line; no text moves the cursor.
package board

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// Board is the state of a run as people see it.
type Board struct {
	Title  string
	Stages []Stage
	Jobs   []Job // those to see first come first
	Rows   []Row // what matters most comes first
}

// Stage is one of the steps of a run.
type Stage struct {
	Name        string
	Done, AtIt  bool
	Explanation string // what it does now; empty: nothing is known
}

// Row is a line with a name, such as the tokens.
type Row struct {
	Name, Text string
	Mood       Mood
	Short      bool // one line is enough: it ends after the last word that fits
}

// Mood is the colour of a text, where the terminal has any.
type Mood string

// The moods, as parameters of SGR (ECMA-48, 8.3.117).
const (
	Plain Mood = ""
	Good  Mood = "32"
	Warn  Mood = "33"
	Bad   Mood = "31"
	Bold  Mood = "1"
	Faint Mood = "2"
)

// Size is what a board may take. Zero lines: as many as it needs.
type Size struct {
	Width, Lines int
	Colour       bool
}

const (
	nameWidth = 11 // of the names of rows
	tooNarrow = 36 // for a column of names
	fewest    = 20 // cells: a terminal that says less is asked for this much
)

// Lines draws the board. Jobs give way first where it is too high, then the last rows.
func (b *Board) Lines(s Size) []string {
	s.Width = max(s.Width, fewest)
	head := append(paint(Wrap(b.Title, 0, 2, s.Width), Bold, s), b.stages(s)...)
	var rows []string
	for i := range b.Rows {
		rows = append(rows, b.Rows[i].lines(s)...)
	}
	room := 0
	if s.Lines > 0 {
		room = max(s.Lines-len(head)-len(rows), 3)
	}
	all := append(append(head, table(b.Jobs, room, s)...), rows...)
	if s.Lines > 0 {
		all = all[:min(len(all), s.Lines)]
	}
	return all
}

// lines are the row's, its name in a column where there is room for one.
func (r *Row) lines(s Size) []string {
	hang := nameWidth
	if s.Width < tooNarrow {
		hang = 2
	}
	name := Plainly(r.Name)
	first := max(hang, runewidth.StringWidth(name)+1)
	lines := split(Wrap(Plainly(r.Text), first, hang, s.Width))
	if r.Short && len(lines) > 1 {
		lines = []string{oneLine(Plainly(r.Text), first, s.Width)}
	}
	for i := range lines {
		text := strings.TrimLeft(lines[i], " ")
		indent := lines[i][:len(lines[i])-len(text)]
		if i == 0 {
			indent = colour(name, Faint, s) + indent[min(len(indent), runewidth.StringWidth(name)):]
		}
		lines[i] = indent + colour(text, r.Mood, s)
	}
	return lines
}

// stages are on one line, or on as many as the width asks for. What the stage at hand does is on a line of its own.
func (b *Board) stages(s Size) []string {
	var lines []string
	line, width, doing := "", 0, ""
	for _, stage := range b.Stages {
		text, mood := "  "+stage.Name, Faint
		switch {
		case stage.AtIt:
			text, mood, doing = "▸ "+stage.Name, Bold, stage.Explanation
		case stage.Done:
			text, mood = "✓ "+stage.Name, Good
		}
		w := runewidth.StringWidth(text)
		if width > 0 && width+2+w > s.Width {
			lines, line, width = append(lines, line), "", 0
		}
		if width > 0 {
			line, width = line+"  ", width+2
		}
		line, width = line+colour(text, mood, s), width+w
	}
	if width > 0 {
		lines = append(lines, line)
	}
	if doing != "" {
		lines = append(lines, split(Wrap(Plainly(doing), 0, 2, s.Width))...)
	}
	return lines
}

func colour(text string, mood Mood, s Size) string {
	if !s.Colour || mood == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(mood) + "m" + text + "\x1b[0m"
}

func paint(text string, mood Mood, s Size) []string {
	lines := split(Plainly(text))
	for i := range lines {
		lines[i] = colour(lines[i], mood, s)
	}
	return lines
}

func split(text string) []string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
