package bedrockapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"quarry"
	"quarry/internal/standin/faults"
	"quarry/internal/standin/worker"
)

type createRequest struct {
	JobName        *string       `json:"jobName,omitempty"`
	RoleARN        *string       `json:"roleArn,omitempty"`
	Token          *string       `json:"clientRequestToken,omitempty"`
	ModelID        *string       `json:"modelId,omitempty"`
	Input          *inputConfig  `json:"inputDataConfig,omitempty"`
	Output         *outputConfig `json:"outputDataConfig,omitempty"`
	VPC            *vpcConfig    `json:"vpcConfig,omitempty"`
	TimeoutHours   *int          `json:"timeoutDurationInHours,omitempty"`
	Tags           []tag         `json:"tags,omitempty"`
	InvocationType *string       `json:"modelInvocationType,omitempty"`
}

type inputConfig struct {
	S3 *inputS3 `json:"s3InputDataConfig,omitempty"`
}

type inputS3 struct {
	Format *string `json:"s3InputFormat,omitempty"`
	URI    *string `json:"s3Uri,omitempty"`
	Owner  *string `json:"s3BucketOwner,omitempty"`
}

type outputConfig struct {
	S3 *outputS3 `json:"s3OutputDataConfig,omitempty"`
}

type outputS3 struct {
	URI    *string `json:"s3Uri,omitempty"`
	KMSKey *string `json:"s3EncryptionKeyId,omitempty"`
	Owner  *string `json:"s3BucketOwner,omitempty"`
}

type vpcConfig struct {
	Subnets        []string `json:"subnetIds,omitempty"`
	SecurityGroups []string `json:"securityGroupIds,omitempty"`
}

func (r *createRequest) check() error {
	var p problems
	p.requiredText("jobName", r.JobName, jobName)
	p.requiredText("roleArn", r.RoleARN, roleArn)
	p.text("clientRequestToken", r.Token, idempotencyKey)
	p.requiredText("modelId", r.ModelID, modelID)
	p.required("inputDataConfig", r.Input != nil)
	if r.Input != nil {
		const at = "inputDataConfig.s3InputDataConfig"
		if p.required(at, r.Input.S3 != nil); r.Input.S3 != nil {
			p.text(at+".s3InputFormat", r.Input.S3.Format, s3InputFormat)
			p.requiredText(at+".s3Uri", r.Input.S3.URI, s3URI)
			p.text(at+".s3BucketOwner", r.Input.S3.Owner, accountID)
		}
	}
	p.required("outputDataConfig", r.Output != nil)
	if r.Output != nil {
		const at = "outputDataConfig.s3OutputDataConfig"
		if p.required(at, r.Output.S3 != nil); r.Output.S3 != nil {
			p.requiredText(at+".s3Uri", r.Output.S3.URI, s3URI)
			p.text(at+".s3EncryptionKeyId", r.Output.S3.KMSKey, kmsKeyID)
			p.text(at+".s3BucketOwner", r.Output.S3.Owner, accountID)
		}
	}
	if r.VPC != nil {
		p.ids("vpcConfig.subnetIds", r.VPC.Subnets, 16)
		p.ids("vpcConfig.securityGroupIds", r.VPC.SecurityGroups, 5)
	}
	p.between("timeoutDurationInHours", r.TimeoutHours, 24, 168)
	p.tags("tags", r.Tags)
	p.text("modelInvocationType", r.InvocationType, invocationType)
	return p.err()
}

func (p *problems) ids(path string, list []string, max int) {
	p.length(path, len(list), 1, max)
	for i, id := range list {
		p.text(fmt.Sprintf("%s.%d.member", path, i+1), &id, vpcID)
	}
}

// createJob is CreateModelInvocationJob.
func (a *api) createJob(c *call) error {
	var in createRequest
	if err := decode(c, &in); err != nil {
		return err
	}
	spec, t, err := a.specOf(c.caller, &in)
	if err != nil {
		return err
	}
	if err := a.mayCreate(c, &in, t); err != nil {
		return err
	}
	if !t.model.Batch {
		return refuse(validation, "Batch inference is not supported for the model %s.", t.id)
	}
	job, err := a.cfg.Engine.Create(c.r.Context(), spec)
	switch {
	case errors.Is(err, worker.ErrTokenReused):
		return refuse(conflict, "The client request token was used before with other parameters, for the job %s.", job.ARN())
	case errors.Is(err, worker.ErrTooManyJobs):
		return refuse(quotaExceeded, "You have reached the maximum number of in-progress and submitted batch inference jobs for the model %s. Wait for a job to end, or ask for a higher quota.", t.model.ID)
	case err != nil:
		return err
	}
	if a.lags.hits(faults.LostCreate, byCreate, &job) {
		panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
	}
	return reply(c, map[string]string{"jobArn": string(job.ARN())})
}

// Spec gives the job of a body of CreateModelInvocationJob, checked as the operation checks it, without creating it and without a look at
// rights. The error is a *protocol.Error where the operation refuses it.
func Spec(cfg Config, caller Caller, body []byte) (worker.Spec, error) {
	var in createRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return worker.Spec{}, err
	}
	spec, t, err := newAPI(cfg).specOf(caller, &in)
	if err == nil && !t.model.Batch {
		err = refuse(validation, "Batch inference is not supported for the model %s.", t.id)
	}
	return spec, err
}

// specOf checks a request and gives its job and its model.
func (a *api) specOf(caller Caller, in *createRequest) (worker.Spec, target, error) {
	if err := in.check(); err != nil {
		return worker.Spec{}, target{}, err
	}
	if err := checkTags(in.Tags, nil); err != nil {
		return worker.Spec{}, target{}, err
	}
	spec, err := in.spec(caller)
	if err != nil {
		return worker.Spec{}, target{}, err
	}
	t, err := a.resolve(caller, *in.ModelID)
	if err != nil {
		return worker.Spec{}, target{}, err
	}
	spec.ModelID, spec.AskID, spec.BaseModel = *in.ModelID, t.id, t.model.ID
	if t.profile != "" {
		// Get answers with the profile's ARN where its id was given (hashicorp/terraform-provider-aws #49877). For a
		// plain model id the user guide names no bedrock right that the role would need.
		spec.ModelID, spec.InvokeARNs = t.arn, t.grants
	}
	return spec, t, nil
}

// mayCreate checks the rights of the user guide's policy for batch inference, and for PassRole, without which no
// service takes a role (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
func (a *api) mayCreate(c *call, in *createRequest, t target) error {
	anyJob := jobARN(c.caller, "*")
	if err := a.require(c, "bedrock:CreateModelInvocationJob", t.arn, nil); err != nil {
		return err
	}
	if err := a.require(c, "bedrock:CreateModelInvocationJob", anyJob, nil); err != nil {
		return err
	}
	if len(in.Tags) > 0 {
		if err := a.require(c, "bedrock:TagResource", anyJob, nil); err != nil {
			return err
		}
	}
	if parts := strings.SplitN(*in.RoleARN, ":", 6); parts[4] != c.caller.Account {
		return refuse(accessDenied, "Cross-account pass role is not allowed.")
	}
	return a.require(c, "iam:PassRole", *in.RoleARN, map[string]string{"iam:PassedToService": "bedrock.amazonaws.com"})
}

// spec is the job of a request that was checked, without its model.
func (r *createRequest) spec(caller Caller) (worker.Spec, error) {
	digest, err := r.digest()
	if err != nil {
		return worker.Spec{}, err
	}
	s := worker.Spec{
		Account: caller.Account, Region: caller.Region,
		Name: *r.JobName, RoleARN: *r.RoleARN, Token: value(r.Token), Digest: digest, Type: quarry.InvokeModel,
		InputURI: *r.Input.S3.URI, InputFormat: value(r.Input.S3.Format), InputOwner: value(r.Input.S3.Owner),
		OutputURI: *r.Output.S3.URI, OutputKMSKey: value(r.Output.S3.KMSKey), OutputOwner: value(r.Output.S3.Owner),
		Tags: tagMap(r.Tags),
	}
	if s.InputFormat == "" {
		s.InputFormat = "JSONL" // the service fills it in
	}
	if r.InvocationType != nil {
		s.Type = quarry.InvocationType(*r.InvocationType)
	}
	if r.TimeoutHours != nil {
		s.TimeoutHours = *r.TimeoutHours
	}
	if r.VPC != nil {
		if s.VPC, err = json.Marshal(r.VPC); err != nil {
			return worker.Spec{}, err
		}
	}
	return s, nil
}

// digest tells whether two requests with the same token are for the same job.
func (r *createRequest) digest() (string, error) {
	same := *r
	same.Token = nil
	b, err := json.Marshal(&same, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func jobARN(c Caller, id string) string {
	return "arn:aws:bedrock:" + c.Region + ":" + c.Account + ":model-invocation-job/" + id
}
