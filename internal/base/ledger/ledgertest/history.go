package ledgertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/base/ledger"
)

// History changes a ledger n times in ways that draw selects, and gives every answer of the ledger, one in a line. Two ledgers that are
// given the same changes must give the same answers.
func History(t *testing.T, l *ledger.Ledger, draw *rand.Rand, n int) string {
	t.Helper()
	h := &history{t: t, l: l, draw: draw}
	for range 2 { // quotas of no other ledger
		h.pools = append(h.pools, ledger.Pool{Region: fmt.Sprint("region-", draw.Uint64()), Model: quarry.DefaultModel, Bucket: "b"})
	}
	for range n {
		h.change()
		h.read()
	}
	return h.said.String()
}

type history struct {
	t     *testing.T
	l     *ledger.Ledger
	draw  *rand.Rand
	pools []ledger.Pool
	added int64
	said  strings.Builder
}

// say writes an answer. Of an error it writes which one of the ledger's own it is: its text is the database's.
func (h *history) say(what string, value any, err error) {
	for _, known := range []error{ledger.ErrNoShard, ledger.ErrNothingDue, ledger.ErrFenced} {
		if errors.Is(err, known) {
			err = known
		}
	}
	fmt.Fprintf(&h.said, "%s: %+v, %v\n", what, value, err)
}

var historyStates = []quarry.ShardState{
	quarry.ShardPlanned, quarry.ShardBuilt, quarry.ShardUploaded, quarry.ShardIntended, quarry.ShardSubmitted, quarry.ShardEnded,
	quarry.ShardCalling, quarry.ShardCollected, quarry.ShardDone,
}

func (h *history) fresh() ledger.Shard {
	h.added++
	s := planned(h.added)
	s.Pass, s.Records, s.Attempt = 1+h.draw.IntN(2), h.draw.Int64N(100), 1
	if h.draw.IntN(3) == 0 {
		s.ID, s.Kind, s.Sources = quarry.NewShardID(quarry.RetryShard, int(h.added)), quarry.RetryShard, []quarry.ShardID{"s00001", "s00002"}
	}
	return s
}

// drawn gives one of the rows, or one that is not there.
func (h *history) drawn() ledger.Shard {
	rows, err := h.l.Shards(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if len(rows) == 0 || h.draw.IntN(20) == 0 {
		return planned(9999)
	}
	return rows[h.draw.IntN(len(rows))]
}

func (h *history) change() {
	ctx, s := h.t.Context(), h.drawn()
	switch h.draw.IntN(11) {
	case 0:
		rows := []ledger.Shard{h.fresh(), h.fresh()}
		takes := map[quarry.ShardID]quarry.ShardID{}
		if h.draw.IntN(2) == 0 {
			takes[s.ID] = rows[0].ID
		}
		h.say("add", nil, plain(h.l.AddShards(ctx, rows, map[string]string{"b": "1", "a": fmt.Sprint(h.added)}, takes)))
	case 1:
		h.say("drop", nil, h.l.Drop(ctx, []ledger.Shard{s}, map[string]string{"a": ""}))
	case 2:
		s.Records /= 2
		h.say("split", nil, h.l.Split(ctx, &s, []ledger.Shard{h.fresh()}))
	case 3:
		h.say("release", nil, h.l.Release(ctx, at(h.draw.IntN(9)), h.draw.Int64N(3), []quarry.ShardKind{"", quarry.RetryShard}[h.draw.IntN(2)]))
	case 4:
		h.say("reserve", nil, h.l.Reserve(ctx, &s, func(b *ledger.Balance) (ledger.Money, error) {
			h.say("balance", *b, nil)
			return ledger.Money{Forecast: quarry.USD(h.draw.IntN(9)), Output: quarry.USD(h.draw.IntN(9))}, nil
		}))
	case 5:
		h.say("place", nil, h.l.Place(ctx, &s, h.pools, func(q []ledger.Queue) (bool, error) {
			h.say("queues", q, nil)
			s.Pool = h.pools[h.draw.IntN(2)]
			return true, nil
		}))
	case 6:
		n, err := h.l.Hasten(ctx, at(1), at(5))
		h.say("hasten", n, err)
	case 7:
		h.say("resume", nil, h.l.Resume(ctx, at(2)))
	default:
		s.State, s.Due = historyStates[h.draw.IntN(len(historyStates))], at(h.draw.IntN(9))
		s.Pool = h.pools[h.draw.IntN(2)]
		s.Job = ledger.Job{Submitted: at(0).Add(time.Duration(h.draw.IntN(9)) * time.Minute)}
		if s.State != quarry.ShardSubmitted {
			s.Job.Ended = s.Job.Submitted.Add(time.Duration(h.draw.IntN(9)) * time.Minute)
		}
		if h.draw.IntN(2) == 0 {
			s.Job.ARN = "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abc"
		}
		s.Job.Counts.Success, s.Tally.OK, s.Output.TokensPerByte = h.draw.Int64N(100), h.draw.Int64N(100), h.draw.Float64()
		s.Money.Settled, s.Factor = quarry.USD(h.draw.Int64N(1<<50)), h.draw.Float64()
		if h.draw.IntN(5) == 0 {
			s.Unasked, s.Mode = quarry.KindBelowMinimum, quarry.ModeOnDemand
		}
		h.say("save", nil, h.l.Save(ctx, &s))
	}
}

// plain leaves of an error that it is one.
func plain(err error) error {
	if err == nil || errors.Is(err, ledger.ErrNoShard) {
		return err
	}
	return errors.New("refused")
}

func (h *history) read() {
	ctx := h.t.Context()
	rows, err := h.l.Shards(ctx)
	for i := range rows {
		rows[i] = shown(rows[i])
	}
	h.say("rows", rows, err)
	for pass := range 3 {
		groups, err := h.l.Groups(ctx, pass)
		slices.SortFunc(groups, func(a, b ledger.Group) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		h.say("sums", groups, err)
	}
	counts, err := h.l.Count(ctx, quarry.RetryShard)
	h.say("counts", counts, err)
	due, ok, err := h.l.NextDue(ctx, "s00001")
	h.say("due", fmt.Sprint(due.UnixMilli(), ok), err)
	next, err := h.l.Next(ctx, at(4), "s00002")
	h.say("next", shown(next), err)
	seq, numbers, err := h.l.Last(ctx)
	h.say("last", fmt.Sprint(seq, numbers), err)
	places, err := h.l.Places(ctx)
	h.say("places", places, err)
	facts, err := h.l.Facts(ctx, "a", "b")
	h.say("facts", facts, err)
}

// shown is a row without what only its own database has.
func shown(s ledger.Shard) ledger.Shard {
	return ledger.Shard{
		ID: s.ID, Seq: s.Seq, Kind: s.Kind, State: s.State, Mode: s.Mode, Due: s.Due, Money: s.Money, Factor: s.Factor, Detail: s.Detail,
	}
}
