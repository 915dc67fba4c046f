package setup

import (
	"context"
	"fmt"
	"strings"

	"quarry"
)

// Bucket are the calls to S3 that setup needs for its bucket.
type Bucket struct {
	// Find gives the bucket's Region; found is false when there is no such bucket.
	Find func(ctx context.Context) (region string, found bool, err error)
	Make func(ctx context.Context) error
	// Open names the settings that do not block public access.
	Open  func(ctx context.Context) ([]string, error)
	Close func(ctx context.Context) error
	// Policy gives the bucket's policy, empty when it has none.
	Policy    func(ctx context.Context) (string, error)
	SetPolicy func(ctx context.Context, text string) error
	// Encryption gives the default encryption: "AES256" or "aws:kms", and the key where one is named.
	Encryption func(ctx context.Context) (algorithm, key string, err error)
	SetKey     func(ctx context.Context, key string) error
	// Expiry compares the lifecycle rule of this id; the rules of other ids are kept when it is set.
	Expiry    func(ctx context.Context, rule Expiry) (found, same bool, err error)
	SetExpiry func(ctx context.Context, rule Expiry) error
}

// Expiry is a lifecycle rule for what is under a prefix.
type Expiry struct {
	ID, Prefix string
	Days       int32 // until an object is gone; 0: never
	AbortDays  int32 // until the parts of an upload that was never finished are gone
}

func (w Wants) expiry() Expiry {
	e := Expiry{ID: expiryID, Prefix: ourPrefix, Days: int32(w.ExpireDays), AbortDays: abortDays}
	if w.KeepForever {
		e.Days = 0
	}
	return e
}

// rules are the lifecycle rules of a bucket: that of objects which expire, and that of what uploads of a run's files left.
func (w Wants) rules() []Expiry {
	return []Expiry{w.expiry(), {ID: uploadsID, Prefix: statePrefix, AbortDays: abortDays}}
}

// String says in words when what expires.
func (e Expiry) String() string {
	after := fmt.Sprintf("objects under %s expire after %d days", e.Prefix, e.Days)
	if e.Days == 0 {
		after = "objects under " + e.Prefix + " stay"
	}
	return fmt.Sprintf("%s, and parts of unfinished uploads after %d", after, e.AbortDays)
}

// lookAtBucket finds out what the bucket lacks.
func (p *Plan) lookAtBucket(ctx context.Context, b Bucket) error {
	name := p.Wants.Bucket
	region, found, err := b.Find(ctx)
	switch {
	case err != nil:
		return err
	case !found:
		p.planBucket(b)
		return p.lookAtPolicy(b, "")
	case region != "" && region != p.Wants.Account.Region:
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "set up bucket", Subject: name,
			Err:  fmt.Errorf("it is in %s, the jobs are to run in %s", region, p.Wants.Account.Region),
			Hint: "name another bucket with --bucket, or the bucket's Region with --region " + region,
		}
	}
	open, err := b.Open(ctx)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		p.change(b.Close, "block public access to bucket %s: %s", name, strings.Join(open, ", "))
	}
	text, err := b.Policy(ctx)
	if err != nil {
		return err
	}
	if err := p.lookAtPolicy(b, text); err != nil {
		return err
	}
	if err := p.lookAtKey(ctx, b); err != nil {
		return err
	}
	for _, rule := range p.Wants.rules() {
		has, same, err := b.Expiry(ctx, rule)
		if err != nil {
			return err
		}
		verb := "add lifecycle rule %s to bucket %s: %s"
		if has {
			verb = "restore lifecycle rule %s of bucket %s: %s"
		}
		if !same {
			p.change(func(ctx context.Context) error { return b.SetExpiry(ctx, rule) }, verb, rule.ID, name, rule)
		}
	}
	return nil
}

func (p *Plan) planBucket(b Bucket) {
	name := p.Wants.Bucket
	p.change(b.Make, "create bucket %s in %s", name, p.Wants.Account.Region)
	p.change(b.Close, "block public access to bucket %s", name)
	for _, rule := range p.Wants.rules() {
		p.change(func(ctx context.Context) error { return b.SetExpiry(ctx, rule) }, "add lifecycle rule %s to bucket %s: %s", rule.ID, name, rule)
	}
	if p.Wants.KMSKey != "" {
		p.change(p.setKey(b), "encrypt bucket %s with %s", name, p.Wants.KMSKey)
	}
}

func (p *Plan) setKey(b Bucket) func(context.Context) error {
	key := p.Wants.KMSKey
	return func(ctx context.Context) error { return b.SetKey(ctx, key) }
}

// lookAtPolicy lets the bucket's policy refuse what comes without TLS. Statements of others stay.
func (p *Plan) lookAtPolicy(b Bucket, text string) error {
	where := "the policy of bucket " + p.Wants.Bucket
	doc, err := read(text)
	if err != nil {
		return fmt.Errorf("read %s: %w", where, err)
	}
	lines, err := doc.merge(tlsOnly(p.Wants), where)
	if err != nil || len(lines) == 0 {
		return err
	}
	merged, err := doc.text()
	if err != nil {
		return err
	}
	p.Changes = append(p.Changes, Change{Lines: lines, do: func(ctx context.Context) error { return b.SetPolicy(ctx, merged) }})
	return nil
}

// lookAtKey brings in the wanted key. Where none is wanted and the bucket has one, the role needs that one: Bedrock's own
// message about it names neither KMS nor the key (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (p *Plan) lookAtKey(ctx context.Context, b Bucket) error {
	algorithm, key, err := b.Encryption(ctx)
	if err != nil {
		return err
	}
	has := Wants{Account: p.Wants.Account, KMSKey: key}.complete().KMSKey
	switch {
	case p.Wants.KMSKey == "" && keyARN().MatchString(has):
		p.Wants.KMSKey = has
		p.Notes = append(p.Notes, fmt.Sprintf("bucket %s encrypts with %s, so the role gets permission to use it", p.Wants.Bucket, has))
	case p.Wants.KMSKey == "" && key != "":
		p.Notes = append(p.Notes,
			fmt.Sprintf("bucket %s encrypts with %s; give the key's ARN with --kms-key, or jobs will fail", p.Wants.Bucket, key))
	case p.Wants.KMSKey != "" && (has != p.Wants.KMSKey || !strings.HasPrefix(algorithm, "aws:kms")):
		if key == "" {
			key = algorithm
		}
		p.change(p.setKey(b), "encrypt new objects of bucket %s with %s; until now: %s", p.Wants.Bucket, p.Wants.KMSKey, key)
	}
	return nil
}

func (p *Plan) change(do func(context.Context) error, format string, args ...any) {
	p.Changes = append(p.Changes, Change{Lines: []string{fmt.Sprintf(format, args...)}, do: do})
}
