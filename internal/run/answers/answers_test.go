package answers_test

import (
	"fmt"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/answers"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// judge asks for an object with a number, at most four times.
func judge(t *testing.T) *answers.Judge {
	t.Helper()
	check, err := parse.New(parse.Config{Schema: []byte(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	return &answers.Judge{Type: quarry.InvokeModel, Check: check, Attempts: 4, MaxOutput: 3000, Structured: true, MinRecords: 100}
}

// body asks Anthropic's Messages API for so many tokens at most.
func body(maxTokens int) string {
	return fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":%d,"messages":[]}`, maxTokens)
}

// claude is a line of output with an answer of Anthropic's.
func claude(id quarry.RecordID, text, stop string) collect.Line {
	return collect.Line{
		RecordID: id, ModelInput: []byte(body(1000)),
		ModelOutput: fmt.Appendf(nil, `{"model":"claude","content":[{"type":"text","text":%q}],"stop_reason":%q,"usage":{"input_tokens":50,"output_tokens":7}}`, text, stop),
	}
}

func refused(id quarry.RecordID, code int, message string) collect.Line {
	return collect.Line{RecordID: id, Error: &collect.RecordError{Code: code, Message: message}}
}

// both is a line with an answer and an error.
func both(line collect.Line, code int, message string) collect.Line {
	line.Error = &collect.RecordError{Code: code, Message: message}
	return line
}

func unreadable(id quarry.RecordID) collect.Line {
	return collect.Line{RecordID: id, File: "raw/a.jsonl.out.zst", Number: 3, Error: &collect.RecordError{Unreadable: "neither modelOutput nor error"}}
}

func attempt(n int) quarry.RecordID { return quarry.RecordID(fmt.Sprintf("doc-0123456789ab-a%d", n)) }

func TestWhatALineMeansForItsRecord(t *testing.T) {
	t.Parallel()
	job := &answers.Job{ARN: "arn:job", Model: "claude", Status: quarry.JobCompleted}
	for name, tt := range map[string]struct {
		line      collect.Line
		class     quarry.Class
		status    quarry.Status
		left      bool
		maxTokens int
		complains bool
	}{
		"a good answer":               {claude(attempt(1), `{"n":1}`, "end_turn"), quarry.ClassOK, quarry.StatusOK, false, 0, false},
		"one that does not fit":       {claude(attempt(1), `{"n":"one"}`, "end_turn"), quarry.ClassSchema, quarry.StatusInvalid, true, 0, true},
		"no JSON at all":              {claude(attempt(1), `I would rather not say.`, "end_turn"), quarry.ClassNotJSON, quarry.StatusInvalid, true, 0, true},
		"one that was cut off":        {claude(attempt(1), `{"n":`, "max_tokens"), quarry.ClassTruncated, quarry.StatusInvalid, true, 2000, false},
		"the last attempt":            {claude(attempt(4), `{"n":"one"}`, "end_turn"), quarry.ClassSchema, quarry.StatusInvalid, false, 0, false},
		"an answer with an error":     {both(claude(attempt(1), `{"n":1}`, "end_turn"), 500, "x"), quarry.ClassOK, quarry.StatusOK, false, 0, false},
		"a bad one with an error":     {both(claude(attempt(1), `I would rather not.`, "end_turn"), 500, "x"), quarry.ClassNotJSON, quarry.StatusInvalid, true, 0, true},
		"nothing, with an error":      {both(collect.Line{RecordID: attempt(1), ModelOutput: []byte(`{"content":[]}`)}, 429, "x"), quarry.ClassThrottled, quarry.StatusFailed, true, 0, false},
		"a null, with an error":       {both(collect.Line{RecordID: attempt(1), ModelOutput: []byte(`{}`)}, 400, "x"), quarry.ClassRecordError, quarry.StatusFailed, false, 0, false},
		"neither":                     {unreadable(attempt(1)), quarry.ClassUnreadable, quarry.StatusFailed, true, 0, false},
		"neither, to the last one":    {unreadable(attempt(4)), quarry.ClassUnreadable, quarry.StatusFailed, false, 0, false},
		"the provider has no room":    {refused(attempt(1), 429, "slow down"), quarry.ClassThrottled, quarry.StatusFailed, true, 0, false},
		"the record is at fault":      {refused(attempt(1), 400, "max_tokens: too large"), quarry.ClassRecordError, quarry.StatusFailed, false, 0, false},
		"the schema is refused":       {refused(attempt(1), 400, "output_config.format: Extra inputs are not permitted"), quarry.ClassUnstructured, quarry.StatusFailed, true, 0, false},
		"the schema, to the last one": {refused(attempt(4), 400, "json_schema is not supported"), quarry.ClassUnstructured, quarry.StatusFailed, true, 0, false},
	} {
		f := judge(t).Line(job, tt.line, answers.Place{})
		o := f.Outcome
		if o.Class != tt.class || o.Result.Status != tt.status || o.Left != tt.left || (f.Next != nil) != tt.left {
			t.Errorf("%s: %s, %s, left %t (%+v), want %s, %s, left %t", name, o.Class, o.Result.Status, o.Left, f.Next, tt.class, tt.status, tt.left)
			continue
		}
		if o.Result.Job != "arn:job" || o.Result.RecordID != tt.line.RecordID || (o.Result.Error == nil) != (tt.class == quarry.ClassOK) {
			t.Errorf("%s: the result is %+v", name, o.Result)
		}
		if n := f.Next; n != nil && (n.Attempt != tt.line.RecordID.Attempt()+1 || n.MaxTokens != tt.maxTokens || (n.Complaint != "") != tt.complains || (n.Answer != "") != tt.complains) {
			t.Errorf("%s: the next attempt is %+v", name, n)
		}
	}
}

func TestMoreRoomEndsAtWhatTheModelCanAnswer(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{body(1000): 2000, body(2000): 3000, `{}`: 0} {
		if got := judge(t).MoreRoom([]byte(body)); got != want {
			t.Errorf("MoreRoom(%s) = %d, want %d", body, got, want)
		}
	}
}

func TestARecordWithoutALine(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		job     answers.Job
		part    shardfile.Part
		left    bool
		message string
	}{
		"the job was whole":                    {answers.Job{Status: quarry.JobCompleted}, shardfile.Part{RecordID: attempt(1)}, true, "no line in the output"},
		"and it was the last attempt":          {answers.Job{Status: quarry.JobCompleted}, shardfile.Part{RecordID: attempt(4)}, false, "no line"},
		"the job expired before it":            {answers.Job{Status: quarry.JobExpired, Message: "24 h"}, shardfile.Part{RecordID: attempt(4)}, true, "which ended Expired: 24 h"},
		"and had expired seven times":          {answers.Job{Status: quarry.JobExpired}, shardfile.Part{RecordID: attempt(11), Unreached: 7}, true, "which ended Expired"},
		"and had expired eight times":          {answers.Job{Status: quarry.JobExpired}, shardfile.Part{RecordID: attempt(12), Unreached: 8}, false, "which ended Expired"},
		"attempts of earlier passes":           {answers.Job{Status: quarry.JobCompleted}, shardfile.Part{RecordID: attempt(6), Tried: 3}, true, "no line"},
		"the job was refused for the schema":   {answers.Job{Status: quarry.JobFailed, Message: "json_schema"}, shardfile.Part{RecordID: attempt(4)}, true, "json_schema"},
		"it was asked without one":             {answers.Job{Status: quarry.JobFailed, Message: "json_schema"}, shardfile.Part{RecordID: attempt(5), Plain: true}, false, "json_schema"},
		"nobody was asked, at whatever number": {answers.Job{Unasked: true}, shardfile.Part{RecordID: attempt(9)}, true, "not sent: a batch job needs 100 records"},
	} {
		f := judge(t).Missing(&tt.job, &tt.part)
		o := f.Outcome
		want := quarry.ClassMissing
		if tt.job.Unasked {
			want = quarry.ClassUnsent
		}
		if o.Class != want || o.Result.Status != quarry.StatusFailed || o.Left != tt.left || (f.Next != nil) != tt.left || !strings.Contains(o.Result.Error.Message, tt.message) {
			t.Errorf("%s: %+v, left %t, want left %t and %q", name, o.Result.Error, o.Left, tt.left, tt.message)
		}
	}
}

func TestOnlyAnAutomaticSchemaIsTakenBack(t *testing.T) {
	t.Parallel()
	const message = "Output_Config.format: Extra inputs are not permitted"
	j := judge(t)
	if !j.SchemaRefused(message) || j.SchemaRefused("max_tokens: too large") {
		t.Error("SchemaRefused does not tell a refused schema from another refusal")
	}
	j.Structured = false
	if j.SchemaRefused(message) {
		t.Error("SchemaRefused of a schema that a person asked for")
	}
}

func TestAPieceOfOutput(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/part.jsonl.zst"
	w, err := atomicfile.CreateZstd(effect.New(nil), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []shardfile.Part{{RecordID: "x-0-a1"}, {RecordID: attempt(5), Tried: 4}} {
		if err := lines.Write(w, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	places, err := answers.Places(path)
	if err != nil {
		t.Fatal(err)
	}
	output := `{"recordId":"` + string(attempt(5)) + `","modelInput":{"max_tokens":10},"modelOutput":{"content":[{"type":"text","text":"no"}],"stop_reason":"end_turn","usage":{"input_tokens":30,"output_tokens":1}}}
{"recordId":"stranger-0-a1","modelOutput":{}}

{"recordId":"torn`
	out, err := judge(t).Chunk(&answers.Job{}, places, collect.Piece{File: "out", Chunk: jsonl.Chunk{Data: []byte(output), Line: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Found) != 1 || out.Foreign != 1 || len(out.Broken) != 1 {
		t.Fatalf("Chunk = %d found, %d foreign, %d broken, want one each", len(out.Found), out.Foreign, len(out.Broken))
	}
	f := out.Found[0]
	if f.At != 1 || !f.Outcome.Left || f.Next.Attempt != 6 { // its first attempt in this pass
		t.Errorf("found %+v, want it at place 1 and asked again", f)
	}
	if want := 30 / float64(shardfile.LineBytes(attempt(5), []byte(`{"max_tokens":10}`))); out.PerByte != want {
		t.Errorf("%g tokens a byte, want %g", out.PerByte, want)
	}
}

// ended is an outcome that took a token in and cost one.
func ended(id quarry.RecordID, class quarry.Class, text string) shardfile.Outcome {
	usd := quarry.USD(1)
	o := shardfile.Outcome{RecordID: id, Class: class, Result: quarry.Result{ID: "doc", RecordID: id, Attempts: id.Attempt(), Text: text, CostUSD: &usd, Usage: quarry.Usage{InputTokens: 1}}}
	switch {
	case class == quarry.ClassOK:
		o.Result.Status = quarry.StatusOK
		return o
	case class.Answered():
		o.Result.Status = quarry.StatusInvalid
	default:
		o.Result.Status = quarry.StatusFailed
	}
	o.Result.Error = &quarry.ResultError{Kind: string(class), Message: "because"}
	return o
}

func TestOneResultOfAllAttempts(t *testing.T) {
	t.Parallel()
	const ok, bad, gone = quarry.ClassOK, quarry.ClassSchema, quarry.ClassThrottled
	for name, tt := range map[string]struct {
		classes []quarry.Class
		left    bool
		below   int64
		status  quarry.Status
		text    string
		kind    string
	}{
		"the good one":                     {[]quarry.Class{bad, ok}, false, 0, quarry.StatusOK, "2", ""},
		"whatever comes after it":          {[]quarry.Class{ok, bad, gone}, false, 0, quarry.StatusOK, "1", ""},
		"the last answer, if none is good": {[]quarry.Class{bad, bad, gone}, false, 0, quarry.StatusInvalid, "2", string(bad)},
		"the last error, if none came":     {[]quarry.Class{gone, gone}, false, 0, quarry.StatusFailed, "2", string(gone)},
		"nobody asked again":               {[]quarry.Class{bad}, true, 0, quarry.StatusFailed, "1", string(bad)},
		"too few were left":                {[]quarry.Class{bad}, true, 7, quarry.StatusFailed, "1", quarry.KindBelowMinimum},
	} {
		var attempts []shardfile.Outcome
		for i, class := range tt.classes {
			attempts = append(attempts, ended(attempt(i+1), class, fmt.Sprint(i+1)))
		}
		attempts[len(attempts)-1].Left = tt.left
		res := answers.Closing{UnsentKind: quarry.KindBelowMinimum, Unsent: tt.below}.Result(attempts)
		kind := ""
		if res.Error != nil {
			kind = res.Error.Kind
		}
		n := len(tt.classes)
		if res.Status != tt.status || res.Text != tt.text || kind != tt.kind || res.Attempts != n || res.Usage.InputTokens != int64(n) || *res.CostUSD != quarry.USD(n) {
			t.Errorf("%s: Result = %+v (%s), want %s, answer %s, %q, and %d attempts paid", name, res, kind, tt.status, tt.text, tt.kind, n)
		}
	}
	unpriced := []shardfile.Outcome{ended(attempt(1), bad, ""), ended(attempt(2), ok, "")}
	unpriced[0].Result.CostUSD = nil
	if res := (answers.Closing{}).Result(unpriced); res.CostUSD != nil {
		t.Errorf("with one attempt of unknown price all cost %s, want that it is not known", res.CostUSD)
	}
}

func TestALongDocumentEndsAsItsPartsLetIt(t *testing.T) {
	t.Parallel()
	part := func(n int, class quarry.Class) shardfile.Outcome {
		return ended(attempt(1).Part(n), class, fmt.Sprintf("about %d", n))
	}
	const ok, bad = quarry.ClassOK, quarry.ClassSchema
	for name, tt := range map[string]struct {
		attempts []shardfile.Outcome
		closing  answers.Closing
		status   quarry.Status
		kind     string
		message  string
	}{
		"it was merged":         {[]shardfile.Outcome{part(1, ok), part(2, ok), ended(attempt(2), ok, "all")}, answers.Closing{}, quarry.StatusOK, "", ""},
		"a part is bad":         {[]shardfile.Outcome{part(1, ok), part(2, bad)}, answers.Closing{}, quarry.StatusFailed, string(bad), "part 2 of 2: because"},
		"a part was not asked":  {[]shardfile.Outcome{part(1, ok)}, answers.Closing{}, quarry.StatusFailed, string(quarry.ClassMissing), "part 2 of 2 was never sent"},
		"it did not fit":        {[]shardfile.Outcome{part(1, ok), part(2, ok)}, answers.Closing{}, quarry.StatusFailed, "not_merged", "do not fit"},
		"it is not merged yet":  {[]shardfile.Outcome{part(1, ok), part(2, ok)}, answers.Closing{Partial: true}, quarry.StatusFailed, string(quarry.ClassMissing), "not merged yet"},
		"too few were to merge": {[]shardfile.Outcome{part(1, ok), part(2, ok)}, answers.Closing{UnsentKind: quarry.KindBelowMinimum, Unsent: 3}, quarry.StatusFailed, quarry.KindBelowMinimum, "among the 3 that were not sent"},
	} {
		for i := range tt.attempts {
			tt.attempts[i].Parts = 2
		}
		res := tt.closing.Result(tt.attempts)
		kind, message := "", ""
		if res.Error != nil {
			kind, message = res.Error.Kind, res.Error.Message
		}
		if res.Status != tt.status || kind != tt.kind || !strings.Contains(message, tt.message) || res.Parts != 2 || res.Attempts != len(tt.attempts) {
			t.Errorf("%s: Result = %s, %q %q, %d parts, %d attempts, want %s, %q %q", name, res.Status, kind, message, res.Parts, res.Attempts, tt.status, tt.kind, tt.message)
		}
	}
}

func TestWhatAnEarlierPassAnsweredIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	earlier := ended(attempt(1).Part(1), quarry.ClassOK, "about 1")
	earlier.Earlier = true
	fresh := []shardfile.Outcome{ended(attempt(5).Part(2), quarry.ClassOK, "about 2"), ended(attempt(5), quarry.ClassOK, "all")}
	all := append([]shardfile.Outcome{earlier}, fresh...)
	for i := range all {
		all[i].Parts = 2
	}
	res := (answers.Closing{}).Result(all)
	own := (answers.Closing{}).Result(all[1:])
	if res.Status != quarry.StatusOK || res.Attempts != 4+2 || res.Usage != own.Usage || *res.CostUSD != *own.CostUSD || !answers.Paid(all) {
		t.Errorf("Result = %s after %d attempts, %+v for %s; want ok after 6, and what the two of this pass took: %+v", res.Status, res.Attempts, res.Usage, res.CostUSD, own.Usage)
	}
	if res := (answers.Closing{}).Result(all[:1]); answers.Paid(all[:1]) || res.Usage != earlier.Result.Usage {
		t.Errorf("with nothing asked in this pass, Result took %+v, want what the earlier answer took, and that this pass paid for nothing", res.Usage)
	}
}

func TestAnswersToAllPartsAreMerged(t *testing.T) {
	t.Parallel()
	merge, err := prompt.New(prompt.Config{Model: quarry.DefaultModel, User: "Merge: {{.Text}}", MaxTokens: 100, FreeText: true})
	if err != nil {
		t.Fatal(err)
	}
	part := func(n int, class quarry.Class) shardfile.Outcome {
		o := ended(attempt(3).Part(n), class, fmt.Sprintf("about %d", n))
		o.Order, o.Parts = 8, 2
		return o
	}
	whole := []shardfile.Outcome{part(1, quarry.ClassOK), part(2, quarry.ClassOK)}
	left, err := answers.Merge(whole, attempt(3), 2, merge, 0)
	if err != nil || left == nil {
		t.Fatalf("Merge = %v, %v, want a record", left, err)
	}
	if left.RecordID != attempt(3) || left.Order != 8 || left.Tried != 2 || left.Bad != 2 || left.Attempt != 3 || left.Parts != 2 || !strings.Contains(string(left.Base), "about 1") || !strings.Contains(string(left.Base), "Part 2 of 2") {
		t.Errorf("Merge = %+v asking %s", left.Part, left.Base)
	}
	for name, tt := range map[string]struct {
		attempts []shardfile.Outcome
		limit    int64
	}{
		"a part is bad":         {[]shardfile.Outcome{part(1, quarry.ClassOK), part(2, quarry.ClassSchema)}, 0},
		"it was merged already": {append([]shardfile.Outcome{{RecordID: attempt(3), Class: quarry.ClassSchema, Parts: 2}}, whole...), 0},
		"it does not fit":       {whole, 40},
		"there is nothing":      {nil, 0},
	} {
		if left, err := answers.Merge(tt.attempts, attempt(3), 0, merge, tt.limit); left != nil || err != nil {
			t.Errorf("%s: Merge = %+v, %v, want none", name, left, err)
		}
	}
	if n := answers.LastAttempt(whole); n != 3 {
		t.Errorf("LastAttempt = %d, want 3", n)
	}
}

func TestHowAResultEnded(t *testing.T) {
	t.Parallel()
	failed := func(kind string, parts int) quarry.Result {
		return quarry.Result{Status: quarry.StatusFailed, Parts: parts, Error: &quarry.ResultError{Kind: kind}}
	}
	for name, tt := range map[string]struct {
		res  quarry.Result
		want index.Ended
	}{
		"ok":                       {quarry.Result{Status: quarry.StatusOK}, index.EndedOK},
		"invalid":                  {quarry.Result{Status: quarry.StatusInvalid}, index.EndedInvalid},
		"skipped":                  {quarry.Result{Status: quarry.StatusSkipped}, index.EndedSkipped},
		"a record at fault":        {failed(string(quarry.ClassRecordError), 0), index.EndedFailed},
		"too large":                {failed("too_large", 0), index.EndedFailed},
		"not merged":               {failed("not_merged", 3), index.EndedFailed},
		"a part answered badly":    {failed(string(quarry.ClassSchema), 3), index.EndedFailed},
		"a part that never came":   {failed(string(quarry.ClassMissing), 3), index.EndedAgain},
		"the provider had no room": {failed(string(quarry.ClassThrottled), 0), index.EndedAgain},
		"below the minimum":        {failed(quarry.KindBelowMinimum, 0), index.EndedAgain},
		"failed, nobody knows why": {quarry.Result{Status: quarry.StatusFailed}, index.EndedAgain},
	} {
		if got := answers.Ending(&tt.res); got != tt.want {
			t.Errorf("%s: Ending = %c, want %c", name, got, tt.want)
		}
	}
}

func TestAnAnswerWithAnErrorKeepsWhatItTook(t *testing.T) {
	t.Parallel()
	job := &answers.Job{Model: "claude"}
	if r := judge(t).Line(job, both(claude(attempt(1), `{"n":1}`, "end_turn"), 500, "x"), answers.Place{}).Outcome.Result; r.Usage != (quarry.Usage{InputTokens: 50, OutputTokens: 7}) || string(r.Output) != `{"n":1}` {
		t.Errorf("the result is %+v", r)
	}
	r := judge(t).Line(job, unreadable(attempt(1)), answers.Place{}).Outcome.Result
	if r.Error == nil || r.Error.Kind != "unreadable" || r.Error.Message != "a.jsonl.out:3: neither modelOutput nor error" {
		t.Errorf("the error is %+v", r.Error)
	}
}
