package remarks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/run/remarks"
	"quarry/internal/standin"
)

func newBucket(t *testing.T) *bucket.Bucket {
	t.Helper()
	server, err := standin.Start(t.Context(), standin.Config{Dir: filepath.Join(t.TempDir(), "standin"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.WithoutCancel(t.Context())) })
	id, secret := server.Keys()
	aws, err := account.Load(t.Context(), account.Config{HTTP: http.DefaultClient, Fixed: &account.FixedKeys{Endpoint: server.URL(), KeyID: id, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	b := bucket.New(aws, "quarry-test")
	if err := b.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// machine is a log on a machine with an empty disk.
type machine struct {
	*remarks.Log
	path string
}

func newMachine(t *testing.T, b *bucket.Bucket) machine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "review.jsonl")
	return machine{remarks.OpenLog(b, effect.New(nil), "k3v9q2m7xa", "review.jsonl", path), path}
}

func (m machine) lines(t *testing.T) string {
	t.Helper()
	if err := m.Update(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(m.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func TestMachinesThatAddAtTheSameTimeLoseNoLine(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	machines := []machine{newMachine(t, b), newMachine(t, b), newMachine(t, b)}
	if got := machines[0].lines(t); got != "" {
		t.Errorf("a log to which nothing was added has %q", got)
	}
	var all sync.WaitGroup
	for m, on := range machines {
		all.Go(func() {
			for n := range 10 {
				if err := on.Add(t.Context(), fmt.Appendf(nil, "%d-%02d\n", m, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	want := newMachine(t, b).lines(t)
	if n := strings.Count(want, "\n"); n != 30 {
		t.Errorf("a machine with an empty disk has %d lines, want 30:\n%s", n, want)
	}
	for m, on := range machines {
		if got := on.lines(t); got != want {
			t.Errorf("machine %d has\n%swant\n%s", m, got, want)
		}
		last := -1
		for n := range 10 { // each machine's own lines in their order
			if at := strings.Index(want, fmt.Sprintf("%d-%02d\n", m, n)); at <= last {
				t.Errorf("line %d-%02d is at %d, before the one that was added earlier", m, n, at)
			} else {
				last = at
			}
		}
	}
}

func TestAnAdditionFollowsAllThatItsProcessHadRead(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	for n := range 12 { // each by another process, which reads first; numbers of two digits sort as numbers
		if err := newMachine(t, b).Add(t.Context(), fmt.Appendf(nil, "%d\n", n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := newMachine(t, b).lines(t); got != "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n" {
		t.Errorf("the lines are\n%s", got)
	}
	if err := newMachine(t, b).Add(t.Context(), []byte("torn")); err == nil {
		t.Error("half a line was added")
	}
	if err := b.Put(t.Context(), "quarry-state/k3v9q2m7xa/added/review.jsonl/strange", bytes.NewReader([]byte("x\n"))); err != nil {
		t.Fatal(err)
	}
	if err := newMachine(t, b).Add(t.Context(), []byte("12\n")); err == nil || !strings.Contains(err.Error(), "strange") {
		t.Errorf("Add next to another program's object = %v, want an error that names it", err)
	}
}
