package preflight_test

import (
	"testing"

	"quarry/internal/aws/preflight"
)

func TestPoliciesAreEvaluatedAsIAMDoes(t *testing.T) {
	t.Parallel()
	context := map[string]string{
		"aws:SourceAccount": account, "aws:SourceArn": "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abcdefghijkl", "aws:SecureTransport": "true",
	}
	const bedrockMay = `"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","bedrock.amazonaws.com"]},"Action":`
	for _, test := range []struct{ name, policy, allows, denies string }{
		{"one statement without a list", `{"Statement":{` + bedrockMay + `"sts:AssumeRole"}}`, "yes", "no"},
		{"no statement", `{}`, "no", "no"},
		{"an action in other letters", `{"Statement":[{` + bedrockMay + `["STS:assumerole"]}]}`, "yes", "no"},
		{"a wildcard action", `{"Statement":[{` + bedrockMay + `"sts:Assume*"}]}`, "yes", "no"},
		{"another action", `{"Statement":[{` + bedrockMay + `"sts:TagSession"}]}`, "no", "no"},
		{"all but this action", `{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"sts:AssumeRole"}]}`, "no", "no"},
		{"everybody", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*"}]}`, "yes", "no"},
		{"everybody but Bedrock denied", `{"Statement":[{"Effect":"Deny","NotPrincipal":{"Service":"bedrock.amazonaws.com"},"Action":"*"}]}`, "no", "no"},
		{"a wildcard in the middle of an ARN", `{"Statement":[{` + bedrockMay + `"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:*:123456789012:model-invocation-job/*"}}}]}`, "yes", "no"},
		{"a wildcard does not reach over a colon", `{"Statement":[{` + bedrockMay + `"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:*:model-invocation-job/*"}}}]}`, "no", "no"},
		{"but does in StringLike", `{"Statement":[{` + bedrockMay + `"*","Condition":{"StringLike":{"AWS:SourceArn":"arn:aws:bedrock:*:model-invocation-job/*"}}}]}`, "yes", "no"},
		{"one of several values", `{"Statement":[{` + bedrockMay + `"*","Condition":{"StringEquals":{"aws:SourceAccount":["1","123456789012"]}}}]}`, "yes", "no"},
		{"a truth value that is no text", `{"Statement":[{` + bedrockMay + `"*","Condition":{"Bool":{"aws:SecureTransport":true}}}]}`, "yes", "no"},
		{"a key that is not known", `{"Statement":[{` + bedrockMay + `"*","Condition":{"StringEquals":{"aws:SourceOrgID":"o"}}}]}`, "maybe", "no"},
		{"a key that is not known beside one that fails", `{"Statement":[{` + bedrockMay + `"*","Condition":{"StringEquals":{"aws:SourceOrgID":"o","aws:SourceAccount":"1"}}}]}`, "no", "no"},
		{"an operator that is not known", `{"Statement":[{` + bedrockMay + `"*","Condition":{"IpAddress":{"aws:SourceAccount":"1"}}}]}`, "maybe", "no"},
		{"a Deny beside an Allow", `{"Statement":[{` + bedrockMay + `"*"},{"Effect":"Deny","Principal":"*","Action":"sts:*","Condition":{"StringNotEquals":{"aws:SourceAccount":"1"}}}]}`, "yes", "yes"},
		{"a Deny whose condition is not met", `{"Statement":[{` + bedrockMay + `"*"},{"Effect":"Deny","Principal":"*","Action":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, "yes", "no"},
		{"a key that must be there", `{"Statement":[{` + bedrockMay + `"*","Condition":{"Null":{"aws:SourceAccount":"false"}}}]}`, "yes", "no"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			allows, denies, err := preflight.Evaluate(test.policy, "Service", "bedrock.amazonaws.com", "sts:AssumeRole", "", context)
			if err != nil || allows != test.allows || denies != test.denies {
				t.Errorf("Evaluate = allows %s, denies %s, %v; want %s, %s", allows, denies, err, test.allows, test.denies)
			}
		})
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(trust("bedrock", account, "ArnEquals", "us-west-2"), "arn:aws:s3:::b/k")
	f.Add(`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":["s3:*?*"],"NotResource":"*","Condition":{"ForAllValues:StringLikeIfExists":{"a":[1,true,"*"]}}}]}`, "")
	f.Add(`{"Statement":null}`, "*")
	f.Fuzz(func(t *testing.T, policy, resource string) {
		allows, denies, err := preflight.Evaluate(policy, "AWS", roleARN, "s3:GetObject", resource, map[string]string{"a": "b"})
		if err == nil && (allows == "" || denies == "") {
			t.Errorf("Evaluate(%q) gave no verdict", policy)
		}
	})
}
