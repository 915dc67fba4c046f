package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
)

// sums proves that nothing is left over: total = ok + invalid + failed + skipped, and the tokens of the report are those
// of the raw answers.
func (a *audit) sums(context.Context) error {
	for id, s := range a.strays {
		a.found.differ("%s: an answer to record %s, which was not sent there", s.where, id)
	}
	paid, t := a.usage[a.plan.Pass], &a.totals
	a.checked.InputTokens, a.checked.OutputTokens, a.checked.Unknown = paid.InputTokens, paid.OutputTokens, paid.Unknown
	a.checked.Earlier = t.earlier
	a.checked.OK, a.checked.Invalid, a.checked.Failed, a.checked.Skipped = t.ok, t.invalid, t.failed, t.skipped
	if !a.cfg.Ended {
		return nil
	}
	if t.total != a.plan.Documents || t.total != t.ok+t.invalid+t.failed+t.skipped {
		a.found.fault("%s planned, results.jsonl has %s: %s ok, %s invalid, %s failed, %s skipped", figure.Clause(a.plan.Documents, "document", "was", "were"),
			figure.Thousands(t.total), figure.Thousands(t.ok), figure.Thousands(t.invalid), figure.Thousands(t.failed), figure.Thousands(t.skipped))
	}
	if t.usage != paid {
		a.found.fault("results.jsonl adds up to %s in and %s out, the raw answers to %s and %s", figure.Count(t.usage.InputTokens, "token"), figure.Thousands(t.usage.OutputTokens), figure.Thousands(paid.InputTokens), figure.Thousands(paid.OutputTokens))
	}
	return a.reportFile()
}

// reportFile holds report.json against what was counted here.
func (a *audit) reportFile() error {
	b, err := os.ReadFile(a.path("report.json"))
	if err != nil {
		a.found.fault("report.json: %v", err)
		return nil
	}
	var r struct {
		Run       quarry.RunID `json:"run"`
		Documents struct {
			Total, OK, Invalid, Failed, Skipped int64
		} `json:"documents"`
		Tokens   tokens  `json:"tokens"`
		LastPass *tookIn `json:"last_pass"`
		WholeRun *tookIn `json:"whole_run"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		a.found.fault("report.json: %v", err)
		return nil
	}
	t, d := &a.totals, &r.Documents
	if r.Run != a.cfg.Run {
		a.found.fault("report.json is of run %s", r.Run)
	}
	if d.Total != t.total || d.OK != t.ok || d.Invalid != t.invalid || d.Failed != t.failed || d.Skipped != t.skipped {
		a.found.fault("report.json counts %s, %s ok, %s invalid, %s failed, %s skipped; results.jsonl has %s, %s, %s, %s, %s",
			figure.Count(d.Total, "document"), figure.Thousands(d.OK), figure.Thousands(d.Invalid), figure.Thousands(d.Failed), figure.Thousands(d.Skipped),
			figure.Thousands(t.total), figure.Thousands(t.ok), figure.Thousands(t.invalid), figure.Thousands(t.failed), figure.Thousands(t.skipped))
	}
	paid := a.usage[a.plan.Pass]
	var whole quarry.Usage
	for pass, u := range a.usage {
		if pass <= a.plan.Pass { // one that was given up after it is not in its report
			whole.Add(u)
		}
	}
	a.reportTokens("", &r.Tokens, paid)
	if r.LastPass != nil && r.WholeRun != nil { // a version wrote it that says so
		a.reportTokens(" of the last pass", &r.LastPass.Tokens, paid)
		a.reportTokens(" of the whole run", &r.WholeRun.Tokens, whole)
	}
	return nil
}

// tokens are those of a report, and tookIn the part of it that says what a pass or the whole run took.
type (
	tokens struct{ Input, Output int64 }
	tookIn struct {
		Tokens tokens `json:"tokens"`
	}
)

func (a *audit) reportTokens(of string, t *tokens, paid quarry.Usage) {
	if t.Input != paid.InputTokens || t.Output != paid.OutputTokens {
		a.found.fault("report.json counts %s in and %s out%s, the raw answers have %s and %s", figure.Count(t.Input, "token"), figure.Thousands(t.Output), of,
			figure.Thousands(paid.InputTokens), figure.Thousands(paid.OutputTokens))
	}
}

// manifests says where what the provider counted is not what it gave. That is no fault of the run: the journal took
// what there was.
func (p *shardProof) manifests() {
	path := p.path("raw", fmt.Sprintf("%s-a%d", p.row.ID, p.row.Attempt), "manifest.json.out.zst")
	if !exists(path) {
		return
	}
	m, err := readManifest(path)
	if err != nil {
		p.found.differ("%s: cannot be read: %v", p.short(path), err)
		return
	}
	var answers, lines int64
	for i := range p.records {
		answers += p.records[i].answers
		lines += p.records[i].lines
	}
	lines += p.foreign + p.broken
	if m.ProcessedRecordCount != lines {
		p.found.differ("%s: the provider processed %s, its output has %s", p.short(path), figure.Count(m.ProcessedRecordCount, "record"), figure.Count(lines, "line"))
	}
	if answers == int64(len(p.records)) && p.paid.Known() && (m.InputTokenCount != p.paid.InputTokens || m.OutputTokenCount != p.paid.OutputTokens) {
		p.found.differ("%s: the provider counted %s in and %s out, its answers say %s and %s", p.short(path), figure.Count(m.InputTokenCount, "token"), figure.Thousands(m.OutputTokenCount),
			figure.Thousands(p.paid.InputTokens), figure.Thousands(p.paid.OutputTokens))
	}
}

// readManifest reads a manifest: an object whose counts are whole numbers from 0 on.
func readManifest(path string) (m quarry.Manifest, err error) {
	r, err := openOutput(path)
	if err != nil {
		return m, err
	}
	defer func() { _ = r.Close() }()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(r, most))
	if err != nil {
		return m, err
	}
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("{")) {
		return m, errors.New("it is not a JSON object")
	}
	err = decode(text, &m)
	for _, n := range []int64{m.TotalRecordCount, m.ProcessedRecordCount, m.SuccessRecordCount, m.ErrorRecordCount, m.InputTokenCount, m.OutputTokenCount} {
		if n < 0 || n > 1e15 {
			return m, fmt.Errorf("it counts %d", n)
		}
	}
	return m, err
}

var rawFolder = regexp.MustCompile(`^(.+)-a[0-9]+$`)

// strayFolders looks into folders of raw output that belong to no shard: an answer there was paid for next to the run.
func (a *audit) strayFolders(ctx context.Context) error {
	known := map[string]bool{}
	for i := range a.rows {
		known[string(a.rows[i].ID)] = true
	}
	entries, err := os.ReadDir(a.path("raw"))
	if err != nil {
		if !os.IsNotExist(err) {
			a.found.fault("raw: %v", err)
		}
		return nil
	}
	for _, e := range entries {
		m := rawFolder.FindStringSubmatch(e.Name())
		if m != nil && known[m[1]] || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		a.found.fault("raw/%s: it does not belong to any shard of the run", e.Name())
		for _, path := range outputs(filepath.Join(a.path("raw"), e.Name())) {
			for l, err := range linesOf(path, openOutput) {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil {
					a.found.fault("%s: cannot be read: %v", a.short(path), err)
					break
				}
				read, _ := outputLine(l.text)
				for _, raw := range read {
					a.stray(raw, "", path, l.n)
				}
			}
		}
	}
	return nil
}
