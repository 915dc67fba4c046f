package ledger

import (
	"encoding/json"
	"time"

	"quarry"
)

// Detail is what only the shard's own steps read.
type Detail struct {
	Pass       int              `json:"pass"`                 // over the sources, from 1
	First      int64            `json:"first"`                // order of the first document of the stretch it is built from
	Last       int64            `json:"last"`                 // and of the last one
	FirstPart  int              `json:"first_part,omitempty"` // where it begins inside a long document: with which part
	LastPart   int              `json:"last_part,omitempty"`  // and where it ends in one
	Start      quarry.Position  `json:"start,omitzero"`       // from where the sources are read for it
	StartOrder int64            `json:"start_order"`          // order of the document that comes first there
	Marks      string           `json:"takes,omitempty"`      // which documents of the stretch, by the marks of the index
	Sources    []quarry.ShardID `json:"sources,omitempty"`    // of a retry shard: where its records come from
	Records    int64            `json:"records"`
	Bytes      int64            `json:"bytes"`
	Parted     int64            `json:"parted,omitempty"` // of Records, those about parts of long documents and their merges
	Digest     string           `json:"digest,omitempty"` // sha256 of the input file
	// AnswerTokens is what its answers may have together at most; 0 where no cap was set when it was built.
	AnswerTokens int64 `json:"answer_tokens,omitempty"`
	// Unbuilt counts the records that were planned and not built, because their documents had changed in the sources: Records
	// is without them.
	Unbuilt int64 `json:"unbuilt,omitempty"`
	// Unasked says why its records are not sent at all: an error kind of package quarry. Empty: they are sent.
	Unasked string `json:"unasked,omitempty"`
	// Late says that it was to be sent as a job and is sent as calls, or that its job was stopped for that: for a deadline.
	Late bool `json:"late,omitempty"`

	// Pool is where its job is made; zero until that is decided, and in ledgers of runs that had one place only.
	Pool    Pool   `json:"pool,omitzero"`
	Attempt int    `json:"attempt"` // number of the job attempt, from 1
	Intent  Intent `json:"intent,omitzero"`
	Job     Job    `json:"job,omitzero"`
	Past    []Job  `json:"past,omitempty"` // of earlier job attempts
	Output  Output `json:"output,omitzero"`

	Tally   Tally          `json:"tally,omitzero"`
	HandsTo quarry.ShardID `json:"hands_to,omitempty"` // the retry shard that took what was left
	CutOff  int64          `json:"cut_off,omitempty"`  // of a retry shard: answers of its Sources that were cut off
	Waits   string         `json:"waits,omitempty"`    // what it waits for, in words for people
	Calls   Calls          `json:"calls,omitzero"`
	Times   Times          `json:"times,omitzero"`
}

// Pool names a place where jobs run.
type Pool struct {
	Region string `json:"region"`
	Model  string `json:"model"`
	Bucket string `json:"bucket,omitempty"`
}

// Intent is the job that was about to be submitted, stored before it is.
type Intent struct {
	JobName string          `json:"job_name,omitempty"`
	Token   string          `json:"token,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // the whole Create request
}

// Job is what the provider said of a job.
type Job struct {
	ARN       quarry.JobARN    `json:"arn,omitempty"`
	Name      string           `json:"name,omitempty"`
	Status    quarry.JobStatus `json:"status,omitempty"`
	Message   string           `json:"message,omitempty"`
	Counts    quarry.JobCounts `json:"counts,omitzero"`
	Submitted time.Time        `json:"submitted,omitzero"`
	Ended     time.Time        `json:"ended,omitzero"`
	Polls     int              `json:"polls,omitempty"`
}

// Output is what a job's output held, compared with what was sent.
type Output struct {
	Lines   int64 `json:"lines"` // with a record of this shard
	Doubled int64 `json:"doubled,omitempty"`
	Foreign int64 `json:"foreign,omitempty"` // lines of records that were not sent
	Broken  int64 `json:"broken,omitempty"`  // lines that cannot be read
	// Unreadable names the first of the lines that cannot be read, as FILE:LINE: reason.
	Unreadable []string `json:"unreadable,omitempty"`
	Exchanged  int64    `json:"exchanged,omitempty"` // lines that echo another modelInput than was sent under their recordId
	Repaired   int64    `json:"mended,omitempty"`    // lines in which characters were damaged, and are U+FFFD
	// Answers are the records of this shard, and of others, that the output holds an answer for.
	Answers  int64            `json:"answers,omitempty"`
	Unread   string           `json:"manifest_unread,omitempty"` // why the manifest cannot be read
	Manifest *quarry.Manifest `json:"manifest,omitempty"`
	Differs  []string         `json:"differs,omitempty"` // what does not add up, in words
	// TokensPerByte is the most that any record took of input for a byte of its line; 0 where lines do not repeat the input.
	TokensPerByte float64 `json:"tokens_per_byte,omitempty"`
}

// Tally counts how the shard's records ended: Records = OK + Invalid + Failed + Left.
type Tally struct {
	OK      int64                  `json:"ok"`
	Invalid int64                  `json:"invalid"`
	Failed  int64                  `json:"failed"`
	Left    int64                  `json:"left"` // that a retry shard takes
	Usage   quarry.Usage           `json:"usage"`
	Classes map[quarry.Class]int64 `json:"classes,omitempty"`
}

// Calls counts the on-demand calls of a shard, as far as a process came to its end: one that died takes its counts along.
type Calls struct {
	Answered  int64         `json:"answered"`
	Throttled int64         `json:"throttled"`  // refused because of a quota, and made again
	Busy      int64         `json:"busy"`       // refused for want of capacity, and made again
	Latency   time.Duration `json:"latency_ns"` // of all that were answered, together
}

// Add adds other counts.
func (c *Calls) Add(o *Calls) {
	c.Answered += o.Answered
	c.Throttled += o.Throttled
	c.Busy += o.Busy
	c.Latency += o.Latency
}

// Times are the moments at which the shard changed its state.
type Times struct {
	Built     time.Time     `json:"built,omitzero"`
	Uploaded  time.Time     `json:"uploaded,omitzero"`
	Collected time.Time     `json:"collected,omitzero"`
	Build     time.Duration `json:"build_ns,omitempty"`
	Upload    time.Duration `json:"upload_ns,omitempty"`
	Collect   time.Duration `json:"collect_ns,omitempty"`
}
