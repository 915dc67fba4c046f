package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/figure"
	"quarry/internal/ledger"
	"quarry/internal/run/cut"
	"quarry/internal/run/forecast"
)

// The cap holds before a call. Until answers were read, what ended shards cost and the worst cases of all that is open stay
// below it together. From then on a shard reserves the upper end of its forecast, and twice of all reservations stays below
// what is left; see forecast.Balance. The worst case of a shard is its input, at one token a byte until answers have shown
// better, and its answers at their full length. All of it is computed from the ledger's rows, so a process that resumes
// computes the same.

// worstUsage is the most that a shard can take, at so many tokens a byte.
func (r *Run) worstUsage(s *ledger.Shard, ratio float64) quarry.Usage {
	return forecast.Reservation(s.Bytes, ratio, r.roomOf(s))
}

// roomOf is how many tokens the answers of a shard may have together.
func (r *Run) roomOf(s *ledger.Shard) int64 {
	if s.AnswerTokens > 0 {
		return s.AnswerTokens
	}
	room := r.cfg.MaxTokens // not built yet, or built when there was no cap
	if s.Kind == quarry.RetryShard || room == 0 {
		room = max(room, r.cfg.MaxOutput)
	}
	return s.Records * int64(room)
}

// upper is the upper end of the forecast of the pass; the zero value where no answer was read yet.
func (r *Run) upper() forecast.Upper {
	t := r.allTexts()
	t.Merges, t.Parts = 0, 0
	e := r.model().Expect(r.learned, t)
	return forecast.UpperOf(&e, t.Records, r.planned.AskedLines)
}

// reserve is what a shard stands against the cap with while it is open, before a factor; nil where a price is not known.
// rows are those of the pass: where a retry comes from says how many of its answers were cut off.
func (r *Run) reserve(s *ledger.Shard, rows []ledger.Shard, up forecast.Upper, ratio float64) *forecast.Reserve {
	worst := r.dearest(s, r.worstUsage(s, ratio))
	if worst == nil {
		return nil
	}
	own := &forecast.Reserve{Forecast: *worst/2 + *worst%2, Worst: *worst}
	if upper := r.forecastOf(s, rows, up); upper != nil {
		own.Forecast = min(*upper, *worst)
	}
	return own
}

// forecastOf is the upper end of what a shard is forecast to cost; nil where nothing is forecast for it: before any answer
// was read, for a pilot, whose answers are the first, and for merges of long documents, of which none may have been read.
func (r *Run) forecastOf(s *ledger.Shard, rows []ledger.Shard, up forecast.Upper) *quarry.USD {
	if !up.Known() || s.Kind == quarry.PilotShard || slices.ContainsFunc(s.Sources, isMerges) {
		return nil
	}
	var cutOff int64
	for i := range rows {
		if slices.Contains(s.Sources, rows[i].ID) {
			cutOff += rows[i].Tally.Classes[quarry.ClassTruncated]
		}
	}
	room := r.roomOf(s)
	most := int64(max(r.cfg.MaxTokens, r.cfg.MaxOutput))
	if r.cfg.MaxOutput == 0 {
		most = room
	}
	return r.dearest(s, up.Of(s.Records, s.Bytes, room, cutOff, most))
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
	if m := s.Output.Manifest; m != nil && (m.InputTokenCount > u.InputTokens || m.OutputTokenCount > u.OutputTokens) {
		u.InputTokens, u.OutputTokens = max(u.InputTokens, m.InputTokenCount), max(u.OutputTokens, m.OutputTokenCount)
		u.Unknown = 0
	}
	if !u.Known() {
		most := forecast.Reservation(s.Bytes, 1, r.roomOf(s))
		u = quarry.Usage{InputTokens: max(u.InputTokens, most.InputTokens), OutputTokens: max(u.OutputTokens, most.OutputTokens)}
	}
	return u
}

// balanceBut computes what stands against the cap besides one shard. The caller holds the lock on the money.
func (r *Run) balanceBut(ctx context.Context, own *ledger.Shard) (forecast.Balance, *forecast.Reserve, error) {
	b := forecast.Balance{Ratio: 1, Factor: 1}
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return b, nil, err
	}
	shards = slices.DeleteFunc(shards, func(s ledger.Shard) bool { return s.Pass != r.planned.Pass })
	seen := 0.0
	for i := range shards {
		seen = max(seen, shards[i].Output.TokensPerByte)
	}
	b.Ratio = forecast.Ratio(seen)
	up := r.upper()
	for i := range shards {
		if o := &shards[i]; o.ID != own.ID && o.Unasked == "" && !o.Times.Collected.IsZero() {
			cost := r.listCostAt(r.placeOf(o), o.Mode, r.settledUsage(o))
			if cost == nil {
				return b, nil, r.noPrice()
			}
			b.Settled = b.Settled.Plus(*cost)
			if upper := r.forecastOf(o, shards, up); upper != nil && o.Records >= tellingRecords {
				b.Factor = max(b.Factor, forecast.Factor(*cost, *upper))
			}
		}
	}
	for i := range shards {
		o := &shards[i]
		b.Earlier = b.Earlier || o.State == quarry.ShardPlanned && o.Kind == own.Kind && o.Seq < own.Seq && o.Unasked == "" && !r.granted[o.ID]
		if o.ID == own.ID || o.Unasked != "" || !o.Times.Collected.IsZero() || r.waitsForCalls(o) || !r.isOpen(o, own) {
			continue
		}
		reserve := r.reserve(o, shards, up, b.Ratio)
		if reserve == nil {
			return b, nil, r.noPrice()
		}
		b.Open = b.Open.Plus(reserve.Raised(b.Factor))
	}
	mine := r.reserve(own, shards, up, b.Ratio)
	if mine == nil {
		return b, nil, r.noPrice()
	}
	raised := mine.Raised(b.Factor)
	return b, &raised, nil
}

// tellingRecords is how many records a settled shard must have to say something of others: fewer may be the odd ones.
const tellingRecords = 20

// isOpen reports whether a shard that has not ended stands against the cap while another one is checked. What was sent
// does, and what is being sent now. Of what was let through and waits for its turn, only what comes before the other:
// two that waited for each other would wait for good. The caller holds the lock on the money.
func (r *Run) isOpen(o, own *ledger.Shard) bool {
	before := o.Seq < own.Seq
	switch o.State {
	case quarry.ShardPlanned:
		return r.granted[o.ID] && before
	case quarry.ShardBuilt:
		return before
	case quarry.ShardUploaded:
		return r.underWay[o.ID] || before
	case quarry.ShardCalling:
		return r.underWay[o.ID] || r.callsBegan(o) || (before && !o.Late)
	}
	return true
}

// waitsForCalls reports whether a shard that turned to calls has asked nothing yet. It gave back what its job had reserved,
// and stands against the cap again once its calls are let through: two such shards that were reckoned to each other would
// wait for good, since calls may cost twice what was let through for their jobs. The caller holds the lock on the money.
func (r *Run) waitsForCalls(s *ledger.Shard) bool {
	if !s.Late || s.Mode == quarry.ModeJob || r.granted[s.ID] {
		return false
	}
	return !r.callsBegan(s)
}

// callsBegan reports whether a process began the calls of a shard.
func (r *Run) callsBegan(s *ledger.Shard) bool {
	_, err := os.Stat(r.files().Calls(s.ID))
	return !errors.Is(err, fs.ErrNotExist)
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
	b, own, err := r.balanceBut(ctx, s)
	if err != nil {
		return false, err
	}
	switch {
	case b.Admits(*r.cfg.MaxUSD, *own):
		r.granted[s.ID] = true
		if s.State != quarry.ShardPlanned { // it is asked next
			r.underWay[s.ID] = true
		}
		return true, nil
	case b.Open.Worst > 0 || b.Earlier:
		return false, r.wait(s, fmt.Sprintf("the cap of %s: %s settled, open shards need %s, this one needs %s", r.cfg.MaxUSD, b.Settled, b.Open.Needs(), own.Needs()), time.Second)
	}
	if s.State == quarry.ShardPlanned {
		if cut, err := r.cutToFit(ctx, s, &b, own.Needs()); cut || err != nil {
			return false, err
		}
	}
	how := fmt.Sprintf("a shard is reserved at %.2f tokens a byte of input and max_tokens an answer", b.Ratio)
	if own.Needs() < own.Worst {
		how = "a shard is reserved at twice the upper end of its forecast"
	}
	return false, &quarry.Error{
		Kind: quarry.OverLimit, Op: "submit shard", Subject: string(s.ID),
		Err:  fmt.Errorf("it may cost %s, %s is spent and the cap is %s", own.Needs(), b.Settled, r.cfg.MaxUSD),
		Hint: "raise --max-usd and run the same command again: it continues, and what was answered is kept; " + how,
	}
}

// cutToFit cuts a planned shard into smaller ones of which the first fits under the cap: they go one after another, each
// once the one before has turned out cheaper than it might have. Row and new rows change in one transaction, and no record
// gets another id. It reports whether that could be done.
func (r *Run) cutToFit(ctx context.Context, s *ledger.Shard, b *forecast.Balance, own quarry.USD) (bool, error) {
	least := int64(1)
	if s.Mode == quarry.ModeJob {
		least = max(1, r.cfg.Quotas.MinRecords)
	}
	most, bytes, ok := forecast.Pieces(b.Left(*r.cfg.MaxUSD), own, s.Records, s.Bytes, least)
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
	r.watch(Event{Kind: Note, Text: fmt.Sprintf("the cap of %s leaves %s: shard %s of %s may cost %s and is cut into %s, which go one after another",
		r.cfg.MaxUSD, b.Left(*r.cfg.MaxUSD), s.ID, figure.Count(s.Records, "record"), own, figure.Thousands(len(rows)))})
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
