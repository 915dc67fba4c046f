package store_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"quarry/internal/standin/store"
)

// victim writes to a store until it is killed and says on stdout what was acknowledged: "key generation size".
// Four writers overwrite a few keys each, every third time in parts; the body says key and generation on each line.
func victim(dir string) {
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	ctx := context.Background()
	if err := s.MakeBucket(ctx, bucket, "us-west-2"); err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println("ready")
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for n := 1; ; n++ {
				key := fmt.Sprintf("w%d/k%d", w, n%5)
				body := victimBody(key, n)
				if n%3 == 0 {
					err = multipart(ctx, s, key, body)
				} else {
					_, err = write(ctx, s, key, body)
				}
				if err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Printf("ack %s %d\n", key, n)
			}
		})
	}
	group.Wait()
}

// victimBody has a size between a few bytes (inline) and a few hundred kilobytes.
func victimBody(key string, n int) []byte {
	line := fmt.Sprintf("%s %d\n", key, n)
	return []byte(strings.Repeat(line, 1+(n*n*37)%20_000))
}

// multipart writes an object as one part; the last part may have any size.
func multipart(ctx context.Context, s *store.Store, key string, body []byte) error {
	id, err := s.CreateUpload(ctx, store.NewUpload{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	part, err := s.PutPart(ctx, id, 1, store.Body{Reader: bytes.NewReader(body), Length: int64(len(body))})
	if err != nil {
		return err
	}
	_, err = s.Complete(ctx, store.Complete{Upload: id, Parts: []store.Named{{Number: 1, ETag: part.ETag}}})
	return err
}

func TestNothingAcknowledgedIsLostByAKill(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := filepath.Join(t.TempDir(), "store")
	for round, acks := range []int{1, 9, 40, 120} {
		got := killAfter(t, dir, acks)
		checkAfterKill(t, dir, round, got)
	}
}

// killAfter runs a victim, kills it when it has acknowledged some writes, and gives the newest generation of each key.
func killAfter(t *testing.T, dir string, acks int) map[string]int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "QUARRY_STORE_VICTIM="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	newest := map[string]int{}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		var key string
		var generation int
		if strings.HasPrefix(lines.Text(), "error") {
			t.Errorf("victim: %s", lines.Text())
		}
		if _, err := fmt.Sscanf(lines.Text(), "ack %s %d", &key, &generation); err != nil {
			continue
		}
		newest[key] = generation
		if n++; n == acks {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	return newest
}

func checkAfterKill(t *testing.T, dir string, round int, newest map[string]int) {
	t.Helper()
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatalf("round %d: open after the kill: %v", round, err)
	}
	for key, generation := range newest {
		got, err := read(t.Context(), s, key, 0)
		if err != nil {
			t.Errorf("round %d: %s: %v", round, key, err)
			continue
		}
		var seen string
		var have int
		if _, err := fmt.Sscanf(string(got), "%s %d\n", &seen, &have); err != nil || have < generation {
			t.Errorf("round %d: %s holds generation %d, want %d or newer (%v)", round, key, have, generation, err)
		}
		if !bytes.Equal(got, victimBody(key, have)) {
			t.Errorf("round %d: %s is not whole: %d bytes", round, key, len(got))
		}
	}
	held := 0
	for o, err := range s.Objects(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Size > 4096 || o.ETag[len(o.ETag)-2] == '-' {
			held++
		}
	}
	if err := s.Close(); err != nil { // waits for nothing: a sweep that is cut short continues at the next opening
		t.Fatal(err)
	}
	swept, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	uploads := pendingParts(t, swept)
	swept.WaitSwept()
	if n := blobFiles(t, dir); n != held+uploads {
		t.Errorf("round %d: %d blob files for %d objects and %d parts", round, n, held, uploads)
	}
	if err := swept.Close(); err != nil {
		t.Fatal(err)
	}
}

// pendingParts counts the parts of uploads that the kill left unfinished.
func pendingParts(t *testing.T, s *store.Store) int {
	t.Helper()
	ups, err := s.ListUploads(t.Context(), bucket, store.Query{Limit: 1000}, "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, u := range ups.Uploads {
		parts, err := s.ListParts(t.Context(), store.UploadID{Bucket: bucket, Key: u.Key, ID: u.ID}, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		n += len(parts.Parts)
	}
	return n
}
