package run

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/answers"
	"quarry/internal/run/cut"
	"quarry/internal/run/event"
	"quarry/internal/run/forecast"
	"quarry/internal/run/limits"
	"quarry/internal/run/offline"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
)

// planner is how a pass is planned.
func (c *Config) planner(pass int, sources []source.Source) planner.Config {
	return planner.Config{
		Dir: c.Dir, Pass: pass, Sources: sources, Names: c.Sources,
		Prepare: c.preparing(), Model: c.Model, MaxLine: cut.Bounds{Quotas: c.Quotas}.MaxLine(), Limit: c.Limit, Pilot: c.pilotSize(), RefreshMax: c.RefreshMax,
		Attempts: c.Attempts, Near: c.Near, ReuseNear: c.ReuseNear, Window: c.Window, Answers: c.answers(),
	}
}

// preparing is how a document becomes records.
func (c *Config) preparing() prepare.Config {
	return prepare.Config{Clean: c.Clean, Prompt: c.Prompt, Long: c.Long, Ready: c.validation(), Workers: c.Workers}
}

// validation is what records are checked against.
func (c *Config) validation() validate.Config {
	return validate.Config{
		Quotas: c.Quotas, Model: c.Model, Type: c.Type, Workers: c.Workers, Calls: c.Mode == quarry.ModeOnDemand || c.Mode == quarry.ModeFlex,
	}
}

// pilotSize is the number of documents that are sent first: at least a job's minimum, since a smaller job is refused.
func (c *Config) pilotSize() int {
	switch {
	case c.NoPilot:
		return 0
	case c.Mode == quarry.ModeJob || c.Mode == quarry.ModeAuto:
		return max(c.Pilot, int(c.Quotas.MinRecords))
	}
	return c.Pilot
}

// terms are those on which the records of a pass may be sent.
func (c *Config) terms(pass int) planner.Terms {
	return planner.Terms{
		Mode: c.Mode, Bounds: c.bounds(pass),
		Limits: limits.Work{Prices: c.prices(), Quotas: c.Quotas, Concurrency: c.Concurrency, Margin: c.callMargin()},
		Basis:  forecast.Basis{Model: c.answers(), Prices: c.prices()},
	}
}

// bounds are what each shard of a pass has to fit.
func (c *Config) bounds(pass int) cut.Bounds {
	return cut.Bounds{Quotas: c.Quotas, Below: c.belowMinimum(pass)}
}

// belowMinimum is what becomes of records of a pass that are too few for a job. Without a setting the first pass stops and
// later ones hold them; on a stand-in in this process, where on-demand calls cost nothing, they are sent.
func (c *Config) belowMinimum(pass int) cut.BelowMinimum {
	switch {
	case c.BelowMinimum != "":
		return c.BelowMinimum
	case c.Local || c.Mode == quarry.ModeAuto:
		return cut.OnDemand
	case pass > 1:
		return cut.Hold
	}
	return cut.Stop
}

// answers is what a forecast must know of who answers.
func (c *Config) answers() forecast.Model {
	return forecast.Model{Family: c.Family, MaxTokens: c.MaxTokens}
}

// prices are those of the requested model at home.
func (c *Config) prices() forecast.Prices {
	return forecast.Prices{Table: c.Prices, Model: c.Model, Region: c.Region}
}

// judge checks answers.
func (c *Config) judge() *answers.Judge {
	return &answers.Judge{
		Type: c.Type, Check: c.Check, Attempts: c.Attempts, MaxOutput: c.MaxOutput, Structured: c.StructuredAuto, MinRecords: c.Quotas.MinRecords,
	}
}

// callMargin is what is left before a deadline for everything but the calls: a job that stops, what is collected, retries.
// How long a job takes to stop is not documented; this is an assumption.
func (c *Config) callMargin() time.Duration {
	switch {
	case c.CallMargin > 0:
		return c.CallMargin
	case c.Local:
		return 2 * time.Second
	}
	return 10 * time.Minute
}

// Offline is how this would be planned or built without a run. Dir is a directory for the index, which may be thrown away.
func (c Config) Offline(e *effect.Effects, sources []source.Source, watch event.Watch) (out offline.Config, err error) {
	c.complete()
	out = offline.Config{
		Planner: c.planner(1, sources), Terms: c.terms(1), Type: c.Type, By: c.By, Known: c.given(), Settings: c.Settings, Asks: c.asks(),
	}
	out.Planner.Effects, out.Planner.Watch = e, watch
	if c.BelowMinimum == "" { // nothing is sent, so nothing is refused
		out.Terms.WouldStop = out.Terms.Bounds.Below == cut.Stop
		out.Terms.Bounds.Below = cut.OnDemand
	}
	c.NoPilot = true // of a build
	if c.Mode == quarry.ModeJob {
		c.Mode = quarry.ModeAuto
	}
	flags, err := c.flags(out.Terms.Bounds.MayCall(), []ledger.Pool{})
	out.Of = digest([]byte(c.Model + "\n" + c.Settings + "\n" + flags))
	return out, err
}

// asks tells one prompt, model and schema from another.
func (c *Config) asks() string { return cmp.Or(c.Asks, c.Settings) }

// flags is a digest of what decides a plan besides the settings: a pass that has sent nothing is planned again where it
// differs.
func (c *Config) flags(mayCall bool, pools []ledger.Pool) (string, error) {
	known := c.Known
	if known != "" {
		known = planner.Stamp(known)
	}
	b, err := json.Marshal([]any{
		c.Sources, c.Mode, c.Pilot, c.NoPilot, c.Limit, known, c.RefreshMax, c.Near, c.ReuseNear, mayCall, c.Quotas, c.Attempts, pools,
	})
	return digest(b), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
