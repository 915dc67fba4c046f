package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
)

// Asks says which question of a pass it is.
type Asks string

// The questions.
const (
	First Asks = "first" // before the first record is sent
	Rest  Asks = "rest"  // after the pilot, before everything else is sent
)

// Question is what a run waits for: question.json.
type Question struct {
	Run       quarry.RunID `json:"run"`
	Pass      int          `json:"pass"`
	Asks      Asks         `json:"question"`
	Text      string       `json:"text"`      // for people
	Documents int64        `json:"documents"` // that the answer yes lets be sent
	// Forecast of what they take: money in dollars, null if it is not known, and tokens, each with its bounds.
	Forecast Forecast `json:"forecast"`
	// Digest tells it from the question of another plan: of other documents, another amount, other requests.
	Digest string    `json:"digest"`
	Asked  time.Time `json:"asked"`
}

// Forecast is an amount of money and tokens.
type Forecast struct {
	Cost     *quarry.USD `json:"cost_usd"`
	CostLow  *quarry.USD `json:"cost_low_usd"`
	CostHigh *quarry.USD `json:"cost_high_usd"`
	Input    int64       `json:"input_tokens"`
	Output   int64       `json:"output_tokens"`
}

// Approval is a person's yes to a question: one line of approvals.jsonl. It counts for questions with the same digest only.
type Approval struct {
	Question
	Who string    `json:"who"`
	At  time.Time `json:"at"`
}

// ErrWaits says that a run ended since it waits for an approval.
var ErrWaits = errors.New("the run waits for an approval")

// Pending gives the question that the run waits for, and its approval if a person gave one since; nil: it waits for none.
func (d *Dir) Pending(ctx context.Context) (q *Question, approved *Approval, err error) {
	if d.Elsewhere == nil {
		q, err = d.asked()
	} else if q, err = d.Elsewhere.Question(ctx); q != nil && err == nil {
		// The text is in the copy of the file, where the caller made one; the rest of a copy may be older.
		if file, _ := d.asked(); file != nil && file.Digest == q.Digest {
			q.Text = file.Text
		}
	}
	if q == nil || err != nil {
		return nil, nil, err
	}
	approved, err = d.Approved(ctx, q)
	return q, approved, err
}

// asked reads the file of the question; nil: there is none.
func (d *Dir) asked() (q *Question, err error) {
	b, err := os.ReadFile(d.file(QuestionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &q)
	}
	if err == nil && (q == nil || q.Digest == "") {
		err = errors.New("it holds no question")
	}
	if err != nil {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "read", Subject: d.file(QuestionFile), Err: err, Hint: "rerun quarry run: it writes the question again",
		}
	}
	return q, nil
}

// Approved gives the last approval of a question; nil: there is none.
func (d *Dir) Approved(ctx context.Context, q *Question) (found *Approval, err error) {
	if d.Elsewhere != nil {
		return d.Elsewhere.Approval(ctx, q)
	}
	path := d.file(ApprovalsFile)
	f, err := d.open(ctx, ApprovalsFile)
	if f == nil || err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return found, each(ctx, path, f, func(a *Approval, _ line) error {
		if a.Digest == q.Digest && a.Run == q.Run && a.Pass == q.Pass && a.Asks == q.Asks {
			found = a
		}
		return nil
	})
}

// Approve answers a question that was shown with yes. The process that waits for it continues within a second; otherwise the next
// `quarry run` does. It fails with BadUsage if the run waits for another question by now, or for none.
func (d *Dir) Approve(ctx context.Context, shown *Question, who string) (Approval, error) {
	a := Approval{Question: *shown, Who: who, At: now()}
	subject := d.Path
	if d.Elsewhere != nil { // its directory is a copy that no one knows
		subject = "run " + string(shown.Run)
	}
	bad := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "approve", Subject: subject, Err: err, Hint: "look at the question again, then approve that",
		}
	}
	if err := author(who); err != nil {
		return a, bad(err)
	}
	still := func(q *Question) error {
		switch {
		case q == nil:
			return bad(errors.New("the run waits for no approval any more"))
		case q.Digest != shown.Digest || q.Asks != shown.Asks:
			return bad(errors.New("the run asks another question by now"))
		}
		return nil
	}
	if d.Elsewhere != nil {
		return a, d.Elsewhere.Approve(ctx, &a, still)
	}
	q, err := d.asked()
	if err == nil {
		err = still(q)
	}
	if err != nil {
		return a, err
	}
	return a, d.add(ctx, ApprovalsFile, &a)
}

// Ask asks a question, and returns nil if the answer is yes. A question that was approved before is not asked. Otherwise it is kept for
// other processes, and confirm asks a person; it ends when its context does, which is when another process approves. Without confirm,
// the error wraps ErrWaits.
func (d *Dir) Ask(ctx context.Context, q *Question, confirm func(ctx context.Context, question string) error) error {
	given, err := d.Approved(ctx, q)
	if err != nil {
		return err
	}
	if given != nil {
		return d.Settled(ctx)
	}
	q.Asked = now()
	b, err := json.MarshalIndent(q, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", QuestionFile, err)
	}
	if err := atomicfile.Write(d.Effects, d.file(QuestionFile), append(b, '\n')); err != nil {
		return err
	}
	if d.Elsewhere != nil {
		if err := d.Elsewhere.Ask(ctx, q); err != nil {
			return err
		}
	}
	if confirm == nil {
		return ErrWaits
	}
	asking, stop := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		d.watch(asking, q, stop)
	}()
	err = confirm(asking, q.Text)
	stop(nil)
	<-watched
	if err != nil && !errors.Is(err, errApproved) {
		return err
	}
	return d.Settled(ctx)
}

var errApproved = errors.New("approved by another process")

// watch ends a context within a second of an approval.
func (d *Dir) watch(ctx context.Context, q *Question, stop context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		given, err := d.Approved(ctx, q)
		switch {
		case err != nil && ctx.Err() == nil:
			stop(err)
		case given != nil:
			stop(errApproved)
		}
	}
}

// Settled removes the question of a run that goes ahead: it was answered, or there is nothing left to ask about.
func (d *Dir) Settled(ctx context.Context) error {
	if d.Elsewhere != nil {
		if err := d.Elsewhere.Ask(ctx, nil); err != nil {
			return err
		}
	}
	if _, err := os.Stat(d.file(QuestionFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return d.Effects.Remove(d.file(QuestionFile))
}
