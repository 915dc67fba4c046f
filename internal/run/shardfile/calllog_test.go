package shardfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/run/shardfile"
)

// TestAnAnswerIsKeptAlthoughTheDiskIsFull begins calls, fills the disk, and lets the answers come: none of them is lost, and no
// further call is begun.
func TestAnAnswerIsKeptAlthoughTheDiskIsFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fails func(what string, freed bool, tries int) bool
	}{
		{"until the room is given back", func(what string, freed bool, _ int) bool { return strings.HasSuffix(what, "calls.jsonl") && !freed }},
		{"for two more tries", func(what string, _ bool, tries int) bool { return strings.HasSuffix(what, "calls.jsonl") && tries < 3 }},
		{"at the sync", func(what string, freed bool, _ int) bool { return strings.HasPrefix(what, "sync") && !freed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var full, freed atomic.Bool
			var tries atomic.Int64
			e := effect.New(func(p effect.Point) error {
				if strings.HasPrefix(p.What, "remove ") && strings.HasSuffix(p.What, ".room") {
					freed.Store(true)
				}
				writes := strings.HasPrefix(p.What, "write ") || strings.HasPrefix(p.What, "sync ")
				if p.When != effect.Before || !writes || !full.Load() || !c.fails(p.What, freed.Load(), int(tries.Load())) {
					return nil
				}
				tries.Add(1)
				return &os.PathError{Op: "write", Path: "calls", Err: syscall.ENOSPC}
			})
			dir := t.TempDir()
			d := shardfile.In(e, dir, "")
			log, _, _, err := d.OpenCalls(t.Context(), "s1")
			must(t, err)
			const n = 20
			for i := range n {
				must(t, log.Begin(&shardfile.Call{RecordID: record(i), Intent: 1}, 64<<10))
			}
			if info, err := os.Stat(d.Calls("s1") + ".room"); err != nil || info.Size() < n*64<<10 {
				t.Errorf("no room was taken for %d answers: %v, %v", n, info, err)
			}
			full.Store(true)
			var answers sync.WaitGroup
			for i := range n {
				answers.Go(func() {
					if err := log.Append(&shardfile.Call{RecordID: record(i), ModelOutput: json.RawMessage(`{"ok":true}`)}); err != nil {
						t.Errorf("the answer to %s is lost: %v", record(i), err)
					}
				})
			}
			answers.Wait()
			if err := log.Begin(&shardfile.Call{RecordID: "late", Intent: 1}, 1); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("a call was begun on a full disk: %v", err)
			}
			must(t, log.Close())
			log, answered, begun, err := shardfile.In(effect.New(nil), dir, "").OpenCalls(t.Context(), "s1")
			must(t, err)
			must(t, log.Close())
			if len(answered) != n || len(begun) != n {
				t.Errorf("%d answers and %d intents are in the file, want %d each", len(answered), len(begun), n)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "journal", "*.room")); len(left) > 0 {
				t.Errorf("the room is still taken: %v", left)
			}
		})
	}
}

func record(i int) quarry.RecordID { return quarry.RecordID(fmt.Sprintf("doc-%012x-a1", i)) }
