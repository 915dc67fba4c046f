package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/standin/bedrockapi"
	"quarry/internal/standin/iamapi"
	"quarry/internal/standin/protocol"
	"quarry/internal/standin/s3api"
	"quarry/internal/standin/seed"
	"quarry/internal/standin/store"
	"quarry/internal/standin/worker"
)

// addSeed adds what the file of seeds names and the state does not have. What is there already stays as it is: the data directory belongs
// to the user.
func (s *Server) addSeed(ctx context.Context, st *state) error {
	if s.seed == nil {
		return nil
	}
	a := seeder{state: st, operator: s.keys.operator()}
	for i := range s.seed.Buckets {
		if err := a.bucket(ctx, &s.seed.Buckets[i]); err != nil {
			return err
		}
	}
	for i := range s.seed.Policies {
		if err := a.policy(&s.seed.Policies[i]); err != nil {
			return err
		}
	}
	for i := range s.seed.Roles {
		if err := a.role(&s.seed.Roles[i]); err != nil {
			return err
		}
	}
	ids := map[string]bool{}
	for i := range s.seed.Jobs {
		if err := a.job(ctx, &s.seed.Jobs[i], ids); err != nil {
			return err
		}
	}
	return nil
}

// seeder adds to one state.
type seeder struct {
	*state
	operator string
}

// account gives the identities of the account that an item names.
func (a seeder) account(name string) (string, *iamapi.API, error) {
	if name == "" {
		name = a.operator
	}
	api := a.roles[name]
	if api == nil {
		return "", nil, fmt.Errorf("account %s has no key; add a line \"id secret %s\" to the file of --keys", name, name)
	}
	return name, api, nil
}

func (a seeder) bucket(ctx context.Context, b *seed.Bucket) error {
	account, _, err := a.account(b.Account)
	if err != nil {
		return b.Refuse(err)
	}
	if !s3api.ValidBucketName(b.Name) {
		return b.Refuse(fmt.Errorf("name %q: %w", b.Name, store.ErrBucketName))
	}
	if err := catalog.CheckRegion(b.Region); err != nil {
		return b.Refuse(err)
	}
	info, err := a.store.Bucket(ctx, b.Name)
	switch {
	case errors.Is(err, store.ErrNoSuchBucket):
		err = a.store.CreateBucket(ctx, store.BucketInfo{Name: b.Name, Account: account, Region: b.Region, Tags: b.Tags})
		if err == nil && b.Versioning != "" {
			err = a.store.SetVersioning(ctx, b.Name, b.Versioning)
		}
	case err == nil && info.Account != account:
		err = fmt.Errorf("the bucket %s belongs to account %s", b.Name, info.Account)
	}
	if err != nil {
		return b.Refuse(err)
	}
	for i := range b.Objects {
		if err := a.object(ctx, b.Name, &b.Objects[i]); err != nil {
			return b.Objects[i].Refuse(err)
		}
	}
	return nil
}

func (a seeder) object(ctx context.Context, bucket string, o *seed.Object) error {
	if _, err := a.store.Stat(ctx, bucket, o.Key); !errors.Is(err, store.ErrNoSuchKey) {
		return err
	}
	var content io.Reader = strings.NewReader(o.Text)
	if o.File != "" {
		f, err := os.Open(o.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read
		content = f
	}
	w, err := a.store.Create(ctx, bucket, o.Key)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, content); err != nil {
		return errors.Join(err, w.Abort())
	}
	_, err = w.Commit()
	return err
}

// unless gives nil for an error of IAM with this code.
func unless(err error, code string) error {
	if refusal, ok := errors.AsType[*protocol.Error](err); ok && refusal.Code == code {
		return nil
	}
	return err
}

func (a seeder) policy(p *seed.Policy) error {
	_, api, err := a.account(p.Account)
	if err == nil {
		err = unless(api.Do("CreatePolicy", "PolicyName", p.Name, "PolicyDocument", p.Document), "EntityAlreadyExists")
	}
	if err != nil {
		return p.Refuse(err)
	}
	return nil
}

// jobTrust lets Bedrock assume a role for the jobs of an account
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
const jobTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},` +
	`"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":%q}}}]}`

func (a seeder) role(r *seed.Role) error {
	account, api, err := a.account(r.Account)
	if err != nil {
		return r.Refuse(err)
	}
	trust := r.Trust
	if trust == "" {
		trust = fmt.Sprintf(jobTrust, account)
	}
	form := []string{"RoleName", r.Name, "Description", r.Description, "AssumeRolePolicyDocument", trust}
	for i, key := range slices.Sorted(maps.Keys(r.Tags)) {
		member := "Tags.member." + strconv.Itoa(i+1)
		form = append(form, member+".Key", key, member+".Value", r.Tags[key])
	}
	if err := unless(api.Do("CreateRole", form...), "EntityAlreadyExists"); err != nil {
		return r.Refuse(err)
	}
	for i := range r.Inline {
		p := &r.Inline[i]
		err := api.Do("GetRolePolicy", "RoleName", r.Name, "PolicyName", p.Name)
		if unless(err, "NoSuchEntity") == nil && err != nil {
			err = api.Do("PutRolePolicy", "RoleName", r.Name, "PolicyName", p.Name, "PolicyDocument", p.Document)
		}
		if err != nil {
			return p.Refuse(err)
		}
	}
	for _, arn := range r.Attached {
		if !strings.HasPrefix(arn, "arn:") {
			arn = "arn:aws:iam::" + account + ":policy/" + arn
		}
		if err := api.Do("AttachRolePolicy", "RoleName", r.Name, "PolicyArn", arn); err != nil {
			return r.Refuse(err)
		}
	}
	return nil
}

// job adds a job; ids are those of the jobs before it in the file.
func (a seeder) job(ctx context.Context, j *seed.Job, ids map[string]bool) error {
	account, _, err := a.account(j.Account)
	if err != nil {
		return j.Refuse(err)
	}
	spec, err := a.spec(account, j)
	if err != nil {
		return j.Refuse(err)
	}
	id := j.ID
	if id == "" {
		id = seed.JobID(account, j.Region, j.Name)
	}
	if ids[id] {
		return j.Refuse(fmt.Errorf("another job has the id %s, which is made from account, Region and name; give each an id", id))
	}
	ids[id] = true
	_, err = a.engine.Add(ctx, worker.Job{
		Spec: spec, ID: id, Status: quarry.JobStatus(j.Status), Message: j.Message, Submitted: j.Submitted, Ended: j.Ended,
		Counts: quarry.JobCounts{Total: j.Total, Processed: j.Success + j.Error, Success: j.Success, Error: j.Error},
	})
	if err != nil {
		return j.Refuse(err)
	}
	return nil
}

// spec makes a request of the job and has it checked like one.
func (a seeder) spec(account string, j *seed.Job) (worker.Spec, error) {
	if err := catalog.CheckRegion(j.Region); err != nil {
		return worker.Spec{}, err
	}
	role := j.Role
	if !strings.HasPrefix(role, "arn:") {
		role = "arn:aws:iam::" + account + ":role/" + role
	}
	if iamapi.AccountOf(role) != account {
		return worker.Spec{}, fmt.Errorf("the role %s is not one of account %s", role, account)
	}
	type object = map[string]any
	request := object{
		"jobName": j.Name, "roleArn": role, "modelId": j.Model,
		"inputDataConfig":  object{"s3InputDataConfig": object{"s3Uri": j.Input}},
		"outputDataConfig": object{"s3OutputDataConfig": object{"s3Uri": j.Output}},
	}
	if j.TimeoutHours > 0 {
		request["timeoutDurationInHours"] = j.TimeoutHours
	}
	var tags []object
	for _, key := range slices.Sorted(maps.Keys(j.Tags)) {
		tags = append(tags, object{"key": key, "value": j.Tags[key]})
	}
	if len(tags) > 0 {
		request["tags"] = tags
	}
	body, err := json.Marshal(request)
	if err != nil {
		return worker.Spec{}, err
	}
	caller := bedrockapi.Caller{ARN: iamapi.Admin(account), Account: account, Region: j.Region}
	return bedrockapi.Spec(a.wire, caller, body)
}

// seededModels are the models of a file of seeds: what their ids say, or the catalogue, with the dates of the file.
func seededModels(s *seed.State) (models []catalog.Model, err error) {
	if s == nil {
		return nil, nil
	}
	for i := range s.Models {
		in := &s.Models[i]
		m, profile, ok := catalog.Open(in.ID)
		switch {
		case !ok:
			return nil, in.Refuse(fmt.Errorf("id %q: the provider is missing; want PROVIDER.NAME with a provider of the catalogue", in.ID))
		case profile != "":
			return nil, in.Refuse(fmt.Errorf("id %q: want the model's own id, %s", in.ID, m.ID))
		case slices.ContainsFunc(models, func(other catalog.Model) bool { return other.ID == m.ID }):
			return nil, in.Refuse(fmt.Errorf("id %q: the model is listed twice", in.ID))
		}
		if in.Name != "" {
			m.Name = in.Name
		}
		if in.Batch != nil {
			m.Batch = *in.Batch
		}
		if in.Legacy != "" {
			m.Lifecycle.Legacy = in.Legacy
		}
		if in.EOL != "" {
			m.Lifecycle.EOL = in.EOL
		}
		models = append(models, m)
	}
	return models, nil
}
