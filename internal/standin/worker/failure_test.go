package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/standin/model"
	"quarry/internal/standin/worker"
)

func TestAJobFailsLateAndSaysWhy(t *testing.T) {
	t.Parallel()
	good := records(100)
	line := func(at int, text string) []string {
		lines := append([]string(nil), good...)
		lines[at-1] = text
		return lines
	}
	for name, test := range map[string]struct {
		input string   // of the job; default in/a.jsonl
		lines []string // of in/a.jsonl
		spec  func(*worker.Spec)
		want  string
	}{
		"too few records":            {lines: good[:1], want: "Batch job contains less records (1) than the required minimum of: 100"},
		"no records":                 {lines: nil, want: "Batch job contains less records (0) than the required minimum of: 100"},
		"a line that is no JSON":     {lines: line(7, `{"recordId":"x","modelInput":{"a":1}`), want: "line 7 is not valid JSON"},
		"a line that is no object":   {lines: line(100, `[1]`), want: "line 100 is not a JSON object"},
		"a line without input":       {lines: line(2, `{"recordId":"x"}`), want: "line 2 has no modelInput"},
		"input that is no object":    {lines: line(2, `{"modelInput":"x"}`), want: "line 2 has a modelInput that is not a JSON object"},
		"an id that is no string":    {lines: line(2, `{"recordId":1,"modelInput":{}}`), want: "line 2 has a recordId that is not a string"},
		"two values on a line":       {lines: line(2, `{"modelInput":{}} {}`), want: "line 2 holds more than one"},
		"an empty line between":      {lines: line(50, ""), want: "line 50 is empty"},
		"invalid UTF-8":              {lines: line(3, "{\"modelInput\":{\"a\":\"\xff\"}}"), want: "line 3 is not valid JSON"},
		"a line that is too long":    {lines: line(4, `{"modelInput":{"a":"`+strings.Repeat("x", 33<<20)+`"}}`), want: "line 4 is longer than"},
		"too many records":           {lines: records(301), want: "Batch job input file in/a.jsonl contains more records than the allowed maximum of: 300"},
		"too large a file":           {lines: line(1, `{"modelInput":{"a":"`+strings.Repeat("x", 40<<20)+`"}}`), want: "is larger ("},
		"a key that is not there":    {input: "in/none.jsonl", want: "Could not validate GetObject permissions to access Amazon S3 bucket: papers at key in/none.jsonl."},
		"a bucket that is not there": {spec: func(s *worker.Spec) { s.InputURI = "s3://nobodys/in/a.jsonl" }, want: "Amazon S3 bucket: nobodys at key in/a.jsonl."},
		"an output bucket that is not there": {
			lines: good, spec: func(s *worker.Spec) { s.OutputURI = "s3://nobodys/out" },
			want: "Could not validate PutObject permissions to access Amazon S3 bucket: nobodys",
		},
		"a bucket of another owner": {
			lines: good, spec: func(s *worker.Spec) { s.InputOwner = "999999999999" },
			want: "Could not validate GetObject permissions to access Amazon S3 bucket: papers",
		},
		"a folder without JSONL": {input: "elsewhere/", want: "No JSONL files were found"},
		"another suffix":         {input: "in/a.json", want: "No JSONL files were found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(c *worker.Config) {
				c.Quotas = func(string, string) quarry.Quotas {
					return quarry.Quotas{MinRecords: 100, RecordsPerFile: 300, RecordsPerJob: 400, FileBytes: 36 << 20}
				}
			}, func(t *testing.T, w *world) {
				w.put("in/a.jsonl", test.lines...)
				input := test.input
				if input == "" {
					input = "in/a.jsonl"
				}
				s := spec(input)
				if test.spec != nil {
					test.spec(&s)
				}
				j := w.until(w.create(s).ID, quarry.JobFailed)
				if !strings.Contains(j.Message, test.want) {
					t.Errorf("message %q, want %q", j.Message, test.want)
				}
				if took := j.Ended.Sub(j.Submitted); took < 2*worker.DefaultStateDelay {
					t.Errorf("failed after %v: validation is not so early", took)
				}
				if j.Counts != (quarry.JobCounts{}) || len(w.keys("out/")) != 0 {
					t.Errorf("counters %+v, output %v", j.Counts, w.keys("out/"))
				}
			})
		})
	}
}

func TestEmptyLinesAtTheEndAreNoRecords(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", append(records(3), "", "  ", "")...)
		if j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted); j.Counts.Total != 3 {
			t.Errorf("counts %+v", j.Counts)
		}
	})
}

func TestTheRoleNeedsItsRights(t *testing.T) {
	t.Parallel()
	const profile = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.x"
	for name, test := range map[string]struct {
		denied string // "action resource", as Access is asked
		input  string
		want   string // empty: the job completes
	}{
		"trust":                       {denied: "sts:AssumeRole " + role, want: "not able to assume the role " + role},
		"reading":                     {denied: "s3:GetObject arn:aws:s3:::papers/in/a.jsonl", want: "Could not validate GetObject permissions to access Amazon S3 bucket: papers at key in/a.jsonl."},
		"reading one file of several": {denied: "s3:GetObject arn:aws:s3:::papers/in/b.jsonl", input: "in/", want: "GetObject permissions to access Amazon S3 bucket: papers at key in/b.jsonl."},
		"listing a folder":            {denied: "s3:ListBucket arn:aws:s3:::papers", input: "in/", want: "Could not validate ListBucket permissions"},
		"listing, with one file":      {denied: "s3:ListBucket arn:aws:s3:::papers"},
		"writing":                     {denied: "s3:PutObject *", want: "Could not validate PutObject permissions to access Amazon S3 bucket: papers at key out/"},
		"the profile":                 {denied: "bedrock:InvokeModel " + profile, want: "Customer doesn't have permissions to invokeModel"},
		"the model in one Region":     {denied: "bedrock:InvokeModel arn:aws:bedrock:us-east-2::foundation-model/x", want: "Customer doesn't have permissions to invokeModel"},
		"the output's key":            {denied: "kms:GenerateDataKey arn:aws:kms:us-west-2:123456789012:alias/mine", want: "Could not validate PutObject permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(c *worker.Config) {
				c.Access = func(_ context.Context, principal, action, resource string, conditions map[string]string) error {
					wantPrincipal := role
					if action == "sts:AssumeRole" {
						wantPrincipal = "bedrock.amazonaws.com"
						if !strings.HasPrefix(conditions["aws:SourceArn"], "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/") || conditions["aws:SourceAccount"] != "123456789012" {
							t.Errorf("conditions of trust: %v", conditions)
						}
					}
					if principal != wantPrincipal {
						t.Errorf("%s asked for %s", principal, action)
					}
					if wanted, where, _ := strings.Cut(test.denied, " "); action == wanted && (where == "*" || resource == where) {
						return errors.New("denied")
					}
					return nil
				}
			}, func(t *testing.T, w *world) {
				w.put("in/a.jsonl", records(3)...)
				w.put("in/b.jsonl", records(3)...)
				s := spec("in/a.jsonl")
				if test.input != "" {
					s = spec(test.input)
				}
				s.ModelID, s.InvokeARNs, s.OutputKMSKey = profile, []string{profile, "arn:aws:bedrock:us-west-2::foundation-model/x", "arn:aws:bedrock:us-east-2::foundation-model/x"}, "alias/mine"
				status := quarry.JobCompleted
				if test.want != "" {
					status = quarry.JobFailed
				}
				if j := w.until(w.create(s).ID, status); !strings.Contains(j.Message, test.want) || strings.Contains(j.Message, "kms") {
					t.Errorf("message %q, want %q", j.Message, test.want)
				}
			})
		})
	}
}

func TestInputThatChangesUnderAJobFailsIt(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(3)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobScheduled)
		w.put("in/a.jsonl", records(4)...)
		if j = w.until(j.ID, quarry.JobFailed); !strings.Contains(j.Message, "was changed while the job was running") {
			t.Errorf("message %q", j.Message)
		}
	})
}

func TestOneBadAnswerCostsOneRecord(t *testing.T) {
	t.Parallel()
	answers := func(ctx context.Context, r model.Request) (model.Response, error) {
		switch r.RecordID {
		case "r0":
			panic("boom")
		case "r1":
			return model.Response{Body: []byte("no JSON")}, nil
		case "r2":
			return model.Response{}, errors.New("secret detail")
		case "r3":
			return model.Response{Body: []byte("{\n  \"a\": \"b c\"\n}\n"), InputTokens: 1}, nil
		}
		return echo(ctx, r)
	}
	inBubble(t, func(c *worker.Config) { c.Model = answerer(answers) }, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(5)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobCompleted)
		if j.Counts.Error != 3 || j.Counts.Success != 2 {
			t.Errorf("counts %+v", j.Counts)
		}
		lines := w.lines(j, "a.jsonl.out")
		for _, l := range lines[:3] {
			if !strings.Contains(l, `"error":{"errorCode":500,"errorMessage":"The system encountered an unexpected error`) {
				t.Errorf("line %s", l)
			}
		}
		if !strings.HasSuffix(lines[3], `"modelOutput":{"a":"b c"}}`) {
			t.Errorf("line %s", lines[3])
		}
	})
}

func TestTimeRunsOut(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, r model.Request) (model.Response, error) {
		select {
		case <-time.After(time.Hour):
			return echo(ctx, r)
		case <-ctx.Done():
			return model.Response{}, ctx.Err()
		}
	}
	config := func(c *worker.Config) { c.Model = answerer(slow); c.Concurrency = 1 }
	inBubble(t, config, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(30)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobPartiallyCompleted)
		if j.Counts.Processed != 23 || j.Counts.Total != 30 || j.Message != "Not all of your records could be processed in time." {
			t.Errorf("job %+v", j)
		}
		if got := len(w.lines(j, "a.jsonl.out")); got != 23 {
			t.Errorf("%d lines", got)
		}
	})
	inBubble(t, config, func(t *testing.T, w *world) {
		w.put("in/a.jsonl", records(30)...)
		j := w.until(w.create(spec("in/a.jsonl")).ID, quarry.JobScheduled)
		if err := w.engine.Advance(26 * time.Hour); err != nil {
			t.Fatal(err)
		}
		if j = w.until(j.ID, quarry.JobExpired); j.Message == "" || len(w.keys("out/")) != 0 {
			t.Errorf("job %+v, output %v", j, w.keys("out/"))
		}
		w.close()
		w.open() // the clock stays where it was moved to
		if ahead := time.Until(w.engine.Now()); ahead != 26*time.Hour {
			t.Errorf("after opening again the clock is %v ahead", ahead)
		}
		if err := w.engine.Advance(-time.Second); err == nil {
			t.Error("the clock went back")
		}
	})
}
