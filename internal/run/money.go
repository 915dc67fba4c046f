package run

import (
	"context"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/cost"
	"quarry/internal/ledger"
)

// cost is what a usage costs the account: nothing where the provider is a stand-in, nil where the price is not known.
func (r *Run) cost(mode quarry.Mode, u quarry.Usage) *quarry.USD {
	if r.cfg.Local {
		return new(quarry.USD)
	}
	return r.listCost(mode, u)
}

// listCost is what a usage costs at the requested model's price; nil where that is not known.
func (r *Run) listCost(mode quarry.Mode, u quarry.Usage) *quarry.USD {
	price, ok := r.cfg.Prices.Price(r.cfg.Model, r.cfg.Region, mode)
	if !ok {
		return nil
	}
	usd := cost.Bill(u, price)
	return &usd
}

// priceHint adds what on-demand calls would cost to a hint.
func (r *Run) priceHint() string {
	demand, job := r.listCost(quarry.ModeOnDemand, r.guess()), r.listCost(quarry.ModeJob, r.guess())
	if demand == nil || job == nil {
		return " (at a price that is not known)"
	}
	return fmt.Sprintf(" (about %s instead of %s in a batch job)", demand, job)
}

// reservation is the most that a shard can cost: each byte of its input a token, each answer as long as it may be.
func (r *Run) reservation(s *ledger.Shard) *quarry.USD {
	out := s.AnswerTokens
	if out == 0 { // built when there was no cap
		room := r.cfg.MaxTokens
		if s.Kind == quarry.RetryShard {
			room = max(room, r.cfg.MaxOutput)
		}
		out = s.Records * int64(room)
	}
	return r.listCost(s.Mode, quarry.Usage{InputTokens: s.Bytes, OutputTokens: out})
}

// withinCap reports whether a shard may be sent: what ended shards cost, what open ones may cost and what this one may
// cost stay below the cap together. It waits while an open shard may still turn out cheaper, and is an error where that
// cannot help.
func (r *Run) withinCap(ctx context.Context, s *ledger.Shard) (bool, error) {
	if r.cfg.MaxUSD == nil {
		return true, nil
	}
	r.money.Lock() // two shards must not be let through on the same money
	defer r.money.Unlock()
	shards, err := r.ledger.Shards(ctx)
	if err != nil {
		return false, err
	}
	var settled, open quarry.USD
	own := r.reservation(s)
	for i := range shards {
		o := &shards[i]
		var amount *quarry.USD
		sum := &open
		switch {
		case o.ID == s.ID || o.Pass != s.Pass:
			continue
		case !o.Times.Collected.IsZero():
			sum, amount = &settled, r.listCost(o.Mode, o.Tally.Usage)
		case o.State.Open() || o.State == quarry.ShardEnded || o.State == quarry.ShardCalling || r.granted[o.ID]:
			amount = r.reservation(o)
		default:
			continue
		}
		if amount == nil {
			own = nil
			break
		}
		*sum += *amount
	}
	if own == nil {
		return false, &quarry.Error{
			Kind: quarry.OverLimit, Op: "hold the cap of", Subject: r.cfg.MaxUSD.String(), Err: fmt.Errorf("the price of %s in %s is not known", r.cfg.Model, r.cfg.Region),
			Hint: "leave --max-usd out, or name a model and a Region whose price is known",
		}
	}
	if settled+open+*own <= *r.cfg.MaxUSD {
		r.granted[s.ID] = true
		return true, nil
	}
	if open > 0 {
		return false, r.wait(s, fmt.Sprintf("the cap of %s: %s settled, %s reserved by open shards, this one reserves %s", r.cfg.MaxUSD, settled, open, own), time.Second)
	}
	return false, &quarry.Error{
		Kind: quarry.OverLimit, Op: "submit shard", Subject: string(s.ID),
		Err:  fmt.Errorf("it may cost %s, %s is spent and the cap is %s", own, settled, r.cfg.MaxUSD),
		Hint: "raise --max-usd and run the same command again: it goes on where it was, and what was answered is kept; a shard is reckoned at one token a byte of input and max_tokens an answer",
	}
}
