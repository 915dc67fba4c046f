package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/figure"
	"quarry/internal/base/nearest"
)

// profiles looks the inference profile up and keeps it: its Regions decide which rights are needed. It is asked before
// the other checks.
func (k *checker) profiles(ctx context.Context) []Check {
	if k.prefix == "" && !strings.Contains(k.Model, "inference-profile/") {
		return nil
	}
	c := Check{Name: "profile", Status: OK, Subject: k.Model, Action: "bedrock:GetInferenceProfile"}
	p, err := k.services.Profile(ctx, k.Model)
	switch {
	case errors.Is(err, ErrAbsent):
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("there is no inference profile %s in %s", k.Model, k.Region)
		c.Fix = k.otherModel()
		return []Check{c}
	case err != nil:
		return []Check{k.refusal("profile", catalog.InferenceProfileARN(k.Region, k.Account, k.Model), "bedrock:GetInferenceProfile", err)}
	}
	k.profile = &p
	if k.id == "" && len(p.Models) > 0 || strings.Contains(k.Model, "application-inference-profile/") && len(p.Models) > 0 {
		if id, _, ok := catalog.Split(p.Models[0]); ok {
			k.id = id
			k.model, _, _ = catalog.Find(id)
		}
	}
	c.Message = "it leads to " + strings.Join(k.regions(), ", ")
	if p.Status != "ACTIVE" {
		c.Status, c.Kind = Fault, quarry.Provider
		c.Message, c.Fix = fmt.Sprintf("inference profile %s is %s, not ACTIVE", k.Model, p.Status), k.otherModel()
	}
	return []Check{c}
}

// otherModel names the ids that do work in the Region.
func (k *checker) otherModel() string {
	ids := k.model.JobIDs(k.Region)
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == k.Model })
	if len(ids) == 0 {
		return "aws bedrock list-inference-profiles --region " + k.Region + " lists them; name one with --model"
	}
	return "name it as --model " + strings.Join(ids, " or --model ")
}

// regions are those in which the model may be called.
func (k *checker) regions() []string {
	seen := map[string]bool{}
	for _, arn := range k.destinations() {
		if parts := strings.Split(arn, ":"); len(parts) > 3 && parts[3] != "" {
			seen[parts[3]] = true
		}
	}
	if len(seen) == 0 {
		seen[k.Region] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// life asks each Region where the model is in its life: they can differ
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html).
func (k *checker) life(ctx context.Context) []Check {
	regions := k.regions()
	steps := make([]func(context.Context) []Check, len(regions))
	for i, region := range regions {
		steps[i] = func(ctx context.Context) []Check { return []Check{k.lifeIn(ctx, region)} }
	}
	checks := together(ctx, steps...)
	out := checks[:0]
	for i := range checks { // the Regions that say the same are one check
		last := len(out) - 1
		if last >= 0 && out[last].Status == checks[i].Status && out[last].Message == checks[i].Message && out[last].Fix == checks[i].Fix {
			out[last].Subject += ", " + checks[i].Subject
			continue
		}
		out = append(out, checks[i])
	}
	return out
}

func (k *checker) lifeIn(ctx context.Context, region string) Check {
	c := Check{
		Name: "model", Status: OK, Subject: catalog.FoundationModelARN(region, k.id), Action: "bedrock:GetFoundationModel", Message: "ACTIVE",
	}
	m, err := k.services.Model(ctx, region, k.id)
	ended := k.model.Lifecycle.On(k.Now) == catalog.EndOfLife
	switch {
	case errors.Is(err, ErrAbsent) && ended:
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("model %s reached its end of life on %s", k.id, k.model.Lifecycle.EOL)
		c.Fix = "choose a model that is ACTIVE: aws bedrock list-foundation-models --region " + k.Region
		return c
	case errors.Is(err, ErrAbsent):
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("there is no model %s in %s", k.id, region)
		c.Fix = "aws bedrock list-foundation-models --region " + k.Region + " lists them; name one with --model"
		if near := catalog.Suggest(k.Model); slices.Contains(near, k.Model) { // spelt right: it was there once
			c.Message += "; it may have reached its end of life"
		} else if len(near) > 0 {
			c.Fix = "did you mean --model " + strings.Join(near, " or --model ") + "?"
		} else if there := k.nearestThere(ctx, region); there != "" {
			c.Fix = "did you mean " + there + ", which Bedrock lists in " + region + "? Name a model with --model"
		}
		return c
	case err != nil:
		return k.refusal("model", c.Subject, "bedrock:GetFoundationModel", err)
	case !m.EndOfLife.IsZero() && !m.EndOfLife.After(k.Now):
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("model %s reached its end of life on %s", k.id, m.EndOfLife.Format(time.DateOnly))
		c.Fix = "choose a model that is ACTIVE: aws bedrock list-foundation-models --region " + k.Region
		return c
	case len(m.Outputs) > 0 && !slices.Contains(m.Outputs, "TEXT"):
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("model %s answers with %s, not with text, according to Bedrock", k.id,
			strings.ToLower(strings.Join(m.Outputs, " and ")))
		c.Fix = "name a text model with --model: aws bedrock list-foundation-models --by-output-modality TEXT --region " + k.Region
		return c
	case m.Status == "LEGACY":
		c.Status = Unknown
		c.Message = fmt.Sprintf("model %s is LEGACY: Bedrock refuses it to new customers, and may refuse it to accounts that have not used it for 15 days; no API says whether this account is one of them", k.id)
		c.Fix = "try it with --probe, or use a model that is ACTIVE"
		if !m.EndOfLife.IsZero() {
			c.Fix += " before " + m.EndOfLife.Format(time.DateOnly)
		}
	}
	if k.prefix == "" && k.profile == nil && region == k.Region && len(m.InferenceTypes) > 0 &&
		!slices.Contains(m.InferenceTypes, "ON_DEMAND") {
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("model %s is available in %s only through an inference profile", k.id, region)
		c.Fix = k.otherModel()
	}
	return c
}

// nearestThere gives the id of a model in a Region that a mistyped one may mean, as Bedrock lists them; empty where none is near, or
// the caller may not list them.
func (k *checker) nearestThere(ctx context.Context, region string) string {
	if k.services.Models == nil {
		return ""
	}
	ids, err := k.services.Models(ctx, region)
	if err != nil {
		return ""
	}
	return nearest.Of(k.id, ids)
}

// access checks whether the account may use the model at all.
func (k *checker) access(ctx context.Context) []Check {
	c := Check{
		Name: "access", Status: OK, Subject: catalog.FoundationModelARN(k.Region, k.id), Action: "bedrock:GetFoundationModelAvailability",
		Message: "the account has agreement and entitlement",
	}
	a, err := k.services.Availability(ctx, k.id)
	fault := func(message, fix string) {
		c.Status, c.Kind, c.Message, c.Fix = Fault, quarry.Denied, message, fix
	}
	agree := fmt.Sprintf("accept the offer: aws bedrock list-foundation-model-agreement-offers --model-id %[1]s --region %[2]s; aws bedrock create-foundation-model-agreement --model-id %[1]s --offer-token TOKEN --region %[2]s", k.id, k.Region)
	switch {
	case errors.Is(err, ErrAbsent): // reported by the check of the model
		c.Status, c.Message, c.Fix = Unknown, "Bedrock has no information about access to "+k.id, "see the check of the model"
	case err != nil:
		refused := k.refusal("access", c.Subject, c.Action, err)
		if kindOf(err) == quarry.Denied {
			refused.Fix = k.grantCaller(c.Action, []string{"*"}, nil) // it takes no resource
		}
		return []Check{refused}
	case a.Agreement == "NOT_AVAILABLE":
		fault("the account has no agreement for model "+k.id, agree)
	case a.Agreement == "PENDING":
		fault("the agreement for model "+k.id+" is still pending", "wait a few minutes, then check again")
	case a.Agreement == "ERROR":
		fault("the agreement for model "+k.id+" failed: "+a.Message, agree)
	case a.Authorization == "NOT_AUTHORIZED":
		fault("the account is not authorized for model "+k.id,
			"request access on the page Model access of the Bedrock console, or ask the administrator of the organization")
	case a.Entitlement == "NOT_AVAILABLE":
		fault("the account has no entitlement for model "+k.id, "request access on the page Model access of the Bedrock console")
	case a.Region == "NOT_AVAILABLE" && k.prefix == "" && k.profile == nil:
		c.Status, c.Kind, c.Message = Fault, quarry.BadUsage, fmt.Sprintf("model %s is not available in %s", k.id, k.Region)
		c.Fix = k.otherModel()
	}
	if !strings.HasPrefix(k.id, "anthropic.") {
		return []Check{c}
	}
	return []Check{c, k.useCase(ctx, a.Agreement == "AVAILABLE")}
}

// useCase checks the form that Anthropic requires before calls to its models: without it a call is refused as if the
// model were not there. What the management account of an organization sent holds for its members, so an account with an
// agreement may do without (https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html).
func (k *checker) useCase(ctx context.Context, agreed bool) Check {
	const action = "bedrock:GetUseCaseForModelAccess"
	c := Check{Name: "use-case", Status: OK, Subject: "account " + k.Account, Action: action, Message: "Anthropic's form was sent"}
	err := k.services.UseCase(ctx)
	switch {
	case err == nil:
	case errors.Is(err, ErrAbsent):
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message = "the account has not sent the form about its use case, without which Anthropic's models refuse every call"
		c.Fix = fmt.Sprintf("fill it in once, on the model's page in the Bedrock console of %s (or with aws bedrock put-use-case-for-model-access)", k.Region)
		if agreed {
			c.Status, c.Kind = Unknown, 0
			c.Message = "the account itself has not sent Anthropic's use case form; a form from the management account of the organization is valid too"
			c.Fix = "try the model with --probe; if it is refused, " + c.Fix
		}
	case kindOf(err) == quarry.Denied:
		c = k.refusal("use-case", c.Subject, action, err)
		c.Fix = k.grantCaller(action, []string{"*"}, nil) // it takes no resource
	default:
		c = k.refusal("use-case", c.Subject, action, err)
	}
	return c
}

// capable tells whether the model takes jobs. No API says it, so it is AWS's page, and the quotas, which have rows for
// the models that do.
func (k *checker) capable(ctx context.Context) []Check {
	c := Check{Name: "job-capable", Status: OK, Subject: k.Model, Message: "AWS's page lists it for batch inference (" + catalog.Date() + ")"}
	rows, err := k.services.Quotas(ctx)
	quota := false
	for _, r := range rows {
		name, ok := strings.CutPrefix(r.Label, "Records per batch inference job for ")
		if m, known := catalog.Named(strings.TrimRight(name, ". ")); ok && known && m.ID == k.id {
			quota = true
		}
	}
	id := k.Model
	if k.prefix != "" {
		id = k.prefix + "." + k.id
	}
	known := k.model.ID != ""
	switch {
	case known && k.model.Batch &&
		(strings.Contains(k.Model, "application-inference-profile/") || slices.Contains(k.model.JobIDs(k.Region), id)):
	case quota:
		c.Message = "the account has quotas for its jobs"
	case known && !k.model.Batch:
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("model %s does not support batch inference, according to AWS's page of %s", k.id, catalog.Date())
		c.Fix = "choose another with --model (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html), or use this one with --mode ondemand"
	case known:
		c.Status, c.Message = Unknown, fmt.Sprintf("AWS's page of %s does not list %s for jobs in %s", catalog.Date(), k.Model, k.Region)
		c.Fix = k.otherModel()
	default:
		c.Status, c.Kind, c.Message = Fault, quarry.BadUsage, "whether "+k.Model+" supports batch inference is not known: no API says so, and the account has no quotas for its jobs"
		c.Fix = "use it with --mode ondemand, at the on-demand price; see https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-supported.html"
	}
	return append([]Check{c}, k.quota(rows, err))
}

// quota looks for quotas of 0, which new accounts have.
func (k *checker) quota(rows []catalog.QuotaRow, err error) Check {
	c := Check{Name: "quotas", Status: OK, Subject: k.id, Action: "servicequotas:ListServiceQuotas"}
	if err != nil {
		c.Status = Unknown
		c.Message = "the account's quotas could not be read, so AWS's defaults of " + catalog.Date() + " are used: " + oneLine(err)
		c.Fix = k.grantCaller("servicequotas:ListServiceQuotas", []string{"*"}, nil) + "; the same for servicequotas:ListAWSDefaultServiceQuotas"
		return c
	}
	q := k.model.ReadQuotas(rows, k.prefix, "")
	c.Message = fmt.Sprintf("%s to %s per job, %s at once", figure.Thousands(q.MinRecords), figure.Count(q.RecordsPerJob, "record"),
		figure.Count(q.OpenJobs, "job"))
	if q.RecordsPerJob == 0 && q.OpenJobs == 0 {
		c.Status, c.Message = Unknown, "Service Quotas lists no quotas for jobs of "+k.id
		c.Fix = "AWS's defaults are used: https://docs.aws.amazon.com/general/latest/gr/bedrock.html"
	}
	for _, own := range k.model.QuotaRows() {
		for _, r := range rows { // the first counts: applied values go before defaults
			if r.Label != own.Label && (own.Code == "" || r.Code != own.Code) {
				continue
			}
			if r.Value == 0 && strings.Contains(own.Label, "batch inference job") && !strings.HasPrefix(own.Label, "Minimum ") {
				c.Status, c.Kind = Fault, quarry.OverLimit
				c.Message = fmt.Sprintf("the quota %q is 0 in %s", r.Label, k.Region)
				c.Fix = "ask AWS Support to enable this model for the account, or use another Region or model"
				if r.Adjustable && r.Code != "" {
					c.Fix = fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code bedrock --quota-code %s --desired-value %.0f --region %s", r.Code, own.Value, k.Region)
				}
				return c
			}
			break
		}
	}
	return c
}

// slots counts the open jobs of the model against the quota of the account.
func (k *checker) slots(ctx context.Context) []Check {
	const action = "bedrock:ListModelInvocationJobs"
	c := Check{Name: "slots", Status: OK, Subject: k.id, Action: action}
	jobs, err := k.services.OpenJobs(ctx)
	if kindOf(err) == quarry.Denied && err != nil {
		c.Status, c.Kind, c.Message = Fault, quarry.Denied, "the caller may not "+action+": after a crash, quarry could not find out which jobs exist"
		c.Fix = k.grantCaller(action, []string{"*"}, nil)
		return []Check{c}
	}
	if err != nil {
		return []Check{k.refusal("slots", k.id, action, err)}
	}
	open := int64(0)
	for _, model := range jobs {
		if id, _, ok := catalog.Split(model); ok && id == k.id {
			open++
		}
	}
	rows, _ := k.services.Quotas(ctx) // that it failed is reported by the check of the quotas
	limit := k.model.ReadQuotas(rows, k.prefix, "").OpenJobs
	if limit == 0 {
		limit = k.model.Quotas(k.prefix).OpenJobs
	}
	c.Message = fmt.Sprintf("%s of the model are open, of %s", figure.Count(open, "job"), figure.Thousands(limit))
	switch {
	case limit == 0:
		c.Status, c.Message = Unknown, fmt.Sprintf("%s of the model are open; the quota is not known", figure.Count(open, "job"))
		c.Fix = "aws service-quotas list-service-quotas --service-code bedrock --region " + k.Region
	case open >= limit && k.Run != "":
		c.Message += "; the run waits for a slot"
	case open >= limit:
		c.Status, c.Kind = Fault, quarry.OverLimit
		c.Message = fmt.Sprintf("no slot is free: %s of model %s are open, and the quota is %s", figure.Count(open, "job"), k.id,
			figure.Thousands(limit))
		c.Fix = "wait until one ends (aws bedrock list-model-invocation-jobs --status-equals InProgress), stop one, or request a higher quota; a run waits automatically"
	}
	return []Check{c}
}

// body sends one live record, since validation at Bedrock does not look at a record's shape: a wrong one makes a whole
// job of errors.
func (k *checker) body(ctx context.Context) []Check {
	c := Check{Name: "body", Status: OK, Subject: k.Model, Action: "bedrock:InvokeModel", Message: "the model answered one record"}
	err := k.services.Probe(ctx)
	switch {
	case err == nil:
	case kindOf(err) == quarry.BadUsage:
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = "the model refuses the body of a record: " + oneLine(err)
		c.Fix = "change the prompt, the schema or max_tokens in quarry.yaml as the message says; `quarry config` prints them"
	case kindOf(err) == quarry.Denied && k.Calls:
		c.Status, c.Kind = Fault, quarry.Denied
		c.Message, c.Fix = "the caller may not invoke the model: "+oneLine(err), k.grantCaller("bedrock:InvokeModel",
			append([]string{k.profileARN()}, k.destinations()...), nil)
	case kindOf(err) == quarry.Denied:
		c.Status = Unknown
		c.Message = "the probe could not be sent, because the caller may not bedrock:InvokeModel; jobs do not need this permission: " + oneLine(err)
		c.Fix = k.grantCaller("bedrock:InvokeModel", append([]string{k.profileARN()}, k.destinations()...), nil)
	default:
		c.Status, c.Message, c.Fix = Unknown, "the probe had no answer: "+oneLine(err), "run it again"
	}
	return []Check{c}
}
