package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"quarry"
	"quarry/internal/outcome/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	// The page says times as people of the machine do; its golden file needs them to be the same everywhere.
	time.Local = time.FixedZone("", 9*3600)
	flag.Parse()
	os.Exit(m.Run())
}

func dollars(s string) *quarry.USD {
	var u quarry.USD
	if err := u.UnmarshalJSON([]byte(s)); err != nil {
		panic(err)
	}
	return &u
}

var start = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// normalForecast is that of its run: rough before the pilot, close after it.
func normalForecast() *report.Forecast {
	f := &report.Forecast{
		Before: &report.Expected{
			Records: 14187, Input: report.Range{Low: 21_000_000, Estimate: 28_000_000, High: 40_600_000}, Output: report.Range{Low: 4_000_000, Estimate: 7_900_000, High: 15_800_000},
			Cost: dollars("37.13"), CostLow: dollars("22.55"), CostHigh: dollars("65.78"),
		},
		After: &report.Expected{
			Records: 14187, Input: report.Range{Low: 28_100_000, Estimate: 28_300_000, High: 28_500_000}, Output: report.Range{Low: 7_700_000, Estimate: 8_100_000, High: 8_500_000},
			Cost: dollars("37.84"), CostLow: dollars("36.63"), CostHigh: dollars("39.05"), Samples: 100,
		},
		Fact: report.Fact{Input: 28385402, Output: 8044345, Cost: dollars("37.73")},
	}
	f.Compare()
	return f
}

func TestForecastsAreComparedWithTheFact(t *testing.T) {
	t.Parallel()
	f := normalForecast()
	if got := *f.OffAfter.Input; math.Abs(got+0.3009) > 0.001 {
		t.Errorf("the input was off by %v %%, want -0.3009", got)
	}
	if got := *f.OffBefore.Cost; math.Abs(got+1.590) > 0.001 {
		t.Errorf("the cost was off by %v %%, want -1.590", got)
	}
	f.Fact = report.Fact{}
	if f.Compare(); f.OffAfter.Input != nil || f.OffAfter.Cost != nil {
		t.Errorf("without a fact the forecast is off by %+v, want nothing", f.OffAfter)
	}
	var none *report.Expected
	f.After = none
	if f.Compare(); f.OffAfter != nil {
		t.Errorf("no forecast is off by %+v", f.OffAfter)
	}
}

func TestAProofHoldsWhenAllItsSumsDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sums [][2]int64
		want bool
	}{
		"all hold":       {[][2]int64{{1, 1}, {2, 2}}, true},
		"the first not":  {[][2]int64{{1, 2}, {2, 2}}, false},
		"the second not": {[][2]int64{{1, 1}, {2, 3}, {4, 4}}, false},
	} {
		var p report.Proof
		for _, s := range tt.sums {
			p.Add("x", "x", s[0], s[1])
		}
		if p.OK != tt.want || len(p.Checks) != len(tt.sums) {
			t.Errorf("%s: %+v, want ok %v", name, p, tt.want)
		}
	}
}

func normalSpreads() *report.Spreads {
	var in, out, chars report.Tally
	for i := range int64(3000) {
		in.Add(500 + i*i%7919)
		out.Add(300 + i*31%700)
		chars.Add(900 + i*17%2500)
	}
	return &report.Spreads{Input: in.Spread(), Output: out.Spread(), Answer: chars.Spread()}
}

// normalReport is a run of some thousand articles on AWS with a few faults.
func normalReport() *report.Report {
	arn := func(id string) quarry.JobARN {
		return quarry.JobARN("arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/" + id)
	}
	return &report.Report{
		Run: "k3v9x0q2ab", Version: "0.1.0", Generated: at(1400), Target: "aws", Region: "us-west-2", Model: quarry.DefaultModel,
		AnsweredBy: []string{"claude-haiku-4-5-20251001"}, Mode: quarry.ModeJob, Sources: []string{"articles.jsonl"},
		Documents:  report.Documents{Total: 14208, OK: 14150, Invalid: 31, Failed: 18, Skipped: 9, Duplicate: 12, Gone: 3},
		Unreadable: 2,
		Errors:     map[string]int64{"truncated": 20, "wrong_language": 11, "below_minimum": 17, "record_error": 1, "empty": 9},
		Tokens:     report.Tokens{Input: 28385402, Output: 8044345},
		Cost: report.Cost{
			Actual: dollars("34.303564"), Batch: dollars("34.303564"), OnDemand: dollars("68.607127"), Saved: dollars("34.303563"), Forecast: dollars("36.1"),
			PriceSource: "https://aws.amazon.com/bedrock/pricing/", PriceDate: "2026-11-20", PriceBasis: "derived",
		},
		Time: report.Time{Prep: 4.2, Upload: 3.04, Provider: 1021, Collect: 6.8, Total: 1033}, ThroughputPerMin: 833.4,
		Jobs: []report.Job{
			{
				Shard: "p00001", ARN: arn("a1b2c3d4e5f6"), Name: "quarry-k3v9x0q2ab-p00001-a1", Mode: quarry.ModeJob, Status: quarry.JobCompleted, Records: 100, OK: 98,
				Left: 2, Classes: map[quarry.Class]int64{quarry.ClassOK: 98, quarry.ClassTruncated: 1, quarry.ClassThrottled: 1},
				Usage: quarry.Usage{InputTokens: 200100, OutputTokens: 57310}, Submitted: at(5), Ended: at(190),
			},
			{
				Shard: "s00001", ARN: arn("b1b2c3d4e5f6"), Name: "quarry-k3v9x0q2ab-s00001-a1", Mode: quarry.ModeJob, Status: quarry.JobFailed, Records: 7050,
				Message: "The role cannot be assumed.", Submitted: at(200), Ended: at(290),
			},
			{
				Shard: "s00001", ARN: arn("c1b2c3d4e5f6"), Name: "quarry-k3v9x0q2ab-s00001-a2", Mode: quarry.ModeJob, Status: quarry.JobPartiallyCompleted, Records: 7050,
				OK: 7020, Invalid: 12, Failed: 1, Left: 17, Classes: map[quarry.Class]int64{quarry.ClassOK: 7020, quarry.ClassTruncated: 12, quarry.ClassMissing: 17, quarry.ClassRecordError: 1},
				Usage: quarry.Usage{InputTokens: 14090000, OutputTokens: 4001000}, Submitted: at(300), Ended: at(1026),
				Differs: []string{"the manifest counts 7,033 answers, the output holds 7,032"},
			},
			{
				Shard: "s00002", ARN: arn("d1b2c3d4e5f6"), Name: "quarry-k3v9x0q2ab-s00002-a1", Mode: quarry.ModeJob, Status: quarry.JobCompleted, Records: 7037,
				OK: 7020, Invalid: 17, Classes: map[quarry.Class]int64{quarry.ClassOK: 7020, quarry.ClassWrongLanguage: 11, quarry.ClassTruncated: 6},
				Usage: quarry.Usage{InputTokens: 14095302, OutputTokens: 3986035}, Submitted: at(210), Ended: at(930),
			},
		},
		Failures: []report.Failure{
			{Kind: "truncated", Message: "the answer ends at max_tokens", Count: 20, Hint: "Raise max_tokens.", Examples: []quarry.DocumentID{"a-17", "a-203", "a-999"}},
		},
		Request: &report.Request{
			ModelInput: json.RawMessage(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":4096,"system":"You summarize articles.","messages":[{"role":"user","content":[{"type":"text","text":"Title: {{title}}\n\nArticle:\n{{text}}"}]}],"temperature":0.1}`),
			Schema:     json.RawMessage(`{"type":"object","required":["title_en"]}`),
		},
		Spreads:  normalSpreads(),
		Forecast: normalForecast(),
		Pilot:    &report.Pilot{Records: 100, Judged: 100, OK: 98, Classes: map[quarry.Class]int64{quarry.ClassOK: 98, quarry.ClassTruncated: 2}, Rest: 14087},
		Proof: &report.Proof{Checks: []report.Check{
			{Name: "documents_ended", Says: "all documents, and those that ended", Left: 14208, Right: 14208, OK: true},
			{Name: "lines", Says: "lines of output, and records that the jobs' manifests count", Left: 14199, Right: 14200},
		}},
		Structured: &report.Structured{Setting: "auto", Why: "the provider refused the pilot's requests with it"},
		Notes:      []string{"17 records are left, below the minimum of 100 of a batch job: they end failed; --rescue sends them on demand for $0.08"},
		Samples: []report.Sample{
			{
				ID: "a-1", Title: "Goのエラー処理を見直す", URL: "https://example.com/a?x=1&y=2", Head: "Goでは、エラーは値である。",
				Output: json.RawMessage(`{"title_en":"Rethinking error handling in Go","summary_ja":"エラーを値として扱うGoの方針を、実例とともに整理した記事。\nラップと判定の使い分けを示す。","summary_en":"How Go's errors-as-values hold up in practice, with examples of wrapping and of telling errors apart."}`),
			},
			{ID: "a-2", Title: "Why <pre> stays in the text", Output: json.RawMessage(`{"title_en":"Why <pre> stays","summary_ja":null,"summary_en":"Markup & code.","tags":["html","clean"]}`)},
			{ID: "a-3", Text: "A plain text\nof two lines."},
		},
		Ways: []report.Way{
			{Way: report.WayOneByOne, Seconds: seconds(76440), Cost: dollars("68.607127"), Basis: report.Assumed, From: "14204 calls of 5.4 s, an assumption; no call was timed"},
			{Way: report.WayAtQuota, Seconds: seconds(825), Cost: dollars("68.607127"), Basis: report.Computed, From: "5,000,000 tokens per minute, of which each output token uses 5; service quotas"},
			{Way: report.WayBatch, Seconds: seconds(1021), Cost: dollars("34.303564"), Basis: report.Measured, From: "from the submission of the first job to the end of the last, in this run"},
		},
	}
}

func seconds(s float64) *float64 { return &s }

func localReport() *report.Report {
	r := normalReport()
	r.Target, r.Region, r.AnsweredBy = "local", "us-west-2", []string{"quarry.extractive-v1"}
	r.Documents = report.Documents{Total: 100, OK: 100}
	r.Errors, r.Unreadable, r.Notes = map[string]int64{}, 0, nil
	r.Jobs = r.Jobs[:1]
	r.Jobs[0].Ended = at(5.8)
	r.Cost.Actual, r.Cost.Estimated, r.Tokens.Estimated = new(quarry.USD), true, true
	return r
}

func unknownReport() *report.Report {
	r := normalReport()
	r.Cost = report.Cost{PriceSource: "unknown"}
	return r
}

func emptyReport() *report.Report { return &report.Report{} }

// hugeReport is a run of a hundred million documents over two thousand jobs.
func hugeReport() *report.Report {
	r := normalReport()
	r.Documents = report.Documents{Total: 100_000_000, OK: 99_999_990, Invalid: 4, Failed: 5, Skipped: 1}
	r.Cost.Actual, r.Cost.OnDemand = dollars("1234567.891"), dollars("2469135.782")
	r.Cost.Batch, r.Cost.Saved, r.Cost.Forecast = r.Cost.Actual, r.Cost.Actual, dollars("1300000")
	r.Time = report.Time{Prep: 71000, Upload: 33000, Provider: 300000, Collect: 90000, Total: 301234}
	r.Tokens = report.Tokens{Input: 283_854_020_000, Output: 80_443_450_000}
	r.Jobs = nil
	for i := range 2400 {
		begin := float64(i/20)*2400 + float64(i%20)*17
		j := report.Job{
			Shard: quarry.ShardID(fmt.Sprintf("s%05d", i+1)), Mode: quarry.ModeJob, Status: quarry.JobCompleted, Records: 50000, OK: 50000,
			ARN:   quarry.JobARN(fmt.Sprintf("arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/%012d", i)),
			Usage: quarry.Usage{InputTokens: 118_000_000, OutputTokens: 33_000_000}, Submitted: at(begin), Ended: at(begin + 1900 + float64(i*37%400)),
		}
		if i == 2399 {
			j.Status, j.Message, j.OK, j.Ended = quarry.JobFailed, "Internal server error.", 0, time.Time{}
		}
		r.Jobs = append(r.Jobs, j)
	}
	r.Generated = at(301234)
	for i := range 200 {
		r.Notes = append(r.Notes, fmt.Sprintf("note %d", i))
		r.Sources = append(r.Sources, fmt.Sprintf("s3://bucket/part-%05d.jsonl.zst", i))
		r.Errors[fmt.Sprintf("kind_%03d", i)] = 1
	}
	return r
}

const evil = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\u202egnp.exe\u2066\x00\u200b{{.Run}}<!--"

// hostileReport has markup, control and bidi characters and impossible numbers wherever a stranger's text may come in.
func hostileReport() *report.Report {
	nan := math.NaN()
	towers := "Z" + strings.Repeat("\u0301", 5000)
	r := &report.Report{
		Run: evil, Version: evil, Target: evil, Region: evil, Model: evil, AnsweredBy: []string{evil, strings.Repeat("x", 1<<20)}, Mode: evil, Sources: []string{evil, "\xff\xfe"},
		Documents: report.Documents{Total: 3, OK: math.MaxInt64, Invalid: -5}, Unreadable: -1,
		Errors: map[string]int64{evil: 1, "": 2, "truncated": math.MaxInt64}, Tokens: report.Tokens{Input: math.MinInt64, Output: -1},
		Cost: report.Cost{
			Actual: dollars("-9223372.036854775808"), OnDemand: dollars("9000000"), Saved: dollars("-9223372.036854775808"), Forecast: dollars("0.0000001"),
			PriceSource: "javascript:alert(1)", PriceDate: evil, PriceBasis: evil,
		},
		Time: report.Time{Prep: nan, Upload: math.Inf(1), Provider: -1, Collect: 1e300, Total: nan}, ThroughputPerMin: nan,
		Notes: []string{evil, towers, strings.Repeat("long ", 100000)},
		Samples: []report.Sample{
			{ID: quarry.DocumentID(evil), Title: evil, URL: "javascript:alert(document.cookie)", Output: json.RawMessage(`{"` + "k<script>" + `":"<script>alert(2)</script>\u202e\u001b[0m","n":{"a":[1,"<b>"]}}`)},
			{ID: "b", Title: towers, URL: "https://example.com/\"onmouseover=alert(1) x=\"", Text: evil},
			{ID: "c", Title: strings.Repeat("W", 5000), URL: "data:text/html,<script>alert(3)</script>", Output: json.RawMessage(`[1,2,`)},
			{ID: "d", Title: "שלום \u202d עולם", Output: json.RawMessage(`"only a text"`)},
			{ID: "e", Output: json.RawMessage(`{}`)},
		},
	}
	for i := range 60 {
		r.Samples = append(r.Samples, report.Sample{ID: quarry.DocumentID(fmt.Sprint(i)), Title: fmt.Sprintf("sample %d", i+6)})
	}
	times := [][2]time.Time{{at(100), at(50)}, {{}, at(5)}, {at(10), {}}, {time.Unix(1, 0), at(0)}, {at(0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for _, t := range times {
		r.Jobs = append(r.Jobs, report.Job{
			Shard: evil, ARN: evil, Name: evil, Mode: evil, Status: evil, Message: evil + strings.Repeat("m", 1<<16), Records: -1, Classes: map[quarry.Class]int64{evil: 9},
			Submitted: t[0], Ended: t[1], Differs: []string{evil, evil},
		})
	}
	return r
}

var reports = []struct {
	name string
	make func() *report.Report
}{
	{"normal", normalReport}, {"local", localReport}, {"unknown price", unknownReport}, {"empty", emptyReport}, {"huge", hugeReport}, {"hostile", hostileReport},
}

func render(t testing.TB, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, r); err != nil {
		t.Fatalf("HTML: %v", err)
	}
	return b.String()
}

func TestHTMLOfANormalRunIsTheGoldenFile(t *testing.T) {
	t.Parallel()
	got := render(t, normalReport())
	path := filepath.Join("testdata", "normal.html")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("HTML (-want +got; -update rewrites it):\n%s", diff)
	}
}

// allowed are the elements and attributes the page is made of: nothing that loads, runs or sends.
var allowed = regexp.MustCompile(`^(?:html|head|meta|title|style|body|main|header|footer|section|h1|h2|h3|p|div|span|b|br|bdi|code|ul|li|dl|dt|dd|a|table|thead|tbody|tfoot|tr|th|td|svg|rect|line|text|details|summary|pre|figure|figcaption|label|input|script)$`)

// attributes are those that the page has. None of them runs or loads anything, apart from href, which is checked.
var attributes = regexp.MustCompile(`^(?:name|content|charset|http-equiv|lang|class|id|aria-(?:labelledby|label|hidden)|role|scope|data-name|colspan|dir|href|rel|` +
	`[xy][12]?|d[xy]|rx|width|height|text-anchor|type|hidden|style)$`)

func TestPageHoldsNothingThatLoadsOrRuns(t *testing.T) {
	t.Parallel()
	for _, tt := range reports {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := render(t, tt.make())
			if len(text) > 3<<20 {
				t.Errorf("the page has %d bytes, want less than 3 MiB", len(text))
			}
			for _, r := range text {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
					t.Fatalf("the page holds %U", r)
				}
			}
			if !utf8.ValidString(text) {
				t.Error("the page is not UTF-8")
			}
			for _, word := range []string{"ZgotmplZ", "NaN", "Inf", "%!", "<nil>", "0001-01-01"} {
				if strings.Contains(text, word) {
					t.Errorf("the page holds %q", word)
				}
			}
			checkElements(t, text)
		})
	}
}

var margin = regexp.MustCompile(`^margin-top: [0-9.]+(?:rem)?$`)

func checkElements(t *testing.T, text string) {
	t.Helper()
	script, err := os.ReadFile("search.js")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(text, "<script>"+string(script)+"</script>") != 1 {
		t.Error("the page has not its own script")
	}
	z := html.NewTokenizer(strings.NewReader(text))
	depth, scripts := 0, 0
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			if depth != 0 || scripts != 1 {
				t.Errorf("%d elements are not closed, and there are %d scripts, want 1", depth, scripts)
			}
			return
		case html.CommentToken:
			t.Error("the page holds a comment")
		case html.EndTagToken:
			depth--
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if !allowed.MatchString(token.Data) {
				t.Errorf("the page holds <%s>", token.Data)
			}
			if token.Data != "meta" && token.Data != "br" && token.Data != "input" {
				depth++
			}
			if token.Data == "script" {
				scripts++
			}
			for _, a := range token.Attr {
				if !attributes.MatchString(a.Key) {
					t.Errorf("<%s> has the attribute %s", token.Data, a.Key)
				}
				if a.Key == "style" && !margin.MatchString(a.Val) {
					t.Errorf("<%s> has the style %q", token.Data, a.Val)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") {
					t.Errorf("a link leads to %q", a.Val)
				}
			}
		}
	}
}

func TestPageSaysWhatPeopleAsk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		make       func() *report.Report
		has, hasNo []string
	}{
		{"a normal run", normalReport, []string{
			"14,208", "14,150", "49 documents have no good answer", "$34.30 spent", "$34.30 less than on demand (50%)", "$68.61", "read 2026-11-20", "derived from a published price",
			"17 min 13 s", "Raise max_tokens", "--rescue", "The role cannot be assumed.", "the manifest counts 7,033", `lang="ja"`, "Why &lt;pre&gt; stays", "2026-11-21 10:23:20 +09:00",
			"12 documents are identical to another one", "2 items of the source could not be read",
		}, []string{"Nothing was spent", "unknown"}},
		{"the stand-in", localReport, []string{"Nothing was spent.", "would cost $34.30 in batch, $68.61 on demand", "counted by rule", "Every document has an answer"}, []string{"$0.00 spent"}},
		{"an unknown price", unknownReport, []string{"The cost is unknown.", "no price is listed"}, []string{"$0.00"}},
		{"no documents", emptyReport, []string{"There were no documents", "No job was made."}, []string{"$0.00"}},
		{"very many jobs", hugeReport, []string{
			"&gt;99.9%", "&lt;0.1%", "$1,234,567.89 spent", "2,100 jobs more are in report.json", "Internal server error.", "3 d 11 h", "at most 20 at once", "Open bars had not ended",
		}, nil},
		{"counts that do not add up", hostileReport, []string{"The counts do not add up"}, []string{"sample 51"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := render(t, tt.make())
			for _, s := range tt.has {
				if !strings.Contains(text, s) {
					t.Errorf("the page does not say %q", s)
				}
			}
			for _, s := range tt.hasNo {
				if strings.Contains(text, s) {
					t.Errorf("the page says %q", s)
				}
			}
		})
	}
}

func FuzzHTML(f *testing.F) {
	f.Add(evil, []byte(`{"a":"b"}`), int64(3))
	f.Fuzz(func(t *testing.T, s string, output []byte, n int64) {
		r := normalReport()
		r.Model, r.Notes, r.Errors[s] = s, []string{s}, n
		r.Jobs[0].Message, r.Jobs[0].Ended, r.Jobs[1].Submitted = s, time.Unix(n, n), time.Unix(-n, n)
		r.Samples[0] = report.Sample{ID: quarry.DocumentID(s), Title: s, URL: s, Text: s, Output: output}
		var b bytes.Buffer
		if err := report.HTML(&b, r); err != nil {
			t.Fatal(err)
		}
		if strings.Count(b.String(), "<script") != 1 {
			t.Error("the page holds a script that is not its own")
		}
	})
}

// took is what one pass took that sent so many documents.
func took(documents int64, list string) report.Account {
	seconds, usd := 12.5, dollars(list)
	return report.Account{
		Documents: &documents, Answered: &documents, Records: documents, Jobs: 1, Tokens: report.Tokens{Input: 10 * documents, Output: documents},
		Cost: report.Spent{Actual: usd, List: usd}, Seconds: &seconds,
	}
}

func TestTheLastPassAndTheWholeRunAreNamed(t *testing.T) {
	t.Parallel()
	r := normalReport()
	r.LastPass, r.WholeRun = &report.Pass{Number: 1, Account: took(14187, "34.3")}, &report.WholeRun{Passes: 1, Account: took(14187, "34.3")}
	if strings.Contains(render(t, r), "hole run") {
		t.Error("the page of a run of one pass speaks of a whole run")
	}
	r.LastPass = &report.Pass{Number: 2, Account: took(7, "0.05")}
	r.WholeRun = &report.WholeRun{Passes: 2, Account: took(14194, "34.35")}
	got := render(t, r)
	for _, want := range []string{"Pass 2", "2 passes", ">14,194<", ">7<", "$0.05", "$34.35", "What it cost in the last pass", "Jobs of the last pass", "12 s"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page of a second pass has no %q", want)
		}
	}
	if strings.Contains(got, "Nothing new") {
		t.Error("a pass that sent something is said to be nothing new")
	}
	r.NothingNew, r.WholeRun.Answered, r.WholeRun.Cost.Actual, r.WholeRun.Seconds = true, nil, nil, nil
	if got := render(t, r); !strings.Contains(got, "Nothing new: nothing was sent.") || strings.Count(got, ">unknown<") != 3 {
		t.Error("the page does not say that nothing was sent, or what is unknown")
	}
}
