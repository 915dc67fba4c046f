package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/outlook"
)

// The cap holds before a call: what ended shards cost, what open ones may cost and what the next one may cost stay below
// it together. A shard may cost its input, at one token a byte until answers have shown better, and its answers at their
// full length. All of it is reckoned from the ledger's rows, so a process that resumes reckons the same.

// reservation is the most that a shard can cost, at so many tokens a byte; nil where a price is not known.
func (r *Run) reservation(s *ledger.Shard, ratio float64) *quarry.USD {
	return r.dearest(s, outlook.Reservation(s.Bytes, ratio, r.answerTokens(s)))
}

// answerTokens is the most that a shard's answers can take.
func (r *Run) answerTokens(s *ledger.Shard) int64 {
	if s.AnswerTokens > 0 { // else it is not built yet, or was built when there was no cap
		return s.AnswerTokens
	}
	room := r.cfg.MaxTokens
	if s.Kind == quarry.RetryShard || room == 0 {
		room = max(room, r.cfg.MaxOutput)
	}
	return s.Records * int64(room)
}

// dearest is what a usage of the shard costs in its pool, or in the dearest pool that it may still go to.
func (r *Run) dearest(s *ledger.Shard, u quarry.Usage) *quarry.USD {
	if s.Mode != quarry.ModeJob || s.Pool != (ledger.Pool{}) || len(r.pools) < 2 {
		return r.listCostAt(r.placeOf(s), s.Mode, u)
	}
	var most *quarry.USD
	for i := range r.pools {
		usd := r.listCostAt(r.pools[i].ref(), s.Mode, u)
		if usd == nil {
			return nil
		}
		if most == nil || *usd > *most {
			most = usd
		}
	}
	return most
}

// settledUsage is what a shard took: what its answers say, or the job's manifest where that says more, since a line that
// the provider lost was computed all the same.
//
// Answers that do not say what they took, where no manifest does either, count as the most that they can have taken.
func (r *Run) settledUsage(s *ledger.Shard) quarry.Usage {
	u := s.Tally.Usage
	if m := s.Output.Manifest; m != nil && (m.InputTokenCount > 0 || m.OutputTokenCount > 0) {
		u.InputTokens, u.OutputTokens = max(u.InputTokens, m.InputTokenCount), max(u.OutputTokens, m.OutputTokenCount)
		u.Unknown = 0
	}
	if !u.Known() {
		most := outlook.Reservation(s.Bytes, 1, r.answerTokens(s))
		u = quarry.Usage{InputTokens: max(u.InputTokens, most.InputTokens), OutputTokens: max(u.OutputTokens, most.OutputTokens)}
	}
	return u
}

// balanceBut reckons what stands against the cap beside one shard. The caller holds the lock on the money.
func (r *Run) balanceBut(ctx context.Context, id quarry.ShardID) (outlook.Balance, error) {
	b := outlook.Balance{Ratio: 1}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return b, err
	}
	seen := 0.0
	for i := range shards {
		if shards[i].Pass == r.planned.Pass {
			seen = max(seen, shards[i].Output.TokensPerByte)
		}
	}
	b.Ratio = outlook.Ratio(seen)
	for i := range shards {
		o := &shards[i]
		var amount *quarry.USD
		sum := &b.Open
		switch {
		case o.ID == id || o.Pass != r.planned.Pass || o.Unasked != "":
			continue
		case !o.Times.Collected.IsZero():
			sum, amount = &b.Settled, r.listCostAt(r.placeOf(o), o.Mode, r.settledUsage(o))
		case r.waitsForCalls(o):
			continue
		case o.State != quarry.ShardPlanned || r.granted[o.ID]:
			amount = r.reservation(o, b.Ratio)
		default:
			continue
		}
		if amount == nil {
			return b, r.noPrice()
		}
		*sum = sum.Plus(*amount)
	}
	return b, nil
}

// waitsForCalls reports whether a shard that turned to calls has asked nothing yet. It gave back what its job had reserved,
// and stands against the cap again once its calls are let through: two such shards that were reckoned to each other would
// wait for good, since calls may cost twice what was let through for their jobs. The caller holds the lock on the money.
func (r *Run) waitsForCalls(s *ledger.Shard) bool {
	if !s.Late || s.Mode == quarry.ModeJob || r.granted[s.ID] {
		return false
	}
	_, err := os.Stat(r.files().Calls(s.ID)) // an earlier process began its calls
	return errors.Is(err, fs.ErrNotExist)
}

func (r *Run) noPrice() error {
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "hold the cap of", Subject: r.cfg.MaxUSD.String(), Err: fmt.Errorf("the price of %s in %s is not known", r.cfg.Model, r.cfg.Region),
		Hint: cost.UnknownHelp + "; or leave --max-usd out",
	}
}

// withinCap reports whether a shard may be sent. It waits while an open shard may still turn out cheaper, and is an error
// where that cannot help.
func (r *Run) withinCap(ctx context.Context, s *ledger.Shard) (bool, error) {
	if r.cfg.MaxUSD == nil || s.Unasked != "" {
		return true, nil
	}
	r.money.Lock() // two shards must not be let through on the same money
	defer r.money.Unlock()
	b, err := r.balanceBut(ctx, s.ID)
	if err != nil {
		return false, err
	}
	own := r.reservation(s, b.Ratio)
	switch {
	case own == nil:
		return false, r.noPrice()
	case b.Holds(*r.cfg.MaxUSD, *own):
		r.granted[s.ID] = true
		return true, nil
	case b.Open > 0:
		return false, r.wait(s, fmt.Sprintf("the cap of %s: %s settled, %s reserved by open shards, this one reserves %s", r.cfg.MaxUSD, b.Settled, b.Open, own), time.Second)
	}
	if s.State == quarry.ShardPlanned {
		if cut, err := r.cutToFit(ctx, s, &b, *own); cut || err != nil {
			return false, err
		}
	}
	return false, &quarry.Error{
		Kind: quarry.OverLimit, Op: "submit shard", Subject: string(s.ID),
		Err: fmt.Errorf("it may cost %s, %s is spent and the cap is %s", own, b.Settled, r.cfg.MaxUSD),
		Hint: "raise --max-usd and run the same command again: it goes on where it was, and what was answered is kept; " +
			fmt.Sprintf("a shard is reckoned at %.2f tokens a byte of input and max_tokens an answer", b.Ratio),
	}
}

// cutToFit cuts a planned shard into smaller ones of which the first fits under the cap: they go one after another, each
// once the one before has turned out cheaper than it might have. Row and new rows change in one transaction, and no record
// gets another id. It reports whether that could be done.
func (r *Run) cutToFit(ctx context.Context, s *ledger.Shard, b *outlook.Balance, own quarry.USD) (bool, error) {
	least := int64(1)
	if s.Mode == quarry.ModeJob {
		least = max(1, r.cfg.Quotas.MinRecords)
	}
	most, bytes, ok := outlook.Pieces(b.Left(*r.cfg.MaxUSD), own, s.Records, s.Bytes, least)
	if !ok {
		return false, nil
	}
	rows, err := cut.Smaller(ctx, s, r.index(s.Pass), r.leftoverItems(ctx, s.Sources), cut.Pieces{Least: least, Most: most, Bytes: bytes})
	if err != nil {
		return false, err
	}
	if len(rows) < 2 {
		return false, nil
	}
	r.watch(Event{Kind: Note, Text: fmt.Sprintf("the cap of %s leaves %s: shard %s of %d records may cost %s and is cut into %d, which go one after another",
		r.cfg.MaxUSD, b.Left(*r.cfg.MaxUSD), s.ID, s.Records, own, len(rows))})
	first := rows[0]
	rows = rows[1:]
	if err := r.number(ctx, rows); err != nil {
		return false, err
	}
	s.First, s.FirstPart, s.Last, s.LastPart = first.First, first.FirstPart, first.Last, first.LastPart
	s.Records, s.Bytes, s.Start, s.StartOrder = first.Records, first.Bytes, first.Start, first.StartOrder
	s.Due, s.Waits = time.Now(), ""
	return true, r.ledger.Split(ctx, s, rows)
}
