// Package foreign makes results of a job that another program submitted, from its output alone.
//
// Only the recordIds of such a job are known. Each is one document, in the order of the output.
// It owns two walks over that output: one that finds lines that repeat a record, and one that judges the others. It calls no
// provider and has no ledger. What always holds: each record has one result, with an answer if any of its lines has one;
// differences are reported as counts; memory does not grow with the output.
package foreign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/collect"
	"quarry/internal/outcome/parse"
	"quarry/internal/outcome/report"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/answers"
	"quarry/internal/run/forecast"
	"quarry/internal/run/lines"
	"quarry/internal/run/parallel"
	"quarry/internal/run/plan"
	"quarry/internal/run/results"
	"quarry/internal/run/summary"
)

// Config says how the answers are checked, and where the results go.
type Config struct {
	Dir           string // of the results
	Version       string
	Region, Model string // by which a price is found; empty: not known
	Type          quarry.InvocationType
	Check         *parse.Checker
	// Guess is tried before Check, where the request is not known: an answer that passes it is JSON. Nil: nothing is tried.
	Guess   *parse.Checker
	Prices  *cost.Table
	Workers int // Zero: 2
	// Unreadable is given each place in the output that is no line of output, as FILE:LINE: reason, in order; nil: they are
	// only counted.
	Unreadable func(where string)
	// Progress is called with how many lines were read or collected, unless it is nil. total is 0 if it is not known.
	Progress func(step string, done, total int64)
}

// Outcome is what a job's output came to.
type Outcome struct {
	Totals  results.Totals
	Output  ledger.Output // what lines, manifest and counters say, and in what they differ
	Classes map[quarry.Class]int64
	Missing int64 // records that the job or its manifest counts and that have no line
	Report  report.Report
}

// collection is one job's output on its way into results.
type collection struct {
	cfg     Config
	effects *effect.Effects
	began   time.Time
	job     quarry.Job
	tree    collect.Tree
	seen    *dedupe.Sorter // recordIds by the number of their line
	again   *dedupe.Sorter // the lines that repeat a record
	out     Outcome
	fails   int64 // lines with an error
	starts  []start
}

// start says at which line, counted over all files, those of a file begin.
type start struct {
	line int64
	file collect.File
}

// failedBit sorts lines with an error after all lines with an answer: if a record has both, the answer is kept.
const failedBit = 1 << 62

// ErrNoOutput says that there is no output where it was looked for.
var ErrNoOutput = errors.New("no output")

// TwoJobsError says that records of one id are in the output of two jobs, whose answers are to different questions.
type TwoJobsError struct {
	Records     int64  // that are in both
	First, Next string // the files of the first of them
	Jobs        [2]string
}

// Error names the files.
func (e *TwoJobsError) Error() string {
	return fmt.Sprintf("%d recordIds are in the output of two jobs, the first in %s and in %s", e.Records, e.First, e.Next)
}

// Collect makes results.jsonl, failed.jsonl and a report in cfg.Dir from the output below the folder from, whichever program
// submitted the job. Nothing but the output needs to be known of the job. It returns ErrNoOutput if there is none.
func Collect(ctx context.Context, e *effect.Effects, cfg Config, job quarry.Job, from string) (out Outcome, err error) {
	tree, err := collect.OpenTree(from)
	if err != nil {
		return out, err
	}
	if len(tree.Files) == 0 {
		return out, fmt.Errorf("open %s: %w", from, ErrNoOutput)
	}
	if cfg.Workers == 0 {
		cfg.Workers = 2
	}
	f := &collection{cfg: cfg, effects: e, began: time.Now(), job: job, tree: tree}
	f.out.Classes = map[quarry.Class]int64{}
	f.out.Totals.Classes = map[string]int64{}
	sorter := func(name string) *dedupe.Sorter {
		return dedupe.NewSorter(e, dedupe.Config{Dir: filepath.Join(cfg.Dir, "sort"), Name: name})
	}
	f.seen, f.again = sorter("seen"), sorter("again")
	defer func() {
		err = errors.Join(err, f.seen.Close(), f.again.Close(), e.RemoveAll(filepath.Join(cfg.Dir, "sort")))
	}()
	for _, step := range []func(context.Context) error{f.find, f.write, f.compare, f.report} {
		if err := step(ctx); err != nil {
			return f.out, err
		}
	}
	return f.out, nil
}

// readLine is one line of output, read but not judged; or, where broken, none.
type readLine struct {
	hash     dedupe.Hash
	failed   bool
	repaired bool
	broken   *collect.Unreadable
	file     string
}

// find reads which lines there are, and which of them repeat a record.
func (f *collection) find(ctx context.Context) error {
	var n int64
	read := func(_ int, p collect.Piece) ([]readLine, error) {
		var lines []readLine
		var checker jsonl.Checker
		for line, broken := range p.Records(&checker) {
			if broken != nil {
				lines = append(lines, readLine{broken: broken, file: p.File})
				continue
			}
			sum := sha256.Sum256([]byte(line.RecordID))
			lines = append(lines, readLine{hash: dedupe.Hash(sum[:16]), failed: line.Error != nil, repaired: line.Repaired, file: p.File})
		}
		return lines, nil
	}
	for lines, err := range parallel.Map(ctx, f.cfg.Workers, f.chunks(ctx), read) {
		if err != nil {
			return err
		}
		for _, l := range lines {
			if len(f.starts) == 0 || l.file != f.starts[len(f.starts)-1].file.Path {
				f.begin(l.file, n)
			}
			order := n
			n++
			if l.broken != nil {
				f.broken(*l.broken)
				continue
			}
			if l.repaired {
				f.out.Output.Repaired++
			}
			if l.failed {
				order |= failedBit
				f.fails++
			}
			if err := f.seen.Add(dedupe.Entry{Hash: l.hash, Order: order}); err != nil {
				return err
			}
		}
		f.progress("read", n, 0)
	}
	var two *TwoJobsError
	for p, err := range f.seen.Groups() {
		if err != nil {
			return err
		}
		first, next := f.fileOf(p.First&^failedBit), f.fileOf(p.Order&^failedBit)
		if first.Job != next.Job {
			if two == nil {
				two = &TwoJobsError{First: first.Path, Next: next.Path, Jobs: [2]string{first.Job, next.Job}}
			}
			two.Records++
			continue
		}
		if err := f.again.Add(dedupe.Entry{Hash: dedupe.NumberHash(p.Order &^ failedBit)}); err != nil {
			return err
		}
		f.out.Output.Doubled++
	}
	f.out.Output.Lines = n - f.out.Output.Broken
	if two != nil {
		return two
	}
	return nil
}

// begin notes the line with which a file begins.
func (f *collection) begin(path string, line int64) {
	for _, file := range f.tree.Files {
		if file.Path == path {
			f.starts = append(f.starts, start{line, file})
		}
	}
}

// fileOf is the file that a line, counted over all files, is in.
func (f *collection) fileOf(line int64) collect.File {
	i := sort.Search(len(f.starts), func(i int) bool { return f.starts[i].line > line })
	return f.starts[i-1].file
}

// maxUnreadable is how many lines that cannot be read are named in the report.
const maxUnreadable = 20

func (f *collection) broken(u collect.Unreadable) {
	o := &f.out.Output
	o.Broken++
	if len(o.Unreadable) < maxUnreadable {
		o.Unreadable = append(o.Unreadable, u.String())
	}
	if f.cfg.Unreadable != nil {
		f.cfg.Unreadable(u.String())
	}
}

// chunks reads all files, one after the other.
func (f *collection) chunks(ctx context.Context) iter.Seq2[collect.Piece, error] {
	return func(yield func(collect.Piece, error) bool) {
		for _, file := range f.tree.Files {
			for c, err := range collect.Chunks(ctx, file.Path) {
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	}
}

// judgedLine is a line's result; nil where the line is none.
type judgedLine struct {
	res   *quarry.Result
	class quarry.Class
}

// write judges all lines but the repeated ones and writes their results.
func (f *collection) write(ctx context.Context) error {
	results, err := atomicfile.Create(f.effects, filepath.Join(f.cfg.Dir, "results.jsonl"))
	if err != nil {
		return err
	}
	defer results.Abort()
	failed, err := atomicfile.Create(f.effects, filepath.Join(f.cfg.Dir, "failed.jsonl"))
	if err != nil {
		return err
	}
	defer failed.Abort()
	next, stop := iter.Pull2(f.again.Sorted())
	defer stop()
	skip, err, more := next()
	var n int64
	var text bytes.Buffer
	judge := func(_ int, p collect.Piece) ([]judgedLine, error) { return f.judgeLines(p), nil }
	for judged, lineErr := range parallel.Map(ctx, f.cfg.Workers, f.chunks(ctx), judge) {
		if err := errors.Join(err, lineErr); err != nil {
			return err
		}
		for _, l := range judged {
			at := n
			n++
			if more && err == nil && skip.Hash.Number() == at {
				skip, err, more = next()
				f.out.Classes[quarry.ClassDuplicate]++
				continue
			}
			if l.res == nil {
				continue
			}
			f.out.Classes[l.class]++
			f.out.Totals.Count(l.res, true)
			text.Reset()
			if err := lines.Write(&text, l.res); err != nil {
				return err
			}
			if _, err := results.Write(text.Bytes()); err != nil {
				return err
			}
			if l.res.Status == quarry.StatusOK {
				continue
			}
			if _, err := failed.Write(text.Bytes()); err != nil {
				return err
			}
		}
		f.progress("collect", n, f.out.Output.Lines+f.out.Output.Broken)
	}
	if err != nil {
		return err
	}
	return atomicfile.CommitAll(failed, results)
}

func (f *collection) judgeLines(p collect.Piece) []judgedLine {
	var lines []judgedLine
	var checker jsonl.Checker
	// Nothing sends a record again, so what may be done about an answer does not matter: the first attempt is not the last.
	judge := &answers.Judge{Type: f.cfg.Type, Check: f.cfg.Check, Attempts: 4}
	guess := &answers.Judge{Type: f.cfg.Type, Check: f.cfg.Guess, Attempts: 4}
	of := &answers.Job{ARN: f.job.ARN, Model: f.cfg.Model}
	for line, broken := range p.Records(&checker) {
		if broken != nil {
			lines = append(lines, judgedLine{})
			continue
		}
		found := judge.Line(of, line, answers.Place{})
		if f.cfg.Guess != nil {
			if better := guess.Line(of, line, answers.Place{}); better.Outcome.Class == quarry.ClassOK {
				found = better
			}
		}
		res := &found.Outcome.Result
		res.ID, res.RecordID, res.Document = quarry.DocumentID(line.RecordID), line.RecordID, quarry.DocumentInfo{Fields: line.Others}
		res.RequestedModel, res.Mode, res.Region = f.cfg.Model, quarry.ModeJob, f.cfg.Region
		res.CostUSD = f.prices().Cost(quarry.ModeJob, res.Usage)
		lines = append(lines, judgedLine{res, found.Outcome.Class})
	}
	return lines
}

// compare says exactly in what lines, manifest and counters differ.
func (f *collection) compare(context.Context) error {
	o := &f.out.Output
	o.Manifest = f.tree.Sum()
	o.Unread = strings.Join(f.tree.Unread, "; ")
	s := ledger.Shard{Detail: ledger.Detail{Records: o.Lines - o.Doubled, Output: *o, Job: ledger.Job{Counts: f.job.Counts}}}
	total := f.job.Counts.Total
	if o.Manifest != nil {
		total = max(total, o.Manifest.TotalRecordCount)
	}
	if total > s.Records {
		s.Records = total
		f.out.Missing = total - (o.Lines - o.Doubled)
	}
	o.Differs = summary.Differences(&s)
	say := func(format string, args ...any) { o.Differs = append(o.Differs, fmt.Sprintf(format, args...)) }
	switch m := o.Manifest; {
	case m == nil && o.Unread != "": // it was said
	case m == nil && f.job.ARN == "":
		say("there is no %s, so the expected number of records is not known", collect.ManifestName)
	case m == nil:
		say("there is no %s", collect.ManifestName)
	default:
		if m.ErrorRecordCount != f.fails {
			say("the manifest counts %s, the output has %s with one", figure.Count(m.ErrorRecordCount, "error"), figure.Count(f.fails, "line"))
		}
		if answers := o.Lines - f.fails; m.SuccessRecordCount != answers {
			say("the manifest counts %s, the output has %s with one", figure.Count(m.SuccessRecordCount, "answer"), figure.Count(answers, "line"))
		}
		if u := f.out.Totals.Usage; o.Doubled == 0 && u.Known() && (m.InputTokenCount != u.InputTokens || m.OutputTokenCount != u.OutputTokens) {
			say("the manifest counts %s in and %s out, the answers count %s and %s", figure.Count(m.InputTokenCount, "token"), figure.Thousands(m.OutputTokenCount), figure.Thousands(u.InputTokens), figure.Thousands(u.OutputTokens))
		}
	}
	if c := f.job.Counts; o.Manifest != nil && c.Total > 0 && c.Total != o.Manifest.TotalRecordCount {
		say("the job counts %s, its manifest %s", figure.Count(c.Total, "record"), figure.Thousands(o.Manifest.TotalRecordCount))
	}
	return nil
}

// report writes report.json and report.html.
func (f *collection) report(context.Context) error {
	t := &f.out.Totals
	row := ledger.Shard{Mode: quarry.ModeJob, Detail: ledger.Detail{
		Records: f.out.Output.Lines - f.out.Output.Doubled + f.out.Missing, Output: f.out.Output,
		Tally: ledger.Tally{OK: t.OK, Invalid: t.Invalid, Failed: t.Failed, Usage: t.Usage, Classes: f.out.Classes},
		Job: ledger.Job{
			ARN: f.job.ARN, Name: f.job.Name, Status: f.job.Status, Message: f.job.Message, Counts: f.job.Counts, Submitted: f.job.Submitted, Ended: f.job.Ended,
		},
	}}
	pass := summary.Pass{
		Plan: &plan.Plan{Mode: quarry.ModeJob}, Totals: t, Rows: []ledger.Shard{row}, Home: ledger.Pool{Region: f.cfg.Region, Model: f.cfg.Model}, Prices: f.cfg.Prices,
	}
	rep := pass.Report()
	rep.Version, rep.Generated, rep.Time.Total = f.cfg.Version, time.Now().UTC(), time.Since(f.began).Seconds()
	rep.Notes = append(rep.Notes, f.out.Output.Differs...)
	var b bytes.Buffer
	if err := report.JSON(&b, &rep); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := atomicfile.Write(f.effects, filepath.Join(f.cfg.Dir, "report.json"), b.Bytes()); err != nil {
		return err
	}
	b.Reset()
	if err := report.HTML(&b, &rep); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	f.out.Report = rep
	return atomicfile.Write(f.effects, filepath.Join(f.cfg.Dir, "report.html"), b.Bytes())
}

func (f *collection) prices() forecast.Prices {
	return forecast.Prices{Table: f.cfg.Prices, Model: f.cfg.Model, Region: f.cfg.Region}
}

func (f *collection) progress(step string, done, total int64) {
	if f.cfg.Progress != nil {
		f.cfg.Progress(step, done, total)
	}
}
