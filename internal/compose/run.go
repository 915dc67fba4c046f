package compose

import (
	"runtime"

	"quarry/internal/config"
	"quarry/internal/run/cut"
	"quarry/internal/run/spec"
)

// RunConfig gives a run its settings, with the quotas that are known without a request.
func (pr *Program) RunConfig(s *config.Settings, req *Request, where *Provider, dir string, args []string) spec.Config {
	workers := s.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	cfg := spec.Config{
		Asked: spec.Asked{
			Model: s.Model, Family: req.Model.Family, Type: req.Prompt.Invocation(), Mode: req.callsOnly(s), MaxOutput: int(req.Model.MaxOutput),
			MaxTokens: req.MaxTokens(), Attempts: s.Attempts, Settings: req.Settings, Request: req.Digest, Choices: req.Choices, Clean: req.Clean,
			Prompt: req.Renderer, Long: req.Long, Check: req.Checker, StructuredAuto: req.Auto,
		},
		Place: spec.Place{
			Dir: dir, Sources: sourceNames(args), ReplaceSource: s.ReplaceSource, Local: s.Target == "local", Free: where.Free,
			Region:  where.AWS.Region,
			RoleARN: where.RoleARN, KMSKey: s.KMSKey, JobTimeout: int32(s.JobTimeout), VPCSubnets: s.VPCSubnets,
			VPCSecurityGroups: s.VPCSecurityGroups,
			BucketOwner:       s.BucketOwner, Tags: s.Tags, Quotas: pr.knownQuotas(s, where.AWS.Region),
		},
		Limits: spec.Limits{Limit: s.Limit, RefreshMax: s.RefreshMax, By: s.By, MaxUSD: s.MaxUSD, BelowMinimum: cut.BelowMinimum(s.BelowMinimum)},
		Gate:   spec.Gate{Pilot: s.Pilot, NoPilot: s.Pilot == 0, PilotMinValid: s.PilotMinValid, NoGate: s.PilotMinValid == 0, Review: s.Review},
		Means:  spec.Means{Version: pr.Version, Prices: req.Prices, Workers: workers, Concurrency: s.Concurrency, KeepShards: s.KeepShards},
	}
	if s.Rescue {
		cfg.BelowMinimum = cut.OnDemand
	}
	if s.NearDuplicates || s.ReuseNear {
		cfg.Near, cfg.ReuseNear = s.NearThreshold, s.ReuseNear
	}
	return cfg
}
