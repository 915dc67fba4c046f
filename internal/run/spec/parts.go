package spec

import (
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
	"quarry/internal/run/given"
	"quarry/internal/run/limits"
	"quarry/internal/run/offline"
	"quarry/internal/run/planner"
	"quarry/internal/run/prepare"
)

// Planner is how a pass is planned.
func (c *Config) Planner(pass int, sources []source.Source) planner.Config {
	return planner.Config{
		Dir: c.Dir, Pass: pass, Sources: sources, Names: c.Sources,
		Prepare: c.Preparing(), Model: c.Model, MaxLine: cut.Bounds{Quotas: c.Quotas}.MaxLine(), Limit: c.Limit, Pilot: c.pilotSize(), RefreshMax: c.RefreshMax,
		Attempts: c.Attempts, Near: c.Near, ReuseNear: c.ReuseNear, Window: c.Window, Answers: c.Answerer(),
	}
}

// Preparing is how a document becomes records.
func (c *Config) Preparing() prepare.Config {
	return prepare.Config{Clean: c.Clean, Prompt: c.Prompt, Long: c.Long, Ready: c.Validation(), Workers: c.Workers}
}

// Validation is what records are checked against.
func (c *Config) Validation() validate.Config {
	return validate.Config{
		Quotas: c.Quotas, Model: c.Model, Type: c.Type, Workers: c.Workers, Calls: c.Mode == quarry.ModeOnDemand || c.Mode == quarry.ModeFlex,
	}
}

// pilotSize is the number of documents that are sent first: at least a job's minimum, since a smaller job is refused. With Review it
// is no more than was asked for until a job is decided on: calls have no minimum, and what they send besides is not approved.
func (c *Config) pilotSize() int {
	switch {
	case c.NoPilot:
		return 0
	case c.Mode == quarry.ModeJob || c.Mode == quarry.ModeAuto:
		if !c.Review {
			return c.jobPilot()
		}
	}
	return c.Pilot
}

// jobPilot is the number of documents of a pilot that is sent as a job.
func (c *Config) jobPilot() int { return max(c.Pilot, int(c.Quotas.MinRecords)) }

// Terms are those on which the records of a pass may be sent.
func (c *Config) Terms(pass int) planner.Terms {
	return planner.Terms{
		Mode: c.Mode, Bounds: c.Bounds(pass), JobPilot: c.jobPilot(),
		Limits: limits.Work{Prices: c.HomePrices(), Quotas: c.Quotas, Concurrency: c.Concurrency, Margin: c.Margin()},
		Basis:  forecast.Basis{Model: c.Answerer(), Prices: c.HomePrices()},
	}
}

// Bounds are what each shard of a pass has to fit.
func (c *Config) Bounds(pass int) cut.Bounds {
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

// Answerer is what a forecast must know of who answers.
func (c *Config) Answerer() forecast.Model {
	return forecast.Model{Family: c.Family, MaxTokens: c.MaxTokens}
}

// HomePrices are those of the requested model at home.
func (c *Config) HomePrices() forecast.Prices {
	return forecast.Prices{Table: c.Prices, Model: c.Model, Region: c.Region}
}

// Judge checks answers.
func (c *Config) Judge() *answers.Judge {
	return &answers.Judge{
		Type: c.Type, Check: c.Check, Attempts: c.Attempts, MaxOutput: c.MaxOutput, Structured: c.StructuredAuto, MinRecords: c.Quotas.MinRecords,
	}
}

// Given is how the file of existing answers is read: Bedrock's output is compared with what is sent now, in the body of
// either invocation type.
func (c *Config) Given() given.Config {
	judge := *c.Judge()
	other := judge
	if other.Type = quarry.Converse; judge.Type == quarry.Converse {
		other.Type = quarry.InvokeModel
	}
	return given.Config{Path: c.Known, Judges: []answers.Judge{judge, other}, Schema: c.schema()}
}

// Margin is what is left before a deadline for everything but the calls: a job that stops, what is collected, retries.
// How long a job takes to stop is not documented; this is an assumption.
func (c *Config) Margin() time.Duration {
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
	c.Complete()
	out = offline.Config{
		Planner: c.Planner(1, sources), Terms: c.Terms(1), Type: c.Type, By: c.By, Known: c.Given(), Settings: c.Settings, Request: c.RequestDigest(),
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
	flags, err := c.PlanFlags(out.Terms.Bounds.MayCall(), []ledger.Pool{})
	out.Of = digest([]byte(c.Model + "\n" + c.Settings + "\n" + flags))
	return out, err
}

// PlanFlags is a digest of what decides a plan besides the settings: a pass that has sent nothing is planned again where it
// differs.
func (c *Config) PlanFlags(mayCall bool, pools []ledger.Pool) (string, error) {
	known := c.Known
	if known != "" {
		known = planner.Stamp(known)
	}
	all := []any{
		c.Sources, c.Mode, c.Pilot, c.NoPilot, c.Limit, known, c.RefreshMax, c.Near, c.ReuseNear, mayCall, c.Quotas, c.Attempts, pools,
	}
	if c.Review { // the digest of other commands stays what it was
		all = append(all, "review")
	}
	b, err := json.Marshal(all)
	return digest(b), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
