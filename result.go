package quarry

import "encoding/json"

// Status is the one place in which a document ends.
type Status string

// The statuses. answered = ok + invalid; total = ok + invalid + failed + skipped.
const (
	StatusOK      Status = "ok"      // answered, and the answer passed every check
	StatusInvalid Status = "invalid" // answered, but no answer passed the checks
	StatusFailed  Status = "failed"  // not answered
	StatusSkipped Status = "skipped" // never sent, for a reason that is in its error
)

// Class is the outcome of one attempt at one record. It decides whether and how the record is sent again.
type Class string

// The classes. The first is good, the next ones are answers that were paid for, the last ones are not answers.
const (
	ClassOK            Class = "ok"
	ClassTruncated     Class = "truncated"      // stopped at max_tokens
	ClassRefused       Class = "refused"        // the model declined
	ClassNotJSON       Class = "not_json"       // JSON was requested, and the text holds none
	ClassSchema        Class = "schema_invalid" // JSON that the schema rejects
	ClassWrongLanguage Class = "wrong_language"
	// ClassAnotherInput is a line of output whose echo is not the modelInput that was sent under its recordId.
	ClassAnotherInput Class = "another_input"
	ClassDuplicate    Class = "duplicate_answer" // one more line for a record that has its answer
	ClassRecordError  Class = "record_error"     // final: the provider will say the same again
	ClassThrottled    Class = "throttled"        // a quota or the capacity was used up: 429, 503; a later attempt may be answered
	ClassDown         Class = "down"             // the model or its server failed or could not be reached: 408, 424, other 5xx
	ClassMissing      Class = "missing"          // no line in the output
	// ClassUnreadable is a line of output with neither an answer nor an error that can be read: whether it was billed is not known.
	ClassUnreadable Class = "unreadable"
	// ClassNoReply is a record of which two on-demand calls had no reply: both may have been answered and paid, so no third is made.
	ClassNoReply       Class = "no_reply"
	ClassSourceChanged Class = "source_changed" // never sent: its document changed in the sources after it was planned
	// ClassUnsent is a record that was prepared and not sent, since a batch job needs more records: no attempt.
	ClassUnsent Class = "unsent"
	// ClassUnstructured is a request that was refused for the answer schema it carried: it goes out again without.
	ClassUnstructured Class = "structured_refused"
	// ClassPromptCut is an answer to a part of the prompt: the server cut it to its context. It does not answer the request,
	// and the same prompt is cut again.
	ClassPromptCut Class = "prompt_truncated"
)

// Answered reports whether the attempt produced an answer, good or bad, and was therefore billed.
func (c Class) Answered() bool {
	switch c {
	case ClassOK, ClassTruncated, ClassRefused, ClassNotJSON, ClassSchema, ClassWrongLanguage, ClassAnotherInput, ClassDuplicate:
		return true
	}
	return false
}

// Kinds of error that are no class of an attempt.
const (
	KindEmpty        = "empty"         // nothing left after cleaning
	KindBelowMinimum = "below_minimum" // too few were left for a job
	KindWaiting      = "waiting"       // too few for a job: sent by a later pass, once there are enough
)

// Result is one line of results.jsonl: how one document ended.
type Result struct {
	ID             DocumentID      `json:"id"`
	Status         Status          `json:"status"`
	Output         json.RawMessage `json:"output,omitempty"` // the model's JSON, checked against the schema
	Text           string          `json:"text,omitempty"`   // the model's text, where no schema is set
	StopReason     string          `json:"stop_reason,omitempty"`
	Model          string          `json:"model,omitempty"` // that answered, as its answer says
	RequestedModel string          `json:"requested_model,omitempty"`
	Region         string          `json:"region,omitempty"` // of the model that answered
	Mode           Mode            `json:"mode,omitempty"`
	Parts          int             `json:"parts,omitempty"` // in which a long document was sent; attempts, usage and cost are sums over all of them
	Attempts       int             `json:"attempts"`
	Usage          Usage           `json:"usage"`
	CostUSD        *USD            `json:"cost_usd"` // null when the price is not known
	Job            string          `json:"job,omitempty"`
	RecordID       RecordID        `json:"record_id,omitempty"`
	Salvaged       bool            `json:"salvaged,omitempty"` // the JSON was taken out of fences, prose or a repaired text
	SameAs         DocumentID      `json:"same_as,omitempty"`  // the document with the same request that was sent instead
	// Similarity is set if that text is only nearly the same: the share of the text that both have, as it was estimated.
	Similarity float64      `json:"similarity,omitempty"`
	Document   DocumentInfo `json:"document"`
	// ModelOutput is the whole modelOutput of an answer whose shape is not known: it was paid for.
	ModelOutput json.RawMessage `json:"model_output,omitempty"`
	Error       *ResultError    `json:"error,omitempty"`
	// CorrectedBy and CorrectedAt say who replaced the model's answer and when (RFC 3339), in what export and publish read. A
	// result of a run never has them.
	CorrectedBy string `json:"corrected_by,omitempty"`
	CorrectedAt string `json:"corrected_at,omitempty"`
}

// ResultError says why a document is not ok.
type ResultError struct {
	Kind    string `json:"kind"` // a Class, or one of the Kind constants
	Message string `json:"message"`
}
