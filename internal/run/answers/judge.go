// Package answers makes results of what came back: an outcome of each line of output, and one result of all attempts at a
// document.
//
// It owns the judgement: which class an answer has, whether its record is worth another attempt and what that changes, which
// of several answers counts, and what a document ends as whose parts were sent apart. It opens no output and
// writes nothing; it knows neither the ledger nor a provider. What always holds: an answer is never invented; a good one is
// never given up for a later one that is not; what was never looked at is no attempt.
package answers

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/outcome/collect"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/shardfile"
)

// Judge compares answers with their requests.
type Judge struct {
	Type      quarry.InvocationType
	Check     *parse.Checker
	Attempts  int // at each record: those of a pass, and those of earlier ones that gave a bad answer
	MaxOutput int // tokens the model can answer at most; 0: not known
	// Structured says that the answer schema was put into requests unasked: a refusal for it is no attempt at an answer.
	Structured bool
	MinRecords int64 // of a batch job
}

// Job is what must be known of the job, or the calls, that a shard's answers come from.
type Job struct {
	ARN     quarry.JobARN
	Model   string // that was requested
	Status  quarry.JobStatus
	Message string
	Unasked bool // the records are not sent: no job takes so few, or so large ones
	Shrunk  bool // with Unasked: documents changed before they were sent, and too few are left for a job
}

// promptCut begins what the stand-in says of a prompt that its back end cut.
const promptCut = "prompt truncated by server"

// callRefused is in front of the message where a call was refused; the error of a job's record is the message alone.
const callRefused = "ValidationException: "

const anotherInput = "the line echoes a modelInput that was not sent with this recordId, so its answer is not used; the line is kept in raw/"

// Line decides what one line means for its record.
func (j *Judge) Line(of *Job, line collect.Line, where Place) shardfile.Found {
	attempt := line.RecordID.Attempt()
	res := quarry.Result{Attempts: max(attempt, 1), RecordID: line.RecordID, Job: string(of.ARN)}
	var class quarry.Class
	var message, answerText string
	answer, err := j.answer(of, &line)
	switch {
	case line.Error != nil && (err != nil || !written(&answer)) && line.Error.Unreadable != "":
		class = quarry.ClassUnreadable
		message = fmt.Sprintf("%s:%d: %s", strings.TrimSuffix(filepath.Base(line.File), ".zst"), line.Number, line.Error.Unreadable)
	case line.Error != nil && (err != nil || !written(&answer)):
		class, message = parse.ErrorClass(line.Error.Code, line.Error.Message), line.Error.Message
		if class == quarry.ClassRecordError && !where.plain && j.SchemaRefused(message) {
			class = quarry.ClassUnstructured
		}
		if class == quarry.ClassRecordError && strings.HasPrefix(strings.TrimPrefix(message, callRefused), promptCut) {
			class = quarry.ClassPromptCut
		}
		if class == quarry.ClassDown && strings.HasPrefix(message, shardfile.NoReply) {
			class = quarry.ClassNoReply
		}
		if line.Error.Code > 0 {
			message = fmt.Sprintf("%d: %s", line.Error.Code, line.Error.Message)
		}
	case err != nil:
		class, message = quarry.ClassNotJSON, err.Error()
		res.Usage, res.ModelOutput = quarry.Usage{Unknown: 1}, bytes.Clone(line.ModelOutput)
	default:
		checked := j.Check.Check(answer)
		class, message, answerText = checked.Class, checked.Message, answer.Whole()
		res.Usage, res.StopReason, res.Model = answer.Usage, answer.StopReason, answer.Model
		res.Output, res.Text, res.Salvaged = bytes.Clone(checked.Output), checked.Text, checked.Salvaged
		if exchanged(&line, where) {
			class, message, res.Salvaged = quarry.ClassAnotherInput, anotherInput, false
		}
	}
	f := shardfile.Found{Outcome: shardfile.Outcome{RecordID: line.RecordID, Class: class, Result: res}}
	if class == quarry.ClassOK {
		f.Outcome.Result.Status = quarry.StatusOK
		return f
	}
	f.Outcome.Result.Status = quarry.StatusFailed
	if class.Answered() {
		f.Outcome.Result.Status = quarry.StatusInvalid
		f.Outcome.Result.Output, f.Outcome.Result.Text = nil, clip(answerText, 4000)
	}
	f.Outcome.Result.Error = &quarry.ResultError{Kind: string(class), Message: message}
	if j.again(class, attempt-int(where.tried)) {
		f.Outcome.Left = true
		f.Next = &shardfile.Queued{Attempt: attempt + 1, Class: class}
		switch class {
		case quarry.ClassTruncated:
			f.Next.MaxTokens = j.MoreRoom(line.ModelInput)
		case quarry.ClassNotJSON, quarry.ClassSchema, quarry.ClassWrongLanguage:
			f.Next.Answer, f.Next.Complaint = clip(answerText, 20_000), message
		}
	}
	return f
}

// answer reads a line's answer. A line with an error may have one all the same, which was billed.
func (j *Judge) answer(of *Job, line *collect.Line) (parse.Answer, error) {
	if line.Error != nil && line.ModelOutput == nil {
		return parse.Answer{}, nil
	}
	return parse.Output(line.ModelOutput, j.Type, of.Model)
}

// written reports whether a model wrote something, also where the line has an error too.
func written(a *parse.Answer) bool {
	return strings.TrimSpace(a.Whole()) != "" || a.Usage.OutputTokens > 0
}

// MoreRoom gives an answer that was cut off twice the tokens it had; 0 where the body does not say how many.
func (j *Judge) MoreRoom(modelInput []byte) int {
	n := 2 * prompt.MaxTokens(modelInput)
	if limit := j.MaxOutput; limit > 0 {
		n = min(n, limit)
	}
	return n
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// again reports whether a record is worth another attempt, after so many that count.
func (j *Judge) again(class quarry.Class, attempt int) bool {
	switch class {
	case quarry.ClassOK, quarry.ClassDuplicate, quarry.ClassRecordError, quarry.ClassPromptCut, quarry.ClassRefused, quarry.ClassAnotherInput, quarry.ClassNoReply:
		return false // what came once without a known cause may come again, and is paid each time
	case quarry.ClassUnstructured:
		return true // it was no attempt at an answer, and does not come again
	}
	return attempt < j.Attempts
}

// maxUnreached bounds how often a record goes out again for nothing but jobs that were stopped or expired: beyond it
// each one counts as an attempt, so that a queue that never moves cannot keep a run going for ever.
const maxUnreached = 8

// Unreached reports whether a record without a line was never looked at: the shard's job was ended from outside.
func (of *Job) Unreached(p *shardfile.Part) bool {
	return p.Unreached < maxUnreached && (of.Status == quarry.JobStopped || of.Status == quarry.JobExpired)
}

// Missing is the outcome of a record for which there is no line.
func (j *Judge) Missing(of *Job, p *shardfile.Part) shardfile.Found {
	id := p.RecordID
	message := "no line in the output"
	if of.Status != quarry.JobCompleted && of.Status != "" {
		message += fmt.Sprintf(" of the job, which ended %s", of.Status)
		if of.Message != "" {
			message += ": " + of.Message
		}
	}
	if of.Unasked {
		message = fmt.Sprintf("not sent: a batch job needs %s, and fewer fit into one input file", figure.Count(j.MinRecords, "record"))
		if of.Shrunk {
			message = fmt.Sprintf("documents of its shard changed in the sources, and fewer are left than the %s that a batch job needs", figure.Count(j.MinRecords, "record"))
		}
	}
	attempt := id.Attempt()
	o := shardfile.Outcome{Class: quarry.ClassMissing, Result: quarry.Result{
		Status: quarry.StatusFailed, Attempts: attempt, RecordID: id, Job: string(of.ARN),
		Error: &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: message},
	}}
	if of.Unasked {
		// It was no attempt: the record keeps its number, and a later pass sends it under the same recordId for the first time.
		o.Left, o.Class, o.Result.Attempts = true, quarry.ClassUnsent, attempt-1
		o.Result.Error.Kind = string(quarry.ClassUnsent)
		return shardfile.Found{Outcome: o, Next: &shardfile.Queued{Attempt: attempt + 1, Class: quarry.ClassUnsent}}
	}
	counts := attempt - p.Tried + p.Bad - p.Unreached
	if of.Unreached(p) || j.JobRefused(of, p) {
		counts-- // the job ended before it came to the record: that was no attempt at it
	}
	if p.Plain {
		counts--
	}
	if !j.again(quarry.ClassMissing, counts) {
		return shardfile.Found{Outcome: o}
	}
	o.Left = true
	return shardfile.Found{Outcome: o, Next: &shardfile.Queued{Attempt: attempt + 1, Class: quarry.ClassMissing}}
}

// structuredWords are the members that carry a schema, and AWS's name for it, as refusals name them:
// "output_config.format: Extra inputs are not permitted".
var structuredWords = []string{
	"output_config", "outputconfig", "output_format", "textformat", "response_format", "json_schema", "jsonschema", "structured output", "structured_output",
}

// SchemaRefused reports whether a refusal is for the answer schema that Quarry put into the request by itself.
func (j *Judge) SchemaRefused(message string) bool {
	if !j.Structured {
		return false
	}
	message = strings.ToLower(message)
	for _, word := range structuredWords {
		if strings.Contains(message, word) {
			return true
		}
	}
	return false
}

// JobRefused reports whether a record has no line because its whole job was refused for the answer schema.
func (j *Judge) JobRefused(of *Job, p *shardfile.Part) bool {
	return !p.Plain && of.Status == quarry.JobFailed && j.SchemaRefused(of.Message)
}
