package bedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	runtime "github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"quarry"
	"quarry/internal/base/inflight"
)

// Call is one record sent as an on-demand call.
type Call struct {
	RecordID   quarry.RecordID
	ModelID    string
	Type       quarry.InvocationType
	ModelInput []byte
	Tier       string // of service: "flex", or empty for the default
}

// maxAnswerBytes bounds an answer in memory; InvokeModel itself takes bodies of at most 25 MB.
const maxAnswerBytes = 64 << 20

// Invoke calls the model with one record and gives the reply's JSON as it came, which has the shape of a job's
// modelOutput. It makes one attempt: no operation says whether a call without a reply was paid, so the caller decides.
// The reply is read as the hold in ctx finds room for it, which the caller releases when it keeps the reply no more.
// Errors: see Cause.
func (c *Client) Invoke(ctx context.Context, call Call) ([]byte, error) {
	mark := func(s *middleware.Stack) error {
		if err := s.Deserialize.Insert(heldReply, "OperationDeserializer", middleware.After); err != nil {
			return err
		}
		return s.Finalize.Insert(recordHeader(call.RecordID), "Signing", middleware.After)
	}
	var body []byte
	var err error
	if call.Type == quarry.Converse {
		body, err = c.converse(ctx, call, mark)
	} else {
		in := &runtime.InvokeModelInput{
			ModelId: &call.ModelID, Body: call.ModelInput, ContentType: aws.String("application/json"), Accept: aws.String("application/json"),
		}
		if call.Tier != "" {
			in.ServiceTier = types.ServiceTierType(call.Tier)
		}
		var out *runtime.InvokeModelOutput
		if out, err = c.runtime.InvokeModel(ctx, in, runtime.WithAPIOptions(mark)); err == nil {
			body = out.Body
		}
	}
	if err != nil {
		return nil, c.fault(ctx, "ask", "record "+string(call.RecordID), err)
	}
	return body, nil
}

// converse sends modelInput as Converse's body, byte for byte, and gives the reply's bytes. The SDK's own types would
// have to be filled from JSON and would drop members that they do not know.
func (c *Client) converse(ctx context.Context, call Call, mark func(*middleware.Stack) error) ([]byte, error) {
	var reply []byte
	send := middleware.SerializeMiddlewareFunc("RawConverseBody", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
		r, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("request of type %T", in.Request)
		}
		r, err := r.SetStream(bytes.NewReader(withTier(call.ModelInput, call.Tier)))
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, err
		}
		r.Header.Set("Content-Type", "application/json")
		in.Request = r
		return next.HandleSerialize(ctx, in)
	})
	receive := middleware.DeserializeMiddlewareFunc("RawConverseReply", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, meta, err
		}
		if r, ok := out.RawResponse.(*smithyhttp.Response); ok {
			if reply, err = io.ReadAll(io.LimitReader(r.Body, maxAnswerBytes)); err != nil {
				return out, meta, fmt.Errorf("read the reply: %w", err)
			}
			_ = r.Body.Close()
			r.Body = io.NopCloser(bytes.NewReader(reply))
		}
		return out, meta, nil
	})
	_, err := c.runtime.Converse(ctx, &runtime.ConverseInput{ModelId: &call.ModelID}, runtime.WithAPIOptions(mark,
		func(s *middleware.Stack) error {
			return s.Serialize.Insert(send, "OperationSerializer", middleware.After)
		},
		func(s *middleware.Stack) error {
			return s.Deserialize.Insert(receive, "OperationDeserializer", middleware.After)
		},
	))
	return reply, err
}

// heldReply lets a reply be read as the hold in the context finds room for it.
var heldReply = middleware.DeserializeMiddlewareFunc("HeldReply", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r.Body != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{inflight.From(ctx).Reader(ctx, r.Body, r.ContentLength, maxAnswerBytes), r.Body}
	}
	return out, meta, err
})

// withTier adds the service tier to Converse's body, where it is a member and not a header
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html). A body that names one keeps it.
func withTier(body []byte, tier string) []byte {
	at := bytes.IndexByte(body, '{')
	if tier == "" || at < 0 {
		return body
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return body
	}
	members := 0
	for ; d.More(); members++ {
		name, err := d.Token()
		if err != nil || name == "serviceTier" || d.Decode(new(json.RawMessage)) != nil {
			return body
		}
	}
	member := `"serviceTier":{"type":"` + tier + `"}`
	if members > 0 {
		member += ","
	}
	return slices.Insert(slices.Clone(body), at+1, []byte(member)...)
}

// recordHeader names the record to a server that counts records, such as the stand-in. It is set after the signature:
// AWS ignores it, and it must not make a request's validity depend on it.
func recordHeader(id quarry.RecordID) middleware.FinalizeMiddleware {
	return middleware.FinalizeMiddlewareFunc("QuarryRecord", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && id != "" {
			r.Header.Set("X-Quarry-Record", string(id))
		}
		return next.HandleFinalize(ctx, in)
	})
}
