package review

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"quarry"
)

// Verdict is what a person says of an answer.
type Verdict string

// The verdicts. Without one, a mark is a note alone.
const (
	Right Verdict = "right"
	Wrong Verdict = "wrong"
)

// Mark is what a person said of one answer: one line of review.jsonl. It takes the place of the earlier mark of that answer; one without
// a verdict and without a note takes it back.
type Mark struct {
	Ref
	// RecordID is the attempt whose answer was marked. Empty: the mark counts for the answer of any attempt at the text.
	RecordID  quarry.RecordID `json:"record_id,omitempty"`
	Corrected bool            `json:"corrected,omitempty"` // the corrected answer was marked, not the model's
	Verdict   Verdict         `json:"mark,omitempty"`
	Note      string          `json:"note,omitempty"`
	Who       string          `json:"who"`
	At        time.Time       `json:"at"`
}

// Mark keeps a mark, with the time of now, and gives it as it is kept. Errors of kind BadUsage say what cannot be kept.
func (d *Dir) Mark(ctx context.Context, m Mark) (Mark, error) {
	err := cmp.Or(m.check(), author(m.Who))
	switch {
	case err != nil:
	case m.Verdict != "" && m.Verdict != Right && m.Verdict != Wrong:
		err = errors.New("want the mark right or wrong")
	case len(m.Note) > MaxNote:
		err = tooLong("the note", len(m.Note), MaxNote)
	case !utf8.ValidString(m.Note):
		err = errors.New("the note is not UTF-8")
	}
	if err != nil {
		return m, refused("mark", m.ID, err, "")
	}
	m.At = now()
	return m, d.add(ctx, MarksFile, &m)
}

// Marks are the marks that count. The zero value has none.
type Marks struct{ of map[Ref]placed }

// placed is a mark and the place of its line.
type placed struct {
	Mark
	at int64
}

// Marks reads the marks.
func (d *Dir) Marks(ctx context.Context) (m Marks, err error) {
	path := d.file(MarksFile)
	f, err := d.open(ctx, MarksFile)
	if f == nil || err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m.of = map[Ref]placed{}
	return m, each(ctx, path, f, func(mark *Mark, l line) error {
		if mark.Verdict == "" && mark.Note == "" {
			delete(m.of, mark.Ref)
		} else {
			m.of[mark.Ref] = placed{*mark, l.at}
		}
		return nil
	})
}

// Of gives the mark of an answer: of the attempt with this recordId, which is corrected or not. A mark of another attempt does not count,
// and one of a corrected answer does not count when the model's answer is used again.
func (m *Marks) Of(r Ref, record quarry.RecordID, corrected bool) (Mark, bool) {
	mark, ok := m.of[r]
	if !ok || mark.RecordID != "" && mark.RecordID != record || mark.Corrected && !corrected {
		return Mark{}, false
	}
	return mark.Mark, true
}

// All gives the marks in the order in which they were made.
func (m *Marks) All() []Mark {
	all := make([]Mark, 0, len(m.of))
	for _, mark := range slices.SortedFunc(maps.Values(m.of), func(a, b placed) int { return cmp.Compare(a.at, b.at) }) {
		all = append(all, mark.Mark)
	}
	return all
}

// Agreement is how often people agreed with the answers that they marked.
type Agreement struct {
	Right int64 `json:"right"`
	Wrong int64 `json:"wrong"`
	Notes int64 `json:"notes"` // marks with a note
	// Rate is right / (right + wrong), from 0 to 1; nil if nothing is marked right or wrong.
	Rate *float64 `json:"rate"`
}

// Agreement counts the marks of some answers. of tells which count, such as those of the articles as they are now; nil: all.
func (m *Marks) Agreement(of func(Ref) bool) (a Agreement) {
	for ref, mark := range m.of {
		if of != nil && !of(ref) {
			continue
		}
		switch mark.Verdict {
		case Right:
			a.Right++
		case Wrong:
			a.Wrong++
		}
		if mark.Note != "" {
			a.Notes++
		}
	}
	if n := a.Right + a.Wrong; n > 0 {
		rate := float64(a.Right) / float64(n)
		a.Rate = &rate
	}
	return a
}

// WriteNotes writes the marks as CSV, in the order in which they were made: id, key, mark, note, who, at. A text that a spreadsheet would
// read as a formula gets an apostrophe in front.
func (m *Marks) WriteNotes(w io.Writer) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"id", "key", "mark", "note", "who", "at"})
	for _, mark := range m.All() {
		if err != nil {
			return err
		}
		err = out.Write([]string{
			string(mark.ID), mark.Key, string(mark.Verdict), guarded(mark.Note), guarded(mark.Who), mark.At.Format(time.RFC3339),
		})
	}
	out.Flush()
	return cmp.Or(err, out.Error())
}

// guarded is a text that a spreadsheet program does not take for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
func guarded(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r'", rune(text[0])) {
		return "'" + text
	}
	return text
}
