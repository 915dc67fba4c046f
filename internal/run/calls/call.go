package calls

import (
	"context"
	"errors"
	"time"

	"quarry"
	"quarry/internal/aws/bedrock"
	"quarry/internal/base/effect"
	"quarry/internal/base/inflight"
	"quarry/internal/base/ledger"
	"quarry/internal/run/event"
	"quarry/internal/run/shardfile"
)

// repeatedAfter is how often the run reports that calls still wait for the same reason.
const repeatedAfter = 5 * time.Minute

// answer calls the model until a record has an outcome: intent, call, outcome. What the provider refused was not done and is
// called again for as long as it takes: throttled calls as the pace allows, others after a wait of their own. A call without a
// reply may have been answered and paid, and the provider cannot say which; so it is made once more, and no more than that over
// all attempts at the record. inFlight outlives ctx by Grace.
func (r *round) answer(ctx, inFlight context.Context, q *request, ticket *bedrock.Ticket) error {
	if q.begun > 1 || q.begun > 0 && q.resent { // two calls had no reply: a third could be a third bill
		ticket.Failed()
		return r.unknown(q.id, "the run ended before the reply arrived")
	}
	hold := r.replies.Hold() // until the reply is on the disk
	defer hold.Release()
	inFlight = inflight.With(inFlight, hold)
	tier := ""
	if r.shard.Mode == quarry.ModeFlex {
		tier = "flex"
	}
	call := bedrock.Call{RecordID: q.id, ModelID: r.cfg.Model, Type: r.cfg.Type, ModelInput: r.withCachePoint(q.input), Tier: tier}
	for n, written, refused := q.begun+1, 0, 0; ; {
		if ticket == nil {
			var err error
			if ticket, err = r.again(ctx, q.input, refused); err != nil {
				return err
			}
		}
		if written != n {
			if err := r.log.Begin(&shardfile.Call{RecordID: q.id, Intent: n}, answerBytes(r.answerLimit(q.input))); err != nil {
				ticket.Failed()
				return err
			}
			written = n
		}
		began := time.Now()
		output, err := r.cfg.Client.Invoke(inFlight, call)
		if err == nil {
			r.count(func(c *ledger.Calls) { c.Answered++; c.Latency += time.Since(began) })
			r.settleTicket(ticket, output)
			return r.log.Append(&shardfile.Call{RecordID: q.id, ModelOutput: output})
		}
		var fault *bedrock.Fault
		if inFlight.Err() != nil || errors.Is(err, effect.ErrHook) || !errors.As(err, &fault) {
			ticket.Lost()
			return err
		}
		switch {
		case fault.Cause == bedrock.CauseThrottled:
			ticket.Throttled(fault.Message)
			refused++
			r.count(func(c *ledger.Calls) { c.Throttled++ })
			r.waits(fault, paceText(r.pacer.Pace()))
		case r.cfg.Local && fault.Status == 503: // the back end is down: no capacity of AWS's that comes back by itself
			ticket.Failed()
			return r.failed(q.id, fault.Status, fault.Message)
		case fault.Status == 503 || fault.Code == "ModelNotReadyException":
			ticket.Busy()
			refused++
			r.count(func(c *ledger.Calls) { c.Busy++ })
			r.waits(fault, "the service has no capacity at the moment (this is not the account's quota); the calls are repeated")
		case fault.Unsent || fault.Code == "ExpiredTokenException":
			ticket.Failed()
			refused++
			r.waits(fault, "nothing was sent; the calls are repeated")
		case fault.Cause == bedrock.CauseDenied:
			ticket.Failed()
			return err
		case fault.Cause == bedrock.CauseUnknown && n == 1 && !q.resent:
			ticket.Lost()
			n++ // audit lists the record
		case fault.Cause == bedrock.CauseUnknown:
			ticket.Lost()
			return r.unknown(q.id, fault.Message)
		default:
			ticket.Failed()
			code := fault.Status
			if code == 0 {
				code = 500
			}
			return r.failed(q.id, code, fault.Code+": "+fault.Message)
		}
		ticket = nil
	}
}

// again waits, after the nth refusal of a call, until it may be made once more.
func (r *round) again(ctx context.Context, input []byte, refused int) (*bedrock.Ticket, error) {
	if refused > 0 {
		select {
		case <-time.After(bedrock.Backoff(refused)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return r.pacer.Take(ctx, len(input), r.answerLimit(input))
}

// failed ends a record with the provider's error.
func (r *round) failed(id quarry.RecordID, code int, message string) error {
	return r.log.Append(&shardfile.Call{RecordID: id, Error: &shardfile.CallError{Code: code, Message: message}})
}

// unknown ends a record of which two calls had no reply. why is the cause of the last one.
func (r *round) unknown(id quarry.RecordID, why string) error {
	return r.failed(id, 408, shardfile.NoReply+": each may have been answered and billed, so there is no third call; the last error: "+why)
}

// waits reports why calls wait, once for all of them, and from time to time while the reason stays.
func (r *round) waits(fault *bedrock.Fault, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	why := fault.Code + ": " + fault.Message
	if fault.Code == "" {
		why = fault.Message
	}
	if r.why == why && time.Since(r.whyAt) < repeatedAfter {
		return
	}
	r.why, r.whyAt = why, time.Now()
	r.cfg.Watch.Send(event.Event{Kind: event.Waiting, Shard: r.shard.ID, Text: why + "; " + what})
}
