package bedrockapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// shape is what the service model says of a string.
type shape struct {
	min, max int                   // characters; max 0: no limit
	pattern  string                // as the model has it, for the message
	whole    func() *regexp.Regexp // made when first used: all of them would cost every start of the program 20 ms
	enum     []string
}

func pattern(min, max int, pattern string) shape {
	whole := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) })
	return shape{min: min, max: max, pattern: pattern, whole: whole}
}

func enum(values ...string) shape { return shape{enum: values} }

// The shapes of the service model, named as there (botocore, data/bedrock/2023-04-20/service-2.json).
var (
	jobName         = pattern(1, 63, `[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}`)
	roleArn         = pattern(0, 2048, `arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+`)
	idempotencyKey  = pattern(1, 256, `[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}`)
	modelID         = pattern(1, 2048, `(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:(([0-9]{12}:custom-model/[a-z0-9-]{1,63}[.]{1}[a-z0-9-:]{1,63}/[a-z0-9]{12}$)|(:foundation-model/([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})|(([0-9a-zA-Z][_-]?)+)$)|([0-9]{12}:(inference-profile|application-inference-profile)/[a-zA-Z0-9-:.]+$)))|([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})|(([0-9a-zA-Z][_-]?)+)`)
	s3URI           = pattern(1, 1024, `s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?`)
	s3InputFormat   = enum("JSONL")
	accountID       = pattern(0, 0, `[0-9]{12}`)
	kmsKeyID        = pattern(1, 2048, `(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)))|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)`)
	vpcID           = pattern(0, 32, `[-0-9a-zA-Z]+`)
	invocationType  = enum("InvokeModel", "Converse")
	tagKey          = pattern(1, 128, `[a-zA-Z0-9\s._:/=+@-]*`)
	tagValue        = pattern(0, 256, `[a-zA-Z0-9\s._:/=+@-]*`)
	jobIdentifier   = pattern(0, 1011, `((arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:model-invocation-job/)?[a-z0-9]{12})`)
	jobStatus       = enum("Submitted", "InProgress", "Completed", "Failed", "Stopping", "Stopped", "PartiallyCompleted", "Expired", "Validating", "Scheduled")
	sortBy          = enum("CreationTime")
	sortOrder       = enum("Ascending", "Descending")
	paginationToken = pattern(1, 2048, `\S*`)
	provider        = pattern(0, 0, `[A-Za-z0-9- ]{1,63}`)
	customization   = enum("FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION")
	modality        = enum("TEXT", "IMAGE", "EMBEDDING")
	inferenceType   = enum("ON_DEMAND", "PROVISIONED")
	profileType     = enum("SYSTEM_DEFINED", "APPLICATION")
	profileID       = pattern(1, 2048, `(arn:aws(|-us-gov|-cn|-iso|-iso-b):bedrock:(|[0-9a-z-]{0,20}):(|[0-9]{12}):(inference-profile|application-inference-profile)/)?[a-zA-Z0-9-:.]+`)
	foundationModel = pattern(1, 2048, `(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}::foundation-model/[a-z0-9-]{1,63}[.]{1}([a-z0-9-]{1,63}[.]){0,2}[a-z0-9-]{1,63}([:][a-z0-9-]{1,63}){0,2})|([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})`)
	bedrockModelID  = pattern(0, 140, `[a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([a-z0-9-]{1,63}[.]){0,2}[a-z0-9-]{1,63}([:][a-z0-9-]{1,63}){0,2}(/[a-z0-9]{12}|)`)
	taggableARN     = pattern(20, 1011, `arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:([0-9]{12}|):.+`)
	serviceTier     = enum("priority", "default", "flex", "reserved")
	countedModelID  = pattern(1, 256, `[a-zA-Z_\.\-/0-9:]+`)
	runtimeModelID  = pattern(1, 2048, `[a-zA-Z0-9-_:./]+`)
)

// problems collects what is wrong with a request, in the words of AWS's own validation.
type problems []string

func (p *problems) add(value any, path, constraint string) {
	shown := ""
	if value != nil {
		shown = fmt.Sprintf(" '%v'", value)
	}
	*p = append(*p, "Value"+shown+" at '"+path+"' failed to satisfy constraint: "+constraint)
}

// required reports a member that is not there.
func (p *problems) required(path string, there bool) {
	if !there {
		p.add(nil, path, "Member must not be null")
	}
}

// text checks a string that may be absent.
func (p *problems) text(path string, v *string, s shape) {
	if v == nil {
		return
	}
	if s.enum != nil {
		for _, e := range s.enum {
			if *v == e {
				return
			}
		}
		p.add(*v, path, "Member must satisfy enum value set: ["+strings.Join(s.enum, ", ")+"]")
		return
	}
	n := utf8.RuneCountInString(*v)
	if s.max > 0 && n > s.max {
		p.add(*v, path, fmt.Sprintf("Member must have length less than or equal to %d", s.max))
	}
	if n < s.min {
		p.add(*v, path, fmt.Sprintf("Member must have length greater than or equal to %d", s.min))
	}
	if !s.whole().MatchString(*v) {
		p.add(*v, path, "Member must satisfy regular expression pattern: "+s.pattern)
	}
}

func (p *problems) requiredText(path string, v *string, s shape) {
	p.required(path, v != nil)
	p.text(path, v, s)
}

func (p *problems) between(path string, v *int, min, max int) {
	switch {
	case v == nil:
	case *v < min:
		p.add(*v, path, fmt.Sprintf("Member must have value greater than or equal to %d", min))
	case *v > max:
		p.add(*v, path, fmt.Sprintf("Member must have value less than or equal to %d", max))
	}
}

func (p *problems) length(path string, n, min, max int) {
	if n < min {
		p.add(nil, path, fmt.Sprintf("Member must have length greater than or equal to %d", min))
	}
	if n > max {
		p.add(nil, path, fmt.Sprintf("Member must have length less than or equal to %d", max))
	}
}

// err is the ValidationException for all problems at once, as AWS reports them, or nil.
func (p problems) err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return refuse(validation, "1 validation error detected: %s", p[0])
	default:
		return refuse(validation, "%d validation errors detected: %s", len(p), strings.Join(p, "; "))
	}
}

// maxControlBody is far above what any control operation can need.
const maxControlBody = 1 << 20

// decode reads a JSON body. Members that are not known are ignored, as AWS does.
func decode(c *call, into any) error {
	body, err := readBody(c, maxControlBody)
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		body = []byte("{}")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return refuse(serialization, "The request body could not be read: %v", err)
	}
	return nil
}

func readBody(c *call, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, refuse(validation, "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than or equal to %d", limit)
	}
	if err != nil {
		return nil, refuse(serialization, "The request body could not be read: %v", err)
	}
	return body, nil
}

// reply writes a JSON answer.
func reply(c *call, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return replyBytes(c, b)
}

func replyBytes(c *call, body []byte) error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(body) // an error means that the client is gone
	return nil
}
