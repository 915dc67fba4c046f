package forecast_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"quarry"
	"quarry/internal/prepare/tokens"
	"quarry/internal/run/forecast"
)

var full = flag.Bool("full", false, "draw ten times as many runs")

func TestWhatIsAdmittedUnderACap(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settled   quarry.USD
		open, own forecast.Reserve
		admits    bool
	}{
		"twice the forecasts fit":                               {0, forecast.Reserve{Forecast: 20, Worst: 400}, forecast.Reserve{Forecast: 30, Worst: 600}, true},
		"twice the forecasts are a cent too much":               {0, forecast.Reserve{Forecast: 20, Worst: 400}, forecast.Reserve{Forecast: 31, Worst: 600}, false},
		"what settled is gone":                                  {2, forecast.Reserve{Forecast: 20, Worst: 400}, forecast.Reserve{Forecast: 30, Worst: 600}, false},
		"the worst cases fit though twice the forecasts do not": {0, forecast.Reserve{Forecast: 40, Worst: 45}, forecast.Reserve{Forecast: 40, Worst: 55}, true},
		"nothing is forecast, and the worst fits":               {30, forecast.Reserve{Forecast: 10, Worst: 20}, forecast.Reserve{Forecast: 25, Worst: 50}, true},
		"nothing is forecast, and the worst does not fit":       {30, forecast.Reserve{Forecast: 10, Worst: 20}, forecast.Reserve{Forecast: 26, Worst: 51}, false},
		"more was spent than the cap":                           {101, forecast.Reserve{}, forecast.Reserve{Forecast: 1, Worst: 1}, false},
	} {
		b := forecast.Balance{Settled: tt.settled, Open: tt.open}
		if got := b.Admits(100, tt.own); got != tt.admits {
			t.Errorf("%s: Admits = %t, want %t", name, got, tt.admits)
		}
	}
	b := forecast.Balance{Settled: 30}
	if got := b.Left(100); got != 70 {
		t.Errorf("Left(100) = %d, want 70", got)
	}
}

func TestTheUpperEndOfAShard(t *testing.T) {
	t.Parallel()
	e := forecast.Expectation{Input: tokens.Band{Estimate: 900, High: 1000}, Output: tokens.Band{Estimate: 180, High: 200}, Samples: 20}
	up := forecast.UpperOf(&e, 100, 4000)
	for name, tt := range map[string]struct {
		records, bytes, room, wide, most int64
		want                             quarry.Usage
	}{
		"a tenth of all":                          {10, 400, 10_000, 0, 1000, quarry.Usage{InputTokens: 100, OutputTokens: 20}},
		"two answers were cut off":                {10, 400, 10_000, 2, 1000, quarry.Usage{InputTokens: 100, OutputTokens: 2016}},
		"answers may not be longer than the room": {10, 400, 15, 0, 1000, quarry.Usage{InputTokens: 100, OutputTokens: 15}},
		"no more are cut off than there are":      {1, 40, 5000, 7, 1000, quarry.Usage{InputTokens: 10, OutputTokens: 1000}},
	} {
		if got := up.Of(tt.records, tt.bytes, tt.room, tt.wide, tt.most); got != tt.want {
			t.Errorf("%s: Of = %+v, want %+v", name, got, tt.want)
		}
	}
	e.Samples = 0
	if got := forecast.UpperOf(&e, 100, 4000); got.Known() {
		t.Errorf("UpperOf = %+v before any answer was read, want nothing", got)
	}
}

func TestASettledShardRaisesLaterReservations(t *testing.T) {
	t.Parallel()
	if f := forecast.Factor(150, 100); f != 1.5 {
		t.Errorf("Factor(150, 100) = %g, want 1.5", f)
	}
	if f := forecast.Factor(50, 100); f != 1 {
		t.Errorf("Factor(50, 100) = %g, want 1: what cost less lowers nothing", f)
	}
	if f := forecast.Factor(50, 0); f != 1 {
		t.Errorf("Factor(50, 0) = %g, want 1", f)
	}
	r := forecast.Reserve{Forecast: 100, Worst: 500}
	if got, want := r.Raised(1.5), (forecast.Reserve{Forecast: 150, Worst: 500}); got != want {
		t.Errorf("Raised(1.5) = %+v, want %+v", got, want)
	}
	if got, want := r.Raised(9), (forecast.Reserve{Forecast: 500, Worst: 500}); got != want {
		t.Errorf("Raised(9) = %+v, want no more than the worst case", got)
	}
}

// drawn is a run of shards under a cap, simulated: each costs what it costs, whatever was forecast.
type drawn struct {
	limit   quarry.USD
	slots   int
	shards  []forecast.Reserve
	costs   []quarry.USD
	settled quarry.USD
}

// play admits, settles and retries shards in a drawn order until nothing is left that may be sent. It gives what was
// spent and how many were under way at most.
func (d *drawn) play(r *rand.Rand) (spent quarry.USD, most int) {
	type open struct {
		reserve forecast.Reserve
		cost    quarry.USD
	}
	b := forecast.Balance{Settled: d.settled, Factor: 1}
	var under []open
	next := 0
	for {
		b.Open = forecast.Reserve{}
		for _, o := range under {
			b.Open = b.Open.Plus(o.reserve.Raised(b.Factor))
		}
		if next < len(d.shards) && len(under) < d.slots && b.Admits(d.limit, d.shards[next].Raised(b.Factor)) {
			under = append(under, open{d.shards[next], d.costs[next]})
			next++
			most = max(most, len(under))
			continue
		}
		if len(under) == 0 {
			return b.Settled, most // all is done, or the cap is reached
		}
		i := r.IntN(len(under))
		b.Settled += under[i].cost
		b.Factor = max(b.Factor, forecast.Factor(under[i].cost, under[i].reserve.Forecast))
		under = append(under[:i], under[i+1:]...)
	}
}

// draw makes a run whose shards cost up to longer times the estimate that their forecast is the upper end of.
func draw(r *rand.Rand, longer float64, faulty bool) *drawn {
	d := &drawn{slots: 1 + r.IntN(20)}
	band := 1 + r.Float64()/2
	var expected quarry.USD
	factor := 1 + r.Float64()*(longer-1)
	for range 5 + r.IntN(60) {
		estimate := quarry.USD(1000 + r.Int64N(9000))
		upper := quarry.USD(float64(estimate) * band)
		worst := upper * quarry.USD(3+r.IntN(20))
		cost := quarry.USD(float64(estimate) * factor * (0.85 + 0.15*r.Float64()))
		if faulty && r.IntN(4) == 0 { // its job expired after a part of it, which is paid, and the rest comes again
			part := 0.1 + 0.8*r.Float64()
			d.shards = append(d.shards, forecast.Reserve{Forecast: upper, Worst: worst})
			d.costs = append(d.costs, quarry.USD(float64(cost)*part))
			upper, worst, cost = quarry.USD(float64(upper)*(1-part))+1, quarry.USD(float64(worst)*(1-part))+1, quarry.USD(float64(cost)*(1-part))
		}
		d.shards = append(d.shards, forecast.Reserve{Forecast: upper, Worst: worst})
		d.costs = append(d.costs, min(cost, worst))
		expected += estimate
	}
	d.settled = expected / quarry.USD(10+r.IntN(20)) // the pilot
	d.limit = quarry.USD(float64(expected) * (0.1 + 3*r.Float64()))
	return d
}

func TestTheCapHoldsWhereTheRestIsUpToTwiceAsLong(t *testing.T) {
	t.Parallel()
	runs := uint64(2000)
	if *full {
		runs *= 10
	}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 3))
		d := draw(r, 2, seed%2 == 0)
		if spent, _ := d.play(r); spent > d.limit && spent > d.settled {
			t.Errorf("run %d: %d were spent under a cap of %d", seed, spent, d.limit)
		}
	}
}

func TestACapOfThreeTimesTheForecastHoldsBackNoJob(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		d := draw(r, 1, false)
		var expected, upper quarry.USD
		for _, s := range d.shards {
			upper += s.Forecast
		}
		for _, c := range d.costs {
			expected += c
		}
		expected = max(expected, upper*2/3+1) // the upper end is at most 1.5 times the forecast
		d.limit = 3 * expected
		d.settled = 0
		_, got := d.play(rand.New(rand.NewPCG(seed, 5)))
		d.limit = 1 << 60
		if _, want := d.play(rand.New(rand.NewPCG(seed, 5))); got != want {
			t.Errorf("run %d: %d jobs under way at once with the cap, %d without", seed, got, want)
		}
	}
}
