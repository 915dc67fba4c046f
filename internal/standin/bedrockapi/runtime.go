package bedrockapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/base/catalog"
	"quarry/internal/base/inflight"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

// maxRuntimeBody is the length that the service model gives a body.
const maxRuntimeBody = 25_000_000

// recordHeader names the record that a call is for: the bill counts the call under it, and faults are drawn from it.
const recordHeader = "X-Quarry-Record"

const (
	tierHeader         = "X-Amzn-Bedrock-Service-Tier"
	inputTokensHeader  = "X-Amzn-Bedrock-Input-Token-Count"
	outputTokensHeader = "X-Amzn-Bedrock-Output-Token-Count"
	latencyHeader      = "X-Amzn-Bedrock-Invocation-Latency"
)

// held lets a call hold its answer until the client has it.
func held(ask func(*api, *call) error) func(*api, *call) error {
	return func(a *api, c *call) error {
		hold := a.cfg.Engine.Hold()
		defer hold.Release()
		c.r = c.r.WithContext(inflight.With(c.r.Context(), hold))
		return ask(a, c)
	}
}

// invoke is InvokeModel.
func (a *api) invoke(c *call) error {
	tier := c.r.Header.Get(tierHeader)
	if tier != "" {
		c.w.Header().Set(tierHeader, tier)
	}
	began := time.Now()
	answer, err := a.ask(c, tier, false, nil)
	if err != nil {
		return err
	}
	h := c.w.Header()
	if n := countsOf(&answer); n != nil {
		h.Set(inputTokensHeader, strconv.FormatInt(n.Input, 10))
		h.Set(outputTokensHeader, strconv.FormatInt(n.Output, 10))
	}
	h.Set(latencyHeader, strconv.FormatInt(time.Since(began).Milliseconds(), 10))
	return a.give(c, answer.Body)
}

// clientPatience is how long a client may take to read an answer: one that stopped reading must not hold the others' room for ever.
const clientPatience = time.Minute

// give writes an answer.
func (a *api) give(c *call, body []byte) error {
	out := http.NewResponseController(c.w)
	if out.SetWriteDeadline(time.Now().Add(clientPatience)) == nil { // a connection without deadlines is one of a test
		defer func() { _ = out.SetWriteDeadline(time.Time{}) }()
	}
	return replyBytes(c, body)
}

// converse is Converse.
func (a *api) converse(c *call) error {
	answer, err := a.ask(c, "", true, nil)
	if err != nil {
		return err
	}
	return a.give(c, answer.Body)
}

// ask does what the calls have in common. A body that is Converse's holds its own tier. along is nil where the client
// waits for the whole answer.
func (a *api) ask(c *call, tier string, isConverse bool, along *live) (worker.Reply, error) {
	t, err := a.runtimeTarget(c)
	if err != nil {
		return worker.Reply{}, err
	}
	action := "bedrock:InvokeModel"
	if along != nil {
		action = "bedrock:InvokeModelWithResponseStream" // ConverseStream's too
	}
	for _, arn := range t.grants {
		if err := a.require(c, action, arn, nil); err != nil {
			return worker.Reply{}, err
		}
	}
	body, err := readBody(c, maxRuntimeBody)
	if err != nil {
		return worker.Reply{}, err
	}
	if isConverse {
		if tier, err = converseTier(body); err != nil {
			return worker.Reply{}, err
		}
	}
	if err := checkTier(tier, t); err != nil {
		return worker.Reply{}, err
	}
	req := model.Request{RecordID: c.r.Header.Get(recordHeader), ModelID: t.id, Converse: isConverse, Body: body}
	if along != nil {
		if err := along.kind(body); err != nil {
			return worker.Reply{}, refuse(validation, "%s", err)
		}
	}
	settle, err := a.admit(c.caller, t, req)
	if err != nil {
		return worker.Reply{}, err
	}
	prefix := a.cachedPrefix(c.caller, t, req)
	answer, err := a.callModel(c.r.Context(), c.caller.Account, req, along)
	read, written := prefix.use(answer.InputTokens)
	settle(answer.InputTokens-read, answer.OutputTokens) // "cache reads" take nothing of the quota
	if err != nil {
		return worker.Reply{}, runtimeError(c, err)
	}
	prefix.keep()
	if read+written > 0 && !answer.Uncounted {
		answer.Body = withCached(answer.Body, isConverse, read, written)
		answer.InputTokens -= read + written
	}
	if answer.Dropped && along == nil {
		// Answered and billed, and the client does not get it: net/http's own way to cut a connection.
		panic(http.ErrAbortHandler)
	}
	if isConverse && tier != "" {
		answer.Body = withTier(answer.Body, tier)
	}
	return answer, nil
}

func (a *api) runtimeTarget(c *call) (target, error) {
	var p problems
	p.text("modelId", &c.id, runtimeModelID)
	if err := p.err(); err != nil {
		return target{}, err
	}
	return a.resolve(c.caller, c.id)
}

func converseTier(body []byte) (string, error) {
	var in struct {
		Tier *struct {
			Type *string `json:"type"`
		} `json:"serviceTier"`
	}
	// Package model judges repeated names, in the unchanged body.
	if err := json.Unmarshal(body, &in, jsontext.AllowDuplicateNames(true)); err != nil {
		return "", refuse(serialization, "The request body could not be read: %v", err)
	}
	if in.Tier == nil {
		return "", nil
	}
	var p problems
	p.required("serviceTier.type", in.Tier.Type != nil)
	return value(in.Tier.Type), p.err()
}

// checkTier refuses a tier that the service does not have, or that the model's card does not offer
// (https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html). The second text is ours.
func checkTier(tier string, t target) error {
	if tier == "" {
		return nil
	}
	var p problems
	p.text("serviceTier", &tier, serviceTier)
	if err := p.err(); err != nil {
		return err
	}
	if t.model.Offers(catalog.Tier(tier)) == catalog.No {
		return refuse(validation, "The service tier %s is not supported for the model %s.", tier, t.id)
	}
	return nil
}

// withTier adds the tier that served a call to Converse's answer, a JSON object with members.
func withTier(body []byte, tier string) []byte {
	end := bytes.LastIndexByte(body, '}')
	return fmt.Appendf(nil, `%s,"serviceTier":{"type":%q}}`, body[:end], tier)
}

// runtimeError gives a record's error its name among the runtime's
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html).
func runtimeError(c *call, err error) error {
	failure, ok := errors.AsType[*model.Error](err)
	if !ok {
		if c.r.Context().Err() != nil {
			return context.Cause(c.r.Context()) // the client has gone
		}
		return err
	}
	if failure.RetryAfter > 0 {
		c.w.Header().Set("Retry-After", strconv.Itoa(int(failure.RetryAfter.Round(time.Second)/time.Second)))
	}
	return refuse(runtimeCode(failure.Code), "%s", failure.Message)
}

func runtimeCode(status int) errorCode {
	switch status {
	case http.StatusForbidden:
		return accessDenied
	case http.StatusNotFound:
		return notFound
	case http.StatusRequestTimeout:
		return modelTimeout
	case http.StatusFailedDependency:
		return modelError
	case http.StatusTooManyRequests:
		return throttling
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return serviceUnavailable
	}
	if status >= http.StatusInternalServerError {
		return internalServer
	}
	return validation
}

// countTokens is CountTokens. It takes a model's plain id alone, even where calls need a profile: users measured that
// a profile's id is refused as a model that does not count (pydantic/pydantic-ai #3367, BerriAI/litellm #32683).
func (a *api) countTokens(c *call) error {
	var p problems
	p.text("modelId", &c.id, countedModelID)
	if err := p.err(); err != nil {
		return err
	}
	m, profile, ok := a.openModel(c.id)
	if !ok {
		return refuse(validation, messageBadModel)
	}
	if err := a.require(c, "bedrock:CountTokens", catalog.FoundationModelARN(c.caller.Region, m.ID), nil); err != nil {
		return err
	}
	if profile != "" || m.CountTokens == catalog.No {
		return refuse(validation, "The provided model doesn't support counting tokens.")
	}
	body, err := readBody(c, 2*maxRuntimeBody) // the body inside is in base64
	if err != nil {
		return err
	}
	var in struct {
		Input *struct {
			InvokeModel *struct {
				Body []byte `json:"body"`
			} `json:"invokeModel"`
			Converse jsontext.Value `json:"converse"`
		} `json:"input"`
	}
	if err := json.Unmarshal(body, &in, jsontext.AllowDuplicateNames(true)); err != nil {
		return refuse(serialization, "The request body could not be read: %v", err)
	}
	req := model.Request{ModelID: m.ID}
	switch {
	case in.Input == nil:
		var p problems
		p.required("input", false)
		return p.err()
	case (in.Input.InvokeModel == nil) == (in.Input.Converse == nil):
		return refuse(validation, "Exactly one of invokeModel and converse must be given in 'input'.")
	case in.Input.Converse != nil:
		req.Converse, req.Body = true, in.Input.Converse
	default:
		req.Body = in.Input.InvokeModel.Body
	}
	size, err := model.Measure(req)
	if err != nil {
		return runtimeError(c, err)
	}
	return reply(c, map[string]int64{"inputTokens": size.InputTokens})
}
