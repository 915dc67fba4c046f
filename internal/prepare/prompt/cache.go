package prompt

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrNoCachePoint says that a body has not the prefix that is to be cached, or no place for a cache point.
var ErrNoCachePoint = errors.New("the body has no place for a cache point")

// SystemMember gives a body's system prompt as it is in it, nil where it has none of its own.
func SystemMember(modelInput []byte) []byte {
	o, s, err := open(modelInput)
	if err != nil || s == shapeChat || s == shapeLlama {
		return nil
	}
	return o["system"]
}

// WithCachePoint gives the modelInput with a cache point after its system prompt, canonical, if that is the given one
// as SystemMember gave it (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html). Only on-demand calls
// take it: "prompt caching is not supported with the batch inference API". The error is ErrNoCachePoint.
func WithCachePoint(modelInput, system []byte) ([]byte, error) {
	o, s, err := open(modelInput)
	if err != nil {
		return nil, err
	}
	if o["system"] == nil || !bytes.Equal(o["system"], system) {
		return nil, ErrNoCachePoint
	}
	switch {
	case s == shapeAnthropic && o["system"].Kind() == '"':
		block := object{"type": jsontext.Value(`"text"`), "text": o["system"], "cache_control": jsontext.Value(`{"type":"ephemeral"}`)}
		o["system"] = joined([]jsontext.Value{block.bytes()})
	case (s == shapeConverse || s == shapeNova) && o["system"].Kind() == '[':
		o["system"] = joined(append(elements(o["system"]), jsontext.Value(`{"cachePoint":{"type":"default"}}`)))
	default:
		return nil, ErrNoCachePoint
	}
	return canonical(o.bytes())
}
