package compose

import (
	"bytes"
	"unicode/utf8"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/prepare/prompt"
)

// CachePrefix gives the system prompt as it is in every body, where marking it for the prompt cache pays: the model
// caches prefixes of its length, the cache has prices, and no document changes it. Reading costs a tenth of input, and
// writing a quarter more than input once in five minutes, so with prices known it pays from the second call on
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
func CachePrefix(s *config.Settings, req *Request, region string) []byte {
	if s.Cache == "off" || req.Model.CacheMin == 0 {
		return nil
	}
	price, ok := req.Prices.Price(s.Model, region, quarry.ModeOnDemand)
	if !ok || price.CacheRead == nil || price.CacheWrite == nil || *price.CacheRead >= price.In {
		return nil
	}
	prefix := constantSystem(req.Renderer)
	if leastTokens(prefix) < req.Model.CacheMin {
		return nil
	}
	return prefix
}

// constantSystem is the system prompt as it is in a body, nil where there is none or a document changes it.
func constantSystem(r *prompt.Renderer) []byte {
	var system []byte
	for i, doc := range []quarry.Document{
		{ID: "a", Title: "One", Body: []byte("first"), URL: "https://example.com/a", Lang: "en"},
		{ID: "b", Title: "Two", Body: []byte("second"), URL: "https://example.com/b", Lang: "ja"},
	} {
		body, err := r.Append(nil, &doc)
		if err != nil { // it wants more of a document than these have, so documents may change it
			return nil
		}
		member := prompt.SystemMember(body)
		if i > 0 && !bytes.Equal(member, system) {
			return nil
		}
		system = member
	}
	return system
}

// leastTokens is how many tokens a text has at least: a prefix that turns out too short is not cached, and costs what it
// always did.
func leastTokens(text []byte) int64 {
	var ascii, other int64
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			ascii++
			i++
			continue
		}
		_, size := utf8.DecodeRune(text[i:])
		other++
		i += size
	}
	return ascii/5 + other/2
}
