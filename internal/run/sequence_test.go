package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quarry"
	"quarry/internal/effect"
	"quarry/internal/parse"
	"quarry/internal/prompt"
	"quarry/internal/run"
)

// command is one change of the sources and one command after it.
type command struct {
	doc, variant int  // the document that changes, and to which text; 0: it is gone
	prompt       int  // which of three is asked
	refuse       bool // nobody answers the question
	capped       bool // the cap lets nothing through
	dieAt        int  // the effect at which the process dies; 0: it does not
}

func commands() *rapid.Generator[[]command] {
	one := rapid.Custom(func(t *rapid.T) command {
		return command{
			doc: rapid.IntRange(0, 4).Draw(t, "doc"), variant: rapid.IntRange(0, 2).Draw(t, "variant"), prompt: rapid.IntRange(0, 2).Draw(t, "prompt"),
			refuse: rapid.IntRange(0, 4).Draw(t, "refuse") == 0, capped: rapid.IntRange(0, 5).Draw(t, "capped") == 0,
			dieAt: max(0, rapid.IntRange(-150, 300).Draw(t, "die at")),
		}
	})
	return rapid.SliceOfN(one, 4, 9)
}

// texts is the source with each document in its variant.
func texts(variants []int) string {
	var b strings.Builder
	for i, v := range variants {
		if v > 0 {
			fmt.Fprintf(&b, `{"id":"doc-%d","title":"Article %d","content":"Number %d tells in edition %d how a quarry works. Stone is cut from the face of a hill, and blocks go down to the valley by rail."}`+"\n", i, i, i, v)
		}
	}
	b.WriteString(`{"id":"always","title":"Always","content":"This one never changes. Stone is cut from the face of a hill, and blocks go down to the valley by rail."}` + "\n")
	return b.String()
}

// TestNoSequenceOfCommandsPaysTwice changes documents and prompts back and forth, refuses, caps and kills commands, and reads the
// provider's bill: no record is answered twice, and nothing is asked again once it has its answer.
func TestNoSequenceOfCommandsPaysTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("a sweep; the race detector runs without sweeps")
	}
	t.Parallel()
	seeds := 3
	if *full {
		seeds = 100
	}
	for seed := range seeds {
		list := commands().Example(seed)
		t.Run(fmt.Sprintf("sequence %d", seed), func(t *testing.T) {
			t.Parallel()
			payOnce(t, list)
		})
	}
}

func payOnce(t *testing.T, list []command) {
	now := command{}
	w := newWorld(t, worldConfig{docs: texts(nil), quotas: oneIsEnoughQuotas, cfg: oneIsEnough(func(c *run.Config) {
		c.Settings = fmt.Sprint("prompt ", now.prompt)
		renderer, err := prompt.New(prompt.Config{User: fmt.Sprintf("Prompt %d. Article:\n{{.Text}}", now.prompt)})
		if err != nil {
			t.Fatal(err)
		}
		checker, err := parse.New(parse.Config{Schema: renderer.Schema()})
		if err != nil {
			t.Fatal(err)
		}
		c.Prompt, c.Check, c.Local = renderer, checker, false
		if now.capped {
			c.MaxUSD = new(quarry.USD)
		}
	})})
	refused := errors.New("nobody answered")
	w.deps = func(d *run.Deps) {
		d.Confirm = func(context.Context, string) error {
			if now.refuse {
				return refused
			}
			return nil
		}
	}
	variants := []int{1, 1, 1, 1, 1}
	step := func(what string, c command) {
		now = c
		write(t, w.source, texts(variants))
		var hook effect.Hook
		if c.dieAt > 0 {
			hook = dieAt(effect.File, c.dieAt, effect.Before)
		}
		_, _, err := w.run(t, hook)
		var q *quarry.Error
		expected := (c.refuse && errors.Is(err, refused)) || (c.dieAt > 0 && (errors.Is(err, errDied) || errors.Is(err, effect.ErrHook))) ||
			(c.capped && errors.As(err, &q) && q.Kind == quarry.OverLimit)
		if err != nil && !expected {
			t.Fatalf("%s: %+v: %v", what, c, err)
		}
		if err == nil {
			if rep := w.audited(t); !rep.Clean() {
				t.Errorf("%s: %+v: audit found missing %v, answered twice %v, paid twice %v, altered %v, faults %v: %+v", what, c, rep.Missing, rep.AnsweredTwice, rep.PaidTwice, rep.Altered, rep.Faults, rep.Found)
			}
		}
		once := map[string]string{} // what was asked → the record that answered it
		for id, n := range w.bill(t) {
			stem := id[:strings.LastIndex(id, "-a")]
			if n > 1 {
				t.Errorf("%s: %+v: record %s was answered %d times", what, c, id, n)
			}
			if other, twice := once[stem]; twice && n > 0 {
				t.Errorf("%s: %+v: %s was answered although %s had the answer", what, c, id, other)
			}
			if n > 0 {
				once[stem] = id
			}
		}
	}
	for i, c := range list {
		variants[c.doc] = c.variant
		step(fmt.Sprintf("command %d", i), c)
	}
	for p := range 3 { // each prompt comes to its end, whatever came before
		step(fmt.Sprintf("last, prompt %d", p), command{prompt: p})
	}
	step("again", command{})
}
