// Package iam makes the six calls of AWS Identity and Access Management that setup and preflight need.
//
// It owns the query protocol of these calls and IAM's endpoints. Signing, retries, the correction of the clock and the errors of the
// transport are the SDK's own middleware, so a call behaves as one of the SDK's client. It knows nothing of what a role or policy is for.
// What always holds: a request is the one that the SDK's client makes (a test compares them); an error is a *smithy.OperationError, and
// IAM's own are smithy.APIErrors.
//
// The SDK's client for IAM has 180 operations and would be the largest of its packages that Quarry compiles.
package iam

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// IAM's codes of the errors that mean something to a caller.
const (
	NoSuchEntity        = "NoSuchEntity"
	EntityAlreadyExists = "EntityAlreadyExists"
)

// Is reports whether an error is IAM's with this code.
func Is(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}

// Client makes the calls. It may be used by several goroutines at once.
type Client struct{ cfg aws.Config }

// New gives a client with the SDK's settings. It makes no call.
func New(cfg aws.Config) *Client { return &Client{cfg: cfg} }

// maxReply bounds what is read of a reply: a policy has at most 10,240 characters, and a simulation's page 1,000 results.
const maxReply = 16 << 20

// do makes one call; in has its parameters by name, and out gets the reply's XML.
func (c *Client) do(ctx context.Context, operation string, in url.Values, out any) error {
	at, region, err := endpoint(ctx, &c.cfg)
	if err != nil {
		return &smithy.OperationError{ServiceID: "IAM", OperationName: operation, Err: err}
	}
	in.Set("Action", operation)
	in.Set("Version", "2010-05-08")
	ctx = awsmiddleware.SetServiceID(middleware.ClearStackValues(ctx), "IAM")
	ctx = awsmiddleware.SetOperationName(ctx, operation)
	stack, err := c.stack(operation, at, region, in.Encode(), out)
	if err == nil {
		var client smithyhttp.ClientDo = c.cfg.HTTPClient
		if client == nil {
			client = awshttp.NewBuildableClient()
		}
		_, _, err = middleware.DecorateHandler(smithyhttp.NewClientHandlerWithOptions(client), stack).Handle(ctx, nil)
	}
	if err != nil {
		return &smithy.OperationError{ServiceID: "IAM", OperationName: operation, Err: err}
	}
	return nil
}

// stack is what a request goes through, in the order of the SDK's own clients.
func (c *Client) stack(operation, at, region, body string, out any) (*middleware.Stack, error) {
	stack := middleware.NewStack(operation, smithyhttp.NewStackRequest)
	retryer := aws.Retryer(retry.NewStandard())
	if c.cfg.Retryer != nil {
		retryer = c.cfg.Retryer()
	}
	return stack, errors.Join(
		stack.Serialize.Add(serializer(at, body), middleware.After),
		awsmiddleware.AddClientRequestIDMiddleware(stack),
		awsmiddleware.AddRequestUserAgentMiddleware(stack),
		stack.Finalize.Add(retry.NewAttemptMiddleware(retryer, smithyhttp.RequestCloner), middleware.After),
		stack.Finalize.Add(&v4.ComputePayloadSHA256{}, middleware.After),
		stack.Finalize.Add(signing(c.cfg.Credentials, region), middleware.After),
		stack.Deserialize.Add(deserializer(out), middleware.After),
		awsmiddleware.AddRecordResponseTiming(stack),
		awsmiddleware.AddRequestIDRetrieverMiddleware(stack),
		awshttp.AddResponseErrorMiddleware(stack),
		c.hooks(stack),
	)
}

// hooks adds what the settings add to every call.
func (c *Client) hooks(stack *middleware.Stack) error {
	for _, add := range c.cfg.APIOptions {
		if err := add(stack); err != nil {
			return err
		}
	}
	return nil
}

func serializer(at, body string) middleware.SerializeMiddleware {
	return middleware.SerializeMiddlewareFunc("OperationSerializer", func(
		ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
	) (out middleware.SerializeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, metadata, &smithy.SerializationError{Err: fmt.Errorf("unknown transport %T", in.Request)}
		}
		if request.URL, err = url.Parse(at); err != nil {
			return out, metadata, &smithy.SerializationError{Err: err}
		}
		if request.URL.Path == "" {
			request.URL.Path = "/"
		}
		request.Method = "POST"
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if in.Request, err = request.SetStream(strings.NewReader(body)); err != nil {
			return out, metadata, &smithy.SerializationError{Err: err}
		}
		return next.HandleSerialize(ctx, in)
	})
}

// signing signs each attempt by the server's clock, as far as the reply to the attempt before it tells that.
func signing(keys aws.CredentialsProvider, region string) middleware.FinalizeMiddleware {
	signer, skew := v4.NewSigner(), time.Duration(0)
	return middleware.FinalizeMiddlewareFunc("Signing", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (out middleware.FinalizeOutput, metadata middleware.Metadata, err error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, metadata, &v4.SigningError{Err: fmt.Errorf("unknown transport %T", in.Request)}
		}
		key, err := keys.Retrieve(ctx)
		if err != nil {
			return out, metadata, &v4.SigningError{Err: fmt.Errorf("read the credentials: %w", err)}
		}
		if err := signer.SignHTTP(ctx, key, request.Request, v4.GetPayloadHash(ctx), "iam", region, time.Now().Add(skew)); err != nil {
			return out, metadata, &v4.SigningError{Err: err}
		}
		out, metadata, err = next.HandleFinalize(ctx, in)
		skew, _ = awsmiddleware.GetAttemptSkew(metadata)
		return out, metadata, err
	})
}

// deserializer has the name by which the SDK's middleware finds its place.
func deserializer(into any) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("OperationDeserializer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		reply, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok {
			return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("unknown transport %T", out.RawResponse)}
		}
		text, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
		if err = errors.Join(err, reply.Body.Close()); err != nil {
			return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("read the reply: %w", err)}
		}
		if reply.StatusCode < 200 || reply.StatusCode >= 300 {
			return out, metadata, refusal(text)
		}
		if err := xml.Unmarshal(text, into); err != nil {
			return out, metadata, &smithy.DeserializationError{Err: err, Snapshot: text}
		}
		return out, metadata, nil
	})
}

// refusal is IAM's error; what is no error of IAM, a proxy's page, has the code UnknownError as in the SDK.
func refusal(text []byte) error {
	var reply struct {
		Error struct{ Code, Message string }
	}
	e := &smithy.GenericAPIError{Code: "UnknownError", Message: "UnknownError"}
	if xml.Unmarshal(text, &reply) != nil {
		return e
	}
	if reply.Error.Code != "" {
		e.Code = reply.Error.Code
	}
	if reply.Error.Message != "" {
		e.Message = reply.Error.Message
	}
	return e
}
