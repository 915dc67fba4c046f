package policy_test

import (
	"encoding/json"
	"strings"
	"testing"

	"quarry/internal/standin/policy"
)

func statement(t *testing.T, text string) policy.Statement {
	t.Helper()
	d, err := policy.Parse(`{"Statement":` + text + `}`)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return d.Statement[0]
}

func TestAStatementIsDecidedByItsConditions(t *testing.T) {
	t.Parallel()
	context := map[string][]string{
		"aws:SourceIp": {"10.1.2.3"}, "aws:username": {"alice"}, "s3:max-keys": {"5"}, "aws:CurrentTime": {"2026-05-01T00:00:00Z"},
		"aws:TagKeys": {"a", "b"}, "aws:SecureTransport": {"true"}, "aws:SourceArn": {"arn:aws:sns:us-east-1:1:t"},
	}
	for _, c := range []struct {
		condition string
		want      policy.Decision
	}{
		{`{"StringEquals":{"AWS:USERNAME":"alice"}}`, policy.Allow},
		{`{"StringEquals":{"aws:username":["bob","alice"]}}`, policy.Allow},
		{`{"StringEquals":{"aws:username":"Alice"}}`, policy.NoMatch},
		{`{"StringEqualsIgnoreCase":{"aws:username":"ALICE"}}`, policy.Allow},
		{`{"StringNotEquals":{"aws:username":["bob","carol"]}}`, policy.Allow},
		{`{"StringNotEquals":{"aws:absent":"x"}}`, policy.Allow},
		{`{"StringEquals":{"aws:absent":"x"}}`, policy.NoMatch},
		{`{"StringEqualsIfExists":{"aws:absent":"x"}}`, policy.Allow},
		{`{"StringLike":{"aws:username":"a*e"}}`, policy.Allow},
		{`{"StringLike":{"aws:username":"a?e"}}`, policy.NoMatch},
		{`{"StringEquals":{"aws:username":"${aws:username}"}}`, policy.Allow},
		{`{"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}}`, policy.Allow},
		{`{"IpAddress":{"aws:SourceIp":"10.1.2.3"}}`, policy.Allow},
		{`{"IpAddress":{"aws:SourceIp":"nowhere"}}`, policy.NoMatch},
		{`{"NotIpAddress":{"aws:SourceIp":"10.2.0.0/16"}}`, policy.Allow},
		{`{"NumericLessThanEquals":{"s3:max-keys":5}}`, policy.Allow},
		{`{"NumericGreaterThan":{"s3:max-keys":"5"}}`, policy.NoMatch},
		{`{"NumericEquals":{"aws:username":"5"}}`, policy.NoMatch},
		{`{"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}`, policy.Allow},
		{`{"DateGreaterThan":{"aws:CurrentTime":"1893456000"}}`, policy.NoMatch},
		{`{"Bool":{"aws:SecureTransport":true}}`, policy.Allow},
		{`{"Bool":{"aws:SecureTransport":"false"}}`, policy.NoMatch},
		{`{"Null":{"aws:absent":"true","aws:username":"false"}}`, policy.Allow},
		{`{"Null":{"aws:username":"true"}}`, policy.NoMatch},
		{`{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:1:t"}}`, policy.Allow},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}}`, policy.Allow},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`, policy.NoMatch},
		{`{"ForAllValues:StringEquals":{"aws:absent":["a"]}}`, policy.Allow},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["b","z"]}}`, policy.Allow},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":["z"]}}`, policy.NoMatch},
		{`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a"]}}`, policy.Allow},
		{`{"StringEquals":{"aws:username":"alice"},"Bool":{"aws:SecureTransport":"false"}}`, policy.NoMatch},
		{`{"Sometimes":{"aws:username":"alice"}}`, policy.Deny},
		{`{"StringEquals":{"aws:username":{"x":1}}}`, policy.Deny},
	} {
		s := statement(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":`+c.condition+`}`)
		got := s.Decide(policy.Version2012, policy.Question{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: context})
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.condition, got, c.want)
		}
	}
}

func TestAStatementCoversActionsAndResources(t *testing.T) {
	t.Parallel()
	q := policy.Question{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/alice/k", Context: map[string][]string{"aws:username": {"alice"}}}
	for _, c := range []struct {
		version, statement string
		want               policy.Decision
	}{
		{"", `{"Effect":"Deny","Action":"S3:get*","Resource":"arn:aws:s3:::b/*"}`, policy.Deny},
		{"", `{"Effect":"Allow","NotAction":"s3:Put*","NotResource":"arn:aws:s3:::c/*"}`, policy.Allow},
		{"", `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b"}`, policy.NoMatch},
		{policy.Version2012, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`, policy.Allow},
		{policy.Version2008, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*"}`, policy.NoMatch},
		{policy.Version2012, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:absent}/*"}`, policy.NoMatch},
		{"2020-01-01", `{"Effect":"Allow","Action":"*","Resource":"*"}`, policy.Deny},
		{"", `{"Effect":"Allow","Action":"*"}`, policy.Deny},
	} {
		if got := statement(t, c.statement).Decide(c.version, q); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.version, c.statement, got, c.want)
		}
	}
}

func TestFaultsOfDocumentsAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`:                "",
		`{"Statement":{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::b"]}}`: "",
		`{"Statement":[]}`: "Syntax errors",
		`not JSON`:         "Syntax errors",
		`{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`:                                              "Syntax errors",
		`{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}`:                                                     "Syntax errors",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Wrong":1}}`:                                                           "Syntax errors",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}`:                                                     "should not specify a principal",
		`{"Statement":{"Effect":"Allow","Resource":"*"}}`:                                                                                  "must contain actions",
		`{"Statement":{"Effect":"Allow","Action":"*"}}`:                                                                                    "must contain resources",
		`{"Statement":{"Effect":"Allow","Action":"get","Resource":"*"}}`:                                                                   "prefaced by a vendor",
		`{"Statement":{"Effect":"Allow","Action":"s 3:get","Resource":"*"}}`:                                                               "Vendor s 3 is not valid",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"b"}}`:                                                                     "must be in ARN format",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3"}}`:                                                            "legacy parsing",
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:x:s3:::b"}}`:                                                          `Partition "x"`,
		`{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}`: "must be unique",
	} {
		if err := policy.Check(text); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Check(%s) = %v, want %q", text, err, want)
		}
	}
}

// FuzzParse reads anything: it ends, and a document that is read can be checked and decided.
func FuzzParse(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a":true}}}]}`)
	f.Add(`{"Statement":{"Effect":"Deny","NotAction":[],"Principal":{"AWS":["*"]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := policy.Parse(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("Parse(%q) reads what is not JSON", text)
		}
		for _, s := range d.Statement {
			if got := s.Decide(d.Version, policy.Question{Action: "s3:GetObject", Resource: "*"}); got == policy.Allow && policy.Check(text) != nil && len(d.Statement) == 1 {
				t.Errorf("%q allows and is refused: %v", text, policy.Check(text))
			}
		}
	})
}
