package setup_test

import (
	"strings"
	"testing"

	"quarry/internal/aws/setup"
)

// Whatever is there, what setup makes of it holds, and setup finds nothing more to do.
func fuzzPolicy(f *testing.F, mend func(string, setup.Wants) (string, []string, error), sure string) {
	f.Helper()
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"Statement":null}`, `{"Statement":[null]}`, `{"Statement":"x"}`, `{"Statement":{}}`, `{"Statement":[{"Sid":1}]}`,
		trustHead + `{"Effect":"Allow","Principal":{"Service":["bedrock.amazonaws.com","a"],"AWS":"*"},"Action":"sts:AssumeRole"}]}`,
		trustHead + `{"Sid":"QuarryUsWest2","Effect":"Deny","Principal":"*"},{"Sid":"QuarryUsWest2"}]}`,
		trustHead + `{"Sid":"ModelX","Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:::foundation-model/x"},{"Sid":"ModelX","Resource":"/"}]}`,
		trustHead + `{"Condition":{"StringEquals":{"aws:SourceAccount":["123456789012"]}},"Principal":{"Service":"bedrock.amazonaws.com"}}]}`,
		trustHead + `{"Condition":{"StringEquals":"x"},"Principal":{"Service":{"a":"bedrock.amazonaws.com"}}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, lines, err := mend(text, wants())
		if err != nil {
			return
		}
		twice, again, err := mend(once, wants())
		if err != nil || len(again) > 0 || len(lines) > 0 && twice != once {
			t.Fatalf("of %q it made %q (%q), and of that %q (%q), %v", text, once, lines, twice, again, err)
		}
		if !strings.Contains(once, sure) {
			t.Fatalf("of %q it made %q, without %s", text, once, sure)
		}
	})
}

func FuzzTrust(f *testing.F) { fuzzPolicy(f, setup.CompleteTrust, "bedrock.amazonaws.com") }

func FuzzRights(f *testing.F) { fuzzPolicy(f, setup.CompleteRights, "s3:GetObject") }
