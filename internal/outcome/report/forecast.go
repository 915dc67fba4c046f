package report

import (
	"fmt"

	"quarry"
)

// Range is an estimate of tokens and its bounds.
type Range struct {
	Low      int64 `json:"low"`
	Estimate int64 `json:"estimate"`
	High     int64 `json:"high"`
}

// Expected is what a reading of the sources was expected to take, at one moment. Money is at list price in the run's mode;
// null: not known.
type Expected struct {
	Records  int64       `json:"records"` // that are sent
	Input    Range       `json:"input_tokens"`
	Output   Range       `json:"output_tokens"`
	Cost     *quarry.USD `json:"cost_usd"`
	CostLow  *quarry.USD `json:"cost_low_usd"`
	CostHigh *quarry.USD `json:"cost_high_usd"`
	// Samples is how many answers of a pilot it rests on. 0: none, it is a rough estimate.
	Samples int64 `json:"samples"`
}

// Forecast is what was expected next to what came.
type Forecast struct {
	Before *Expected `json:"before_pilot,omitempty"`
	After  *Expected `json:"after_pilot,omitempty"` // the pilot's own usage included
	Fact   Fact      `json:"fact"`
	// OffBefore and OffAfter say how far off the forecasts were.
	OffBefore *Off `json:"before_pilot_off,omitempty"`
	OffAfter  *Off `json:"after_pilot_off,omitempty"`
}

// Fact is what the reading took, all attempts together, its money at list price.
type Fact struct {
	Input  int64       `json:"input_tokens"`
	Output int64       `json:"output_tokens"`
	Cost   *quarry.USD `json:"cost_usd"`
}

// Off is forecast over fact less one, in percent; null where one of them is not known or the fact is nothing.
type Off struct {
	Input  *float64 `json:"input_percent"`
	Output *float64 `json:"output_percent"`
	Cost   *float64 `json:"cost_percent"`
}

// Compare fills in how far off the forecasts were.
func (f *Forecast) Compare() {
	f.OffBefore, f.OffAfter = f.Before.off(f.Fact), f.After.off(f.Fact)
}

func (e *Expected) off(fact Fact) *Off {
	if e == nil {
		return nil
	}
	off := &Off{Input: percentOff(e.Input.Estimate, fact.Input), Output: percentOff(e.Output.Estimate, fact.Output)}
	if e.Cost != nil && fact.Cost != nil {
		off.Cost = percentOff(int64(*e.Cost), int64(*fact.Cost))
	}
	return off
}

func percentOff(forecast, fact int64) *float64 {
	if fact <= 0 {
		return nil
	}
	p := 100 * (float64(forecast)/float64(fact) - 1)
	return &p
}

// Pilot is the outcome of the sample that was sent first.
type Pilot struct {
	Records int64                  `json:"records"`
	Judged  int64                  `json:"judged"` // less those that the provider could not answer for a moment
	OK      int64                  `json:"ok"`
	Classes map[quarry.Class]int64 `json:"classes"`
	Usage   quarry.Usage           `json:"usage"`
	Rest    int64                  `json:"rest"` // records that are sent after it
	Samples []Sample               `json:"samples"`
	// Failures are the most frequent messages of attempts that failed, at most 10.
	Failures []Failure `json:"failures,omitempty"`
}

// Structured says whether the answer schema was sent with the requests, so that the provider held the model to it.
type Structured struct {
	Setting string `json:"setting"` // auto, on or off
	Sent    bool   `json:"sent"`    // by the requests of the rest; with auto the pilot's carried it first
	Why     string `json:"why,omitempty"`
}

// offText says how far off a forecast was.
func offText(off *float64) string {
	if off == nil {
		return ""
	}
	return fmt.Sprintf(", off by %+.1f %%", *off)
}
