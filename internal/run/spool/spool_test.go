package spool_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
	"quarry/internal/run/spool"
)

// nvme is CRC-64/NVME, whose polynomial is 0xAD93D23594C93659, bits reversed.
var nvme = crc64.MakeTable(0x9A6C9329AC4BC9B5)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// document is one of a build's: the key that it asks by, and what becomes of it.
type document struct {
	key   byte
	take  index.Disposition
	parts int // 0: it is asked as a whole
}

func record(order, part int) (quarry.RecordID, []byte) {
	id := quarry.RecordID(fmt.Sprintf("doc%d-0-a1", order))
	if part > 0 {
		id = id.Part(part)
	}
	return id, fmt.Appendf(nil, `{"of":%d,"pad":"%s"}`, order, strings.Repeat("x", order%7))
}

// build spools documents in files of at most four records, cuts them into shards that end before these orders, and gives the
// folder of the build, the shards, what they should hold, and the checksums that were returned.
func build(t *testing.T, docs []document, leftOut bool, ends ...int) (dir string, shards []spool.Shard, want [][]byte, sums []string) {
	t.Helper()
	e := effect.New(nil)
	dir = t.TempDir()
	pass := index.Of(e, dir, 1)
	w, err := pass.Create()
	must(t, err)
	defer w.Abort()
	c, err := pass.CreateColumns()
	must(t, err)
	defer c.Abort()
	s := spool.New(spool.Config{Effects: e, Dir: dir, Files: shardfile.In(e, dir, dir), MaxRecords: 4})
	defer s.Close()
	for _, end := range ends {
		shards = append(shards, spool.Shard{ID: quarry.ShardID(fmt.Sprintf("s%d", end)), Marks: "m", First: -1})
		want = append(want, nil)
	}
	for order, d := range docs {
		entry := index.Entry{Key: dedupe.Hash{d.key}}
		numbers := []int{0}
		if d.parts > 0 {
			numbers = nil
			for n := range d.parts {
				numbers = append(numbers, n+1)
			}
		}
		for _, n := range numbers {
			id, input := record(order, n)
			size := shardfile.LineBytes(id, input)
			entry.Bytes += uint32(size)
			if n > 0 {
				must(t, w.AddPart(int64(order), size))
			}
			pos := index.PosOf(int64(order), n)
			must(t, s.Add(pos, id, entry.Key, input))
			if d.take != index.Main {
				continue
			}
			i := slices.IndexFunc(ends, func(end int) bool { return order < end })
			sh := &shards[i]
			if sh.First < 0 {
				sh.First = pos
			}
			sh.Last, sh.Records, sh.Bytes = pos, sh.Records+1, sh.Bytes+size
			want[i] = shardfile.AppendRecord(want[i], id, input)
		}
		must(t, w.Add(&entry))
		must(t, c.Add(d.take, index.Tried{}, int64(order), -1))
	}
	must(t, w.Commit())
	must(t, c.Commit())
	sums = make([]string, len(shards))
	must(t, s.Cut(t.Context(), pass, leftOut, shards, func(i int, sum string) { sums[i] = sum }))
	return dir, shards, want, sums
}

func TestAShardHasTheBytesOfItsRecords(t *testing.T) {
	t.Parallel()
	plain := func(n int) (docs []document) {
		for i := range n {
			docs = append(docs, document{key: byte(i + 1), take: index.Main})
		}
		return docs
	}
	with := func(docs []document, changes map[int]document) []document {
		docs = slices.Clone(docs)
		for at, d := range changes {
			docs[at] = d
		}
		return docs
	}
	for name, tt := range map[string]struct {
		docs    []document
		leftOut bool
		ends    []int
	}{
		"as the files were cut":                     {plain(10), false, []int{4, 8, 10}},
		"not as the files were cut":                 {plain(10), false, []int{3, 9, 10}},
		"one shard of all":                          {plain(10), false, []int{10}},
		"a text that comes again in its file":       {with(plain(10), map[int]document{2: {key: 1, take: index.Same}}), false, []int{5, 9, 10}},
		"a text that comes again in another file":   {with(plain(10), map[int]document{6: {key: 1, take: index.Same}}), false, []int{4, 9, 10}},
		"an id that comes again":                    {with(plain(10), map[int]document{1: {key: 2, take: index.SameID}, 3: {key: 2, take: index.Main}}), true, []int{5, 10}},
		"left out is the first of two that ask one": {with(plain(8), map[int]document{1: {key: 9, take: index.SameID}, 2: {key: 9, take: index.Main}}), true, []int{5, 8}},
		"a long document":                           {with(plain(6), map[int]document{2: {key: 3, take: index.Main, parts: 6}}), false, []int{3, 6}},
		"a long document that is not asked":         {with(plain(6), map[int]document{2: {key: 1, take: index.Same, parts: 3}}), false, []int{6}},
		"the first and the last are not asked":      {with(plain(9), map[int]document{0: {key: 1, take: index.SameID}, 8: {key: 9, take: index.SameID}}), true, []int{4, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, shards, want, sums := build(t, tt.docs, tt.leftOut, tt.ends...)
			for i := range shards {
				got, err := os.ReadFile(filepath.Join(dir, string(shards[i].ID)+".jsonl"))
				must(t, err)
				if !bytes.Equal(got, want[i]) {
					t.Errorf("shard %s is\n%s\nwant\n%s", shards[i].ID, got, want[i])
				}
				sum := binary.BigEndian.AppendUint64(nil, crc64.Checksum(got, nvme))
				if want := base64.StdEncoding.EncodeToString(sum); sums[i] != want {
					t.Errorf("checksum of shard %s = %s, want %s", shards[i].ID, sums[i], want)
				}
			}
			if left, err := filepath.Glob(filepath.Join(dir, "spool*")); len(left) > 0 || err != nil {
				t.Errorf("of the spool are left %v, %v", left, err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "aside*")); len(left) > 0 || err != nil {
				t.Errorf("of what was laid aside are left %v, %v", left, err)
			}
		})
	}
}

func TestAShardThatIsNotInTheSpoolIsAnError(t *testing.T) {
	t.Parallel()
	e := effect.New(nil)
	dir := t.TempDir()
	pass := index.Of(e, dir, 1)
	w, err := pass.Create()
	must(t, err)
	must(t, w.Commit())
	c, err := pass.CreateColumns()
	must(t, err)
	must(t, c.Commit())
	s := spool.New(spool.Config{Effects: e, Dir: dir, Files: shardfile.In(e, dir, dir)})
	defer s.Close()
	err = s.Cut(t.Context(), pass, false, []spool.Shard{{ID: "s1", Last: 5, Records: 2, Bytes: 100}}, func(int, string) { t.Error("a shard was made of nothing") })
	if err == nil || !strings.Contains(err.Error(), "s1: 0 records of 0 bytes instead of 2 of 100") {
		t.Errorf("Cut = %v, want what is missing", err)
	}
}
