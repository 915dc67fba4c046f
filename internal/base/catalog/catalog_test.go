package catalog_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/catalog"

	"github.com/google/go-cmp/cmp"
)

const haiku = "anthropic.claude-haiku-4-5-20251001-v1:0"

func find(t *testing.T, id string) catalog.Model {
	t.Helper()
	m, _, ok := catalog.Find(id)
	if !ok {
		t.Fatalf("Find(%q) found nothing", id)
	}
	return m
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, id, model, profile string }{
		{"the default model", quarry.DefaultModel, haiku, "us"},
		{"a plain id", haiku, haiku, ""},
		{"the global profile", "global." + haiku, haiku, "global"},
		{"a foundation-model ARN", "arn:aws:bedrock:us-west-2::foundation-model/" + haiku, haiku, ""},
		{"an inference-profile ARN", "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us." + haiku, haiku, "us"},
		{"a GovCloud profile", "us-gov.openai.gpt-oss-20b-1:0", "openai.gpt-oss-20b-1:0", "us-gov"},
		{"a model whose name begins like no prefix", "deepseek.v3.2", "deepseek.v3.2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, profile, ok := catalog.Find(tt.id)
			if !ok || m.ID != tt.model || profile != tt.profile {
				t.Errorf("Find(%q) = %q, %q, %v, want %q, %q", tt.id, m.ID, profile, ok, tt.model, tt.profile)
			}
		})
	}
	for _, id := range []string{
		"", ".", "us.", "us.us." + haiku, "arn:", "arn:aws:bedrock", "claude-haiku-4-5", "ap." + haiku,
		"us-gov." + haiku, "apac." + haiku, // no such profiles of this model
		"arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123def456",
		"arn:aws:bedrock:us-west-2::foundation-model/",
		"arn:aws:sagemaker:us-west-2::foundation-model/" + haiku,
		"\xff\xfe", strings.Repeat("a", 100_000),
	} {
		if m, profile, ok := catalog.Find(id); ok {
			t.Errorf("Find(%.40q) = %q, %q, want nothing", id, m.ID, profile)
		}
	}
}

func TestModelsHaveWhatEveryModelHas(t *testing.T) {
	t.Parallel()
	date := regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	if !date.MatchString(catalog.Date()) {
		t.Errorf("Date() = %q, want a date", catalog.Date())
	}
	families := []catalog.Family{catalog.Anthropic, catalog.Nova, catalog.Llama, catalog.OpenAIChat, catalog.TitanEmbed, catalog.NovaEmbed}
	codes := map[string]string{}
	for _, m := range catalog.Models() {
		if m.ID == "" || m.Name == "" || m.Provider == "" || !slices.Contains(families, m.Family) {
			t.Errorf("model %+v lacks id, name, provider or family", m)
		}
		if len(m.Sources()) == 0 {
			t.Errorf("%s has no source", m.ID)
		}
		for _, url := range m.Sources() {
			if !strings.HasPrefix(url, "https://") {
				t.Errorf("%s: source %q is no public page", m.ID, url)
			}
		}
		for _, d := range []string{m.Lifecycle.Legacy, m.Lifecycle.Extended, m.Lifecycle.EOL, m.Lifecycle.EOLNotBefore} {
			if d != "" && !date.MatchString(d) {
				t.Errorf("%s: %q is no date", m.ID, d)
			}
		}
		if m.Burndown() < 1 {
			t.Errorf("%s: burndown %d", m.ID, m.Burndown())
		}
		if len(m.Profiles()) == 0 && len(m.JobRegions("")) == 0 {
			t.Errorf("%s can be named in no Region", m.ID)
		}
		for _, p := range append(m.Profiles(), "") {
			id := m.ID
			if p != "" {
				id = p + "." + id
			}
			if got, profile, ok := catalog.Find(id); !ok || got.ID != m.ID || profile != p {
				t.Errorf("Find(%q) = %q, %q, %v", id, got.ID, profile, ok)
			}
		}
		for _, r := range m.QuotaRows() {
			if r.Code == "" {
				continue
			}
			if other := codes[r.Code]; other != "" {
				t.Errorf("quota code %s stands at %q and at %q", r.Code, other, r.Label)
			}
			codes[r.Code] = r.Label
		}
		if q := m.Quotas(""); m.Batch != (q.MinRecords > 0) {
			t.Errorf("%s: batch %v, but at least %d records a job", m.ID, m.Batch, q.MinRecords)
		}
	}
}

func TestDefaultModelAsItsPagesSay(t *testing.T) {
	t.Parallel()
	m := find(t, quarry.DefaultModel)
	if got := m.Profiles(); !slices.Equal(got, []string{"au", "eu", "global", "jp", "us"}) {
		t.Errorf("Profiles() = %v", got)
	}
	if m.Context != 200_000 || m.MaxOutput != 64_000 || m.CacheMin != 4096 || m.Family != catalog.Anthropic || !m.Batch {
		t.Errorf("Find(DefaultModel) = %+v", m)
	}
	if got := m.Offers(catalog.Flex); got != catalog.No {
		t.Errorf("Offers(flex) = %q, want no", got)
	}
	if !m.ProfileRequired("us-west-2") {
		t.Error("ProfileRequired(us-west-2) = false, but the plain id takes no jobs")
	}
	want := []string{"us." + haiku, "global." + haiku}
	if diff := cmp.Diff(want, m.JobIDs("us-west-2")); diff != "" {
		t.Errorf("JobIDs(us-west-2) (-want +got):\n%s", diff)
	}
	regions, known := m.Destinations("us", "us-west-2")
	if !known || !slices.Equal(regions, []string{"us-east-1", "us-east-2", "us-west-2"}) {
		t.Errorf("Destinations(us, us-west-2) = %v, %v", regions, known)
	}
	if regions, known := m.Destinations("us", "us-west-1"); !known || len(regions) != 4 {
		t.Errorf("Destinations(us, us-west-1) = %v, %v, want four: it depends on the source Region", regions, known)
	}
	if regions, known := m.Destinations("us", "eu-west-1"); known {
		t.Errorf("Destinations(us, eu-west-1) = %v, want not known", regions)
	}
	if regions, known := m.Destinations("global", "us-west-2"); known {
		t.Errorf("Destinations(global, us-west-2) = %v, want not known", regions)
	}
}

func TestNothingInTheTableCanBeChanged(t *testing.T) {
	t.Parallel()
	m := find(t, "openai.gpt-oss-20b-1:0")
	m.JobRegions("")[0] = "nowhere"
	m.Tiers()[0] = "nothing"
	catalog.Models()[0].ID = "nobody"
	if r, _ := find(t, quarry.DefaultModel).Destinations("us", "us-west-2"); true {
		r[0] = "nowhere"
	}
	if slices.Contains(m.JobRegions(""), "nowhere") || m.Tiers()[0] == "nothing" || catalog.Models()[0].ID == "nobody" {
		t.Error("a caller could change the table")
	}
	if r, _ := find(t, quarry.DefaultModel).Destinations("us", "us-west-2"); r[0] == "nowhere" {
		t.Error("a caller could change the routes")
	}
}

func TestLifecycleFollowsTheCalendar(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id, day string
		want          catalog.State
	}{
		{"before its end", "anthropic.claude-sonnet-4-20250514-v1:0", "2026-10-13", catalog.Legacy},
		{"on its last day", "anthropic.claude-sonnet-4-20250514-v1:0", "2026-10-14", catalog.EndOfLife},
		{"dead already", "anthropic.claude-3-haiku-20240307-v1:0", "2026-11-21", catalog.EndOfLife},
		{"legacy without a known first day", "meta.llama3-3-70b-instruct-v1:0", "2026-11-21", catalog.Legacy},
		{"legacy until its end", "meta.llama3-3-70b-instruct-v1:0", "2027-03-30", catalog.EndOfLife},
		{"active, and no end announced", haiku, "2026-11-21", catalog.Active},
		{"not known", "qwen.qwen3-32b-v1:0", "2026-11-21", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			day, err := time.Parse(time.DateOnly, tt.day)
			if err != nil {
				t.Fatal(err)
			}
			if got := find(t, tt.id).Lifecycle.On(day); got != tt.want {
				t.Errorf("On(%s) = %q, want %q", tt.day, got, tt.want)
			}
		})
	}
}

func TestBodyFields(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id string
		field    catalog.Field
		want     catalog.Answer
	}{
		{"Haiku 4.5 takes a temperature", haiku, catalog.Temperature, catalog.Yes},
		{"Haiku 4.5 takes a schema", haiku, catalog.StructuredOutput, catalog.Yes},
		{"Opus 5 takes no top_p", "anthropic.claude-opus-5", catalog.TopP, catalog.No},
		{"Opus 5 takes no schema", "anthropic.claude-opus-5", catalog.StructuredOutput, catalog.No},
		{"Opus 5.5 takes no top_k", "us.anthropic.claude-opus-5-5", catalog.TopK, catalog.No},
		{"Sonnet 5 takes no temperature", "us.anthropic.claude-sonnet-5", catalog.Temperature, catalog.No},
		{"Haiku 5.5 takes no temperature", "jp.anthropic.claude-haiku-5-5", catalog.Temperature, catalog.No},
		{"Haiku 5.5 takes no schema", "au.anthropic.claude-haiku-5-5", catalog.StructuredOutput, catalog.No},
		{"Nova 2 Lite takes no schema", "us.amazon.nova-2-lite-v1:0", catalog.StructuredOutput, catalog.No},
		{"gpt-oss takes a schema", "openai.gpt-oss-120b-1:0", catalog.StructuredOutput, catalog.Yes},
		{"what is not known is not refused", "qwen.qwen3-32b-v1:0", catalog.TopP, catalog.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := find(t, tt.id).Takes(tt.field); got != tt.want {
				t.Errorf("Takes(%s) = %q, want %q", tt.field, got, tt.want)
			}
		})
	}
	if !find(t, haiku).Excludes(catalog.TopP, catalog.Temperature) || find(t, "anthropic.claude-opus-4-6-v1").Excludes(catalog.Temperature, catalog.TopP) {
		t.Error("Excludes: want Haiku 4.5 to take one of temperature and top_p, and Opus 4.6 both")
	}
}

func TestThinking(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, id, off string
		on            bool
		kind          string
		want          catalog.Answer
	}{
		{"Haiku 4.5 thinks when it is asked to", haiku, "disabled", false, "enabled", catalog.Yes},
		{"Opus 4.7 has no budget", "us.anthropic.claude-opus-4-7", "disabled", false, "enabled", catalog.No},
		{"Haiku 5.5 thinks by itself", "us.anthropic.claude-haiku-5-5", "disabled", true, "disabled", catalog.Yes},
		{"Sonnet 5.5 cannot be disabled", "eu.anthropic.claude-sonnet-5-5", "between_tools", true, "disabled", catalog.No},
		{"Opus 5.5 always thinks", "us.anthropic.claude-opus-5-5", "", true, "disabled", catalog.No},
		{"what is not known", "qwen.qwen3-32b-v1:0", "", false, "enabled", catalog.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := find(t, tt.id).Thinking()
			if got.On != tt.on || got.Off != tt.off || got.Takes(tt.kind) != tt.want {
				t.Errorf("Thinking() = %+v, Takes(%s) = %q, want on %v, off %q and %q", got, tt.kind, got.Takes(tt.kind), tt.on, tt.off, tt.want)
			}
		})
	}
}

func TestShapeOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id     string
		want   catalog.Shape
		output string
	}{
		{quarry.DefaultModel, catalog.ShapeAnthropic, "text"},
		{"us.anthropic.claude-haiku-9", catalog.ShapeAnthropic, "text"},
		{"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-9", catalog.ShapeAnthropic, "text"},
		{"arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl", catalog.ShapeNova, "text"},
		{"us.amazon.nova-3-pro-v1:0", catalog.ShapeNova, "text"},
		{"amazon.nova-canvas-v1:0", catalog.ShapeImage, "images"},
		{"amazon.nova-reel-v1:1", catalog.ShapeVideo, "video"},
		{"amazon.nova-sonic-v1:0", catalog.ShapeSpeech, "speech"},
		{"amazon.nova-2-multimodal-embeddings-v1:0", catalog.ShapeNovaEmbed, "embeddings"},
		{"amazon.titan-embed-text-v2:0", catalog.ShapeTitanEmbed, "embeddings"},
		{"amazon.titan-embed-image-v1", catalog.ShapeTitanImage, "embeddings"},
		{"amazon.titan-image-generator-v2:0", catalog.ShapeImage, "images"},
		{"amazon.titan-text-express-v1", catalog.ShapeTitanText, "text"},
		{"amazon.rerank-v1:0", catalog.ShapeRerank, "scores"},
		{"cohere.embed-english-v3", catalog.ShapeCohereEmbed, "embeddings"},
		{"cohere.rerank-v3-5:0", catalog.ShapeRerank, "scores"},
		{"cohere.command-r-plus-v1:0", catalog.ShapeCohereChat, "text"},
		{"cohere.command-text-v14", catalog.ShapeCohereText, "text"},
		{"us.meta.llama5-70b-instruct-v1:0", catalog.ShapeLlama, "text"},
		{"us.deepseek.r1-v1:0", catalog.ShapeDeepSeekR1, "text"},
		{"deepseek.v4", catalog.ShapeOpenAI, "text"},
		{"mistral.mixtral-8x7b-instruct-v0:1", catalog.ShapeMistralText, "text"},
		{"mistral.mistral-large-4", catalog.ShapeOpenAI, "text"},
		{"stability.sd3-5-large-v1:0", catalog.ShapeImage, "images"},
		{"twelvelabs.marengo-embed-2-7-v1:0", catalog.ShapeEmbed, "embeddings"},
		{"acme.brain-1", "", ""},
		{"claude", "", ""},
		{"", "", ""},
		{"us.", "", ""},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdefghijkl", "", ""},
		{"arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl", "", ""},
	} {
		got, ok := catalog.ShapeOf(tt.id)
		if got != tt.want || ok != (tt.want != "") || got.Output() != tt.output {
			t.Errorf("ShapeOf(%q) = %q, %v, %q, want %q, %q", tt.id, got, ok, got.Output(), tt.want, tt.output)
		}
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, id, first string }{
		{"a letter is missing", "us.anthropic.claude-haiku-4-5-2025101-v1:0", "us." + haiku},
		{"the version is missing", "us.anthropic.claude-haiku-4-5", "us." + haiku},
		{"the display name", "Claude Haiku 4.5", "us." + haiku},
		{"a wrong profile", "us-gov." + haiku, "us." + haiku},
		{"the wrong profile stays when the model has it", "eu.anthropic.claude-haiku-4-5-20251001", "eu." + haiku},
		{"a plain id where there is one", "openai.gpt-oss-20b", "openai.gpt-oss-20b-1:0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := catalog.Suggest(tt.id)
			if len(got) == 0 || got[0] != tt.first {
				t.Fatalf("Suggest(%q) = %v, want %q first", tt.id, got, tt.first)
			}
			for _, id := range got {
				if _, _, ok := catalog.Find(id); !ok {
					t.Errorf("Suggest(%q) names %q, which Find does not know", tt.id, id)
				}
			}
		})
	}
	for _, id := range []string{"", "x", "gpt-4o-mini-something-else", "日本語", "arn:aws:iam::1:role/x", strings.Repeat("claude", 1000)} {
		if got := catalog.Suggest(id); len(got) != 0 {
			t.Errorf("Suggest(%.20q) = %v, want nothing", id, got)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, id string }{
		{"Claude Haiku 4.5", haiku},
		{"Claude Haiku 4.5 (Amazon Bedrock Edition)", haiku},
		{"Anthropic Claude Haiku 4.5", haiku},
		{"Nova Lite", "amazon.nova-lite-v1:0"},
		{"Amazon Nova Lite", "amazon.nova-lite-v1:0"},
		{"Nova 2 Lite", "amazon.nova-2-lite-v1:0"},
		{"Llama 3.3 70B Instruct", "meta.llama3-3-70b-instruct-v1:0"},
		{"gpt-oss-20b", "openai.gpt-oss-20b-1:0"},
		{"Qwen3-32B", "qwen.qwen3-32b-v1:0"},
		{"Claude Haiku 45", haiku}, // punctuation does not count
		{"Claude Haiku", ""},
		{"", ""},
	} {
		if m, ok := catalog.Named(tt.name); m.ID != tt.id || ok != (tt.id != "") {
			t.Errorf("Named(%q) = %q, %v, want %q", tt.name, m.ID, ok, tt.id)
		}
	}
}

func TestARNs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, got, want string }{
		{"a profile", catalog.InferenceProfileARN("us-west-2", "123456789012", "us."+haiku), "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us." + haiku},
		{"a model", catalog.FoundationModelARN("us-east-1", haiku), "arn:aws:bedrock:us-east-1::foundation-model/" + haiku},
		{"a model of a global profile's grant", catalog.FoundationModelARN("", haiku), "arn:aws:bedrock:::foundation-model/" + haiku},
		{"GovCloud", catalog.FoundationModelARN("us-gov-west-1", haiku), "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/" + haiku},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, s := range []string{quarry.DefaultModel, "arn:aws:bedrock:us-west-2::foundation-model/" + haiku, "us-gov.", "Claude Haiku 4.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, id string) {
		m, profile, ok := catalog.Find(id)
		if ok && !m.HasProfile(profile) {
			t.Errorf("Find(%q) gives profile %q, which %s lacks", id, profile, m.ID)
		}
		for _, s := range catalog.Suggest(id) {
			if _, _, ok := catalog.Find(s); !ok {
				t.Errorf("Suggest(%q) names %q, which Find does not know", id, s)
			}
		}
	})
}
