package quarry_test

import (
	"regexp"
	"strings"
	"testing"

	"quarry"
)

func TestRecordIDsOfParts(t *testing.T) {
	t.Parallel()
	whole := quarry.NewRecordID("post/17-a2-p0003", quarry.DocumentKey{0xab}, 3)
	part := whole.Part(12)
	if want := quarry.RecordID("post_17_a2_p0003-ab0000000000-p0012-a3"); part != want {
		t.Errorf("Part(12) = %s, want %s", part, want)
	}
	if part.Attempt() != 3 || part.PartNumber() != 12 || part.Whole() != whole {
		t.Errorf("%s has attempt %d, part %d, whole %s", part, part.Attempt(), part.PartNumber(), part.Whole())
	}
	if whole.PartNumber() != 0 || whole.Whole() != whole {
		t.Errorf("%s has part %d, whole %s", whole, whole.PartNumber(), whole.Whole())
	}
	if got, want := part.Again(4), whole.Again(4).Part(12); got != want || got.Attempt() != 4 {
		t.Errorf("Again(4) = %s, want %s", got, want)
	}
	if again := part.Part(13); again != whole.Part(13) {
		t.Errorf("Part(13) of a part = %s, want %s", again, whole.Part(13))
	}
	longest := quarry.NewRecordID(quarry.DocumentID(strings.Repeat("x", 100)), quarry.DocumentKey{}, 255).Part(9999)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(string(longest)) {
		t.Errorf("%s has %d characters, at most 64 are allowed", longest, len(longest))
	}
	for _, foreign := range []quarry.RecordID{"", "x", "CALL0000001", "a-p12", "a-px-a1", "a-a0"} {
		if n := foreign.PartNumber(); n != 0 {
			t.Errorf("PartNumber(%s) = %d, want 0", foreign, n)
		}
	}
}

func TestARecordIDHoldsTheBeginningOfItsKey(t *testing.T) {
	t.Parallel()
	key := quarry.DocumentKey{0xab, 1, 2, 3, 4, 5, 6}
	id := quarry.NewRecordID("a-p0001-a1", key, 7)
	for _, c := range []struct {
		id quarry.RecordID
		ok bool
	}{
		{id, true},
		{id.Part(12), true},
		{"doc-ab01020304-a1", false},
		{"doc-ab010203040506-a1", false},
		{"doc-ab010203040g-a1", false},
		{"doc-ab0102030405", false},
		{"", false},
	} {
		prefix, ok := c.id.KeyPrefix()
		if want := [6]byte(key[:6]); ok != c.ok || (ok && prefix != want) {
			t.Errorf("%q.KeyPrefix() = %x, %t, want %x, %t", c.id, prefix, ok, want, c.ok)
		}
	}
}
