// Package catalog knows the models of Amazon Bedrock that Quarry can send work to: their ids, profiles, body fields,
// life cycle and default quotas.
//
// It owns one dated table, table.json, whose rows name the public pages they were read from. It owns no prices (package
// cost) and asks no one: what an account's Region really offers is for preflight to ask. What the pages do not say is
// absent here, as 0, an empty list or [Unknown]; it is never guessed.
package catalog

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Family groups models whose InvokeModel bodies and answers have one shape
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
type Family string

// The families.
const (
	Anthropic  Family = "anthropic"   // Messages: content[].text, usage.input_tokens
	Nova       Family = "nova"        // messages with inferenceConfig, usage.inputTokens
	Llama      Family = "llama"       // prompt and max_gen_len, generation
	OpenAIChat Family = "openai-chat" // chat completions: gpt-oss, Qwen, DeepSeek, Mistral 3, Kimi, GLM, Gemma, Nemotron
	TitanEmbed Family = "titan-embed"
	NovaEmbed  Family = "nova-embed"
)

// Answer is what the table says to a yes-or-no question.
type Answer string

// The answers. The zero value is Unknown.
const (
	Unknown Answer = ""
	Yes     Answer = "yes"
	No      Answer = "no"
)

// Tier is a service tier of on-demand calls, in Bedrock's words
// (https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html).
type Tier string

// The service tiers.
const (
	Standard Tier = "default"
	Flex     Tier = "flex"
	Priority Tier = "priority"
	Reserved Tier = "reserved"
)

// State is where a model is in its life
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle-legacy.html).
type State string

// The states. The zero value is: not known.
const (
	Active    State = "active"
	Legacy    State = "legacy" // new customers are refused, idle ones after 15 days
	EndOfLife State = "eol"    // requests fail
)

// Lifecycle holds a model's dates, each as YYYY-MM-DD or empty. AWS can set others for single Regions.
type Lifecycle struct {
	State        State  `json:"state"` // as the page said on the table's date
	Legacy       string `json:"legacy"`
	Extended     string `json:"extended"` // public extended access: the provider may ask more
	EOL          string `json:"eol"`
	EOLNotBefore string `json:"eol_not_before"`
}

// On gives the state on a day: the dates say more than the page's own word as time goes by.
func (l Lifecycle) On(day time.Time) State {
	d := day.UTC().Format(time.DateOnly)
	switch {
	case l.EOL != "" && d >= l.EOL:
		return EndOfLife
	case l.Legacy != "" && d >= l.Legacy:
		return Legacy
	}
	return l.State
}

// Model is one row of the table. It is a value: copying is cheap, and nothing in it can be changed.
type Model struct {
	ID       string // the foundation model's id, without a profile's prefix
	Name     string
	Provider string
	Family   Family

	Embedding bool // it gives vectors, not text
	Batch     bool // AWS's page lists it for batch inference

	Context   int64 // tokens, 0 when not known
	MaxOutput int64 // tokens, 0 when not known
	CacheMin  int64 // the smallest prefix, in tokens, that explicit prompt caching takes; 0 when not known

	CountTokens Answer // whether bedrock-runtime counts its tokens for nothing
	Lifecycle   Lifecycle

	row *row
}

type row struct {
	ID           string                `json:"id"`
	Name         string                `json:"name"`
	Provider     string                `json:"provider"`
	Family       Family                `json:"family"`
	Output       string                `json:"output"`
	Batch        bool                  `json:"batch"`
	InRegion     []string              `json:"in_region"`
	Through      []string              `json:"through"`
	Profiles     map[string]string     `json:"profiles"` // prefix → name of its routes, empty when not known
	Context      int64                 `json:"context"`
	MaxOutput    int64                 `json:"max_output"`
	Fields       map[Field]Answer      `json:"fields"`
	Exclusive    [][2]Field            `json:"exclusive"`
	Thinking     *Thinking             `json:"thinking"`
	NoPrefill    bool                  `json:"no_prefill"`
	NoForcedTool bool                  `json:"no_forced_tool"`
	CountTokens  Answer                `json:"count_tokens"`
	CacheMin     int64                 `json:"cache_min"`
	Tiers        []Tier                `json:"tiers"`
	Lifecycle    Lifecycle             `json:"lifecycle"`
	Burndown     int64                 `json:"burndown"`
	Quota        *jobQuota             `json:"quota"`
	Runtime      map[Scope]runtimeRow  `json:"runtime"`
	Sources      []string              `json:"sources"`
	routes       map[string]routeTable // prefix → its routes
}

type routeTable map[string][]string // source Region → destination Regions

type table struct {
	Date    string                `json:"date"`
	Sources map[string]string     `json:"sources"`
	Routes  map[string]routeTable `json:"routes"`
	Rows    []*row                `json:"models"`
	models  []Model
	byID    map[string]Model
	byName  map[string]Model
}

//go:embed table.json
var tableJSON []byte

var loaded = sync.OnceValue(func() *table {
	t, err := parseTable(tableJSON)
	if err != nil {
		panic("catalog: the embedded table is broken: " + err.Error()) // ours, not input; a test reads it
	}
	return t
})

func parseTable(b []byte) (*table, error) {
	var t table
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	t.byID = make(map[string]Model, len(t.Rows))
	t.byName = make(map[string]Model, 2*len(t.Rows))
	for _, r := range t.Rows {
		r.routes = make(map[string]routeTable, len(r.Profiles))
		for prefix, name := range r.Profiles {
			routes, ok := t.Routes[name]
			if name != "" && !ok {
				return nil, fmt.Errorf("read table: model %s: profile %s: no routes %q", r.ID, prefix, name)
			}
			r.routes[prefix] = routes
		}
		for _, key := range r.Sources {
			if t.Sources[key] == "" {
				return nil, fmt.Errorf("read table: model %s: no source %q", r.ID, key)
			}
		}
		if _, twice := t.byID[r.ID]; twice {
			return nil, fmt.Errorf("read table: model %s is listed twice", r.ID)
		}
		m := Model{
			ID: r.ID, Name: r.Name, Provider: r.Provider, Family: r.Family,
			Embedding: r.Output == "embedding", Batch: r.Batch,
			Context: r.Context, MaxOutput: r.MaxOutput, CacheMin: r.CacheMin,
			CountTokens: r.CountTokens, Lifecycle: r.Lifecycle, row: r,
		}
		t.models = append(t.models, m)
		t.byID[r.ID] = m
		for _, name := range r.names() {
			if other, twice := t.byName[letters(name)]; twice && other.ID != r.ID {
				return nil, fmt.Errorf("read table: %q names both %s and %s", name, other.ID, r.ID)
			}
			t.byName[letters(name)] = m
		}
	}
	return &t, nil
}

// names are what AWS calls the model in prose.
func (r *row) names() []string {
	names := []string{r.Name}
	if r.Quota != nil {
		names = append(names, r.Quota.Label)
	}
	for _, rt := range r.Runtime {
		names = append(names, rt.Label)
	}
	return names
}

// Date is the day on which the table was put together, as YYYY-MM-DD.
func Date() string { return loaded().Date }

// Models gives all rows, in the table's order.
func Models() []Model { return slices.Clone(loaded().models) }

// Sources gives the public pages from which the model's row was read.
func (m Model) Sources() []string {
	if m.row == nil {
		return nil
	}
	urls := make([]string, len(m.row.Sources))
	for i, key := range m.row.Sources {
		urls[i] = loaded().Sources[key]
	}
	return urls
}

// Profiles gives the prefixes of the model's inference profiles: "us", "global", in alphabetical order.
func (m Model) Profiles() []string {
	if m.row == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(m.row.Profiles))
}

// HasProfile reports whether the table lists the profile; the plain id ("") is always there.
func (m Model) HasProfile(prefix string) bool {
	if prefix == "" {
		return true
	}
	if m.row == nil {
		return false
	}
	_, ok := m.row.Profiles[prefix]
	return ok
}

// Tiers gives the service tiers that the model's card offers; empty when the card was not read.
func (m Model) Tiers() []Tier {
	if m.row == nil {
		return nil
	}
	return slices.Clone(m.row.Tiers)
}

// Offers says whether on-demand calls to the model can ask for a tier. The standard tier is always there.
func (m Model) Offers(t Tier) Answer {
	switch {
	case t == Standard:
		return Yes
	case m.row == nil || len(m.row.Tiers) == 0:
		return Unknown
	case slices.Contains(m.row.Tiers, t):
		return Yes
	}
	return No
}
