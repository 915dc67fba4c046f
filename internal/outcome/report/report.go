// Package report says what a run did, what it cost and how long it took: report.json for programs, report.html for
// people.
//
// It owns the shape of both files. It counts nothing itself: a caller that made the run hands in what was counted. What always
// holds: fields are only ever added; a price that is not known is null, never 0.
package report

import (
	"encoding/json"
	"io"
	"time"

	"quarry"
)

// Report is the content of report.json.
type Report struct {
	Run        quarry.RunID `json:"run"`
	Version    string       `json:"version"`
	Generated  time.Time    `json:"generated"`
	Target     string       `json:"target"` // local or aws
	Region     string       `json:"region"`
	Model      string       `json:"model"`       // requested
	AnsweredBy []string     `json:"answered_by"` // as the answers say
	Mode       quarry.Mode  `json:"mode"`
	Sources    []string     `json:"sources"`

	Documents  Documents        `json:"documents"`
	Unreadable int64            `json:"unreadable"` // items left out: broken lines, no id or body, an id that was there before
	Errors     map[string]int64 `json:"errors"`     // documents that are not ok, by the kind of their error
	// Failures are the most frequent messages of documents that ended invalid or failed, at most 10.
	Failures []Failure `json:"failures,omitempty"`
	Tokens   Tokens    `json:"tokens"`
	Cost     Cost      `json:"cost"`
	Time     Time      `json:"time"`
	Jobs     []Job     `json:"jobs"`
	// ThroughputPerMin is documents that the last pass got answered, per minute of the provider's time.
	ThroughputPerMin float64  `json:"throughput_per_min"`
	Notes            []string `json:"notes"`
	Samples          []Sample `json:"samples,omitempty"`

	// Request is what the model was sent; absent: ready records were sent, or their prompt needs fields of a document.
	Request *Request `json:"request,omitempty"`
	Spreads *Spreads `json:"spreads,omitempty"` // of the answers of the last pass

	Forecast *Forecast `json:"forecast,omitempty"`
	Pilot    *Pilot    `json:"pilot,omitempty"`
	Proof    *Proof    `json:"proof,omitempty"`

	Duplicates *Duplicates `json:"duplicates,omitempty"`
	Known      *Known      `json:"known,omitempty"`
	Structured *Structured `json:"structured_output,omitempty"`

	Deadline *Deadline `json:"deadline,omitempty"`

	Ways []Way `json:"ways,omitempty"` // to buy the same, side by side

	// LastPass is the pass that tokens, cost, time and jobs are of, and WholeRun what all passes took together.
	LastPass *Pass     `json:"last_pass,omitempty"`
	WholeRun *WholeRun `json:"whole_run,omitempty"`
	// NothingNew says that the command that wrote this sent nothing, because nothing was new.
	NothingNew bool `json:"nothing_new,omitempty"`
}

// Documents counts where the documents ended. Total = OK + Invalid + Failed + Skipped. Duplicate and Unchanged are
// counted inside of them, Gone next to them.
type Documents struct {
	Total     int64 `json:"total"`
	OK        int64 `json:"ok"`
	Invalid   int64 `json:"invalid"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
	Duplicate int64 `json:"duplicate"`
	Unchanged int64 `json:"unchanged"`
	Gone      int64 `json:"gone"`
	// Partial counts answers, among OK, with at least one member that is null.
	Partial int64 `json:"partial,omitempty"`
	// Waiting counts documents, among Skipped, that are sent once there are enough records for a batch job.
	Waiting int64 `json:"waiting"`
}

// Tokens is what all attempts took.
type Tokens struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
	// Of the input, what was read from the prompt cache and what was written into it.
	CacheRead  int64 `json:"cache_read,omitempty"`
	CacheWrite int64 `json:"cache_write,omitempty"`
	// Estimated says that the model counts by rule, not by a tokenizer.
	Estimated bool `json:"estimated"`
	// Unknown is how many answers do not say what they took; the counts are those of the others.
	Unknown int64 `json:"unknown,omitempty"`
}

// MarshalJSON writes null for counts that no answer said: they are not 0.
func (t Tokens) MarshalJSON() ([]byte, error) {
	type plain Tokens
	if t.Unknown == 0 || t.Input != 0 || t.Output != 0 {
		return json.Marshal(plain(t))
	}
	return json.Marshal(struct {
		Input     *int64 `json:"input"`
		Output    *int64 `json:"output"`
		Estimated bool   `json:"estimated"`
		Unknown   int64  `json:"unknown"`
	}{Estimated: t.Estimated, Unknown: t.Unknown})
}

// TokensOf gives what a usage holds. Whether it is estimated is not in it.
func TokensOf(u quarry.Usage) Tokens {
	return Tokens{
		Input: u.InputTokens, Output: u.OutputTokens, CacheRead: u.CacheReadTokens, CacheWrite: u.CacheWriteTokens, Unknown: u.Unknown,
	}
}

// Add adds other counts. Sums that an int64 cannot hold stay at its largest value.
func (t *Tokens) Add(o *Tokens) {
	u := quarry.Usage{
		InputTokens: t.Input, OutputTokens: t.Output, CacheReadTokens: t.CacheRead, CacheWriteTokens: t.CacheWrite, Unknown: t.Unknown,
	}
	u.Add(quarry.Usage{
		InputTokens: o.Input, OutputTokens: o.Output, CacheReadTokens: o.CacheRead, CacheWriteTokens: o.CacheWrite, Unknown: o.Unknown,
	})
	estimated := t.Estimated || o.Estimated
	*t = TokensOf(u)
	t.Estimated = estimated
}

// Cost is money in US dollars; null is not known. Actual is what was spent, 0 on a stand-in, whatever its address; the others are what the
// requested model costs for these tokens.
type Cost struct {
	Actual    *quarry.USD `json:"actual_usd"`
	Batch     *quarry.USD `json:"batch_usd"`
	OnDemand  *quarry.USD `json:"ondemand_usd"`
	Flex      *quarry.USD `json:"flex_usd,omitempty"`
	Saved     *quarry.USD `json:"saved_usd"`
	Forecast  *quarry.USD `json:"forecast_usd"`
	Estimated bool        `json:"estimated"`
	// StandIn says that a stand-in answered, so that nothing was paid: the other amounts are list prices.
	StandIn bool `json:"stand_in,omitempty"`
	// Cap is --max-usd, and OverCap by how much it was passed, at list price.
	Cap         *quarry.USD `json:"cap_usd,omitempty"`
	OverCap     *quarry.USD `json:"over_cap_usd,omitempty"`
	PriceSource string      `json:"price_source"`
	PriceDate   string      `json:"price_date"`
	PriceBasis  string      `json:"price_basis"` // listed, derived or secondary
}

// Time is in seconds. The stages overlap: their sum can be more than the total.
type Time struct {
	Prep     float64 `json:"prep_s"`     // reading, cleaning, cutting into shards, building
	Upload   float64 `json:"upload_s"`   // of all shards
	Provider float64 `json:"provider_s"` // in which a job or calls were under way, of the time that processes worked on the pass
	Collect  float64 `json:"collect_s"`  // download, parse and check, export
	Total    float64 `json:"total_s"`
}

// Job is one job, or one shard's on-demand calls.
type Job struct {
	Shard     quarry.ShardID         `json:"shard"`
	Region    string                 `json:"region,omitempty"`
	Model     string                 `json:"model,omitempty"` // that it was sent to
	ARN       quarry.JobARN          `json:"arn,omitempty"`
	Name      string                 `json:"name,omitempty"`
	Mode      quarry.Mode            `json:"mode"`
	Status    quarry.JobStatus       `json:"status"`
	Message   string                 `json:"message,omitempty"`
	Records   int64                  `json:"records"`
	OK        int64                  `json:"ok"`
	Invalid   int64                  `json:"invalid"`
	Failed    int64                  `json:"failed"`
	Left      int64                  `json:"left"` // sent again by another shard
	Classes   map[quarry.Class]int64 `json:"classes,omitempty"`
	Usage     quarry.Usage           `json:"usage"`
	Submitted time.Time              `json:"submitted,omitzero"`
	Ended     time.Time              `json:"ended,omitzero"`
	Differs   []string               `json:"differs,omitempty"` // what does not add up between output, manifest and counters
}

// Sample is one answer next to its source.
type Sample struct {
	ID     quarry.DocumentID `json:"id"`
	Title  string            `json:"title"`
	URL    string            `json:"url,omitempty"`
	Head   string            `json:"head,omitempty"`  // the first line of its text
	Class  quarry.Class      `json:"class,omitempty"` // of the answer; empty: ok
	Output json.RawMessage   `json:"output,omitempty"`
	Text   string            `json:"text,omitempty"`
}

// JSON writes report.json.
func JSON(w io.Writer, r *Report) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(r)
}
