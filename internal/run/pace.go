package run

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/bedrock"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/parse"
	"quarry/internal/prompt"
)

// How many on-demand calls may be under way at once, where nothing is set. How many are is the product of the pace that the
// quotas allow and of the model's latency; the bound is for memory, connections and what a crash can leave unknown.
const (
	mostCalls      = 512
	mostLocalCalls = 64 // as many as the stand-in answers at once
)

// localBurst is how much of a minute's quota is used at once on the stand-in, whose rules are ours.
const localBurst = 45 * time.Second

// pacer gives what holds the run's calls to the quotas of its model, one for all its shards.
func (r *Run) pacer() *bedrock.Pacer {
	r.pacing.Do(func() {
		q := r.cfg.Quotas
		c := bedrock.PacerConfig{RPM: q.RPM, TPM: q.TPM, Burndown: q.Burndown}
		if r.cfg.Local {
			c.Burst = localBurst
		}
		r.pace = bedrock.NewPacer(c)
	})
	return r.pace
}

// warnOfLargeCall says once that a call takes more than a minute's tokens, which no waiting mends.
func (r *Run) warnOfLargeCall(shard quarry.ShardID, a ask) {
	limit := r.answerLimit(a.input)
	take, minute, over := r.pacer().OverMinute(len(a.input), limit)
	if !over || !r.largeCall.CompareAndSwap(false, true) {
		return
	}
	r.watch(Event{
		Kind: Note, Shard: shard,
		Text: fmt.Sprintf("record %s takes about %s, %s of them for max_tokens, and the quota is %s a minute: such calls may be refused for good; "+
			"lower max_tokens, cut the texts (--max-text-tokens), or ask AWS for a larger quota",
			a.id, figure.Count(take, "token"), figure.Thousands(limit), figure.Thousands(minute)),
	})
}

// answered settles a call's books with what its answer used. An answer that does not say leaves its reservation taken.
func (a *asking) answered(t *bedrock.Ticket, output []byte, took time.Duration) {
	a.count(func(c *ledger.Calls) { c.Answered++; c.Latency += took })
	answer, err := parse.Output(output, a.run.cfg.Type, a.run.cfg.Model)
	if err != nil || !answer.Usage.Known() {
		t.Lost()
		return
	}
	u := answer.Usage
	t.Answered(u.InputTokens-u.CacheReadTokens, u.CacheReadTokens, u.OutputTokens)
}

// count notes something in the shard's row, which is saved when the round ends.
func (a *asking) count(note func(*ledger.Calls)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note(&a.calls)
}

// withCachePoint marks the end of a body's prefix for the prompt cache. The record, its key and its input file stay as they
// are: what a call carries beside them does not change what is asked.
func (r *Run) withCachePoint(input []byte) []byte {
	if len(r.cfg.CachePrefix) == 0 {
		return input
	}
	marked, err := prompt.WithCachePoint(input, r.cfg.CachePrefix)
	if err != nil { // a body of another shape or with another prefix goes as it is
		return input
	}
	return marked
}

func paceText(p bedrock.Pace) string {
	switch {
	case p.Pause > 0 && p.TPM > 0:
		return fmt.Sprintf("calls pause for %s, then continue at %.0f tokens a minute", p.Pause.Round(100*time.Millisecond), p.TPM)
	case p.Pause > 0:
		return fmt.Sprintf("calls pause for %s, then continue at %.0f a minute", p.Pause.Round(100*time.Millisecond), p.RPM)
	case p.TPM > 0:
		return fmt.Sprintf("calls continue at %.0f tokens a minute", p.TPM)
	}
	return fmt.Sprintf("calls continue at %.0f a minute", p.RPM)
}
