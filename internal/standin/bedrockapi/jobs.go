package bedrockapi

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/worker"
)

// jobView is a job as Get gives it and List sums it up: the two shapes have the same members.
type jobView struct {
	JobARN         string         `json:"jobArn"`
	JobName        string         `json:"jobName"`
	ModelID        string         `json:"modelId"`
	Token          string         `json:"clientRequestToken,omitempty"`
	RoleARN        string         `json:"roleArn"`
	Status         string         `json:"status"`
	Message        string         `json:"message,omitempty"`
	SubmitTime     string         `json:"submitTime"`
	ModifiedTime   string         `json:"lastModifiedTime"`
	EndTime        string         `json:"endTime,omitempty"`
	Input          inputConfig    `json:"inputDataConfig"`
	Output         outputConfig   `json:"outputDataConfig"`
	VPC            jsontext.Value `json:"vpcConfig,omitempty"`
	TimeoutHours   int            `json:"timeoutDurationInHours"`
	ExpirationTime string         `json:"jobExpirationTime"`
	InvocationType string         `json:"modelInvocationType"`
	Total          int64          `json:"totalRecordCount"`
	Processed      int64          `json:"processedRecordCount"`
	Success        int64          `json:"successRecordCount"`
	Error          int64          `json:"errorRecordCount"`
}

const timeFormat = "2006-01-02T15:04:05.000Z"

func timestamp(t time.Time) string { return t.UTC().Format(timeFormat) }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func view(j worker.Job) jobView {
	counts := j.Shown()
	v := jobView{
		JobARN: string(j.ARN()), JobName: j.Name, ModelID: j.ModelID, Token: j.Token, RoleARN: j.RoleARN,
		Status: string(j.Status), Message: j.Message,
		SubmitTime: timestamp(j.Submitted), ModifiedTime: timestamp(j.Modified), ExpirationTime: timestamp(j.Expires),
		Input:  inputConfig{&inputS3{Format: optional(j.InputFormat), URI: &j.InputURI, Owner: optional(j.InputOwner)}},
		Output: outputConfig{&outputS3{URI: &j.OutputURI, KMSKey: optional(j.OutputKMSKey), Owner: optional(j.OutputOwner)}},
		VPC:    jsontext.Value(j.VPC), TimeoutHours: j.TimeoutHours, InvocationType: string(j.Type),
		Total: counts.Total, Processed: counts.Processed, Success: counts.Success, Error: counts.Error,
	}
	if !j.Ended.IsZero() {
		v.EndTime = timestamp(j.Ended)
	}
	return v
}

// jobID checks an identifier, an ARN or the bare id, and gives the id of a job that can be the caller's.
func jobID(c *call) (string, error) {
	var p problems
	p.text("jobIdentifier", &c.id, jobIdentifier)
	if err := p.err(); err != nil {
		return "", err
	}
	arn := quarry.JobARN(c.id)
	if arn.ID() != c.id && c.id != jobARN(c.caller, arn.ID()) {
		return "", noSuchJob(c.id)
	}
	return arn.ID(), nil
}

func noSuchJob(id string) error {
	return refuse(notFound, "No model invocation job was found for the identifier %s.", id)
}

func jobError(c *call, err error) error {
	if errors.Is(err, worker.ErrNoSuchJob) {
		return noSuchJob(c.id)
	}
	return err
}

// getJob is GetModelInvocationJob.
func (a *api) getJob(c *call) error {
	id, err := jobID(c)
	if err != nil {
		return err
	}
	if err := a.require(c, "bedrock:GetModelInvocationJob", jobARN(c.caller, id), nil); err != nil {
		return err
	}
	job, err := a.cfg.Engine.Job(c.r.Context(), c.caller.place(), id)
	if err != nil {
		return jobError(c, err)
	}
	if a.lags.hits(faults.LateJob, byGet, &job) {
		return noSuchJob(c.id)
	}
	return reply(c, view(job))
}

// stopJob is StopModelInvocationJob. A job that has ended gives a ValidationException that names its state, as seen
// on AWS (apache/airflow #48964).
func (a *api) stopJob(c *call) error {
	id, err := jobID(c)
	if err != nil {
		return err
	}
	if err := a.require(c, "bedrock:StopModelInvocationJob", jobARN(c.caller, id), nil); err != nil {
		return err
	}
	job, err := a.cfg.Engine.Stop(c.r.Context(), c.caller.place(), id)
	if errors.Is(err, worker.ErrNotStoppable) {
		return refuse(validation, "The job %s is not in a state in which it can be stopped. State was: %s", job.ARN(), job.Status)
	}
	if err != nil {
		return jobError(c, err)
	}
	return reply(c, struct{}{})
}

// listJobs is ListModelInvocationJobs.
func (a *api) listJobs(c *call) error {
	filter, second, err := readFilter(c.r.URL.Query())
	if err != nil {
		return err
	}
	if err := a.require(c, "bedrock:ListModelInvocationJobs", "*", nil); err != nil {
		return err
	}
	filter.Account, filter.Region = c.caller.Account, c.caller.Region
	page, more, err := a.cfg.Engine.Jobs(c.r.Context(), filter)
	if err != nil {
		return err
	}
	out := struct {
		NextToken string    `json:"nextToken,omitempty"`
		Summaries []jobView `json:"invocationJobSummaries"`
	}{Summaries: []jobView{}}
	for i := range page {
		if !a.lags.hits(faults.LateJob, byList, &page[i]) {
			out.Summaries = append(out.Summaries, view(page[i]))
		}
	}
	switch {
	case len(page) > 0 && !second && a.cfg.Faults().Hits(faults.DoublePage, faults.JobKey(page[0].Number)):
		out.NextToken = pageToken(againFrom, filter.From)
	case more:
		out.NextToken = pageToken(after, page[len(page)-1].Number)
	}
	return reply(c, out)
}

// defaultPage is how many jobs a page has when maxResults is not given; AWS does not say its number.
const defaultPage = 100

// readFilter reads the query. second says that the page before was the same one.
func readFilter(q url.Values) (f worker.Filter, second bool, err error) {
	var p problems
	f.Max = defaultPage
	text := func(name string, s shape) string {
		if !q.Has(name) {
			return ""
		}
		v := q.Get(name)
		p.text(name, &v, s)
		return v
	}
	at := func(name string) time.Time {
		if !q.Has(name) {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339, q.Get(name))
		if err != nil {
			p.add(q.Get(name), name, "Member must be a timestamp in ISO 8601")
		}
		return t
	}
	f.After, f.Before = at("submitTimeAfter"), at("submitTimeBefore")
	f.Status = quarry.JobStatus(text("statusEquals", jobStatus))
	f.NameContains = text("nameContains", jobName)
	f.Ascending = text("sortOrder", sortOrder) == "Ascending"
	text("sortBy", sortBy)
	f.Max = p.maxResults(q, f.Max)
	token := text("nextToken", paginationToken)
	if err := p.err(); err != nil {
		return f, false, err
	}
	kind, from, err := readPageToken(token)
	f.From = from
	return f, kind == againFrom, err
}

func (p *problems) maxResults(q url.Values, otherwise int) int {
	if !q.Has("maxResults") {
		return otherwise
	}
	n, err := strconv.Atoi(q.Get("maxResults"))
	if err != nil {
		p.add(q.Get("maxResults"), "maxResults", "Member must be a whole number")
	}
	p.between("maxResults", &n, 1, 1000)
	return n
}

// Kinds of page token: the page that begins after a job, and the repetition of that page by the fault double-page.
const (
	after     = "after:"
	againFrom = "again:"
)

// pageToken hides the number of the last thing on a page; no client may read it.
func pageToken(kind string, n uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + strconv.FormatUint(n, 10)))
}

func readPageToken(token string) (kind string, n uint64, err error) {
	if token == "" {
		return after, 0, nil
	}
	bad := refuse(validation, "The provided nextToken is invalid.")
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 7 {
		return "", 0, bad
	}
	kind = string(b[:6])
	n, err = strconv.ParseUint(string(b[6:]), 10, 64)
	if err != nil || (kind != after && kind != againFrom) || (kind == after && n == 0) {
		return "", 0, bad
	}
	return kind, n, nil
}
