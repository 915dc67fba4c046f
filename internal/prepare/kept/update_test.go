package kept_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/kept"
)

// post is an item of a blog. Without a text it cannot be read.
type post struct {
	id, text string
	modified time.Time
}

// blog is a site with a clock of its own, which says what was modified.
type blog struct {
	posts  []post
	clock  time.Time
	full   int               // readings of everything
	since  []time.Time       // of the readings of what was modified
	after  func(n int)       // called after each post is given
	down   bool              // the readings fail at their second block
	downAt int               // of items, if they fail later
	again  map[string]string // the texts of what readings of what was modified give a second time
}

func (b *blog) Name() string { return "https://blog.example" }

func (b *blog) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	b.full++
	return b.blocks(from, func(post) bool { return true })
}

func (b *blog) Clock(context.Context) (time.Time, error) { return b.clock, nil }

func (b *blog) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(_ context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
		b.since = append(b.since, t)
		return b.blocks(from, func(p post) bool { return !p.modified.Before(t) })
	}
}

// blocks gives three posts at a time.
func (b *blog) blocks(from quarry.Position, want func(post) bool) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		var some []post
		for _, p := range b.posts {
			if !want(p) {
				continue
			}
			some = append(some, p)
			if text, ok := b.again[p.id]; ok {
				some = append(some, post{p.id, text, p.modified})
			}
		}
		for i := int(from.Offset); i < len(some); i += 3 {
			if b.down && i >= max(3, b.downAt) {
				yield(quarry.Block{}, errDown)
				return
			}
			at := quarry.Position{Source: 1, File: "blog", Offset: int64(i)}
			documents := func(yield func(quarry.Document, error) bool) {
				for n, p := range some[i:min(i+3, len(some))] {
					d, err := quarry.Document{ID: quarry.DocumentID(p.id), Body: []byte(p.text), At: at}, error(nil)
					if p.text == "" {
						d, err = quarry.Document{At: at}, &quarry.ItemError{At: at, ID: d.ID, Reason: "no text"}
					}
					if !yield(d, err) {
						return
					}
					if b.after != nil {
						b.after(i + n)
					}
				}
			}
			if !yield(quarry.Block{First: at, Documents: documents}, nil) {
				return
			}
		}
	}
}

// held is what a copy holds: the text of each item, or its fault, in order.
func held(t *testing.T, k *kept.Kept) []string {
	t.Helper()
	var all []string
	for b, err := range k.Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		for d, err := range b.Documents {
			var fault *quarry.ItemError
			switch {
			case errors.As(err, &fault):
				all = append(all, string(fault.ID)+": "+fault.Reason)
			case err != nil:
				t.Fatal(err)
			default:
				all = append(all, string(d.ID)+"="+string(d.Body))
			}
		}
	}
	return all
}

// days has the copy of a blog over several passes.
type days struct {
	t   *testing.T
	b   *blog
	cfg kept.Config
	now time.Time
}

func newDays(t *testing.T, posts ...post) *days {
	t.Helper()
	now := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	d := &days{t: t, b: &blog{posts: posts, clock: now}, now: now}
	d.cfg = kept.Config{Dir: t.TempDir(), Effects: effect.New(nil), Source: d.b, Index: 1, Settings: "x", Resumes: true}
	d.cfg.Clock, d.cfg.Since, d.cfg.Now = d.b.Clock, d.b.Since, func() time.Time { return d.now }
	return d
}

// pass keeps the next pass, some time later.
func (d *days) pass(later time.Duration) *kept.Kept {
	d.t.Helper()
	d.cfg.Pass++
	d.later(later)
	k, err := kept.Keep(d.t.Context(), d.cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	return k
}

func (d *days) later(by time.Duration) { d.now, d.b.clock = d.now.Add(by), d.b.clock.Add(by) }

func (d *days) want(k *kept.Kept, want ...string) {
	d.t.Helper()
	if got := held(d.t, k); !slices.Equal(got, want) {
		d.t.Errorf("pass %d holds %v, want %v", d.cfg.Pass, got, want)
	}
}

func (d *days) set(id, text string) {
	for i := range d.b.posts {
		if d.b.posts[i].id == id {
			d.b.posts[i].text, d.b.posts[i].modified = text, d.b.clock
			return
		}
	}
	d.b.posts = append(d.b.posts, post{id, text, d.b.clock})
}

func (d *days) remove(id string) {
	d.b.posts = slices.DeleteFunc(d.b.posts, func(p post) bool { return p.id == id })
}

var longAgo = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func someposts(n int) (all []post) {
	for i := range n {
		all = append(all, post{fmt.Sprint(i), "old", longAgo})
	}
	return all
}

func TestWhatWasModifiedIsReadAndTheRestIsKept(t *testing.T) {
	t.Parallel()
	d := newDays(t, someposts(5)...)
	d.want(d.pass(0), "0=old", "1=old", "2=old", "3=old", "4=old")
	d.set("3", "new")
	d.set("5", "first")
	d.set("1", "")
	d.remove("0") // no reading of what was modified finds out
	k := d.pass(time.Hour)
	d.want(k, "0=old", "1: no text", "2=old", "3=new", "4=old", "5=first")
	if k.Read != 2 || k.Documents != 5 || !k.Since.Equal(d.now.Add(-25*time.Hour)) {
		t.Errorf("%d of %d documents read since %s", k.Read, k.Documents, k.Since)
	}
	// The same pass asks no more; the next one finds what was modified within the last day again.
	if again, err := kept.Keep(t.Context(), d.cfg); err != nil || !slices.Equal(held(t, again), held(t, k)) || len(d.b.since) != 1 {
		t.Errorf("the same pass asked %d times, %v", len(d.b.since), err)
	}
	if o, ok, err := kept.Open(d.cfg.Dir, 2, 1); !ok || err != nil || !slices.Equal(held(t, o), held(t, k)) {
		t.Errorf("Open = %t, %v", ok, err)
	}
	d.set("1", "back")
	k = d.pass(time.Hour)
	d.want(k, "0=old", "1=back", "2=old", "3=new", "4=old", "5=first")
	if d.b.full != 1 || len(d.b.since) != 2 {
		t.Errorf("everything was read %d times, what was modified %d times", d.b.full, len(d.b.since))
	}
	files, err := os.ReadDir(d.cfg.Dir)
	if err != nil || len(files) != 2 {
		t.Errorf("the directory has %v, %v, want the state and one copy", files, err)
	}
	// Once a day everything is read: what is gone is gone, and the order is that of the source.
	k = d.pass(22 * time.Hour)
	d.want(k, "1=back", "2=old", "3=new", "4=old", "5=first")
	if d.b.full != 2 || !k.Since.IsZero() {
		t.Errorf("everything was read %d times, want a second time", d.b.full)
	}
}

func TestWhenEverythingIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(d *days)
		full   bool
	}{
		"nothing special":                {func(*days) {}, false},
		"other settings":                 {func(d *days) { d.cfg.Settings = "y" }, true},
		"a limit":                        {func(d *days) { d.cfg.Limit = 2 }, true},
		"the source's clock is set back": {func(d *days) { d.b.clock = d.b.clock.Add(-2 * time.Hour) }, true},
		"our clock is set back":          {func(d *days) { d.now = d.now.Add(-2 * time.Hour) }, true},
		"the source's clock stops":       {func(d *days) { d.b.clock = time.Time{} }, true},
		"the copy is damaged": {func(d *days) {
			path := filepath.Join(d.cfg.Dir, "documents.zst")
			if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
				d.t.Fatal(err)
			}
		}, true},
		"the source cannot say": {func(d *days) { d.cfg.Clock, d.cfg.Since = nil, nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDays(t, someposts(4)...)
			d.pass(0)
			d.set("1", "new")
			c.change(d)
			d.cfg.Pass++
			k, err := kept.Keep(t.Context(), d.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if full := d.b.full == 2; full != c.full || k.Since.IsZero() != c.full {
				t.Errorf("everything was read: %t, want %t", full, c.full)
			}
			if got := held(t, k); !slices.Contains(got, "1=new") {
				t.Errorf("it holds %v", got)
			}
		})
	}
}

// The clock of a site may be wrong by any time: only it says when something was modified.
func TestAClockThatIsAheadOrBehind(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-8760 * time.Hour, 8760 * time.Hour} {
		d := newDays(t, someposts(4)...)
		d.b.clock = d.b.clock.Add(off)
		d.pass(0)
		d.set("2", "new")
		d.want(d.pass(time.Hour), "0=old", "1=old", "2=new", "3=old")
		d.set("3", "newer")
		d.want(d.pass(time.Hour), "0=old", "1=old", "2=new", "3=newer")
		if d.b.full != 1 {
			t.Errorf("everything was read %d times, want once", d.b.full)
		}
	}
}

// What is modified while it is read, after its place was passed, is found by the next reading: the time is taken at the beginning.
func TestAnItemThatIsModifiedWhileItIsRead(t *testing.T) {
	t.Parallel()
	d := newDays(t, someposts(7)...)
	change := func(n int) {
		if n == 5 {
			d.later(48 * time.Hour) // a slow reading
			d.set("0", d.b.clock.Format(time.RFC3339))
			d.now = d.now.Add(-48 * time.Hour)
		}
	}
	d.b.after = change
	d.pass(0)
	d.b.after = nil
	got := held(t, d.pass(time.Minute))
	if got[0] == "0=old" || d.b.full != 1 {
		t.Errorf("the change is missed: %v, everything read %d times", got, d.b.full)
	}
}

// A site gives an item of a page again on the next one, if another was modified meanwhile: it is one item, as it came last.
func TestAnItemThatIsModifiedWhileTheModifiedOnesAreRead(t *testing.T) {
	t.Parallel()
	d := newDays(t, someposts(9)...)
	d.pass(0)
	for _, id := range []string{"4", "5", "6", "7", "8"} {
		d.set(id, "new")
	}
	d.set("9", "first") // the new one is given twice as well
	d.b.again = map[string]string{"6": "newer", "9": "second"}
	d.want(d.pass(time.Hour), "0=old", "1=old", "2=old", "3=old", "4=new", "5=new", "6=newer", "7=new", "8=new", "9=second")
	d.b.again = nil
	d.want(d.pass(time.Hour), "0=old", "1=old", "2=old", "3=old", "4=new", "5=new", "6=new", "7=new", "8=new", "9=first")
}

// Items that have one id, which is a fault that another part names, stay as many as they are.
func TestItemsWithTheSameID(t *testing.T) {
	t.Parallel()
	d := newDays(t, append(someposts(2), post{"1", "other", longAgo})...)
	d.want(d.pass(0), "0=old", "1=old", "1=other")
	d.set("1", "new")
	d.b.posts[2].modified = d.b.clock
	d.want(d.pass(time.Hour), "0=old", "1=new", "1=other")
}

// The process dies before and after each effect of bringing a copy up to date; the next one brings it to its end.
func TestDyingWhileACopyIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	died := errors.New("died")
	for n := int64(1); ; n++ {
		for _, when := range []effect.When{effect.Before, effect.After} {
			d := newDays(t, someposts(8)...)
			d.pass(0)
			d.set("3", "new")
			d.set("9", "first")
			d.remove("0")
			d.cfg.Pass++
			d.cfg.Effects = effect.New(func(p effect.Point) error {
				if p.N > n || (p.N == n && p.When == when) {
					return died
				}
				return nil
			})
			_, err := kept.Keep(t.Context(), d.cfg)
			if err == nil {
				if n < 10 {
					t.Errorf("%d effects, want more", n)
				}
				return
			}
			if !errors.Is(err, died) {
				t.Fatalf("effect %d: %v", n, err)
			}
			d.cfg.Effects = effect.New(nil)
			d.later(time.Hour)
			d.set("4", "later")
			k, err := kept.Keep(t.Context(), d.cfg)
			if err != nil {
				t.Fatalf("effect %d: go on: %v", n, err)
			}
			if got := held(t, k); got[0] != "0=old" || !slices.Contains(got, "3=new") || got[len(got)-1] != "9=first" || d.b.full != 1 {
				t.Fatalf("effect %d: it holds %v; everything was read %d times, want once", n, got, d.b.full)
			}
			// Nothing that was modified meanwhile is lost.
			if got := held(t, d.pass(time.Hour)); !slices.Contains(got, "4=later") || len(got) != 9 {
				t.Fatalf("effect %d: the next pass holds %v", n, got)
			}
		}
	}
}

// A reading that breaks off leaves the copy of the earlier pass, from which the next one continues.
func TestAnInterruptedReadingOfWhatWasModified(t *testing.T) {
	t.Parallel()
	d := newDays(t, someposts(4)...)
	d.pass(0)
	for i := range 8 {
		d.set(fmt.Sprint(i), "new")
	}
	d.cfg.Pass++
	d.b.down = true
	if _, err := kept.Keep(t.Context(), d.cfg); !errors.Is(err, errDown) {
		t.Fatalf("got %v, want that the site is down", err)
	}
	d.b.down = false
	k, err := kept.Keep(t.Context(), d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.want(k, "0=new", "1=new", "2=new", "3=new", "4=new", "5=new", "6=new", "7=new")
	if d.b.full != 1 {
		t.Errorf("everything was read %d times, want once", d.b.full)
	}
}

// A full reading that was resumed may miss what moved to a page before: everything is read once more.
func TestAFullReadingThatWasResumed(t *testing.T) {
	t.Parallel()
	d := newDays(t, someposts(8)...)
	d.cfg.Pass, d.b.down, d.b.downAt = 1, true, 6
	if _, err := kept.Keep(t.Context(), d.cfg); !errors.Is(err, errDown) {
		t.Fatalf("got %v, want that the site is down", err)
	}
	d.b.down = false
	d.remove("0") // 3 moves to the first page, which is not read again
	k, err := kept.Keep(t.Context(), d.cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.want(k, "0=old", "1=old", "2=old", "4=old", "5=old", "6=old", "7=old")
	d.want(d.pass(time.Hour), "1=old", "2=old", "3=old", "4=old", "5=old", "6=old", "7=old")
	full := d.b.full
	if d.pass(time.Hour); d.b.full != full || len(d.b.since) != 1 {
		t.Errorf("everything was read %d times more, what was modified %d times", d.b.full-full, len(d.b.since))
	}
}

// The time that counts is that of the reading, also if a copy is completed later.
func TestACopyThatIsCompletedLaterHasTheTimeOfItsReading(t *testing.T) {
	t.Parallel()
	died := errors.New("died")
	d := newDays(t, someposts(4)...)
	d.pass(0)
	d.later(time.Hour)
	read := d.b.clock
	d.cfg.Pass++
	d.cfg.Effects = effect.New(func(p effect.Point) error {
		if strings.HasPrefix(p.What, "rename ") && strings.Contains(p.What, "documents-0002") {
			return died
		}
		return nil
	})
	if _, err := kept.Keep(t.Context(), d.cfg); !errors.Is(err, died) {
		t.Fatalf("got %v, want a death before the copy is there", err)
	}
	d.cfg.Effects = effect.New(nil)
	d.later(2 * time.Hour)
	if _, err := kept.Keep(t.Context(), d.cfg); err != nil {
		t.Fatal(err)
	}
	if k := d.pass(time.Hour); !k.Since.Equal(read.Add(-24 * time.Hour)) {
		t.Errorf("the next pass reads since %s, want a day before %s", k.Since, read)
	}
}

// Over many passes the copy is the last full reading with every later change, whatever order they come in.
func TestManyChangesOverManyPasses(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	d := newDays(t, someposts(20)...)
	model := held(t, d.pass(0))
	next := 20
	for range 60 {
		for range r.IntN(6) {
			id, text := fmt.Sprint(r.IntN(next)), fmt.Sprint("v", r.IntN(1000))
			if r.IntN(4) == 0 {
				id = fmt.Sprint(next)
				next++
			}
			d.set(id, text)
			at := slices.IndexFunc(model, func(s string) bool { return strings.HasPrefix(s, id+"=") })
			if at < 0 {
				model = append(model, "")
				at = len(model) - 1
			}
			model[at] = id + "=" + text
		}
		d.want(d.pass(time.Duration(1+r.IntN(15))*time.Minute), model...)
	}
	if d.b.full != 1 {
		t.Errorf("everything was read %d times, want once", d.b.full)
	}
}
