package bedrock_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"quarry/internal/aws/bedrock"
)

// service admits calls as Bedrock's page says: a call takes its input and max_tokens when it begins, and at its end that
// is settled to input and output times the burndown (https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html).
type service struct {
	rpm, tpm, burndown float64 // a minute; 0: no limit
	down               bool    // refuses all
	random             float64 // the share of calls that it refuses whatever their rate is
	draw               *rand.Rand

	mu               sync.Mutex
	requests, tokens float64
	at               time.Time
	begun            bool

	answered, refused int
	used              float64 // tokens of the quota
}

func (s *service) fill() {
	now := time.Now()
	if !s.begun {
		s.begun, s.requests, s.tokens, s.at = true, s.rpm, s.tpm, now
	}
	d := now.Sub(s.at).Minutes()
	s.requests, s.tokens, s.at = min(s.requests+d*s.rpm, s.rpm), min(s.tokens+d*s.tpm, s.tpm), now
}

// admit takes a call in, or says which quota refuses it.
func (s *service) admit(take float64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	refuse := func(why string) string { s.refused++; return why }
	switch {
	case s.down, s.random > 0 && s.draw.Float64() < s.random:
		return refuse("Too many requests, please wait before trying again.")
	case s.rpm > 0 && s.requests < 1:
		return refuse("Too many requests, please wait before trying again.")
	case s.tpm > 0 && s.tokens < take:
		s.requests--
		return refuse("Too many tokens, please wait before trying again.")
	}
	s.requests--
	s.tokens -= take
	return ""
}

func (s *service) settle(take, used float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	s.tokens += take - used
	s.answered++
	s.used += used
}

// counts gives what was answered, refused and used since the last reading.
func (s *service) counts() (answered, refused int, used float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answered, refused, used = s.answered, s.refused, s.used
	s.answered, s.refused, s.used = 0, 0, 0
	return answered, refused, used
}

func (s *service) set(rpm, tpm float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fill()
	s.rpm, s.tpm = rpm, tpm
}

// load asks the service through a pacer until ctx ends, at most so many calls at once.
func load(ctx context.Context, t *testing.T, s *service, p *bedrock.Pacer, atOnce int, latency time.Duration) *sync.WaitGroup {
	const maxTokens = 4096
	slots := make(chan struct{}, atOnce)
	calls := new(sync.WaitGroup)
	random := rand.New(rand.NewPCG(1, 2))
	calls.Go(func() {
		for ctx.Err() == nil {
			slots <- struct{}{}
			input := math.Exp(math.Log(2000) + 0.6*random.NormFloat64())
			output := min(math.Exp(math.Log(520)+0.4*random.NormFloat64()), maxTokens)
			took := time.Duration(float64(latency) * math.Exp(0.3*random.NormFloat64()))
			bytes := int(input * (3 + random.Float64())) // the pacer's guess at the input is off
			ticket, err := p.Take(ctx, bytes, maxTokens)
			if err != nil {
				<-slots
				return
			}
			calls.Go(func() {
				defer func() { <-slots }()
				for {
					time.Sleep(20 * time.Millisecond)
					why := s.admit(input + maxTokens)
					if why == "" {
						break
					}
					time.Sleep(20 * time.Millisecond)
					ticket.Throttled(why)
					if ticket, err = p.Take(ctx, bytes, maxTokens); err != nil {
						return
					}
				}
				time.Sleep(took)
				s.settle(input+maxTokens, input+output*s.burndown)
				ticket.Answered(int64(input), 0, int64(output))
			})
		}
	})
	return calls
}

// The gates of paced calls: of the tokens that the quota allows 95 % are used, and of the calls less than 1 % are refused
// while the quota is what the pacer was given, less than 8 % after it was halved without a word.
func TestPacedCallsUseTheQuotaAndAreHardlyRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rpm, tpm int64
		burndown int64
		latency  time.Duration
	}{
		"a small quota of tokens":         {tpm: 400_000, burndown: 5, latency: 8 * time.Second},
		"tokens that burn fifteen times":  {tpm: 400_000, burndown: 15, latency: 8 * time.Second},
		"tokens that burn once":           {tpm: 400_000, burndown: 1, latency: 8 * time.Second},
		"a large quota of tokens":         {rpm: 10_000, tpm: 5_000_000, burndown: 5, latency: 8 * time.Second},
		"a large quota, slow answers":     {rpm: 10_000, tpm: 5_000_000, burndown: 5, latency: 25 * time.Second},
		"quick answers":                   {rpm: 10_000, tpm: 5_000_000, burndown: 5, latency: 300 * time.Millisecond},
		"a quota of requests":             {rpm: 800, burndown: 1, latency: 5 * time.Second},
		"a small quota of requests":       {rpm: 60, tpm: 50_000_000, burndown: 1, latency: 5 * time.Second},
		"both quotas are about as narrow": {rpm: 80, tpm: 400_000, burndown: 5, latency: 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const half = 10 * time.Minute
				s := &service{rpm: float64(c.rpm), tpm: float64(c.tpm), burndown: float64(c.burndown)}
				p := bedrock.NewPacer(bedrock.PacerConfig{RPM: c.rpm, TPM: c.tpm, Burndown: c.burndown})
				ctx, stop := context.WithCancel(t.Context())
				calls := load(ctx, t, s, p, 512, c.latency)
				check := func(when string, most float64) {
					answered, refused, used := s.counts()
					var share float64 // of the narrower quota
					if s.tpm > 0 {
						share = used / s.tpm / half.Minutes()
					}
					if s.rpm > 0 {
						share = max(share, float64(answered)/s.rpm/half.Minutes())
					}
					throttled := float64(refused) / float64(answered+refused)
					t.Logf("%s: %.1f %% of the quota, %d answered, %d refused (%.2f %%)", when, 100*share, answered, refused, 100*throttled)
					if share < 0.95 {
						t.Errorf("%s: %.1f %% of the quota is used, want at least 95 %%", when, 100*share)
					}
					if throttled >= most {
						t.Errorf("%s: %.2f %% of the calls are refused, want less than %.0f %%", when, 100*throttled, 100*most)
					}
				}
				time.Sleep(half)
				check("with the configured quota", 0.01)
				s.set(float64(c.rpm)/2, float64(c.tpm)/2)
				time.Sleep(half)
				check("after it was halved", 0.08)
				stop()
				calls.Wait()
			})
		})
	}
}

// A quota that the account does not tell is found out.
func TestUnknownQuotasAreLearned(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]bedrock.PacerConfig{
		"nothing is known":                {Burndown: 5},
		"requests are known, tokens not":  {RPM: 10_000, Burndown: 5},
		"ten times as much is configured": {TPM: 8_000_000, Burndown: 5},
		"a burndown configured as one":    {TPM: 800_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &service{tpm: 800_000, burndown: 5}
				ctx, stop := context.WithCancel(t.Context())
				calls := load(ctx, t, s, bedrock.NewPacer(cfg), 512, 8*time.Second)
				time.Sleep(10 * time.Minute)
				answered, refused, _ := s.counts()
				t.Logf("%d answered and %d refused while it learned", answered, refused)
				time.Sleep(20 * time.Minute)
				answered, refused, used := s.counts()
				got, throttled := used/s.tpm/20, float64(refused)/float64(answered+refused)
				t.Logf("%.1f %% of the quota, %d answered, %d refused (%.2f %%)", 100*got, answered, refused, 100*throttled)
				if got < 0.9 || throttled > 0.08 {
					t.Errorf("%.1f %% of the quota is used and %.2f %% of the calls are refused, want at least 90 %% and at most 8 %%", 100*got, 100*throttled)
				}
				stop()
				calls.Wait()
			})
		})
	}
}

// While nothing gets through, calls are tried once in half a minute; when it does again, the pace is soon what it was.
func TestAnHourOfThrottlingIsWaitedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{tpm: 800_000, burndown: 5}
		p := bedrock.NewPacer(bedrock.PacerConfig{TPM: 800_000, Burndown: 5})
		ctx, stop := context.WithCancel(t.Context())
		calls := load(ctx, t, s, p, 512, 8*time.Second)
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		s.down = true
		s.mu.Unlock()
		s.counts()
		time.Sleep(time.Hour)
		if _, refused, _ := s.counts(); refused > 200 {
			t.Errorf("%d calls were tried in an hour in which all were refused, want at most 200", refused)
		}
		s.mu.Lock()
		s.down = false
		s.mu.Unlock()
		time.Sleep(2 * time.Minute)
		s.counts()
		time.Sleep(5 * time.Minute)
		if _, _, used := s.counts(); used < 0.9*5*s.tpm {
			t.Errorf("%.0f %% of the quota is used two minutes after the hour, want at least 90 %%", 100*used/5/s.tpm)
		}
		stop()
		calls.Wait()
	})
}

// Refusals that do not depend on the rate must not slow calls down until hardly any is made. When a quota becomes the cause, it is kept to.
func TestRefusalsAtRandomDoNotStopTheCalls(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.1, 0.3} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{rpm: 3000, tpm: 50_000_000, burndown: 5, random: share, draw: rand.New(rand.NewPCG(3, 4))}
			p := bedrock.NewPacer(bedrock.PacerConfig{RPM: 3000, TPM: 50_000_000, Burndown: 5})
			ctx, stop := context.WithCancel(t.Context())
			calls := load(ctx, t, s, p, 512, 8*time.Second)
			time.Sleep(5 * time.Minute)
			s.counts()
			time.Sleep(20 * time.Minute)
			answered, _, _ := s.counts()
			if got := float64(answered) / 20; got < 1000 {
				t.Errorf("%.0f %% refused at random: %.0f calls a minute were answered, want at least 1,000 of 3,000", 100*share, got)
			}
			s.mu.Lock()
			s.random, s.rpm = 0, 300
			s.mu.Unlock()
			time.Sleep(10 * time.Minute)
			s.counts()
			time.Sleep(10 * time.Minute)
			answered, refused, _ := s.counts()
			if got := float64(refused) / float64(answered+refused); got > 0.08 || answered < 2700 {
				t.Errorf("then a quota of 300 a minute: %d answered in ten minutes, %.1f %% refused; want 2,700 and 8 %%", answered, 100*got)
			}
			stop()
			calls.Wait()
		})
	}
}

func TestAWaitForRoomCanBeStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := bedrock.NewPacer(bedrock.PacerConfig{TPM: 6000})
		if _, err := p.Take(t.Context(), 0, 6000); err != nil {
			t.Fatal(err)
		}
		why := errors.New("stopped")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(why) })
		began := time.Now()
		if _, err := p.Take(ctx, 0, 6000); !errors.Is(err, why) {
			t.Errorf("Take() = %v, want %v", err, why)
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("it ended after %s, want 1s", waited)
		}
	})
}

// A 503 is the service's capacity and not the account's quota: the pace stays about what it was.
func TestNoCapacityHardlyChangesThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := bedrock.NewPacer(bedrock.PacerConfig{RPM: 600, TPM: 600_000})
		before := p.Pace()
		for range 50 {
			ticket, err := p.Take(t.Context(), 100, 100)
			if err != nil {
				t.Fatal(err)
			}
			ticket.Busy()
		}
		if after := p.Pace(); after.RPM < 0.7*before.RPM || after.TPM < 0.7*before.TPM || after.Pause > 0 {
			t.Errorf("after fifty answers of 503 in a row the pace is %+v, want it near %+v", after, before)
		}
	})
}

func TestBackoffGrowsAndIsNeverTheSame(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for n := 1; n < 40; n++ {
		d := bedrock.Backoff(n)
		full := 30 * time.Second
		if n < 6 {
			full = min(time.Second<<(n-1), full)
		}
		if d < full/2 || d > full {
			t.Errorf("Backoff(%d) = %s, want between %s and %s", n, d, full/2, full)
		}
		seen[d] = true
	}
	if len(seen) < 20 {
		t.Errorf("39 waits have %d lengths, want them to differ", len(seen))
	}
}

func TestOverMinuteNamesTheCallThatNoWaitMakesPossible(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tpm   int64
		bytes int
		limit int64
		want  bool
	}{
		"a small call":                         {10_000, 3000, 4096, false},
		"one that takes just the minute":       {10_000, 3000, 9000, false},
		"one whose answer may be too long":     {4000, 3000, 4096, true},
		"one whose text is too long":           {10_000, 60_000, 100, true},
		"a quota that is not known holds none": {0, 60_000_000, 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := bedrock.NewPacer(bedrock.PacerConfig{TPM: tt.tpm, RPM: 10})
			take, minute, over := p.OverMinute(tt.bytes, tt.limit)
			if over != tt.want {
				t.Errorf("OverMinute(%d, %d) = %d of %d, %t, want %t", tt.bytes, tt.limit, take, minute, over, tt.want)
			}
			if tt.tpm > 0 && minute != tt.tpm {
				t.Errorf("OverMinute(%d, %d) says %d a minute, want %d", tt.bytes, tt.limit, minute, tt.tpm)
			}
		})
	}
}
