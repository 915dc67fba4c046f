package bedrockapi

import (
	"crypto/sha256"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/base/catalog"
	"quarry/internal/standin/model"
)

// cacheLife is how long a prefix stays in the prompt cache after it was used last
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
const cacheLife = 5 * time.Minute

// mostPrefixes bounds what is remembered; a client marks a few.
const mostPrefixes = 10_000

// promptCache remembers which prefixes were written when. It holds no text: an answer does not depend on it.
type promptCache struct {
	now func() time.Time

	mu   sync.Mutex
	used map[[sha256.Size]byte]time.Time
}

func newPromptCache(now func() time.Time) *promptCache {
	return &promptCache{now: now, used: map[[sha256.Size]byte]time.Time{}}
}

// cachedPrefix is the part of one call that goes through the cache; the zero value is none.
type cachedPrefix struct {
	cache  *promptCache
	key    [sha256.Size]byte
	tokens int64
	hit    bool
}

// cachedPrefix looks up what a body marks. Models that cache nothing, and prefixes below a model's minimum, are answered
// as if nothing were marked.
func (a *api) cachedPrefix(caller Caller, t target, req model.Request) cachedPrefix {
	if t.model.CacheMin == 0 || t.model.Family == catalog.Nova && !req.Converse { // Nova's own body has other counters
		return cachedPrefix{}
	}
	size, err := model.Measure(req)
	if err != nil || size.Cached == "" || size.CachedTokens < t.model.CacheMin {
		return cachedPrefix{}
	}
	p := cachedPrefix{cache: a.prefixes, tokens: size.CachedTokens}
	p.key = sha256.Sum256([]byte(caller.Account + "|" + caller.Region + "|" + t.id + "|" + size.Cached))
	c := p.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.used[p.key]
	p.hit = ok && c.now().Sub(at) < cacheLife
	return p
}

// use gives the tokens that were read and written, of so many of input.
func (p *cachedPrefix) use(input int64) (read, written int64) {
	n := min(p.tokens, input)
	if p.hit {
		return n, 0
	}
	return 0, n
}

// keep remembers the prefix once a call was answered.
func (p *cachedPrefix) keep() {
	if p.cache == nil {
		return
	}
	c := p.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if len(c.used) >= mostPrefixes {
		for key, at := range c.used {
			if now.Sub(at) >= cacheLife {
				delete(c.used, key)
			}
		}
		if len(c.used) >= mostPrefixes {
			clear(c.used)
		}
	}
	c.used[p.key] = now
}

// withCached writes the tokens that the cache read and wrote into an answer's usage. Anthropic's body and Converse's count
// them apart from the input.
func withCached(body []byte, converse bool, read, written int64) []byte {
	in, readName, writeName := "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"
	if converse {
		in, readName, writeName = "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"
	}
	var answer, usage map[string]jsontext.Value
	var input int64
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["usage"], &usage) != nil || json.Unmarshal(usage[in], &input) != nil {
		return body // a shape without usage has no place for it
	}
	for name, n := range map[string]int64{in: input - read - written, readName: read, writeName: written} {
		usage[name] = jsontext.Value(strconv.FormatInt(n, 10))
	}
	text, err := json.Marshal(usage, json.Deterministic(true))
	if err != nil {
		return body
	}
	answer["usage"] = text
	if text, err = json.Marshal(answer, json.Deterministic(true)); err != nil {
		return body
	}
	return text
}
