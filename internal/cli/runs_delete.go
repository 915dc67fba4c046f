package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
)

// deletedRun is one object of `quarry runs --delete --json`.
type deletedRun struct {
	Run     quarry.RunID `json:"run"`
	Objects int64        `json:"objects"`
	Bytes   int64        `json:"bytes"`
}

// deleteRuns removes runs, each after a question.
func (a *App) deleteRuns(ctx context.Context, s *config.Settings, id quarry.RunID, age string) (err error) {
	ids := []quarry.RunID{id}
	if age != "" {
		old, err := parseAge(age)
		if err != nil {
			return err
		}
		if ids, err = compose.OldRuns(ctx, s, time.Now().Add(-old)); err != nil {
			return err
		}
	}
	gone := []deletedRun{}
	for _, id := range ids {
		d, err := a.deleteRun(ctx, s, id)
		if err != nil {
			return err
		}
		gone = append(gone, *d)
	}
	if a.json {
		return a.writeJSON(gone)
	}
	return nil
}

func (a *App) deleteRun(ctx context.Context, s *config.Settings, id quarry.RunID) (_ *deletedRun, err error) {
	var open compose.Closers
	defer func() { err = errors.Join(err, open.Close()) }()
	d, err := a.parts().FindDeletion(ctx, s, id, &open)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("run %s: %s with %s in its buckets, and its rows in the ledger", id, figure.Count(d.Objects, "object"), figure.Count(d.Bytes, "byte"))
	if !s.Yes {
		question := "delete " + what + ", which nothing brings back?"
		if !isTerminal(a.Stdin) {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "confirm", Err: errors.New(question), Hint: "nothing was removed; to confirm without a terminal, add --yes",
			}
		}
		yes, err := a.yes(ctx, question)
		if err != nil {
			return nil, err
		}
		if !yes {
			return nil, &quarry.Error{Kind: quarry.BadUsage, Err: errors.New("not confirmed"), Hint: "nothing of run " + string(id) + " was removed"}
		}
	}
	if err := d.Delete(ctx); err != nil {
		return nil, err
	}
	a.say("deleted %s", what)
	return &deletedRun{id, d.Objects, d.Bytes}, nil
}

// parseAge reads a number of days, such as 90d, or a length of time as Go writes it.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if days, is := strings.CutSuffix(text, "d"); is {
		var n int
		n, err = strconv.Atoi(days)
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age < 0 {
		return 0, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read", Subject: "--prune " + text, Err: errors.New("not an age"), Hint: "a number of days, such as 90d, or a length of time, such as 36h",
		}
	}
	return age, nil
}
