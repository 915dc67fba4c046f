package standin_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"quarry/internal/standin"
)

const haikuRPM = "L-CCA5DF70" // "Cross-region model inference requests per minute for Anthropic Claude Haiku 4.5"

func invoke(ctx context.Context, c clients) error {
	_, err := c.runtime.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{
		ModelId: aws.String("us.anthropic.claude-haiku-4-5-20251001-v1:0"),
		Body:    []byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"Say something about stones."}]}`),
	})
	return err
}

// The quotas that Service Quotas lists and those that are enforced can differ.
func TestQuotasThatChangeWithoutAWord(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "quotas.json")
	if err := os.WriteFile(file, []byte(`{"*":{"rpm":600}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	server, c := start(t, func(cfg *standin.Config) { cfg.TestClock, cfg.QuotasFile = true, file })
	fixed, _ := start(t, nil)
	change := func(s *standin.Server, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/_quarry/quotas", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		status, _ := send(t, r)
		return status
	}
	if status := change(fixed, `{"*":{"rpm":1}}`); status == http.StatusOK {
		t.Error("a server without a test clock let its quotas be changed")
	}
	for _, body := range []string{``, `[]`, `{"*":{"rpm":-1}}`, `{"*":{"speed":1}}`, `{"no.such-model":{"rpm":1}}`} {
		if status := change(server, body); status != http.StatusBadRequest {
			t.Errorf("%s gives %d, want 400", body, status)
		}
	}
	if err := invoke(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if status := change(server, `{"*":{"rpm":1}}`); status != http.StatusOK {
		t.Fatalf("the change gives %d", status)
	}
	if err := invoke(t.Context(), c); err != nil {
		t.Errorf("the first call of a minute with one: %v", err)
	}
	want(t, "the second", invoke(t.Context(), c), "ThrottlingException")
	listed, err := c.quotas.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("bedrock"), QuotaCode: aws.String(haikuRPM)})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToFloat64(listed.Quota.Value); got != 600 {
		t.Errorf("Service Quotas lists %v requests a minute, want the 600 of the start", got)
	}
}

func TestOnDemandCallsWithoutCapacity(t *testing.T) {
	t.Parallel()
	_, c := start(t, func(cfg *standin.Config) { cfg.Fault = "no-capacity" })
	want(t, "bedrock-runtime", invoke(t.Context(), c), "ServiceUnavailableException")
	for service, err := range calls(t.Context(), c) {
		if err != nil && strings.Contains(err.Error(), "ServiceUnavailable") {
			t.Errorf("%s: %v, want the fault on calls alone", service, err)
		}
	}
}
