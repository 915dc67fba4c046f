// Package setup makes what a first job needs in an account: the bucket, the service role with the least rights that work,
// and the policies that say so.
//
// It owns the text of the policies, the calls to IAM that bring a role into that state, and the same written down for
// other tools. S3 and Bedrock come in as functions. What always holds: what would change is known, line by line, before
// anything is changed; it can be repeated; what someone else set stays, but for a way into the role that is open to
// other accounts; no right is given on everything.
package setup

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"quarry/internal/aws/iam"
)

// Change is one call that changes something.
type Change struct {
	// Lines say what it changes, each beginning with a verb: "create bucket b".
	Lines []string
	do    func(context.Context) error
}

// Plan is what is between an account and the wants.
type Plan struct {
	Changes []Change
	// Notes are what a person should know and setup leaves as it is.
	Notes []string
	// Wants are those that were asked for, with what the look at the bucket added: the key it is encrypted with.
	Wants Wants
}

// Look compares the account with the wants. It changes nothing. Errors: *quarry.Error, of kind Denied with the right that
// is missing.
func Look(ctx context.Context, c aws.Config, bucket Bucket, w Wants) (*Plan, error) {
	w = w.complete()
	if err := w.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Wants: w}
	if err := p.lookAtBucket(ctx, bucket); err != nil {
		return nil, err
	}
	if err := p.lookAtRole(ctx, iam.New(c)); err != nil {
		return nil, err
	}
	return p, nil
}

// Lines are what Apply would change.
func (p *Plan) Lines() []string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, c.Lines...)
	}
	return out
}

// Apply makes the changes in order and tells done each line once it is true. It stops at the first error; doing it again
// continues from there.
func (p *Plan) Apply(ctx context.Context, done func(line string)) error {
	for _, c := range p.Changes {
		if err := c.do(ctx); err != nil {
			return err
		}
		for _, line := range c.Lines {
			done(past(line))
		}
	}
	return nil
}

// EnsureRole brings the role alone into the state that the wants call for and says what it changed, one line each; no
// line means that nothing was to be done.
func EnsureRole(ctx context.Context, c aws.Config, role string, w Wants) ([]string, error) {
	w.Role = role
	w = w.complete()
	if err := w.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Wants: w}
	if err := p.lookAtRole(ctx, iam.New(c)); err != nil {
		return nil, err
	}
	var changed []string
	err := p.Apply(ctx, func(line string) { changed = append(changed, line) })
	return changed, err
}

// past turns a line's verb into what has happened: "create bucket b" into "created bucket b".
func past(line string) string {
	verb, rest, _ := strings.Cut(line, " ")
	switch {
	case verb == "set":
	case verb == "drop":
		verb = "dropped"
	case strings.HasSuffix(verb, "e"):
		verb += "d"
	default:
		verb += "ed"
	}
	return verb + " " + rest
}
