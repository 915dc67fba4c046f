package tokens_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"quarry/internal/prepare/tokens"
)

func TestTheBandOfAnswersHoldsTheTotal(t *testing.T) {
	t.Parallel()
	const runs, pilot, rest = 200, 100, 3000
	inBand := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		length := func() int64 { return 300 + r.Int64N(400) }
		var a tokens.Answers
		for range pilot {
			a.Add(100, length())
		}
		var want int64
		for range rest {
			want += length()
		}
		b := a.Band(rest, 0)
		if b.Low <= want && want <= b.High {
			inBand++
		}
		if off := math.Abs(float64(b.Estimate)/float64(want) - 1); off > 0.1 || !b.Fitted {
			t.Errorf("Band = %+v of %d, off by %.1f%%", b, want, 100*off)
		}
	}
	if inBand < runs*90/100 {
		t.Errorf("the band held the total in %d of %d runs", inBand, runs)
	}
}

func TestFewAnswersGiveAWideBand(t *testing.T) {
	t.Parallel()
	var a tokens.Answers
	if got := a.Band(10, 0); got != (tokens.Band{}) {
		t.Errorf("Band of no answers = %+v, want nothing", got)
	}
	a.Add(0, 100)
	if got, want := a.Band(10, 0), (tokens.Band{Low: 500, Estimate: 1000, High: 2000}); got != want {
		t.Errorf("Band of one answer = %+v, want %+v", got, want)
	}
	if got := a.With(a); got.N != 2 || got.Sum != 200 || got.Squares != 20_000 {
		t.Errorf("With = %+v", got)
	}
}

func TestBandsOfPilotsAddUpInSquares(t *testing.T) {
	t.Parallel()
	a := tokens.Band{Low: 970, Estimate: 1000, High: 1030, Fitted: true}
	b := tokens.Band{Low: 1960, Estimate: 2000, High: 2040, Fitted: true}
	if got, want := tokens.Together(a, b, tokens.Band{}), (tokens.Band{Low: 2950, Estimate: 3000, High: 3050, Fitted: true}); got != want {
		t.Errorf("Together = %+v, want %+v", got, want)
	}
	b.Fitted = false
	if got, want := tokens.Together(a, b), (tokens.Band{Low: 2930, Estimate: 3000, High: 3070}); got != want {
		t.Errorf("Together with one that is not fitted = %+v, want %+v", got, want)
	}
	if got, want := a.Times(2), (tokens.Band{Low: 1940, Estimate: 2000, High: 2060, Fitted: true}); got != want {
		t.Errorf("Times = %+v, want %+v", got, want)
	}
	huge := tokens.Band{Estimate: math.MaxInt64, High: math.MaxInt64}
	if got := tokens.Together(huge, huge); got.High < got.Estimate || got.Estimate < 0 {
		t.Errorf("Together of everything = %+v", got)
	}
}

func TestLongerRecordsHaveLongerAnswersWhereTheAnswersShowIt(t *testing.T) {
	t.Parallel()
	const runs = 200
	inBand := 0
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 2))
		answer := func(input int64) int64 { return 100 + input/5 + r.Int64N(60) }
		var a tokens.Answers
		for range 100 {
			input := 200 + r.Int64N(2000)
			a.Add(input, answer(input))
		}
		var asked, want int64
		for range 500 { // an increment of long documents
			input := 1500 + r.Int64N(3000)
			asked += input
			want += answer(input)
		}
		b := a.Band(500, asked)
		if b.Low <= want && want <= b.High {
			inBand++
		}
		if off := math.Abs(float64(b.Estimate)/float64(want) - 1); off > 0.06 {
			t.Errorf("Band = %+v of %d, off by %.1f%%", b, want, 100*off)
		}
	}
	if inBand < runs*93/100 {
		t.Errorf("the band held the total in %d of %d runs", inBand, runs)
	}
}
