package bedrockapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/google/go-cmp/cmp"
)

// send makes a request by hand and gives status, headers and body.
func (w *world) send(method, path, body string, headers ...string) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

const validCreate = `{"jobName":"a","roleArn":"arn:aws:iam::123456789012:role/r","modelId":"` + haiku + `",` +
	`"inputDataConfig":{"s3InputDataConfig":{"s3Uri":"s3://papers/in/a.jsonl"}},` +
	`"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://papers/out"}}}`

func TestCreateChecksWhatTheServiceModelSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	set := func(old, with string) string { return strings.Replace(validCreate, old, with, 1) }
	const fails = "failed to satisfy constraint: "
	for name, test := range map[string]struct {
		body, code, message string
	}{
		"an underscore in the name": {
			set(`"jobName":"a"`, `"jobName":"my_bad_name"`), "ValidationException",
			`1 validation error detected: Value 'my_bad_name' at 'jobName' ` + fails + `Member must satisfy regular expression pattern: [a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}`,
		},
		"a long name": {
			set(`"jobName":"a"`, `"jobName":"`+strings.Repeat("a", 64)+`"`), "ValidationException",
			`Member must have length less than or equal to 63`,
		},
		"an empty name": {
			set(`"jobName":"a"`, `"jobName":""`), "ValidationException",
			`2 validation errors detected: Value '' at 'jobName' ` + fails + `Member must have length greater than or equal to 1; Value '' at 'jobName' ` + fails,
		},
		"no name": {
			set(`"jobName":"a",`, ``), "ValidationException",
			`1 validation error detected: Value at 'jobName' ` + fails + `Member must not be null`,
		},
		"nothing": {`{}`, "ValidationException", `5 validation errors detected: `},
		"a Hive prefix": {
			set("in/a.jsonl", "dt=2026-01-01/a.jsonl"), "ValidationException",
			`at 'inputDataConfig.s3InputDataConfig.s3Uri' ` + fails + `Member must satisfy regular expression pattern: s3://`,
		},
		"an empty input":       {set(`"s3InputDataConfig":{"s3Uri":"s3://papers/in/a.jsonl"}`, ``), "ValidationException", `'inputDataConfig.s3InputDataConfig'`},
		"another input format": {set(`"s3Uri":"s3://papers/in`, `"s3InputFormat":"CSV","s3Uri":"s3://papers/in`), "ValidationException", `Value 'CSV' at 'inputDataConfig.s3InputDataConfig.s3InputFormat' ` + fails + `Member must satisfy enum value set: [JSONL]`},
		"a role that is none":  {set("arn:aws:iam::123456789012:role/r", "role"), "ValidationException", `'roleArn'`},
		"too little time":      {set(`"jobName":"a"`, `"jobName":"a","timeoutDurationInHours":23`), "ValidationException", `Value '23' at 'timeoutDurationInHours' ` + fails + `Member must have value greater than or equal to 24`},
		"too much time":        {set(`"jobName":"a"`, `"jobName":"a","timeoutDurationInHours":169`), "ValidationException", `Member must have value less than or equal to 168`},
		"time in words":        {set(`"jobName":"a"`, `"jobName":"a","timeoutDurationInHours":"day"`), "SerializationException", ``},
		"a token ending in a dash": {
			set(`"jobName":"a"`, `"jobName":"a","clientRequestToken":"x-"`), "ValidationException", `'clientRequestToken'`,
		},
		"another way to invoke": {set(`"jobName":"a"`, `"jobName":"a","modelInvocationType":"Chat"`), "ValidationException", `[InvokeModel, Converse]`},
		"a tag without a value": {set(`"jobName":"a"`, `"jobName":"a","tags":[{"key":"k"}]`), "ValidationException", `'tags.1.member.value'`},
		"a doubled tag":         {set(`"jobName":"a"`, `"jobName":"a","tags":[{"key":"k","value":"1"},{"key":"k","value":"2"}]`), "ValidationException", `more than once`},
		"a comma in a tag":      {set(`"jobName":"a"`, `"jobName":"a","tags":[{"key":"k","value":"1,2"}]`), "ValidationException", `'tags.1.member.value'`},
		"faults that are none":  {set(`"jobName":"a"`, `"jobName":"a","tags":[{"key":"quarry-fault","value":"boom=1"}]`), "ValidationException", `boom`},
		"a network with no subnet": {
			set(`"jobName":"a"`, `"jobName":"a","vpcConfig":{"subnetIds":[],"securityGroupIds":["sg-1"]}`), "ValidationException", `'vpcConfig.subnetIds'`,
		},
		"a key that is none":     {set(`"s3Uri":"s3://papers/out"`, `"s3Uri":"s3://papers/out","s3EncryptionKeyId":"mykey"`), "ValidationException", `'outputDataConfig.s3OutputDataConfig.s3EncryptionKeyId'`},
		"an owner that is none":  {set(`"s3Uri":"s3://papers/out"`, `"s3Uri":"s3://papers/out","s3BucketOwner":"me"`), "ValidationException", `[0-9]{12}`},
		"an unknown model":       {set(haiku, "anthropic.claude-9"), "ValidationException", `The provided model identifier is invalid.`},
		"another Region's group": {set(haiku, strings.Replace(haiku, "us.", "eu.", 1)), "ValidationException", `The provided model identifier is invalid.`},
		"a model without its profile": {
			set(haiku, strings.TrimPrefix(haiku, "us.")), "ValidationException", `with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile`,
		},
		"a profile of another account": {set(haiku, "arn:aws:bedrock:us-west-2:999999999999:inference-profile/"+haiku), "ValidationException", `invalid`},
		"a model without jobs":         {set(haiku, "anthropic.claude-sonnet-5"), "ValidationException", ``},
		"no JSON":                      {`{"jobName"`, "SerializationException", ``},
		"a list":                       {`[]`, "SerializationException", ``},
		"names in another case":        {set(`"jobName"`, `"JobName"`), "ValidationException", `'jobName'`},
	} {
		status, header, body := w.send("POST", "/model-invocation-job", test.body)
		if status != 400 || !strings.HasPrefix(header.Get("x-amzn-ErrorType"), test.code+":http://internal.amazon.com/coral/") {
			t.Errorf("%s: %d %s", name, status, header.Get("x-amzn-ErrorType"))
		}
		if !strings.Contains(body, strings.ReplaceAll(test.message, `\`, `\\`)) || !strings.HasPrefix(body, `{"message":"`) {
			t.Errorf("%s: %s", name, body)
		}
		if header.Get("x-amzn-RequestId") == "" || header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: headers %v", name, header)
		}
	}
	for name, body := range map[string]string{
		"as it is":               validCreate,
		"unknown members":        set(`"jobName":"a"`, `"jobName":"a","newThing":{"x":[1]}`),
		"a profile's ARN":        set(haiku, "arn:aws:bedrock:us-west-2:123456789012:inference-profile/"+haiku),
		"commas in our own tag":  set(`"jobName":"a"`, `"jobName":"a","tags":[{"key":"quarry-fault","value":"shuffle=1,seed=2"}]`),
		"a network":              set(`"jobName":"a"`, `"jobName":"a","vpcConfig":{"subnetIds":["subnet-1"],"securityGroupIds":["sg-1"]}`),
		"a bucket and no folder": set("s3://papers/out", "s3://papers"),
		"a key of one's own":     set(`"s3Uri":"s3://papers/out"`, `"s3Uri":"s3://papers/out","s3EncryptionKeyId":"alias/my-key"`),
	} {
		if status, _, got := w.send("POST", "/model-invocation-job", body); status != 200 || !strings.HasPrefix(got, `{"jobArn":"arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/`) {
			t.Errorf("%s: %d %s", name, status, got)
		}
	}
}

func TestIdentifiersOfJobs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.upload("in/a.jsonl", 3)
	arn := w.create(job("a"))
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	w.end(arn)
	escaped := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(arn)
	for name, test := range map[string]struct {
		path   string
		status int
		code   string
	}{
		"one escaped segment":   {escaped, 200, ""},
		"slashes as they are":   {arn, 200, ""},
		"the bare id":           {id, 200, ""},
		"an unknown id":         {"aaaabbbbcccc", 404, "ResourceNotFoundException"},
		"another Region's ARN":  {strings.Replace(escaped, "us-west-2", "us-east-1", 1), 404, "ResourceNotFoundException"},
		"another account's ARN": {strings.Replace(escaped, "123456789012", "210987654321", 1), 404, "ResourceNotFoundException"},
		"a job name":            {"my-job", 400, "ValidationException"},
		"another kind of ARN":   {"arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Aguardrail%2F" + id, 400, "ValidationException"},
	} {
		status, header, body := w.send("GET", "/model-invocation-job/"+test.path, "")
		if status != test.status || !strings.HasPrefix(header.Get("x-amzn-ErrorType"), test.code) {
			t.Errorf("%s: %d %s %s", name, status, header.Get("x-amzn-ErrorType"), body)
		}
	}
	if status, header, _ := w.send("DELETE", "/model-invocation-job/"+id, ""); status != 404 || !strings.HasPrefix(header.Get("x-amzn-ErrorType"), "UnknownOperationException") {
		t.Errorf("an operation that is none: %d %v", status, header)
	}
	if status, _, body := w.send("POST", "/model-invocation-job/"+escaped+"/stop", ""); status != 400 || !strings.Contains(body, "State was: Completed") {
		t.Errorf("stop: %d %s", status, body)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.upload("in/a.jsonl", 3)
	arn := w.create(job("a"))
	list := func() string {
		out, err := w.bedrock.ListTagsForResource(t.Context(), &bedrock.ListTagsForResourceInput{ResourceARN: &arn})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, tag := range out.Tags {
			all = append(all, *tag.Key+"="+*tag.Value)
		}
		return strings.Join(all, " ")
	}
	tag := func(pairs ...string) error {
		in := &bedrock.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{}}
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			in.Tags = append(in.Tags, types.Tag{Key: &k, Value: &v})
		}
		_, err := w.bedrock.TagResource(t.Context(), in)
		return err
	}
	for _, ended := range []bool{false, true} {
		if ended {
			w.end(arn)
		}
		if err := tag("a=1", "b=2"); err != nil {
			t.Fatal(err)
		}
		if err := tag("b=3"); err != nil {
			t.Fatal(err)
		}
		if got := list(); got != "a=1 b=3" {
			t.Errorf("ended %v: tags %s", ended, got)
		}
		if _, err := w.bedrock.UntagResource(t.Context(), &bedrock.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"a", "b", "c"}}); err != nil {
			t.Fatal(err)
		}
		if got := list(); got != "" {
			t.Errorf("ended %v: tags left: %s", ended, got)
		}
	}
	var many []string
	for i := range 51 {
		many = append(many, "k"+strings.Repeat("x", i)+"=1")
	}
	wantCode(t, tag(many...), "TooManyTagsException", "50")
	wantCode(t, tag("quarry-fault=nonsense"), "ValidationException", "nonsense")
	arn = strings.Replace(arn, "model-invocation-job/", "model-invocation-job/zzzz", 1)[:len(arn)]
	wantCode(t, tag("a=1"), "ResourceNotFoundException", "")
}

func TestModelsAndProfiles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	models, err := w.bedrock.ListFoundationModels(t.Context(), &bedrock.ListFoundationModelsInput{ByProvider: aws.String("anthropic"), ByOutputModality: types.ModelModalityText})
	if err != nil || len(models.ModelSummaries) == 0 {
		t.Fatalf("%v, %v", models, err)
	}
	for _, m := range models.ModelSummaries {
		if *m.ProviderName != "Anthropic" || !strings.HasPrefix(*m.ModelArn, "arn:aws:bedrock:us-west-2::foundation-model/anthropic.") {
			t.Errorf("model %s %s", *m.ProviderName, *m.ModelArn)
		}
	}
	plain := strings.TrimPrefix(haiku, "us.")
	model, err := w.bedrock.GetFoundationModel(t.Context(), &bedrock.GetFoundationModelInput{ModelIdentifier: &plain})
	if err != nil {
		t.Fatal(err)
	}
	if d := model.ModelDetails; *d.ModelId != plain || d.ModelLifecycle.Status != types.FoundationModelLifecycleStatusActive || d.InferenceTypesSupported[0] != "INFERENCE_PROFILE" {
		t.Errorf("model %+v", d)
	}
	available, err := w.bedrock.GetFoundationModelAvailability(t.Context(), &bedrock.GetFoundationModelAvailabilityInput{ModelId: &plain})
	if err != nil || available.AgreementAvailability.Status != types.AgreementStatusAvailable || available.RegionAvailability != types.RegionAvailabilityAvailable {
		t.Errorf("availability %+v, %v", available, err)
	}
	_, err = w.bedrock.GetFoundationModel(t.Context(), &bedrock.GetFoundationModelInput{ModelIdentifier: aws.String("anthropic.claude-9-v1:0")})
	wantCode(t, err, "ResourceNotFoundException", "")

	var ids []string
	for pages := bedrock.NewListInferenceProfilesPaginator(w.bedrock, &bedrock.ListInferenceProfilesInput{MaxResults: aws.Int32(7)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.InferenceProfileSummaries {
			ids = append(ids, *p.InferenceProfileId)
		}
	}
	all, err := w.bedrock.ListInferenceProfiles(t.Context(), &bedrock.ListInferenceProfilesInput{MaxResults: aws.Int32(1000)})
	if err != nil {
		t.Fatal(err)
	}
	var whole []string
	for _, p := range all.InferenceProfileSummaries {
		whole = append(whole, *p.InferenceProfileId)
	}
	if diff := cmp.Diff(whole, ids); diff != "" || len(ids) < 8 {
		t.Errorf("pages differ from the whole: %s", diff)
	}
	for _, id := range ids {
		if strings.HasPrefix(id, "eu.") || strings.HasPrefix(id, "jp.") {
			t.Errorf("us-west-2 lists %s", id)
		}
	}
	profile, err := w.bedrock.GetInferenceProfile(t.Context(), &bedrock.GetInferenceProfileInput{InferenceProfileIdentifier: aws.String(haiku)})
	if err != nil || *profile.InferenceProfileArn != "arn:aws:bedrock:us-west-2:123456789012:inference-profile/"+haiku || len(profile.Models) < 2 {
		t.Errorf("profile %+v, %v", profile, err)
	}
	if _, err := w.bedrock.GetInferenceProfile(t.Context(), &bedrock.GetInferenceProfileInput{InferenceProfileIdentifier: profile.InferenceProfileArn}); err != nil {
		t.Error(err)
	}
	_, err = w.bedrock.GetInferenceProfile(t.Context(), &bedrock.GetInferenceProfileInput{InferenceProfileIdentifier: aws.String("us.nobody.knows-v1")})
	wantCode(t, err, "ResourceNotFoundException", "us.nobody")
}

func TestAnyRegionNameIsServed(t *testing.T) {
	t.Parallel()
	w := setup(t, func(s *settings) { s.region = "local-1" })
	w.upload("in/a.jsonl", 3)
	arn := w.create(job("a"))
	if !strings.HasPrefix(arn, "arn:aws:bedrock:local-1:") {
		t.Errorf("job %s", arn)
	}
	if got := w.end(arn); got.Status != types.ModelInvocationJobStatusCompleted {
		t.Errorf("%s: %s", got.Status, aws.ToString(got.Message))
	}
}
