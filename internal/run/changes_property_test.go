package run_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/run"
	"quarry/internal/run/event"
)

// edit is one change of a source: of a document drawn by the number at, at the nth event of a run.
type edit struct {
	event, at, to int
	what          string
}

var edits = []string{"insert", "move", "edit", "revert", "delete", "replace", "swap", "break", "copy"}

// kinds are the sources that are read again when a shard is built.
var kinds = []string{"jsonl", "csv", "folder"}

func drawEdit(rt *rapid.T) edit {
	return edit{
		event: rapid.IntRange(1, 40).Draw(rt, "event"), at: rapid.IntRange(0, 99).Draw(rt, "at"), to: rapid.IntRange(0, 99).Draw(rt, "to"),
		what: rapid.SampledFrom(edits).Draw(rt, "what"),
	}
}

// apply changes a list of documents, each an id and a text with a line between.
func (e edit) apply(docs []string, n int) []string {
	if len(docs) == 0 {
		return docs
	}
	at, to := e.at%len(docs), e.to%len(docs)
	id, text, _ := strings.Cut(docs[at], "\n")
	docs = slices.Clone(docs)
	switch e.what {
	case "insert":
		return slices.Insert(docs, at, fmt.Sprintf("new-%d\nA new text of number %d.", n, n))
	case "move":
		d := docs[at]
		return slices.Insert(slices.Delete(docs, at, at+1), min(to, len(docs)-1), d)
	case "edit":
		docs[at] = fmt.Sprintf("%s\n%s Edited %d.", id, text, n)
	case "revert":
		docs[at] = id + "\n" + textAtFirst(id, text)
	case "replace": // by a document of another id
		docs[at] = fmt.Sprintf("other-%d\n%s", n, text)
	case "delete":
		if len(docs) > 4 {
			return slices.Delete(docs, at, at+1)
		}
	case "swap":
		docs[at], docs[to] = docs[to], docs[at]
	case "break":
		docs[at] = id + "\n" + text + "\xff"
	case "copy": // of another id
		docs = append(docs, fmt.Sprintf("copy-%d\n%s", n, text))
	}
	return docs
}

// textAtFirst is what a document said before all edits.
func textAtFirst(id, text string) string {
	var n int
	if _, err := fmt.Sscanf(id, "doc-%d", &n); err == nil {
		return fmt.Sprintf("Number %d says how a quarry works.", n)
	}
	first, _, _ := strings.Cut(text, " Edited ")
	return strings.TrimSuffix(first, "\xff")
}

// store writes the documents as a file, or as a folder of files named so that their order is that of the list's ids.
func store(t *testing.T, path string, docs []string, kind string) {
	t.Helper()
	if kind != "folder" {
		var b strings.Builder
		line := `{"id":"%s","title":"T","content":"<p>%s</p>"}` + "\n"
		if kind == "csv" {
			line = `%s,T,"<p>%s</p>"` + "\n"
			b.WriteString("id,title,content\n")
		}
		for _, d := range docs {
			id, text, _ := strings.Cut(d, "\n")
			fmt.Fprintf(&b, line, id, text)
		}
		write(t, path+".new", b.String())
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	keep := map[string]bool{}
	for _, d := range docs {
		id, text, _ := strings.Cut(d, "\n")
		keep[id+".md"] = true
		if old, err := os.ReadFile(filepath.Join(path, id+".md")); err != nil || string(old) != text {
			write(t, filepath.Join(path, id+".md"), text)
		}
	}
	names, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !keep[n.Name()] {
			remove(t, filepath.Join(path, n.Name()))
		}
	}
}

// TestSourcesMayChangeAtAnyMoment draws changes of a file or a folder at any event of a run, back to what it was too, repeats the
// command until nothing changes any more, and holds what is left against the sources, against audit and against the provider's bill.
func TestSourcesMayChangeAtAnyMoment(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(kinds).Draw(rt, "kind")
		mode := rapid.SampledFrom([]quarry.Mode{quarry.ModeJob, quarry.ModeJob, quarry.ModeOnDemand}).Draw(rt, "mode")
		pilot := rapid.Bool().Draw(rt, "pilot")
		var docs []string
		for i := range rapid.IntRange(6, 30).Draw(rt, "documents") {
			docs = append(docs, fmt.Sprintf("doc-%03d\nNumber %d says how a quarry works.", i, i))
		}
		passes := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(drawEdit), 0, 5), 1, 3).Draw(rt, "edits")

		w := newWorld(t, worldConfig{cfg: func(c *run.Config) { c.Mode, c.NoPilot = mode, !pilot }})
		remove(t, w.source)
		w.source = strings.TrimSuffix(w.source, "docs.jsonl") + map[string]string{"jsonl": "docs.jsonl", "csv": "docs.csv", "folder": "docs"}[kind]
		store(t, w.source, docs, kind)
		n := 0
		for _, drawn := range passes {
			var mu sync.Mutex
			events := 0
			w.event = func(event.Event) {
				mu.Lock()
				defer mu.Unlock()
				events++
				for _, e := range drawn {
					if e.event == events {
						n++
						docs = e.apply(docs, n)
						store(t, w.source, docs, kind)
					}
				}
			}
			if _, _, err := w.run(t, nil); err != nil && !strings.Contains(err.Error(), "changed") {
				rt.Fatalf("a run over changing sources: %v", err)
			}
		}
		w.event = nil
		for range 2 { // once to bring to its end what is under way, once to read what changed meanwhile
			if _, _, err := w.run(t, nil); err != nil {
				rt.Fatalf("the same command again: %v", err)
			}
		}
		if fault := w.holds(t, docs, kind == "folder"); fault != "" {
			rt.Fatal(fault)
		}
	})
}

// holds says what is wrong with a finished run over these documents; empty: nothing.
func (w *world) holds(t *testing.T, docs []string, folder bool) string {
	t.Helper()
	results, _ := w.results(t)
	readable := 0
	for _, d := range docs {
		id, text, _ := strings.Cut(d, "\n")
		if folder {
			id += ".md"
		}
		r, ok := results[id]
		switch broken := strings.Contains(text, "\xff"); {
		case broken && !folder: // a line that is not UTF-8 is no document
			if ok {
				return fmt.Sprintf("%s cannot be read and ended %s", id, r.Status)
			}
			continue
		case broken:
			if ok {
				readable++
			}
			continue
		case !ok:
			return fmt.Sprintf("%s has no result", id)
		case r.Status != quarry.StatusOK:
			return fmt.Sprintf("%s ended %s: %+v", id, r.Status, r.Error)
		}
		readable++
	}
	if len(results) != readable {
		return fmt.Sprintf("%d results of %d documents", len(results), readable)
	}
	rep := w.auditedAsChanged(t)
	if !rep.Clean() || !rep.Ended {
		return fmt.Sprintf("audit (ended: %v) finds %+v, faults %q", rep.Ended, rep.Found, rep.Faults)
	}
	for id, answered := range w.bill(t) {
		if answered > 1 {
			return fmt.Sprintf("record %s was answered and billed %d times", id, answered)
		}
	}
	return ""
}
