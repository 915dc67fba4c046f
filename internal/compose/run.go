package compose

import (
	"runtime"

	"quarry/internal/config"
	"quarry/internal/run"
	"quarry/internal/run/cut"
)

// RunConfig gives a run its settings, with the quotas that are known without a request.
func (pr *Program) RunConfig(s *config.Settings, ask *Asking, where *Provider, dir string, args []string) run.Config {
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := run.Config{
		Asked: run.Asked{
			Model: s.Model, Family: ask.Model.Family, Type: ask.Prompt.Invocation(), Mode: ask.callsOnly(s), MaxOutput: int(ask.Model.MaxOutput),
			MaxTokens: ask.MaxTokens(), Attempts: s.Attempts, Settings: ask.Settings, Asks: ask.Asks, Choices: ask.Choices, Clean: ask.Clean,
			Prompt: ask.Renderer, Long: ask.Long, Check: ask.Checker, StructuredAuto: ask.Auto,
		},
		Place: run.Place{
			Dir: dir, Sources: sourceNames(args), ReplaceSource: s.ReplaceSource, Local: s.Target == "local", Free: where.Free, Region: where.AWS.Region,
			RoleARN: where.RoleARN, KMSKey: s.KMSKey, JobTimeout: int32(s.JobTimeout), VPCSubnets: s.VPCSubnets, VPCSecurityGroups: s.VPCSecurityGroups,
			BucketOwner: s.BucketOwner, Tags: s.Tags, Quotas: pr.knownQuotas(s, where.AWS.Region),
		},
		Limits: run.Limits{Limit: s.Limit, RefreshMax: s.RefreshMax, By: s.By, MaxUSD: s.MaxUSD, BelowMinimum: cut.BelowMinimum(s.BelowMinimum)},
		Gate:   run.Gate{Pilot: s.Pilot, NoPilot: s.Pilot == 0, PilotMinValid: s.PilotMinValid, NoGate: s.PilotMinValid == 0},
		Means:  run.Means{Version: pr.Version, Prices: ask.Prices, Workers: workers, Concurrency: s.Concurrency, KeepShards: s.KeepShards},
	}
	if s.Rescue {
		cfg.BelowMinimum = cut.OnDemand
	}
	if s.NearDuplicates || s.ReuseNear {
		cfg.Near, cfg.ReuseNear = s.NearThreshold, s.ReuseNear
	}
	return cfg
}
