package ledgertest

import (
	"maps"
	"math/rand/v2"
	"testing"

	"quarry"
	"quarry/internal/base/ledger"
)

// addUp gives the sums of all rows in the same groups as the ledger.
func addUp(t *testing.T, l *ledger.Ledger) map[ledger.Group]ledger.Group {
	t.Helper()
	rows, err := l.Shards(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sums := map[ledger.Group]ledger.Group{}
	for i := range rows {
		s := &rows[i]
		g := ledger.Group{Pass: s.Pass, Kind: s.Kind, State: s.State, Mode: s.Mode, Unasked: s.Unasked != ""}
		g.Held = s.State != quarry.ShardDone && s.Due.Year() > 9999
		key := g
		if was, ok := sums[key]; ok {
			g = was
		}
		g.Shards, g.Records = g.Shards+1, g.Records+s.Records
		switch {
		case s.Unasked != "":
			g.Answered += s.Records
		case s.State == quarry.ShardCollected || s.State == quarry.ShardDone:
			g.Answered += s.Tally.OK + s.Tally.Invalid + s.Tally.Failed
		case s.State == quarry.ShardIntended || s.State == quarry.ShardSubmitted || s.State == quarry.ShardEnded:
			g.Answered += min(s.Records, s.Job.Counts.Success)
		}
		g.Settled, g.Forecast, g.Input = g.Settled+s.Money.Settled, g.Forecast+s.Money.Forecast, g.Input+s.Money.Input
		g.Output, g.Unpriced = g.Output+s.Money.Output, g.Unpriced+s.Money.Unpriced
		sums[key] = g
	}
	return sums
}

// CheckSums compares the sums that the ledger keeps of some passes with those of its rows.
func CheckSums(t *testing.T, l *ledger.Ledger, passes ...int) {
	t.Helper()
	kept := map[ledger.Group]ledger.Group{}
	for _, pass := range passes {
		groups, err := l.Groups(t.Context(), pass)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			kept[ledger.Group{Pass: g.Pass, Kind: g.Kind, State: g.State, Mode: g.Mode, Unasked: g.Unasked, Held: g.Held}] = g
		}
	}
	if want := addUp(t, l); !maps.Equal(kept, want) {
		t.Fatalf("the ledger keeps\n%v, its rows add up to\n%v", kept, want)
	}
}

// sumsAreThoseOfTheRows changes rows at random in every way that the ledger has.
func sumsAreThoseOfTheRows(t *testing.T, fresh Fresh) {
	states := []quarry.ShardState{
		quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded, quarry.ShardCalling,
		quarry.ShardCollected, quarry.ShardDone,
	}
	for seed := range uint64(8) {
		draw := rand.New(rand.NewPCG(seed, 7))
		b, next := newBook(t, fresh), int64(0)
		add := func() ledger.Shard {
			next++
			s := planned(next)
			s.Pass, s.Records = 1+draw.IntN(2), draw.Int64N(100)
			return s
		}
		for range 60 {
			rows, err := b.Shards(t.Context())
			b.must(err)
			var s ledger.Shard
			if len(rows) > 0 {
				s = rows[draw.IntN(len(rows))]
			}
			switch what := draw.IntN(9); {
			case what == 0 || len(rows) == 0:
				b.must(b.AddShards(t.Context(), []ledger.Shard{add(), add()}, nil, nil))
			case what == 1:
				b.must(b.Drop(t.Context(), []ledger.Shard{s}, nil))
			case what == 2:
				s.Records /= 2
				b.must(b.Split(t.Context(), &s, []ledger.Shard{add()}))
			case what == 3:
				b.must(b.Release(t.Context(), at(0), draw.Int64N(3), ""))
			case what == 4:
				b.must(b.Reserve(t.Context(), &s, func(*ledger.Balance) (ledger.Money, error) {
					return ledger.Money{Forecast: quarry.USD(draw.IntN(9)), Input: quarry.USD(draw.IntN(9)), Output: quarry.USD(draw.IntN(9))}, nil
				}))
			default:
				s.State, s.Due = states[draw.IntN(len(states))], at(draw.IntN(9))
				s.Job.Counts.Success, s.Tally.OK = draw.Int64N(100), draw.Int64N(100)
				if draw.IntN(5) == 0 {
					s.Unasked, s.Mode = quarry.KindBelowMinimum, quarry.ModeOnDemand
				}
				s.Money.Settled = quarry.USD(draw.IntN(9))
				b.must(b.Save(t.Context(), &s))
			}
			CheckSums(t, b.Ledger, 1, 2)
		}
	}
}

func whatIsReservedIsSeenByTheNextOne(t *testing.T, fresh Fresh) {
	done := planned(1)
	done.Pass, done.State, done.Factor, done.Output.TokensPerByte = 1, quarry.ShardDone, 1.5, 0.25
	done.Money.Settled = 7
	first, second, other := planned(2), planned(3), planned(4)
	first.Pass, second.Pass, other.Pass = 1, 1, 2
	b := newBook(t, fresh, done, first, second, other)
	take := func(s *ledger.Shard, m ledger.Money) (seen ledger.Balance) {
		b.must(b.Reserve(t.Context(), s, func(b *ledger.Balance) (ledger.Money, error) { seen = *b; return m, nil }))
		return seen
	}
	if got, want := take(&second, ledger.Money{Output: 5}), (ledger.Balance{
		Money: ledger.Money{Settled: 7}, TokensPerByte: 0.25, Factor: 1.5, Earlier: true,
	}); got != want {
		t.Errorf("before anything is reserved: %+v, want %+v", got, want)
	}
	if got := take(&first, ledger.Money{Forecast: 3, Input: 2, Output: 4}); got.Money != (ledger.Money{Settled: 7, Output: 5}) || got.Earlier {
		t.Errorf("after another one reserved 5: %+v, want it, and no earlier one that waits", got)
	}
	if got := take(&first, ledger.Money{}); got.Money != (ledger.Money{Settled: 7, Output: 5}) {
		t.Errorf("a shard that reserves again: %+v, want what the others take", got)
	}
	if s, err := b.Shard(t.Context(), second.ID); err != nil || s.Money != second.Money || second.Money.Output != 5 {
		t.Errorf("the row takes %+v, the shard %+v, %v, want 5 of both", s.Money, second.Money, err)
	}
	if got := take(&other, ledger.Money{}); got != (ledger.Balance{}) {
		t.Errorf("in another pass: %+v, want nothing", got)
	}
}
