package quarry

import (
	"fmt"
	"strings"
	"time"
)

// JobARN is the full ARN of a model invocation job. It is what Bedrock's operations always get: the bare id was
// accepted by some and refused by others.
type JobARN string

// ID is the last part of the ARN, the folder under which the job's output is.
func (a JobARN) ID() string { return string(a[strings.LastIndexByte(string(a), '/')+1:]) }

// Valid reports whether it is the ARN of a job, as
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html has it.
func (a JobARN) Valid() bool {
	parts := strings.SplitN(string(a), ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "bedrock" && parts[3] != "" && len(parts[4]) == 12 &&
		strings.HasPrefix(parts[5], "model-invocation-job/") && a.ID() != "" && strings.Count(parts[5], "/") == 1
}

// Region is the ARN's Region, or empty where it is not an ARN.
func (a JobARN) Region() string {
	if parts := strings.SplitN(string(a), ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// JobStatus is Bedrock's status of a job, in Bedrock's words
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_GetModelInvocationJob.html).
type JobStatus string

// The statuses of the service model.
const (
	JobSubmitted          JobStatus = "Submitted"
	JobValidating         JobStatus = "Validating"
	JobScheduled          JobStatus = "Scheduled"
	JobInProgress         JobStatus = "InProgress"
	JobStopping           JobStatus = "Stopping"
	JobStopped            JobStatus = "Stopped"
	JobCompleted          JobStatus = "Completed"
	JobPartiallyCompleted JobStatus = "PartiallyCompleted"
	JobFailed             JobStatus = "Failed"
	JobExpired            JobStatus = "Expired"
)

// Terminal reports whether the job will not change any more. A status that is not known is not terminal: it is polled on.
func (s JobStatus) Terminal() bool {
	switch s {
	case JobStopped, JobCompleted, JobPartiallyCompleted, JobFailed, JobExpired:
		return true
	}
	return false
}

// JobCounts are Bedrock's own counters: 0 until records are processed, up to a minute late
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-monitor.html).
type JobCounts struct {
	Total     int64 `json:"total"`
	Processed int64 `json:"processed"`
	Success   int64 `json:"success"`
	Error     int64 `json:"error"`
}

// Job is what the provider says of one job.
type Job struct {
	ARN       JobARN
	Name      string
	Token     string // clientRequestToken
	ModelID   string
	Status    JobStatus
	Message   string // verbatim
	Counts    JobCounts
	InputURI  string
	OutputURI string
	Submitted time.Time
	Modified  time.Time
	Ended     time.Time
}

// JobName is the deterministic name of a shard's nth job attempt: `quarry-<run>-<shard>-a<n>`. It is unique in an
// account as far as run ids are, and fits Bedrock's pattern, which allows no underscore.
func JobName(run RunID, shard ShardID, attempt int) string {
	return fmt.Sprintf("%s%s-a%d", JobNamePrefix(run), shard, attempt)
}

// JobNamePrefix is what the names of all jobs of a run begin with.
func JobNamePrefix(run RunID) string { return "quarry-" + string(run) + "-" }

// ParseJobName takes a job name apart; ok is false when the name is not one of ours.
func ParseJobName(name string) (run RunID, shard ShardID, attempt int, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 4 || parts[0] != "quarry" || !RunID(parts[1]).Valid() {
		return "", "", 0, false
	}
	if _, err := fmt.Sscanf(parts[3], "a%d", &attempt); err != nil || attempt < 1 {
		return "", "", 0, false
	}
	return RunID(parts[1]), ShardID(parts[2]), attempt, true
}

// Manifest is the content of manifest.json.out
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html).
type Manifest struct {
	TotalRecordCount     int64 `json:"totalRecordCount"`
	ProcessedRecordCount int64 `json:"processedRecordCount"`
	SuccessRecordCount   int64 `json:"successRecordCount"`
	ErrorRecordCount     int64 `json:"errorRecordCount"`
	InputTokenCount      int64 `json:"inputTokenCount"`
	OutputTokenCount     int64 `json:"outputTokenCount"`
}
