package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/ledger"
)

// part is one line of a shard's part of the index: which document a record stands for.
type part struct {
	ID       quarry.DocumentID `json:"id"`
	Order    int64             `json:"order"`
	RecordID quarry.RecordID   `json:"record_id"`
	Parts    int               `json:"parts"` // of a long document: in how many it is sent
	Sent     string            `json:"sent"`  // digest of the texts of its modelInput; empty: made by an earlier version
}

// record is one attempt, with what the journal and the raw output say of it.
type record struct {
	part
	claimed  bool // the journal has a line
	claim    claim
	doubled  int64 // further lines that the journal knows of
	lines    int64 // of output
	answers  int64 // of them, with an answer
	agrees   bool  // one of its lines is what the journal says
	against  string
	folder   int // of its first answer, among the shard's folders; -1: none
	intents  int // on-demand calls: the highest number of an intent
	outcomes int // and the answers that came
}

// shardProof is what is known of one shard while it is looked at.
type shardProof struct {
	*audit
	row     *ledger.Shard
	records []record
	place   map[quarry.RecordID]int
	foreign int64
	broken  int64
	known   bool // the journal says which records were doubled
	paid    quarry.Usage
}

// mostAtOnce bounds how many records memory is taken for before they are read.
const mostAtOnce = 200_000

// shards proves the shards one by one: raw output, journal and the part of the index against one another.
func (a *audit) shards(ctx context.Context) error {
	jobs := map[quarry.JobARN]quarry.ShardID{}
	for i := range a.rows {
		row := &a.rows[i]
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		a.oneJobEach(jobs, row)
		a.inputFile(row)
		a.checkUnbuilt(row)
		if row.Times.Collected.IsZero() {
			a.checked.Underway++
			if row.State == quarry.ShardDone || row.State == quarry.ShardCollected {
				a.found.fault("shard %s: it is %s, and was never collected", row.ID, row.State)
			}
			if err := a.callsUnderway(row); err != nil {
				return err
			}
			continue
		}
		a.checked.Shards++
		records := min(max(row.Records, 0), mostAtOnce)
		p := &shardProof{audit: a, row: row, records: make([]record, 0, records), place: make(map[quarry.RecordID]int, records)}
		p.readPart()
		p.readJournal()
		p.readCalls()
		if err := p.readRaw(ctx); err != nil {
			return err
		}
		p.judge()
		total := a.usage[row.Pass]
		total.Add(p.paid)
		a.usage[row.Pass] = total
	}
	return nil
}

// oneJobEach checks that no two shards name one job, and that no two jobs of a shard could both have been paid.
func (a *audit) oneJobEach(jobs map[quarry.JobARN]quarry.ShardID, row *ledger.Shard) {
	for _, job := range append(slices.Clone(row.Past), row.Job) {
		if job.ARN == "" {
			continue
		}
		if other, ok := jobs[job.ARN]; ok && other != row.ID {
			a.found.fault("shards %s and %s name the same job %s", other, row.ID, job.ARN)
		}
		jobs[job.ARN] = row.ID
	}
	if name := quarry.JobName(a.cfg.Run, row.ID, row.Attempt); row.Job.ARN != "" && row.Job.Name != name {
		a.found.fault("shard %s: its job %s is called %s, not %s", row.ID, row.Job.ARN, row.Job.Name, name)
	}
	for _, past := range row.Past {
		if past.Status == quarry.JobFailed && past.Counts.Success == 0 {
			continue // it answered nothing
		}
		if row.Job.ARN == "" {
			continue // nothing was sent again so far
		}
		a.found.fault("shard %s was sent again as %s although its job %s ended %s with %s", row.ID, row.Job.ARN, past.ARN, past.Status, figure.Count(past.Counts.Success, "answer"))
		for p, err := range decoded[part](a.partPath(row.ID)) {
			if err == nil {
				a.found.name(paidTwice, p.ID, p.RecordID, "sent as job %s and again as job %s", past.ARN, row.Job.ARN)
			}
		}
	}
}

// inputFile checks the digest of an input file that was kept.
func (a *audit) inputFile(row *ledger.Shard) {
	if row.Digest == "" || row.State == quarry.ShardPlanned {
		return
	}
	path := a.path("shards", string(row.ID)+".jsonl")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		a.found.fault("%s: %v", a.short(path), err)
		return
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	switch {
	case err != nil:
		a.found.fault("%s: %v", a.short(path), err)
	case hex.EncodeToString(sum.Sum(nil)) != row.Digest:
		a.found.fault("%s: its %s differ from what was built: the digest is another", a.short(path), figure.Count(n, "byte"))
	default:
		a.checked.InputFiles++
	}
}

func (a *audit) partPath(id quarry.ShardID) string {
	return a.path("index", "parts", string(id)+".jsonl.zst")
}

func (a *audit) journalPath(id quarry.ShardID) string {
	return a.path("journal", string(id)+".jsonl.zst")
}

func (a *audit) unbuiltPath(id quarry.ShardID) string {
	return a.path("journal", string(id)+".unbuilt.jsonl.zst")
}

// checkUnbuilt holds the outcomes of records that were planned and not sent against the ledger. That no other line is of the
// same records is proven document by document.
func (a *audit) checkUnbuilt(row *ledger.Shard) {
	if row.Unbuilt == 0 {
		return
	}
	where := a.short(a.unbuiltPath(row.ID))
	var n int64
	for o, err := range decoded[outcome](a.unbuiltPath(row.ID)) {
		if err != nil {
			a.found.fault("%s: %v", where, err)
			continue
		}
		n++
		if o.Class != quarry.ClassSourceChanged || o.Left || o.Result.Status != quarry.StatusFailed || (o.Result.Usage != quarry.Usage{}) {
			a.found.name(altered, o.Result.ID, o.RecordID, "%s: an outcome of class %s among those that were not sent", where, o.Class)
		}
	}
	if n != row.Unbuilt {
		a.found.fault("%s: %s that were not sent, the ledger says %s", where, figure.Count(n, "record"), figure.Thousands(row.Unbuilt))
	}
}

// readPart reads which records were sent, and checks each id against the index.
func (p *shardProof) readPart() {
	ix := p.indexOf(p.row.Pass)
	where := p.short(p.partPath(p.row.ID))
	last, lastPart := int64(-1), 0
	for l, err := range decoded[part](p.partPath(p.row.ID)) {
		if err != nil {
			p.found.fault("%s: %v", where, err)
			continue
		}
		if _, twice := p.place[l.RecordID]; twice {
			p.found.name(paidTwice, l.ID, l.RecordID, "%s has the record twice", where)
			continue
		}
		if n := l.RecordID.PartNumber(); l.Order < last || (l.Order == last && (n == 0 || n <= lastPart)) {
			p.found.name(altered, l.ID, l.RecordID, "%s: not in the order of the sources", where)
		}
		last, lastPart = l.Order, l.RecordID.PartNumber()
		if ix != nil {
			p.checkID(ix, &l)
		}
		p.place[l.RecordID] = len(p.records)
		p.records = append(p.records, record{part: l, folder: -1})
	}
	p.checked.Records += int64(len(p.records))
	if n := int64(len(p.records)); n != p.row.Records {
		p.found.fault("%s: %s, the ledger says %s", where, figure.Count(n, "record"), figure.Thousands(p.row.Records))
	}
}

// checkID holds a recordId against the document's id and key: S-K-aN, or S-K-pNNNN-aN for a part; a later attempt, and
// the merge of a document that is sent in parts, only in a shard of those.
func (p *shardProof) checkID(ix *index, l *part) {
	e, err := ix.of(l.Order)
	if err != nil {
		p.found.name(altered, l.ID, l.RecordID, "its order: %v", err)
		return
	}
	n, number := l.RecordID.Attempt(), l.RecordID.PartNumber()
	var key quarry.DocumentKey
	copy(key[:6], e.key[:])
	want := quarry.NewRecordID(l.ID, key, n)
	if number > 0 {
		attempt := "-a" + strconv.Itoa(n)
		want = quarry.RecordID(strings.TrimSuffix(string(want), attempt) + fmt.Sprintf("-p%04d", number) + attempt)
	}
	merges := e.parts > 0 && number == 0
	switch {
	case e.id != hashOf(l.ID):
		p.found.name(altered, l.ID, l.RecordID, "the index has another document of order %d", l.Order)
	case !e.asked():
		p.found.name(paidTwice, l.ID, l.RecordID, "it was sent although the plan says %q: not to be sent", e.take)
	case n == 0 || l.RecordID != want:
		p.found.name(altered, l.ID, l.RecordID, "its recordId is not the one of its id and key, %s", want)
	case number > e.parts || l.Parts != e.parts:
		p.found.name(altered, l.ID, l.RecordID, "part %d of %d, but the index has %s", number, l.Parts, figure.Count(int64(e.parts), "part"))
	case (merges || n > e.tries+1) != (p.row.Kind == quarry.RetryShard):
		p.found.name(altered, l.ID, l.RecordID, "attempt %d in a shard of kind %s", n, p.row.Kind)
	}
}

// readJournal reads what the journal says of each record.
func (p *shardProof) readJournal() {
	where := p.short(p.journalPath(p.row.ID))
	var tally ledger.Tally
	var doubled int64
	next := 0
	for o, err := range decoded[outcome](p.journalPath(p.row.ID)) {
		if err != nil {
			p.found.fault("%s: %v", where, err)
			continue
		}
		place, ok := p.place[o.RecordID]
		if !ok {
			p.found.name(altered, o.Result.ID, o.RecordID, "%s has a record that was not sent", where)
			continue
		}
		r := &p.records[place]
		if r.claimed {
			p.found.name(altered, r.ID, r.RecordID, "%s has the record twice", where)
			continue
		}
		if place < next {
			p.found.name(altered, r.ID, r.RecordID, "%s: not in the order of the sources", where)
		}
		next = place
		r.claimed, r.claim, r.doubled = true, claimOf(&o), o.Doubled
		doubled += o.Doubled
		if what := p.consistent(&o, r); what != "" {
			p.found.name(altered, r.ID, r.RecordID, "%s: %s", where, what)
		}
		count(&tally, &o)
	}
	p.known = doubled == p.row.Output.Doubled
	t := p.row.Tally
	if tally.OK != t.OK || tally.Invalid != t.Invalid || tally.Failed != t.Failed || tally.Left != t.Left || tally.Usage != t.Usage {
		p.found.fault("%s: %s ok, %s invalid, %s failed, %s left, %s in, %s out; the ledger says %s, %s, %s, %s, %s, %s", where,
			figure.Thousands(tally.OK), figure.Thousands(tally.Invalid), figure.Thousands(tally.Failed), figure.Thousands(tally.Left), figure.Count(tally.Usage.InputTokens, "token"), figure.Thousands(tally.Usage.OutputTokens),
			figure.Thousands(t.OK), figure.Thousands(t.Invalid), figure.Thousands(t.Failed), figure.Thousands(t.Left), figure.Thousands(t.Usage.InputTokens), figure.Thousands(t.Usage.OutputTokens))
	}
}

func count(t *ledger.Tally, o *outcome) {
	t.Usage.Add(o.Result.Usage)
	switch {
	case o.Left:
		t.Left++
	case o.Result.Status == quarry.StatusOK:
		t.OK++
	case o.Result.Status == quarry.StatusInvalid:
		t.Invalid++
	default:
		t.Failed++
	}
}

// consistent says what in a journal's line contradicts the rest of it, or the record.
func (p *shardProof) consistent(o *outcome, r *record) string {
	res := &o.Result
	switch {
	case o.Order != r.Order || res.ID != r.ID || res.RecordID != r.RecordID || o.Parts != r.Parts:
		return "it names another document"
	case res.Status != statusOf(o.Class):
		return fmt.Sprintf("class %s with status %s", o.Class, res.Status)
	case o.Class == quarry.ClassOK && (o.Left || res.Error != nil):
		return "a good answer that is to be repeated or has an error"
	case o.Class != quarry.ClassOK && (res.Error == nil || res.Error.Kind != string(o.Class)):
		return fmt.Sprintf("class %s, and the error is of another kind", o.Class)
	case res.Job != string(p.row.Job.ARN):
		return "it names another job"
	case o.Class == quarry.ClassUnsent && res.Attempts != r.RecordID.Attempt()-1, o.Class != quarry.ClassUnsent && res.Attempts != r.RecordID.Attempt():
		return fmt.Sprintf("it counts %s", figure.Count(res.Attempts, "attempt"))
	}
	return ""
}

// folders are the shard's folders of raw output, one for each job attempt, in their order.
func (p *shardProof) folders() []string {
	names, err := named(p.path("raw"), func(name string) bool { return strings.HasPrefix(name, string(p.row.ID)+"-a") })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.found.fault("raw output of shard %s: %v", p.row.ID, err)
	}
	attempt := func(name string) int {
		n, _ := strconv.Atoi(name[strings.LastIndex(name, "-a")+2:])
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return attempt(a) - attempt(b) })
	return names
}

// readRaw reads the raw output of all job attempts, in any order of its lines.
func (p *shardProof) readRaw(ctx context.Context) error {
	settled := fmt.Sprintf("%s-a%d", p.row.ID, p.row.Attempt)
	seen := false
	for i, folder := range p.folders() {
		last := filepath.Base(folder) == settled
		seen = seen || last
		for _, path := range outputs(folder) {
			if err := p.readOutput(ctx, path, i, last); err != nil {
				return err
			}
		}
	}
	if !seen {
		p.found.fault("raw/%s: there is no such folder", settled)
	}
	return nil
}

// outputs are the output files in a folder. The manifest is none, though its name ends like one of theirs.
func outputs(folder string) []string {
	names, _ := named(folder, func(name string) bool { // a folder that cannot be read has no output, and that is reported
		return strings.HasSuffix(name, ".jsonl.out") || strings.HasSuffix(name, ".jsonl.out.zst")
	})
	return names
}

// named gives the paths of what is in a folder and has such a name, sorted. A run directory's name is the user's: [ and * in
// it are no pattern.
func named(folder string, want func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(folder)
	var paths []string
	for _, entry := range entries {
		if want(entry.Name()) {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	return paths, err
}

// readOutput reads one output file. settled says that it is of the job attempt that the journal was made from.
func (p *shardProof) readOutput(ctx context.Context, path string, folder int, settled bool) error {
	for l, err := range linesOf(path, openOutput) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && damaged(err) {
			p.checked.RawLines++
			p.broken++
			return nil
		}
		if err != nil {
			p.found.fault("%s: cannot be read: %v", p.short(path), err)
			return nil
		}
		read, broken := outputLine(l.text)
		p.checked.RawLines += int64(len(read)) + broken
		p.broken += broken
		if broken > 0 && !settled {
			p.found.fault("%s:%d: cannot be read", p.short(path), l.n)
		}
		for _, raw := range read {
			p.readLine(raw, path, l.n, folder)
		}
	}
	return nil
}

// readLine compares one line of output with what the journal says of its record.
func (p *shardProof) readLine(raw rawLine, path string, n int64, folder int) {
	place, ok := p.place[raw.id]
	if !ok {
		p.foreign++
		p.stray(raw, p.row.ID, path, n)
		return
	}
	r := &p.records[place]
	r.lines++
	if raw.answer != nil {
		r.answers++
		if r.folder < 0 {
			r.folder = folder
		} else if r.folder != folder {
			p.found.name(paidTwice, r.ID, r.RecordID, "answered in two jobs of shard %s", p.row.ID)
		}
	}
	if !r.claimed || r.agrees {
		return
	}
	against := ""
	switch {
	case raw.answer != nil:
		if against = r.againstEcho(&raw); against == "" {
			against = r.claim.against(raw.answer)
		}
	case raw.err != nil:
		against = r.claim.againstError(raw.err)
	default:
		against = r.claim.againstError(&rawError{strange: true})
	}
	if against == "" {
		r.agrees = true
		if raw.answer != nil {
			p.paid.Add(raw.answer.usage)
			p.checked.Answers++
		}
	} else {
		r.against = fmt.Sprintf("%s:%d: %s", p.short(path), n, against)
	}
}
