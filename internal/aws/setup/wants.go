package setup

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"quarry"
)

// DefaultExpireDays is how long S3 keeps what a run left under quarry/.
const DefaultExpireDays = 30

// Account is where the rights are for.
type Account struct {
	ID, Partition, Region string
}

// Wants is what there has to be.
type Wants struct {
	Account Account
	Bucket  string
	Role    string // name, path/name or ARN; default quarry-batch
	Model   string // model or inference profile, id or ARN
	KMSKey  string // id or ARN of the key that objects are encrypted with; default S3's own encryption
	// Models are the ARNs that the profile leads to, as GetInferenceProfile lists them. Default: as the catalogue says,
	// see NeedsModels.
	Models []string
	// ExpireDays is how many days S3 keeps objects under quarry/; default DefaultExpireDays.
	ExpireDays int
	// KeepForever lets nothing expire.
	KeepForever bool
}

var (
	accountID  = compiled(`^\d{12}$`)
	regionName = compiled(`^[a-z]{2}(-[a-z]+)+-\d+$`)
	bucketName = compiled(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	roleName   = compiled(`^[\w+=,.@-]{1,64}$`)
	rolePath   = compiled(`^/([\w+=,.@/-]+/)?$`)
	partition  = compiled(`^aws(-[a-z]+)*$`)
	modelName  = compiled(`^[A-Za-z0-9][A-Za-z0-9.:/_-]{0,255}$`)
	keyName    = compiled(`^(mrk-)?[0-9a-f-]{8,40}$`)
	keyARN     = compiled(`^arn:[a-z-]+:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+$`)
)

// pattern is compiled when it is asked first: every command pays for what is compiled before.
type pattern func() *regexp.Regexp

func compiled(expr string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// complete fills in what has a default.
func (w Wants) complete() Wants {
	if w.Role == "" {
		w.Role = "quarry-batch"
	}
	if w.ExpireDays == 0 {
		w.ExpireDays = DefaultExpireDays
	}
	if keyName().MatchString(w.KMSKey) {
		w.KMSKey = fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", w.Account.Partition, w.Account.Region, w.Account.ID, w.KMSKey)
	}
	return w
}

// Validate reports what no account could be brought to. What it accepts is in policies and scripts as it is.
func (w Wants) Validate() error {
	w = w.complete()
	wrong := func(what, value, hint string) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "set up with", Subject: what + " " + value, Err: errors.New("it is not valid"), Hint: hint,
		}
	}
	name, path := w.roleName()
	switch {
	case !partition().MatchString(w.Account.Partition):
		return wrong("partition", w.Account.Partition, "an ARN begins with arn:aws, arn:aws-us-gov or the like")
	case !accountID().MatchString(w.Account.ID):
		return wrong("account", w.Account.ID, "an account id has 12 digits")
	case !regionName().MatchString(w.Account.Region):
		return wrong("Region", w.Account.Region, "a Region looks like us-west-2")
	case !bucketName().MatchString(w.Bucket):
		return wrong("bucket", w.Bucket,
			"3 to 63 lowercase letters, digits, dots and hyphens: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html")
	case !roleName().MatchString(name) || !rolePath().MatchString(path):
		return wrong("role", w.Role, "give a name or the full ARN of the role")
	case strings.HasPrefix(w.Role, "arn:") && !strings.HasPrefix(w.Role, w.roleARNPrefix()):
		return wrong("role", w.Role, "the role must belong to account "+w.Account.ID+": Bedrock accepts no role of another account")
	case !modelName().MatchString(w.Model):
		return wrong("model", w.Model, "give a model's or an inference profile's id or ARN")
	case w.ExpireDays < 0, w.ExpireDays > 36_500:
		return wrong("expiry", fmt.Sprint(w.ExpireDays, " days"), "give a number of days, up to a hundred years")
	}
	if w.KMSKey == "" {
		return nil
	}
	m := keyARN().FindStringSubmatch(w.KMSKey)
	if m == nil {
		return wrong("KMS key", w.KMSKey,
			"give the key's ARN, because permissions are set on keys, not on aliases: aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn")
	}
	if m[1] != w.Account.Region {
		return wrong("KMS key", w.KMSKey, "the key must be in the Region of the bucket, "+w.Account.Region)
	}
	return nil
}

// RoleARN is the role's whole name.
func (w Wants) RoleARN() string {
	name, path := w.complete().roleName()
	return w.roleARNPrefix() + path + name
}

func (w Wants) roleARNPrefix() string {
	return fmt.Sprintf("arn:%s:iam::%s:role", w.Account.Partition, w.Account.ID)
}

// roleName takes the role apart into its name and its path, which begins and ends with a slash.
func (w Wants) roleName() (name, path string) {
	rest := w.Role
	if strings.HasPrefix(rest, "arn:") {
		_, rest, _ = strings.Cut(rest, ":role")
	}
	rest = "/" + strings.TrimPrefix(rest, "/")
	i := strings.LastIndexByte(rest, '/')
	return rest[i+1:], rest[:i+1]
}

func (w Wants) bucketARN() string {
	return fmt.Sprintf("arn:%s:s3:::%s", w.Account.Partition, w.Bucket)
}

// viaS3 is the service in whose name S3 asks KMS: S3's, not Bedrock's
// (https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html).
func (w Wants) viaS3() string {
	suffix := "amazonaws.com"
	if w.Account.Partition == "aws-cn" {
		suffix += ".cn"
	}
	return "s3." + w.Account.Region + "." + suffix
}

// camel writes a name as a Sid can hold it: letters and digits alone, a capital where a word begins.
func camel(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' && up:
			b.WriteRune(r - 'a' + 'A')
			up = false
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			b.WriteRune(r)
			up = false
		default:
			up = true
		}
	}
	return b.String()
}
