package run

import (
	"fmt"

	"quarry/internal/run/shardfile"

	"quarry"
)

// finalResult makes one result of all attempts at a document: the good answer if there is one, else the last answer, else the
// last error. Tokens of all attempts were paid and add up.
func (r *Run) finalResult(attempts []shardfile.Outcome) *quarry.Result {
	var res *quarry.Result
	if attempts[0].Parts > 0 {
		res = r.partedResult(attempts)
	} else {
		res = r.bestResult(attempts)
	}
	res.Usage, res.CostUSD = quarry.Usage{}, new(quarry.USD)
	for i := range attempts {
		a := &attempts[i].Result
		res.Usage.Add(a.Usage)
		switch {
		case a.CostUSD == nil:
			res.CostUSD = nil
		case res.CostUSD != nil:
			*res.CostUSD += *a.CostUSD
		}
	}
	return res
}

// best is the good answer among the attempts at one record if there is one, else the last answer, else the last error.
func best(attempts []shardfile.Outcome) *shardfile.Outcome {
	best := &attempts[0]
	for i := range attempts[1:] {
		if o := &attempts[i+1]; rankOf(o) >= rankOf(best) {
			best = o
		}
	}
	return best
}

// bestResult is the result of all attempts at one record, but for what they took.
func (r *Run) bestResult(attempts []shardfile.Outcome) *quarry.Result {
	last := &attempts[len(attempts)-1]
	res := best(attempts).Result
	res.Attempts = last.Result.Attempts
	if last.Left { // it was to be asked again, and nobody did
		kind, message := string(last.Class), ""
		if r.belowMinimum > 0 {
			kind = quarry.KindBelowMinimum
			message = fmt.Sprintf("%d records were left, below the minimum of a batch job; ", r.belowMinimum)
		}
		if last.Result.Error != nil {
			message += last.Result.Error.Message
		}
		res.Status, res.Error = quarry.StatusFailed, &quarry.ResultError{Kind: kind, Message: message}
	}
	return &res
}

func rankOf(o *shardfile.Outcome) int {
	switch {
	case o.Result.Status == quarry.StatusOK:
		return 2
	case o.Class.Answered():
		return 1
	}
	return 0
}
