package run_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run"
)

// A long prompt that all calls begin with is written into the cache once and read from then on; it is counted and priced
// so, and changes neither the keys nor what jobs are sent.
func TestALongPromptIsCachedByCalls(t *testing.T) {
	t.Parallel()
	renderer, err := prompt.New(prompt.Config{System: prompt.DefaultSystem + strings.Repeat(" Be brief and exact.", 1100)}) // 5,500 tokens
	if err != nil {
		t.Fatal(err)
	}
	body, err := renderer.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	do := func(prefix []byte, mode quarry.Mode) run.Outcome {
		w := newWorld(t, worldConfig{docs: someDocs(9), cfg: func(c *run.Config) {
			c.Mode, c.Prompt, c.CachePrefix = mode, renderer, prefix
		}})
		out, _, err := w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.checkAllAnsweredOnce(t, &out)
		w.auditClean(t)
		return out
	}
	prefix := prompt.SystemMember(body)
	cached, plain, jobs := do(prefix, quarry.ModeOnDemand), do(nil, quarry.ModeOnDemand), do(prefix, quarry.ModeJob)
	u, p := cached.Report.Tokens, plain.Report.Tokens
	if u.Input != p.Input || u.Output != p.Output {
		t.Errorf("cached %+v, plain %+v: want as many tokens in and out", u, p)
	}
	if u.CacheWrite < 5000 || u.CacheWrite > 6000 || u.CacheRead != 8*u.CacheWrite {
		t.Errorf("cached: %d tokens written and %d read, want the prefix written once and read by the eight calls after", u.CacheWrite, u.CacheRead)
	}
	if p.CacheRead+p.CacheWrite+jobs.Report.Tokens.CacheRead+jobs.Report.Tokens.CacheWrite > 0 {
		t.Errorf("plain %+v, jobs %+v: want nothing through the cache", p, jobs.Report.Tokens)
	}
	if a, b := *cached.Report.Cost.OnDemand, *plain.Report.Cost.OnDemand; a >= b*7/10 {
		t.Errorf("cached calls cost %s, plain ones %s: want less", a, b)
	}
}
