package filler_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"quarry/internal/standin/model"
)

// valid checks an answer against its schema with a library of others, formats included.
func valid(t *testing.T, schema string, answer []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer))
	if err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	return compiled.Validate(v)
}

// under is a schema of an object with one required key.
func under(schema string) string {
	return `{"type":"object","properties":{"k":` + schema + `},"required":["k"],"additionalProperties":false}`
}

func TestASchemaIsFilledByRule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schema string }{
		{"a short text", under(`{"type":"string","maxLength":20}`)},
		{"one character", under(`{"type":"string","minLength":1,"maxLength":1}`)},
		{"no character", under(`{"type":"string","maxLength":0}`)},
		{"a long text", under(`{"type":"string","minLength":2000}`)},
		{"a text of one length", under(`{"type":"string","minLength":37,"maxLength":37}`)},
		{"a pattern of digits", under(`{"type":"string","pattern":"^[0-9]{4}-[0-9]{2}$"}`)},
		{"a pattern with a class of words", under(`{"type":"string","pattern":"^[A-Z]{3}_\\w+$"}`)},
		{"a pattern with alternatives", under(`{"type":"string","pattern":"^(red|green)-(one|two)$"}`)},
		{"a pattern without anchors", under(`{"type":"string","pattern":"x+y"}`)},
		{"a pattern and a length", under(`{"type":"string","pattern":"^[a-z]+$","minLength":12,"maxLength":15}`)},
		{"a pattern of Unicode", under(`{"type":"string","pattern":"^[ぁ-ん]+$"}`)},
		{"a slug", under(`{"type":"string","pattern":"^[a-z0-9]+(?:-[a-z0-9]+)*$"}`)},
		{"a hexadecimal colour", under(`{"type":"string","pattern":"^#(?:[0-9a-fA-F]{3}){1,2}$"}`)},
		{"an enum of texts", under(`{"type":"string","enum":["news","opinion"]}`)},
		{"an enum of numbers", under(`{"enum":[3,1,2]}`)},
		{"an enum of kinds", under(`{"enum":[1,"a",null,true]}`)},
		{"an enum narrowed by its type", under(`{"type":"string","enum":[1,"a"]}`)},
		{"a constant", under(`{"const":"fixed"}`)},
		{"a constant object", under(`{"const":{"a":[1,2]}}`)},
		{"a default", under(`{"type":"string","default":"n/a","minLength":1}`)},
		{"a default that breaks the limits", under(`{"type":"integer","default":0,"minimum":1}`)},
		{"an integer", under(`{"type":"integer"}`)},
		{"an integer between", under(`{"type":"integer","minimum":1,"maximum":5}`)},
		{"an integer below 0", under(`{"type":"integer","maximum":-3}`)},
		{"an integer above a fraction", under(`{"type":"integer","minimum":1.5}`)},
		{"a number of steps", under(`{"type":"number","minimum":0.3,"multipleOf":0.25}`)},
		{"an integer of steps", under(`{"type":"integer","exclusiveMinimum":10,"multipleOf":5}`)},
		{"an integer of half steps", under(`{"type":"integer","minimum":1,"multipleOf":1.5}`)},
		{"an open interval", under(`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}`)},
		{"a large number", under(`{"type":"number","minimum":1e12}`)},
		{"a truth value", under(`{"type":"boolean"}`)},
		{"null alone", under(`{"type":"null"}`)},
		{"a type and null", under(`{"type":["integer","null"],"minimum":4}`)},
		{"several types", under(`{"type":["integer","string"],"minLength":3}`)},
		{"a list with a least length", under(`{"type":"array","items":{"type":"string"},"minItems":3}`)},
		{"a list with a most length", under(`{"type":"array","items":{"type":"string"},"maxItems":1}`)},
		{"a list that must be empty", under(`{"type":"array","maxItems":0}`)},
		{"a list of different texts", under(`{"type":"array","items":{"type":"string","maxLength":8},"minItems":6,"uniqueItems":true}`)},
		{"a list of different numbers", under(`{"type":"array","items":{"type":"integer","minimum":3,"maximum":9},"minItems":7,"uniqueItems":true}`)},
		{"a list of different values of an enum", under(`{"type":"array","items":{"enum":["a","b","c"]},"minItems":3,"uniqueItems":true}`)},
		{"a list of different dates", under(`{"type":"array","items":{"type":"string","format":"date"},"minItems":4,"uniqueItems":true}`)},
		{"a list of different codes", under(`{"type":"array","items":{"type":"string","pattern":"^[A-Z]{2}[0-9]$"},"minItems":5,"uniqueItems":true}`)},
		{"a list of anything", under(`{"type":"array","minItems":2}`)},
		{"a list of objects", under(`{"type":"array","items":{"type":"object","properties":{"name":{"type":"string","minLength":1},"age":{"type":"integer","minimum":18}},"required":["name","age"]},"minItems":2}`)},
		{"a list of lists", under(`{"type":"array","items":{"type":"array","items":{"type":"number"},"minItems":2},"minItems":2}`)},
		{"a tuple", under(`{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"},{"type":"boolean"}],"items":false,"minItems":3}`)},
		{"a list that contains", under(`{"type":"array","contains":{"const":7},"minContains":2,"minItems":3}`)},
		{"objects in objects", under(`{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"integer","minimum":2}},"required":["b"]}},"required":["a"]}`)},
		{"a reference", `{"$ref":"#/$defs/top","$defs":{"top":{"type":"object","properties":{"p":{"$ref":"#/$defs/p"}},"required":["p"]},"p":{"type":"string","minLength":4}}}`},
		{"a reference with limits beside it", `{"type":"object","properties":{"a":{"$ref":"#/definitions/s","maxLength":5}},"required":["a"],"definitions":{"s":{"type":"string","minLength":1}}}`},
		{"a tree", `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"name":{"type":"string"},"kids":{"type":"array","items":{"$ref":"#/$defs/n"}}},"required":["name","kids"]}}}`},
		{"a chain", `{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["v","next"]}`},
		{"alternatives", under(`{"anyOf":[{"type":"string","minLength":2},{"type":"integer"}]}`)},
		{"alternatives with null", under(`{"anyOf":[{"type":"null"},{"type":"integer","minimum":2}]}`)},
		{"one of several objects", `{"type":"object","oneOf":[{"properties":{"kind":{"const":"a"},"n":{"type":"integer"}},"required":["kind","n"]},{"properties":{"kind":{"const":"b"}},"required":["kind"]}]}`},
		{"all of several", under(`{"allOf":[{"type":"string","minLength":3},{"maxLength":4}]}`)},
		{"all of several objects", `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer","minimum":1}},"required":["b"]}]}`},
		{"a nullable text of OpenAPI", under(`{"type":["string","null"]}`)},
		{"a required key that is not listed", `{"type":"object","required":["a"]}`},
		{"a required key of the further ones", `{"type":"object","required":["a"],"additionalProperties":{"type":"integer","minimum":3}}`},
		{"a least number of keys", `{"type":"object","minProperties":3,"additionalProperties":{"type":"number"}}`},
		{"a least number of keys of a pattern", `{"type":"object","minProperties":2,"patternProperties":{"^x_[a-z]$":{"type":"integer"}},"additionalProperties":false}`},
		{"a key that needs another", `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"dependentRequired":{"a":["b"]}}`},
		{"a date", under(`{"type":"string","format":"date"}`)},
		{"a time of a date", under(`{"type":"string","format":"date-time"}`)},
		{"a time", under(`{"type":"string","format":"time"}`)},
		{"a duration", under(`{"type":"string","format":"duration"}`)},
		{"an address of mail", under(`{"type":"string","format":"email"}`)},
		{"a URI", under(`{"type":"string","format":"uri"}`)},
		{"a UUID", under(`{"type":"string","format":"uuid"}`)},
		{"a host", under(`{"type":"string","format":"hostname"}`)},
		{"an IPv4 address", under(`{"type":"string","format":"ipv4"}`)},
		{"an IPv6 address", under(`{"type":"string","format":"ipv6"}`)},
		{"a title in a date's form", under(`{"type":"string","format":"date","title":"x"}`)},
		{"an ordinary article's schema", `{"type":"object","properties":{"title":{"type":"string","maxLength":60},"summary":{"type":"string","maxLength":80},"keywords":{"type":"array","items":{"type":"string","maxLength":20},"minItems":1,"maxItems":5},"category":{"type":"string","enum":["news","howto"]},"sentiment":{"type":"number","minimum":-1,"maximum":1},"has_code":{"type":"boolean"},"reading_minutes":{"type":"integer","minimum":1}},"required":["title","summary","keywords","category","sentiment","has_code","reading_minutes"],"additionalProperties":false}`},
		{"a schema that requires nothing", `{"type":"object","properties":{"topic":{"type":"string","minLength":3},"score":{"type":"integer"}}}`},
		{"a list at the top", `{"type":"array","items":{"type":"string"},"minItems":2}`},
		{"draft 4's bounds", `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","properties":{"n":{"type":"integer","minimum":2,"exclusiveMinimum":true}},"required":["n"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := model.FillSample([]byte(tt.schema))
			if err != nil {
				t.Fatal(err)
			}
			if err := valid(t, tt.schema, got); err != nil {
				t.Errorf("%s: %v", got, err)
			}
		})
	}
}

func TestWhatIsFilledByRuleIsNamed(t *testing.T) {
	t.Parallel()
	_, filled, err := model.FillSample([]byte(`{"type":"object","properties":{"title":{"type":"string","maxLength":40},"category":{"enum":["a","b"]},"inner":{"type":"object","properties":{"score":{"type":"integer"}}},"version":{"const":1},"note":{"type":["string","null"]}}}`))
	if err != nil || !slices.Equal(filled, []string{"category", "inner.score"}) {
		t.Errorf("by rule %v, %v; want category and inner.score: the title is the article's, a constant is no choice, null says nothing", filled, err)
	}
}

func TestLimitsInADescriptionHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ sent, whole string }{
		{under(`{"type":"string","description":"A note. Limits: {\"maxLength\":9,\"minLength\":4}"}`), under(`{"type":"string","maxLength":9,"minLength":4}`)},
		{under(`{"type":"string","description":"Limits: {\"pattern\":\"^[a-z]{2}$\"}"}`), under(`{"type":"string","pattern":"^[a-z]{2}$"}`)},
		{under(`{"type":"integer","description":"{minimum: 3}"}`), under(`{"type":"integer"}`)},
		{under(`{"type":"integer","description":"Use {\"minimum\":3,\"multipleOf\":2}"}`), under(`{"type":"integer","minimum":3,"multipleOf":2}`)},
		{under(`{"type":"array","minItems":1,"items":{"type":"string"},"description":"Limits: {\"minItems\":3,\"uniqueItems\":true}"}`), under(`{"type":"array","minItems":3,"uniqueItems":true,"items":{"type":"string"}}`)},
		{under(`{"type":"string","description":"Write {curly} braces {}"}`), under(`{"type":"string"}`)},
	} {
		got, _, err := model.FillSample([]byte(tt.sent))
		if err != nil {
			t.Errorf("%s: %v", tt.sent, err)
		} else if err := valid(t, tt.whole, got); err != nil {
			t.Errorf("%s: %s: %v", tt.sent, got, err)
		}
	}
}

func TestWhatNoRuleFillsIsSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schema, want string }{
		{"a pattern with look-ahead", under(`{"type":"string","pattern":"^(?=.*[0-9])[a-z]+$"}`), `"k".*pattern`},
		{"a pattern with a reference back", under(`{"type":"string","pattern":"^(a)\\1$"}`), `"k".*pattern`},
		{"a pattern shorter than its text", under(`{"type":"string","pattern":"^ab$","minLength":3}`), `"k".*pattern`},
		{"lengths that contradict", under(`{"type":"string","minLength":5,"maxLength":4}`), `"k".*at least 5 characters and at most 4`},
		{"bounds that contradict", under(`{"type":"integer","minimum":5,"maximum":4}`), `"k".*minimum 5, maximum 4`},
		{"no step between the bounds", under(`{"type":"integer","minimum":1,"maximum":4,"multipleOf":5}`), `"k".*multipleOf 5`},
		{"counts that contradict", under(`{"type":"array","minItems":2,"maxItems":1}`), `"k".*at least 2 items and at most 1`},
		{"too few different values", under(`{"type":"array","items":{"enum":["a","b"]},"minItems":3,"uniqueItems":true}`), `"k"`},
		{"types that contradict", under(`{"allOf":[{"type":"string"},{"type":"integer"}]}`), `"k".*contradict`},
		{"an object that contains itself", `{"type":"object","properties":{"me":{"$ref":"#"}},"required":["me"]}`, `"me.me".*back to itself`},
		{"more keys than are allowed", `{"type":"object","properties":{"a":{"type":"null"}},"minProperties":2,"additionalProperties":false}`, `more properties`},
		{"an enum that breaks its own limits", under(`{"enum":["long"],"type":"string","maxLength":2}`), `"k".*enum`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := model.FillSample([]byte(tt.schema))
			if err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("%s, %v; want an error that matches %s", got, err, tt.want)
			}
		})
	}
}

func FuzzSchema(f *testing.F) {
	for _, seed := range []string{
		under(`{"type":"string","pattern":"(a{1000}){1000}"}`), under(`{"type":"string","minLength":1000000000}`), under(`{"type":"array","minItems":100000000}`),
		under(`{"type":"number","minimum":1e300,"multipleOf":1e-300}`), `{"type":"object","minProperties":1000000}`, under(`{"type":"array","minItems":9000,"items":{"type":"array","minItems":9000}}`), under(`{"multipleOf":0.1,"minimum":1e299}`),
		`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, under(`{"type":"string","pattern":"[^\\x00-\\x{10FFFF}]"}`),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		if out, _, err := model.FillSample([]byte(schema)); err == nil && len(out) == 0 {
			t.Errorf("%s: neither an answer nor an error", schema)
		}
	})
}
