// Package sourcetest is the suite that every connector passes: what source.Source promises, checked on real items.
//
// It owns no items; the connector's test brings them. It is imported by tests only.
package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Source is what is checked.
type Source interface {
	Name() string
	Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

// Entry is one item as the suite keeps it: a document, or why there is none.
type Entry struct {
	Document quarry.Document
	Fault    string // FILE:LINE: reason
}

// Run checks the promises. The source must hold at least one item, and be readable more than once.
func Run(t *testing.T, s Source) {
	t.Helper()
	all := Read(t, s)
	if len(all) == 0 {
		t.Fatal("the source holds no item")
	}
	t.Run("items are whole", func(t *testing.T) { whole(t, s, all) })
	t.Run("places go forward", func(t *testing.T) { forward(t, all) })
	t.Run("a second reading gives the same", func(t *testing.T) { same(t, all, Read(t, s)) })
	t.Run("every block resumes", func(t *testing.T) { resumes(t, s, all) })
	t.Run("blocks are read at once, twice, and long after", func(t *testing.T) { together(t, s, all) })
	t.Run("memory is used again", func(t *testing.T) { freed(t, s, all) })
	t.Run("reading stops when asked", func(t *testing.T) { stops(t, s, all) })
}

// Read gives all items of a source, in order.
func Read(t testing.TB, s Source) []Entry {
	t.Helper()
	return from(t, s, quarry.Position{})
}

// Documents gives the documents of a source and its faults, apart.
func Documents(t testing.TB, s Source) (docs []quarry.Document, faults []string) {
	t.Helper()
	for _, e := range Read(t, s) {
		if e.Fault != "" {
			faults = append(faults, e.Fault)
		} else {
			docs = append(docs, e.Document)
		}
	}
	return docs, faults
}

// freed reads a source as a run does, which gives each block back when it has what it wants of it.
func freed(t *testing.T, s Source, want []Entry) {
	var got []Entry
	for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		entries, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range entries {
			d := &entries[i].Document
			d.Body, d.Fields, d.ModelInput = bytes.Clone(d.Body), bytes.Clone(d.Fields), bytes.Clone(d.ModelInput)
		}
		got = append(got, entries...)
		if b.Free != nil {
			b.Free()
		}
	}
	same(t, want, got)
}

func from(t testing.TB, s Source, at quarry.Position) []Entry {
	t.Helper()
	var all []Entry
	for b, err := range s.Blocks(t.Context(), at) {
		if err != nil {
			t.Fatalf("blocks of %s from %v: %v", s.Name(), at, err)
		}
		entries, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entries...)
	}
	return all
}

func read(b quarry.Block) ([]Entry, error) {
	var all []Entry
	for d, err := range b.Documents {
		var fault *quarry.ItemError
		switch {
		case err == nil:
			all = append(all, Entry{Document: d})
		case errors.As(err, &fault):
			if !reflect.DeepEqual(quarry.Document{At: fault.At}, d) {
				return nil, fmt.Errorf("%w: its document holds more than its position: %+v", err, d)
			}
			all = append(all, Entry{Document: d, Fault: fault.Error()})
		default:
			return nil, err
		}
	}
	return all, nil
}

func whole(t *testing.T, s Source, all []Entry) {
	if s.Name() == "" {
		t.Error("the source has no name")
	}
	for _, e := range all {
		d := e.Document
		if d.At.File == "" {
			t.Errorf("an item without a file in its position: %+v", d.At)
		}
		if e.Fault != "" {
			continue
		}
		switch {
		case d.ID == "":
			t.Errorf("%v: no id", d.At)
		case (d.Body == nil) == (d.ModelInput == nil) && len(d.ModelInput) > 0:
			t.Errorf("%v: both a body and a modelInput", d.At)
		case !utf8.Valid(d.Body) || !utf8.ValidString(d.Title) || !utf8.ValidString(string(d.ID)):
			t.Errorf("%v: invalid UTF-8", d.At)
		}
		if len(d.Fields) > 0 {
			if _, err := new(jsonl.Checker).Object(d.Fields); err != nil {
				t.Errorf("%v: fields %s: %v", d.At, jsonl.Quote(d.Fields), err)
			}
		}
	}
}

func forward(t *testing.T, all []Entry) {
	seen := map[string]bool{}
	var last quarry.Position
	for i, e := range all {
		at := e.Document.At
		if i > 0 && at.File == last.File && (at.Line < last.Line || at.Offset <= last.Offset) {
			t.Errorf("%v at %d comes after %v at %d", at, at.Offset, last, last.Offset)
		}
		if at.File != last.File && seen[at.File] {
			t.Errorf("%v: its file was left before", at)
		}
		if at.Source != all[0].Document.At.Source {
			t.Errorf("%v: source %d, want %d", at, at.Source, all[0].Document.At.Source)
		}
		seen[at.File], last = true, at
	}
}

func same(t *testing.T, want, got []Entry) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
	for i := range want {
		if reflect.DeepEqual(want[i], got[i]) { // cmp takes a thousand times as long, and the corpus is large
			continue
		}
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Fatalf("item %d: %s", i, diff)
		}
	}
}

func resumes(t *testing.T, s Source, all []Entry) {
	var blocks []quarry.Block
	for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	step := max(1, len(blocks)/5) // each resumption reads all that is left
	before := 0
	for i, b := range blocks {
		if i%step == 0 || i == len(blocks)-1 {
			same(t, all[before:], from(t, s, b.First))
		}
		entries, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		before += len(entries)
	}
}

func together(t *testing.T, s Source, all []Entry) {
	var blocks []quarry.Block
	for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	var wg sync.WaitGroup
	got := make([][2][]Entry, len(blocks))
	faults := make([]error, len(blocks))
	for i := range blocks {
		for n := range 2 {
			wg.Go(func() {
				entries, err := read(blocks[i])
				got[i][n] = entries
				if n == 0 {
					faults[i] = err
				}
			})
		}
	}
	wg.Wait()
	if err := errors.Join(faults...); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		var joined []Entry
		for i := range got {
			joined = append(joined, got[i][n]...)
		}
		same(t, all, joined)
	}
}

func stops(t *testing.T, s Source, all []Entry) {
	for b, err := range s.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for range b.Documents { //nolint:errcheck // the first item will do, whatever it is
			n++
			break
		}
		if n > len(all) {
			t.Error("more items than there are")
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	blocks := 0
	for _, err := range s.Blocks(ctx, quarry.Position{}) {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after cancel: %v, want that it was canceled", err)
			}
			return
		}
		blocks++
	}
	t.Errorf("after cancel the source gave %d blocks and no error", blocks)
}

// Beginning is where reading begins.
var Beginning quarry.Position
