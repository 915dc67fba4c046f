package dedupe_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
)

// article gives a text of its own for each seed, of so many words.
func article(seed uint64, words int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, words)
	for i := range out {
		out[i] = fmt.Sprintf("word%d", r.IntN(5000))
	}
	return out
}

// edited replaces every nth word.
func edited(words []string, n int) []string {
	out := append([]string{}, words...)
	for i := n / 2; i < len(out); i += n {
		out[i] = "edited" + out[i]
	}
	return out
}

func sign(t *testing.T, text string) dedupe.Signature {
	t.Helper()
	s, ok := dedupe.Sign([]byte(text))
	if !ok {
		t.Fatalf("Sign(%.40q…) is not ok", text)
	}
	return s
}

func TestSimilarityEstimatesTheShareOfShingles(t *testing.T) {
	t.Parallel()
	shingles := func(words []string) map[string]bool {
		set := map[string]bool{}
		for i := range len(words) - 3 {
			set[strings.Join(words[i:i+4], " ")] = true
		}
		return set
	}
	for _, every := range []int{10, 20, 40, 80, 200} {
		var off float64
		const rounds = 40
		for seed := range uint64(rounds) {
			a := article(seed, 1200)
			b := edited(a, every)
			common, all := 0, shingles(a)
			for s := range shingles(b) {
				if all[s] {
					common++
				}
				all[s] = true
			}
			sa, sb := sign(t, strings.Join(a, " ")), sign(t, strings.Join(b, " "))
			off += sa.Similarity(&sb) - float64(common)/float64(len(all))
		}
		if off /= rounds; off > 0.03 || off < -0.03 {
			t.Errorf("every %dth word edited: the estimate is off by %.3f in the mean, want at most 0.03", every, off)
		}
	}
}

func TestSignLooksAtWordsAlone(t *testing.T) {
	t.Parallel()
	plain := sign(t, strings.Repeat("The quarry gives stone to the masons of the town each day. ", 8)+strings.Join(article(1, 60), " "))
	loud := sign(t, strings.Repeat("the QUARRY gives: stone, to the «masons»\n\tof the town — each day!! ", 8)+strings.Join(article(1, 60), "\n"))
	if plain != loud {
		t.Error("case, punctuation and white space change the signature")
	}
	a := sign(t, "石切り場では毎日石を切り出して町の石工に渡しています。彼らはそれで家を建てます。")
	b := sign(t, "石切り場では毎日石を切り出して町の石工に渡しています。彼らはそれで橋を建てます。")
	if s := a.Similarity(&b); s < 0.6 || s == 1 {
		t.Errorf("Similarity of two Japanese texts that differ in one character = %.2f", s)
	}
	if _, ok := dedupe.Sign([]byte("too few words to say anything about this text")); ok {
		t.Error("Sign takes a text of nine words")
	}
	if _, ok := dedupe.Sign([]byte("\xff\xfe broken \xc3 bytes")); ok {
		t.Error("Sign takes broken bytes")
	}
}

func TestNearFindsWhatIsNearlyTheSame(t *testing.T) {
	t.Parallel()
	// Of 400 texts each tenth has a near copy, one of them two, and one a text of which half is another's.
	n, err := dedupe.NewNear(effect.New(nil), dedupe.Config{Dir: t.TempDir(), Name: "near", Memory: 500}, 0.85)
	if err != nil {
		t.Fatal(err)
	}
	var order int64
	want := map[string]string{}
	add := func(name string, words []string) {
		s := sign(t, strings.Join(words, " "))
		if err := n.Add(order, name, &s); err != nil {
			t.Fatal(err)
		}
		order++
	}
	for i := range uint64(400) {
		add(fmt.Sprint("text ", i), article(i, 600))
	}
	for i := uint64(0); i < 400; i += 10 {
		name := fmt.Sprint("copy of ", i)
		add(name, edited(article(i, 600), 150))
		want[name] = fmt.Sprint("text ", i)
	}
	add("second copy of 10", edited(article(10, 600), 120))
	want["second copy of 10"] = "text 10" // not the first copy, which is one itself
	add("half of 20", append(article(20, 600)[:300], article(9000, 300)...))
	add("left out", article(30, 600))
	got := map[string]string{}
	var before int64 = -1
	for p, err := range n.Pairs(func(o int64) (bool, error) { return o == order-1, nil }) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Order <= before || p.First >= p.Order || p.Similarity < 0.85 {
			t.Errorf("Pairs gives %+v after order %d", p, before)
		}
		before = p.Order
		got[p.Name] = p.FirstName
	}
	missed := 0
	for name, of := range want {
		if got[name] == "" {
			missed++
		} else if got[name] != of {
			t.Errorf("%s is said to be like %s, want %s", name, got[name], of)
		}
		delete(got, name)
	}
	if missed > 1 {
		t.Errorf("%d of %d near copies were not found", missed, len(want))
	}
	if len(got) > 0 {
		t.Errorf("found besides: %v", got)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkSign(b *testing.B) {
	text := []byte(strings.Join(article(1, 2000), " "))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		dedupe.Sign(text)
	}
}

func FuzzSign(f *testing.F) {
	f.Add([]byte("The quarry gives stone to the masons of the town each day, and 石切り場では毎日石を切り出して"))
	f.Add([]byte{0xff, 0xc3, 0xe3, 0x81})
	f.Fuzz(func(t *testing.T, text []byte) {
		a, okA := dedupe.Sign(text)
		b, okB := dedupe.Sign(append([]byte(" \n"), text...))
		if okA != okB || a != b {
			t.Errorf("white space before %q changes the signature", text)
		}
		if okA && a.Similarity(&a) != 1 {
			t.Errorf("%q is not like itself", text)
		}
	})
}
