package calls

import (
	"fmt"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/event"
)

// localBurst is how much of a minute's quota is used at once on the stand-in, whose rules are ours.
const localBurst = 45 * time.Second

// newPacer holds the calls of all shards to the quotas of the model.
func newPacer(q quarry.Quotas, local bool) *bedrock.Pacer {
	c := bedrock.PacerConfig{RPM: q.RPM, TPM: q.TPM, Burndown: q.Burndown}
	if local {
		c.Burst = localBurst
	}
	return bedrock.NewPacer(c)
}

// answerLimit is how many tokens a call reserves of the quota for its answer.
func (c *Caller) answerLimit(input []byte) int64 {
	if n := prompt.AnswerLimit(input); n > 0 {
		return n
	}
	if c.cfg.MaxOutput > 0 {
		return int64(c.cfg.MaxOutput)
	}
	return 4096
}

// answerBytes is the space that is reserved on the disk for an answer of so many tokens at most: text of most languages takes
// three to five bytes a token, and its quotes and line ends are escaped once more.
func answerBytes(tokens int64) int64 { return 2<<10 + 8*min(tokens, 1<<20) }

// warnOfLargeCall says once that a call takes more than a minute's tokens, which no waiting changes.
func (c *Caller) warnOfLargeCall(shard quarry.ShardID, q *request) {
	limit := c.answerLimit(q.input)
	take, minute, over := c.pacer.OverMinute(len(q.input), limit)
	if !over || !c.warned.CompareAndSwap(false, true) {
		return
	}
	c.cfg.Watch.Send(event.Event{
		Kind: event.Note, Shard: shard,
		Text: fmt.Sprintf("record %s needs about %s, %s of them for max_tokens, and the quota is %s per minute: "+
			"such calls may never succeed; lower max_tokens, cut the texts (--max-text-tokens), or ask AWS for a larger quota",
			q.id, figure.Count(take, "token"), figure.Thousands(limit), figure.Thousands(minute)),
	})
}

// settleTicket replaces what a call reserved by what its answer used. An answer without token counts leaves the reservation.
func (c *Caller) settleTicket(t *bedrock.Ticket, output []byte) {
	answer, err := parse.Output(output, c.cfg.Type, c.cfg.Model)
	if err != nil || !answer.Usage.Known() {
		t.Lost()
		return
	}
	u := answer.Usage
	t.Answered(u.InputTokens-u.CacheReadTokens, u.CacheReadTokens, u.OutputTokens)
}

// withCachePoint marks the end of a body's prefix for the prompt cache. The record, its key and its input file stay as they
// are: the mark does not change the request's meaning.
func (c *Caller) withCachePoint(input []byte) []byte {
	if len(c.cfg.CachePrefix) == 0 {
		return input
	}
	marked, err := prompt.WithCachePoint(input, c.cfg.CachePrefix)
	if err != nil { // a body of another shape or with another prefix is sent unchanged
		return input
	}
	return marked
}

func paceText(p bedrock.Pace) string {
	unit, rate := "", p.RPM
	if p.TPM > 0 {
		unit, rate = "tokens ", p.TPM
	}
	if p.Pause > 0 {
		return fmt.Sprintf("calls pause for %s, then continue at %.0f %sper minute", p.Pause.Round(100*time.Millisecond), rate, unit)
	}
	return fmt.Sprintf("calls continue at %.0f %sper minute", rate, unit)
}
