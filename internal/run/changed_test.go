package run_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// plainDocs makes documents of these numbers, one a line.
func numbered(numbers ...int) []string {
	var out []string
	for _, i := range numbers {
		out = append(out, docLine(fmt.Sprintf("doc-%03d", i), fmt.Sprintf("Number %d tells how a quarry works. Stone is cut from the face of hill %d.", i, 7*i)))
	}
	return out
}

func docLine(id, text string) string {
	return fmt.Sprintf(`{"id":%q,"title":"Article","content":"<p>%s</p>"}`, id, text)
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestWhatIsBuiltIsWhatWasPlanned runs a sample of the table of package input, where the bill and the audit judge.
func TestWhatIsBuiltIsWhatWasPlanned(t *testing.T) {
	t.Parallel()
	const n = 30
	edited := docLine("doc-017", "Another text about number 17.")
	for i, c := range []struct {
		name   string
		change func(lines []string) []string
		failed []string // source_changed at the end of the first run
		gone   []string // not in the results of the second one
		fresh  []string // and new in them
	}{
		{name: "a line is put on top", change: func(l []string) []string { return append([]string{docLine("new", "A new text.")}, l...) }, fresh: []string{"new"}},
		{name: "a line is put in the middle", change: func(l []string) []string { return slices.Insert(l, 14, docLine("new", "A new text.")) }, fresh: []string{"new"}},
		{name: "a line is added", change: func(l []string) []string { return append(l, docLine("new", "A new text.")) }, fresh: []string{"new"}},
		{name: "many lines are put on top", change: func(l []string) []string {
			return append([]string{docLine("new", strings.Repeat("A new text. ", 9000)), docLine("new2", "Another.")}, l...)
		}, fresh: []string{"new", "new2"}},
		{name: "all lines are reversed", change: func(l []string) []string { slices.Reverse(l); return l }},
		{name: "a line is moved to the end", change: func(l []string) []string { return append(slices.Delete(slices.Clone(l), 3, 4), l[3]) }},
		{name: "a line is moved to the top", change: func(l []string) []string { return append([]string{l[25]}, slices.Delete(slices.Clone(l), 25, 26)...) }},
		{name: "two lines change places", change: func(l []string) []string { l[5], l[20] = l[20], l[5]; return l }},
		{name: "a line is edited", change: func(l []string) []string { l[17] = edited; return l }, failed: []string{"doc-017"}},
		{name: "a line is edited and moved", change: func(l []string) []string { return append([]string{edited}, slices.Delete(l, 17, 18)...) }, failed: []string{"doc-017"}},
		{name: "an edited copy is put on top, the old one stays", change: func(l []string) []string { return append([]string{edited}, l...) }, failed: []string{"doc-017"}},
		{name: "an edited copy is added, the old one stays", change: func(l []string) []string { return append(l, edited) }},
		{name: "a line is taken out", change: func(l []string) []string { return slices.Delete(l, 17, 18) }, failed: []string{"doc-017"}, gone: []string{"doc-017"}},
		{name: "the first line is taken out", change: func(l []string) []string { return l[1:] }, failed: []string{"doc-000"}, gone: []string{"doc-000"}},
		{name: "the last lines are taken out", change: func(l []string) []string { return l[:n-2] }, failed: []string{"doc-028", "doc-029"}, gone: []string{"doc-028", "doc-029"}},
		{name: "a line is broken", change: func(l []string) []string { l[17] = `{"id":"doc-017","content":`; return l }, failed: []string{"doc-017"}, gone: []string{"doc-017"}},
		{name: "a line has bad UTF-8", change: func(l []string) []string { l[17] = docLine("doc-017", "x") + "\xff"; return l }, failed: []string{"doc-017"}, gone: []string{"doc-017"}},
		{name: "a text is emptied", change: func(l []string) []string { l[17] = docLine("doc-017", ""); return l }, failed: []string{"doc-017"}},
		{name: "an id is another", change: func(l []string) []string { l[17] = strings.Replace(l[17], "doc-017", "doc-xxx", 1); return l }, failed: []string{"doc-017"}, gone: []string{"doc-017"}, fresh: []string{"doc-xxx"}},
		{name: "two ids change places", change: func(l []string) []string {
			l[5], l[20] = strings.Replace(l[5], "doc-005", "doc-020", 1), strings.Replace(l[20], "doc-020", "doc-005", 1)
			return l
		}, failed: []string{"doc-005", "doc-020"}},
		{name: "blank lines and broken lines are put between", change: func(l []string) []string {
			return slices.Insert(slices.Insert(l, 20, "", "", "{"), 4, "[]", "", " ")
		}},
		{name: "only blanks are changed", change: func(l []string) []string {
			for i := range l {
				l[i] = " " + l[i] + "  "
			}
			return l
		}},
		{name: "all texts are edited", change: func(l []string) []string {
			for i := range l {
				l[i] = strings.Replace(l[i], "Stone", "Marble", 1)
			}
			return l
		}, failed: func() (all []string) {
			for i := range n {
				all = append(all, fmt.Sprintf("doc-%03d", i))
			}
			return all
		}()},
	} {
		for _, mode := range []quarry.Mode{quarry.ModeJob, quarry.ModeOnDemand} {
			if !*full && (i%4 != 0 || mode == quarry.ModeOnDemand && i%8 != 0) {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", c.name, mode), func(t *testing.T) {
				t.Parallel()
				lines := numbered(upTo(n)...)
				w := newWorld(t, worldConfig{docs: strings.Join(lines, "\n") + "\n", cfg: func(cfg *run.Config) { cfg.Mode, cfg.NoPilot = mode, true }})
				changed := strings.Join(c.change(slices.Clone(lines)), "\n") + "\n"
				w.event = func(e event.Event) {
					if e.Kind == event.StepBegan && e.Step == "pilot" {
						write(t, w.source, changed)
					}
				}
				if _, _, err := w.run(t, nil); err != nil {
					t.Fatal(err)
				}
				first, _ := w.results(t)
				if len(first) != n {
					t.Errorf("%d results, want %d", len(first), n)
				}
				for id, r := range first {
					want := quarry.StatusOK
					if slices.Contains(c.failed, id) {
						want = quarry.StatusFailed
					}
					if r.Status != want || (want == quarry.StatusFailed && r.Error.Kind != "source_changed") {
						t.Errorf("%s ended %s (%+v), want %s", id, r.Status, r.Error, want)
					}
				}
				w.judged(t, "the first run")
				before := w.bill(t)

				w.event = nil
				if _, _, err := w.run(t, nil); err != nil {
					t.Fatal(err)
				}
				second, _ := w.results(t)
				if want := n - len(c.gone) + len(c.fresh); len(second) != want {
					t.Errorf("%d results of the second run, want %d", len(second), want)
				}
				for id, r := range second {
					if slices.Contains(c.gone, id) || (r.Status != quarry.StatusOK && (r.Error == nil || r.Error.Kind != "empty")) {
						t.Errorf("the second run: %s ended %s (%+v)", id, r.Status, r.Error)
					}
				}
				w.judged(t, "the second run")
				if bill := w.bill(t); len(bill) > len(before)+len(c.failed)+len(c.fresh) {
					t.Errorf("the second run asked %d records, want at most %d", len(bill)-len(before), len(c.failed)+len(c.fresh))
				}
			})
		}
	}
}

// judged holds the run's own proof and the provider's bill: nothing is lost, nothing is answered twice, no record is of
// another document than its id says.
func (w *world) judged(t *testing.T, what string) {
	t.Helper()
	rep := w.auditedAsChanged(t)
	if !rep.Clean() || !rep.Ended {
		t.Errorf("%s: audit (ended: %v) finds missing %v, answered twice %v, paid twice %v, altered %v, faults %v: %+v", what, rep.Ended, rep.Missing, rep.AnsweredTwice,
			rep.PaidTwice, rep.Altered, rep.Faults, rep.Found)
	}
	for id, answered := range w.bill(t) {
		if answered > 1 {
			t.Errorf("%s: record %s was answered and billed %d times", what, id, answered)
		}
	}
}

func TestAFolderThatChangesLosesNothing(t *testing.T) {
	t.Parallel()
	text := func(i int) string { return fmt.Sprintf("# Title %d\n\nNumber %d tells how a quarry works.\n", i, i) }
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		failed []string
	}{
		{"a file is added before the others", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a.md"), "# New\n\nA new text.\n") }, nil},
		{"a file is added between", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "m010-a.md"), "# New\n\nA new text.\n") }, nil},
		{"a file is taken out", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "m012.md")) }, []string{"m012.md"}},
		{"a file is edited", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "m012.md"), "Another text.\n") }, []string{"m012.md"}},
		{"a file gets another name", func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "m012.md"), filepath.Join(dir, "z.md")); err != nil {
				t.Fatal(err)
			}
		}, []string{"m012.md"}},
		{"a file is replaced by an equal one", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, ".new"), text(12))
			if err := os.Rename(filepath.Join(dir, ".new"), filepath.Join(dir, "m012.md")); err != nil {
				t.Fatal(err)
			}
		}, nil},
		{"a file is cut to nothing", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "m012.md"), "") }, []string{"m012.md"}},
		{"files are taken out, edited and added", func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, "m003.md"))
			remove(t, filepath.Join(dir, "m020.md"))
			write(t, filepath.Join(dir, "m012.md"), "Another text.\n")
			write(t, filepath.Join(dir, "b.md"), "A new text.\n")
		}, []string{"m003.md", "m012.md", "m020.md"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const n = 24
			w := newWorld(t, worldConfig{cfg: func(cfg *run.Config) { cfg.NoPilot = true }})
			remove(t, w.source)
			if err := os.Mkdir(w.source, 0o700); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				write(t, filepath.Join(w.source, fmt.Sprintf("m%03d.md", i)), text(i))
			}
			w.event = func(e event.Event) {
				if e.Kind == event.StepBegan && e.Step == "pilot" {
					c.change(t, w.source)
				}
			}
			if _, _, err := w.run(t, nil); err != nil {
				t.Fatal(err)
			}
			results, _ := w.results(t)
			var failed []string
			for id, r := range results {
				if r.Status != quarry.StatusOK {
					failed = append(failed, id)
				}
			}
			slices.Sort(failed)
			if len(results) != n || !slices.Equal(failed, c.failed) {
				t.Errorf("%d results, failed %q, want %d and %q", len(results), failed, n, c.failed)
			}
			w.judged(t, "the first run")
			w.event = nil
			if _, _, err := w.run(t, nil); err != nil {
				t.Fatal(err)
			}
			w.judged(t, "the second run")
			for id, r := range func() map[string]quarry.Result { m, _ := w.results(t); return m }() {
				if r.Status == quarry.StatusFailed {
					t.Errorf("the second run: %s ended %s", id, r.Status)
				}
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
