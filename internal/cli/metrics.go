package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"quarry"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/metrics"
)

const metricsFlag = "metrics-addr"

func bindMetrics(cmd *cobra.Command, addr *string) {
	cmd.Flags().StringVar(addr, metricsFlag, "", "serve the run's numbers for Prometheus at `HOST:PORT`/metrics, such as 127.0.0.1:9464")
	complete(cmd, metricsFlag, cobra.NoFileCompletions)
}

// serveMetrics serves the state of a run until it is stopped. Without an address it does nothing.
func (a *App) serveMetrics(ctx context.Context, addr string, s *config.Settings) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	prices, err := compose.Prices(s)
	if err != nil {
		return nil, err
	}
	server, err := metrics.Serve(ctx, addr, func(ctx context.Context) (*metrics.Page, error) {
		o, err := a.look(ctx, s.Dir, prices)
		if err != nil {
			return nil, err
		}
		now := o.status(nil, nil)
		return metricsPage(&now), nil
	})
	if err != nil {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "serve metrics at", Subject: addr, Err: err, Hint: "name a free port of this machine, such as --metrics-addr 127.0.0.1:9464",
		}
	}
	a.say("%-10s http://%s/metrics", "metrics", server.Addr)
	return func() { _ = server.Close() }, nil
}

// metricsPage gives the numbers of a run, which docs/metrics.md lists. No label is taken from a document or an answer.
func metricsPage(now *runStatus) *metrics.Page {
	p := new(metrics.Page)
	p.Family("quarry_run_info", "gauge", "1, with the id of the run.")
	p.Sample("quarry_run_info", 1, "run", now.Run)
	p.Family("quarry_run_done", "gauge", "1 if the last pass has ended, else 0.")
	p.Sample("quarry_run_done", truth(now.Done))
	shards, records, jobs := map[string]float64{}, map[string]float64{}, map[string]float64{}
	var counts quarry.JobCounts
	classes := map[string]float64{}
	for i := range now.Shards {
		s := &now.Shards[i]
		shards[string(s.State)]++
		records[string(s.State)] += float64(s.Records)
		if s.Job != "" {
			jobs[string(s.Status)]++
			counts.Processed += s.Counts.Processed
			counts.Success += s.Counts.Success
			counts.Error += s.Counts.Error
		}
		for class, n := range s.Tally.Classes {
			classes[string(class)] += float64(n)
		}
	}
	by(p, "quarry_shards", "Shards of all passes by state.", "state", shards)
	by(p, "quarry_shard_records", "Records of all shards by the state of their shard.", "state", records)
	by(p, "quarry_jobs", "Jobs by the status that the provider gave last.", "status", jobs)
	by(p, "quarry_job_records", "Records of all jobs that the provider counts as processed, and of these those that succeeded or failed.", "outcome",
		map[string]float64{"processed": float64(counts.Processed), "success": float64(counts.Success), "error": float64(counts.Error)})
	by(p, "quarry_attempts", "Collected attempts by class.", "class", classes)
	if w := now.WholeRun; w != nil {
		p.Family("quarry_tokens", "gauge", "Tokens of all collected answers of the run.")
		p.Sample("quarry_tokens", float64(w.Tokens.Input), "direction", "input")
		p.Sample("quarry_tokens", float64(w.Tokens.Output), "direction", "output")
		p.Family("quarry_uncollected_records", "gauge", "Records that may be answered and are not collected yet.")
		p.Sample("quarry_uncollected_records", float64(w.Uncollected))
		dollars(p, "quarry_cost_usd", "US dollars paid for collected answers of the run; absent if a price is unknown.", w.Cost.Actual)
		dollars(p, "quarry_list_cost_usd", "List price of the same answers in US dollars; absent if a price is unknown.", w.Cost.List)
	}
	if f := now.Forecast; f != nil {
		dollars(p, "quarry_forecast_cost_usd", "Forecast of the last pass in US dollars at list price; absent if a price is unknown.", f.Cost)
	}
	if d := now.Deadline; d != nil {
		p.Family("quarry_deadline_timestamp_seconds", "gauge", "Deadline of the last pass, as Unix time.")
		p.Sample("quarry_deadline_timestamp_seconds", float64(d.By.Unix()))
	}
	return p
}

// by adds a gauge with one label.
func by(p *metrics.Page, name, help, label string, values map[string]float64) {
	if len(values) == 0 {
		return
	}
	p.Family(name, "gauge", help)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		p.Sample(name, values[key], label, key)
	}
}

func dollars(p *metrics.Page, name, help string, amount *quarry.USD) {
	if amount != nil {
		p.Family(name, "gauge", help)
		p.Sample(name, amount.Dollars())
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
