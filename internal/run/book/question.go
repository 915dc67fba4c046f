package book

import (
	"context"
	"encoding/json"
	"fmt"

	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/outcome/review"
)

// A ledger in Postgres says what its run waits for, and who approved it: numbers, digests and names of people, and no text. A run in a
// directory has files for this; see package review.

const asked = "question"

func approvalOf(q *review.Question) string { return "approval." + q.Digest }

// Question gives what the run waits for, without its text; nil: for nothing.
func (b *Book) Question(ctx context.Context) (*review.Question, error) {
	facts, err := b.ledger.Facts(ctx, asked)
	if err != nil {
		return nil, err
	}
	return questionOf(facts[asked])
}

func questionOf(text string) (q *review.Question, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		return nil, fmt.Errorf("read fact %s of the run: %w", asked, err)
	}
	return q, nil
}

// Ask makes a question what the run waits for; nil: it waits for nothing.
func (b *Book) Ask(ctx context.Context, q *review.Question) error {
	if q == nil {
		if now, err := b.Question(ctx); err != nil || now == nil {
			return err
		}
		return b.ledger.SetFacts(ctx, map[string]string{asked: ""})
	}
	bare := *q
	bare.Text = ""
	text, err := json.Marshal(&bare)
	if err != nil {
		return fmt.Errorf("write fact %s of the run: %w", asked, err)
	}
	return b.ledger.SetFacts(ctx, map[string]string{asked: string(text)})
}

// Approval gives the approval of a question; nil: there is none.
func (b *Book) Approval(ctx context.Context, q *review.Question) (a *review.Approval, err error) {
	name := approvalOf(q)
	facts, err := b.ledger.Facts(ctx, name)
	if err != nil || facts[name] == "" {
		return nil, err
	}
	if err := json.Unmarshal([]byte(facts[name]), &a); err != nil {
		return nil, fmt.Errorf("read fact %s of the run: %w", name, err)
	}
	if a.Run != q.Run || a.Pass != q.Pass || a.Asks != q.Asks {
		return nil, nil
	}
	return a, nil
}

// Approve keeps an approval in the ledger at an address, whichever process works on its run. still refuses what the run waits for at that
// moment; nil: for nothing.
func Approve(ctx context.Context, e *effect.Effects, address string, a *review.Approval, still func(*review.Question) error) error {
	bare := *a
	bare.Text = ""
	text, err := json.Marshal(&bare)
	if err != nil {
		return fmt.Errorf("write an approval: %w", err)
	}
	return ledger.Answer(ctx, e, address, a.Run, asked, func(now string) error {
		q, err := questionOf(now)
		if err != nil {
			return err
		}
		return still(q)
	}, approvalOf(&a.Question), string(text))
}
