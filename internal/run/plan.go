package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/plan"
	"quarry/internal/run/sample"
	"quarry/internal/run/weigh"
)

// plan reads all sources once, finds what has to be asked, draws the pilot and cuts the rest into shards. The plan is in
// the ledger whole or not at all.
func (r *Run) plan(ctx context.Context) (count, error) {
	if err := r.holdDeadline(ctx); err != nil {
		return count{}, err
	}
	planned, ok, err := r.plannedPass(ctx, r.pass)
	if err != nil {
		return count{}, err
	}
	if ok {
		r.planned = planned
		return counted(&r.planned), nil
	}
	if err := r.remember(ctx); err != nil {
		return count{}, err
	}
	before, err := r.passBefore(ctx)
	if err != nil {
		return count{}, err
	}
	if before != nil {
		defer before.Close()
	}
	passed, err := r.passedBefore(ctx)
	if err != nil {
		return count{}, err
	}
	r.piloted = slices.Contains(passed, r.asks())
	for again := r.spool == nil; ; again = false {
		r.planned = plan.Plan{Pass: r.pass}
		err := r.planPass(ctx, before)
		if again && errors.Is(err, errMoved) {
			continue // once: what was read of the sources is nowhere kept yet
		}
		if err != nil {
			return count{}, err
		}
		break
	}
	if err := r.mostAreThere(ctx, before); err != nil {
		return count{}, err
	}
	if err := r.decideMode(ctx); err != nil {
		return count{}, err
	}
	if err := r.checkSecondStage(); err != nil {
		return count{}, err
	}
	rows, err := r.cutShards(ctx)
	if err != nil {
		return count{}, err
	}
	r.planned.Shards = int64(len(rows))
	b, err := json.Marshal(r.planned)
	if err != nil {
		return count{}, err
	}
	facts := map[string]string{plannedFact(r.pass): string(b), "planned": string(b)}
	number, err := r.numberBefore(ctx)
	if err != nil {
		return count{}, err
	}
	facts[beforeFact(r.pass)] = strconv.Itoa(number)
	if facts[flagsFact(r.pass)], err = r.flags(); err != nil {
		return count{}, err
	}
	facts[beganFact(r.pass)] = quarry.Timestamp(r.began)
	if facts[askedFact(r.pass)], err = r.askedNow(ctx); err != nil {
		return count{}, err
	}
	if facts[choicesFact(r.pass)], err = marshalled(r.cfg.Choices); err != nil {
		return count{}, err
	}
	if r.replaced {
		if facts["sources"], err = marshalled(r.cfg.Sources); err != nil {
			return count{}, err
		}
	}
	if err := r.ledger.AddShards(ctx, rows, facts, nil); err != nil {
		return count{}, err
	}
	return counted(&r.planned), nil
}

// importedBefore opens the given answers where an earlier version joined the pass with them as with a pass before; else nil.
func (r *Run) importedBefore(ctx context.Context) (*known, error) {
	if _, planned, err := r.plannedPass(ctx, r.pass); err != nil || !planned {
		return nil, err
	}
	p, imported, err := r.plannedPass(ctx, importedPass)
	if _, noted := r.index(r.pass).Given(); err != nil || noted || !imported {
		return nil, err
	}
	return r.openKnown(importedPass, p), nil
}

// planPass reads the sources and writes the index of the pass.
func (r *Run) planPass(ctx context.Context, before *known) (err error) {
	pass := r.index(r.pass)
	dir := pass.SortDir()
	ids := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "ids"})
	keys := dedupe.NewSorter(r.effects, dedupe.Config{Dir: dir, Name: "keys"})
	var again *index.Repeats
	var pairs *index.Joined
	var given *index.Given
	var memory *recall
	defer func() {
		err = errors.Join(err, ids.Close(), keys.Close())
		if memory != nil {
			err = errors.Join(err, memory.close())
		}
		if again != nil {
			err = errors.Join(err, again.Close())
		}
		if given != nil {
			err = errors.Join(err, given.Close())
		}
		if pairs != nil {
			err = errors.Join(err, pairs.Close())
		}
	}()
	if err := r.openNear(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.closeNear()) }()
	answers, err := r.givenAnswers(ctx) // before the sources are read: a line that is none ends it
	if err != nil {
		return err
	}
	pilot := sample.New(r.pilotSize())
	if err := errors.Join(r.scan(ctx, ids, keys, pilot), ctx.Err()); err != nil {
		return err
	}
	// Documents still counts all that have an order; see scan.
	if pairs, err = pass.Join(ctx, ids, r.planned.Documents, before.slots()); err != nil {
		return err
	}
	r.planned.Gone, r.planned.Lost = pairs.Gone, pairs.Lost
	if again, err = pass.FindRepeats(ids, keys); err != nil {
		return err
	}
	if err := r.findNear(ctx, again); err != nil {
		return err
	}
	if answers != nil {
		defer answers.Close()
	}
	if given, err = r.matchGiven(ctx, ids, keys, answers); err != nil {
		return err
	}
	weights, err := weigh.Open(pass.Path(weightsFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, weights.Close(), r.effects.Remove(pass.Path(weightsFile))) }()
	if memory, err = r.openRecall(ctx, keys); err != nil {
		return err
	}
	findings := plan.Findings{
		Room:    r.roomForText(),
		Weighed: weights,
		Recall:  memory.of, Carry: memory.carryLast,
		Repeats: again, Sample: pilot, Joined: pairs, Before: before.slots(), RefreshMax: r.cfg.RefreshMax,
		Given: given, CarryGiven: memory.carryGiven,
	}
	err = r.planned.Decide(ctx, pass, &findings)
	if errors.Is(err, plan.ErrNoDocuments) {
		hint := "check the path; `quarry clean SOURCE` shows what is read from it"
		if r.planned.Unreadable > 0 {
			hint = "each item was left out for the reason above; `quarry inspect SOURCE` shows the fields, and --field id=NAME --field body=NAME say which are meant " +
				"(with --records, a ready record has recordId and modelInput)"
		}
		return &quarry.Error{Kind: quarry.BadItems, Op: "plan", Subject: strings.Join(r.cfg.Sources, " "), Err: err, Hint: hint}
	}
	if err != nil {
		return err
	}
	if p := &r.planned; p.Beyond > 0 {
		p.Notes = append(p.Notes, r.beyond())
	}
	if err := r.planned.TopUpPilot(ctx, pass, r.pilotSize()); err != nil {
		return err
	}
	r.sayGiven()
	if err := r.carry(ctx, memory); err != nil {
		return err
	}
	return r.nameRepeats(ctx, again)
}

// plannedFact is the name under which a pass's plan is kept.
func plannedFact(pass int) string { return fmt.Sprintf("planned.%d", pass) }

func (r *Run) plannedPass(ctx context.Context, pass int) (p plan.Plan, ok bool, err error) {
	text, ok, err := r.ledger.Fact(ctx, plannedFact(pass))
	if err != nil || !ok {
		return p, ok, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, false, fmt.Errorf("read the plan of pass %d: %w", pass, err)
	}
	return p, true, nil
}

// passBefore opens the finished pass that the pass at hand is joined with; nil where there is none.
func (r *Run) passBefore(ctx context.Context) (*known, error) {
	if r.adopting {
		return r.adoptedBefore(ctx, r.pass)
	}
	if r.beside != nil {
		return r.beside, nil
	}
	n, err := r.numberBefore(ctx)
	if err != nil {
		return nil, err
	}
	if n == importedPass {
		return r.importedBefore(ctx)
	}
	p, ok, err := r.plannedPass(ctx, n)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("pass %d has no plan", n)
	}
	return r.openKnown(n, p), nil
}

// numberBefore is the number of that pass: the last finished one when the pass at hand is planned. Where none is finished, it is
// that of the answers which the run was given, if any.
func (r *Run) numberBefore(ctx context.Context) (int, error) {
	text, known, err := r.ledger.Fact(ctx, beforeFact(r.pass))
	if err != nil {
		return 0, err
	}
	if !known {
		_, planned, err := r.plannedPass(ctx, r.pass)
		if err != nil {
			return 0, err
		}
		if planned { // by an earlier version, which gave no pass up
			return r.pass - 1, nil
		}
		if text, known, err = r.ledger.Fact(ctx, "finished"); err != nil || !known {
			return importedPass, err
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("read which pass came before pass %d: %w", r.pass, err)
	}
	return n, nil
}

// counted is a plan as a step's count.
func counted(p *plan.Plan) count {
	return count{taken: p.Items, done: p.Asked, failed: p.Unreadable + p.SameID + p.TooLarge, skipped: p.Empty + p.Same + p.Unchanged}
}

// pilotSize is the number of documents asked first: at least a job's minimum, since a smaller job is refused.
func (r *Run) pilotSize() int {
	if r.cfg.NoPilot || r.sameAsBefore || r.piloted { // one pilot for each prompt, model and schema
		return 0
	}
	if r.cfg.Mode == quarry.ModeJob || r.cfg.Mode == quarry.ModeAuto {
		return max(r.cfg.Pilot, int(r.cfg.Quotas.MinRecords))
	}
	return r.cfg.Pilot
}
