package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/report"
	"quarry/internal/run"
)

// counter is a back end that counts tokens by a profile of its own: so many a character of each script, 15 % more or less for
// each text. It knows nothing of the weights that forecasts are made with. After the first answers it writes longer ones.
type counter struct {
	latin, cyrillic, kana float64 // tokens a character
	answer                float64 // tokens of an answer
	first                 int64   // answers before they get longer
	longer                float64
	asked                 atomic.Int64
}

func drawCounter(r *rand.Rand, pilot int) *counter {
	vary := func(x float64) float64 { return x * (0.9 + 0.2*r.Float64()) }
	c := &counter{answer: 40 + 300*r.Float64(), first: int64(pilot), longer: 1 + r.Float64()}
	if r.IntN(2) == 0 { // as an older tokenizer counts, and as a newer one does
		c.latin, c.cyrillic, c.kana = vary(0.196), vary(0.505), vary(0.975)
	} else {
		c.latin, c.cyrillic, c.kana = vary(0.185), vary(0.219), vary(0.80)
	}
	return c
}

// off is between 0.85 and 1.15, always the same for a text.
func off(text []byte) float64 {
	h := fnv.New32a()
	_, _ = h.Write(text)
	return 0.85 + 0.3*float64(h.Sum32()%1000)/1000
}

func (c *counter) count(text []byte) int64 {
	var n float64
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		i += size
		switch {
		case unicode.Is(unicode.Cyrillic, r):
			n += c.cyrillic
		case r > 0x2fff:
			n += c.kana
		default:
			n += c.latin
		}
	}
	return int64(n * off(text))
}

func (c *counter) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(out, `{"object":"list","data":[{"id":"counter","object":"model"}]}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	var asked struct {
		Messages []struct {
			Content any `json:"content"`
		} `json:"messages"`
	}
	if err != nil || json.Unmarshal(body, &asked) != nil {
		http.Error(out, "no chat request", http.StatusBadRequest)
		return
	}
	var text strings.Builder
	for _, m := range asked.Messages {
		fmt.Fprint(&text, m.Content)
	}
	written := c.answer * off(body)
	if c.asked.Add(1) > c.first {
		written *= c.longer
	}
	in, answer := c.count([]byte(text.String())), `{"title_en":"Stone","summary_ja":"石は丘から切り出されます。","summary_en":"Stone is cut from a hill."}`
	_ = json.NewEncoder(out).Encode(map[string]any{
		"id": "x", "object": "chat.completion", "model": "counter",
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": answer}}},
		"usage":   map[string]any{"prompt_tokens": in, "completion_tokens": int64(written), "total_tokens": in + int64(written)},
	})
}

// mixedDocs makes documents of three languages in shares that are drawn, some of them long.
func mixedDocs(n int, r *rand.Rand) string {
	sentences := [3][]string{
		{"Stone is cut from the face of a hill every morning. ", "Masons take 40 blocks there, but the price of marble stays high. "},
		{"Камень добывают на склоне холма каждое утро. ", "Там мастера получают 40 плит, но цена мрамора остается высокой. "},
		{"石は丘の斜面から切り出され、毎朝レールで谷まで運ばれます。", "そこで職人が40個を受け取りますが、大理石の値段は高いままです。"},
	}
	shares := [3]float64{r.Float64(), r.Float64(), r.Float64()}
	long := r.Float64() / 5
	var b strings.Builder
	for i := range n {
		language, x := 0, r.Float64()*(shares[0]+shares[1]+shares[2])
		for language < 2 && x > shares[language] {
			x -= shares[language]
			language++
		}
		size := 3 + r.IntN(30)
		if r.Float64() < long {
			size *= 6
		}
		var text strings.Builder
		for range size {
			text.WriteString(sentences[language][r.IntN(2)])
		}
		line, _ := json.Marshal(map[string]string{"id": fmt.Sprintf("d%05d", i), "title": fmt.Sprintf("T %d", i), "content": text.String()})
		b.Write(append(line, '\n'))
	}
	return b.String()
}

// honest is a run against a counter.
type honest struct {
	w       *world
	counter *counter
	docs    int
}

func drawHonest(t *testing.T, r *rand.Rand, fault string, limit *quarry.USD, slots int64) *honest {
	t.Helper()
	const pilot = 20
	h := &honest{counter: drawCounter(r, pilot), docs: 120 + r.IntN(80)}
	server := httptest.NewServer(h.counter)
	t.Cleanup(server.Close)
	h.w = newWorld(t, worldConfig{
		docs: mixedDocs(h.docs, r), fault: fault, backend: "openai=" + server.URL,
		quotas: `{"*":{"min_records":3,"records_per_job":12,"records_per_file":12}}`,
		cfg: func(c *run.Config) {
			c.Pilot, c.MaxUSD, c.Attempts, c.MaxTokens = pilot, limit, 3, 1024
			c.Quotas.RecordsPerFile, c.Quotas.RecordsPerJob, c.Quotas.OpenJobs = 12, 12, slots
		},
	})
	return h
}

// TestForecastsOfRunsAreHonest compares the forecasts in the report with what the provider billed, in runs whose documents and
// back ends are drawn.
func TestForecastsOfRunsAreHonest(t *testing.T) {
	t.Parallel()
	rounds := 3
	if *full {
		rounds = 100
	}
	var before, after int
	for seed := range rounds {
		h := drawHonest(t, rand.New(rand.NewPCG(uint64(seed), 21)), "", nil, 8)
		h.counter.longer = 1
		out, _, err := h.w.run(t, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := out.Report.Forecast
		if f == nil || f.Before == nil || f.After == nil || f.Before.Records != int64(h.docs) {
			t.Fatalf("run %d: forecast = %+v, want one of %d records before and one after the pilot", seed, f, h.docs)
		}
		in := func(b report.Range) bool { return b.Low <= f.Fact.Input && f.Fact.Input <= b.High }
		if in(f.Before.Input) {
			before++
		}
		if in(f.After.Input) {
			after++
		}
		t.Logf("run %d: input %+.1f %% before, %+.1f %% after the pilot", seed, *f.OffBefore.Input, *f.OffAfter.Input)
	}
	least := rounds - 1 // one may be outside
	if *full {
		least = rounds * 95 / 100
	}
	if before < least || after < least {
		t.Errorf("of %d runs the band held the input of %d before and of %d after the pilot", rounds, before, after)
	}
}

// TestTheCapHoldsWhereLaterAnswersAreLonger runs under caps between half and three times the forecast. Every answer after the
// pilot's is up to twice as long as those; half of the runs have faulty jobs and records, and crashes. The provider's bill is
// never above the cap.
func TestTheCapHoldsWhereLaterAnswersAreLonger(t *testing.T) {
	t.Parallel()
	rounds := 2 // with faults and without
	if *full {
		rounds = 200
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(seed), 22))
			fault := ""
			if seed%2 == 0 {
				fault = fmt.Sprintf("record-error=%.2f,bad-json=%.2f,drop-record=%.2f,expire=%.2f,seed=%d",
					r.Float64()/5, r.Float64()/5, r.Float64()/5, r.Float64()/3, seed)
			}
			var limit quarry.USD
			h := drawHonest(t, r, fault, &limit, 1+r.Int64N(20))
			// What the pilot may cost, and about what all costs: answers at 2.5 dollars a million in a job, and as much for the input.
			limit = 5*cent + quarry.USD(float64(h.docs)*h.counter.answer*2.5e6*2*(0.5+2.5*r.Float64()))
			var out run.Outcome
			var err error
			for crashes := 0; ; crashes++ {
				var hook effect.Hook
				if fault != "" && crashes < 3 {
					hook = dieAt([]effect.Kind{effect.HTTP, effect.SQL, effect.File}[r.IntN(3)], 1+r.IntN(400), effect.After)
				}
				if out, _, err = h.w.run(t, hook); !errors.Is(err, errDied) && !errors.Is(err, effect.ErrHook) {
					break
				}
			}
			var q *quarry.Error
			if err != nil && (!errors.As(err, &q) || q.Kind != quarry.OverLimit) {
				t.Fatalf("limit %s, %s: %v", limit, fault, err)
			}
			if len(h.w.bill(t)) == 0 { // not even the pilot fits
				t.Logf("cap %s: nothing was sent: %v", limit, err)
				return
			}
			spent := h.w.billed(t, quarry.ModeJob)
			if spent > limit {
				t.Errorf("%s: %s were billed, the cap is %s", fault, spent, limit)
			}
			t.Logf("answers ×%.2f, cap %s, %s spent, %d of %d ok: %v", h.counter.longer, limit, spent, out.Totals.OK, h.docs, err)
		})
	}
}
