package preflight

import (
	"fmt"
	"regexp"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
)

// The patterns of CreateModelInvocationJob. No SDK checks them: a name that breaks one is refused when everything is
// uploaded (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html).
const (
	jobNamePattern  = `[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}`
	tokenPattern    = `[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}`
	roleARNPattern  = `arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+`
	roleNamePattern = `[\w+=,.@-]{1,64}`
	s3URIPattern    = `s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?`
	kmsKeyPattern   = `(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)))|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)`
	regionPattern   = `[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}`
)

// matches compiles when asked: a run of the program needs each once, most runs none.
func matches(pattern, text string) bool {
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(text)
}

// Region checks a Region's name before anything is asked of it: a misspelt one looks like a network that is down.
func Region(name string) Check {
	c := Check{Name: "region", Status: OK, Subject: name}
	if !matches(regionPattern, name) {
		c.Status, c.Kind = Fault, quarry.BadUsage
		c.Message = fmt.Sprintf("%q is not a Region", name)
		c.Fix = "name a Region such as us-west-2 with --region or in AWS_REGION"
	}
	return c
}

// names checks what a job is called and where it reads and writes.
func (k *checker) names() []Check {
	run := k.Run
	if run == "" {
		run = "a000000000" // of the shape that every run id has
	}
	job := quarry.JobName(run, "s00001", 1)
	uri := "s3://" + k.Bucket + "/" + run.Prefix() + "in/s00001/s00001.jsonl"
	var out []Check
	add := func(name, subject, pattern string, limit int, fix string) {
		c := Check{Name: name, Status: OK, Subject: subject, Message: "matches Bedrock's pattern"}
		switch {
		case len(subject) > limit:
			c.Status, c.Kind, c.Message, c.Fix = Fault, quarry.BadUsage, fmt.Sprintf("%q is longer than the %s that Bedrock accepts", subject,
				figure.Count(limit, "character")), fix
		case !matches(pattern, subject):
			c.Status, c.Kind, c.Message, c.Fix = Fault, quarry.BadUsage, fmt.Sprintf("%q does not match Bedrock's pattern %s", subject, pattern), fix
		}
		out = append(out, c)
	}
	add("bucket-name", uri, s3URIPattern, 1024, "name a bucket of 3 to 63 lowercase letters, digits, dots and hyphens with --bucket")
	add("job-name", job, jobNamePattern, 63, "start the run in another --dir")
	add("job-token", strings.ReplaceAll(string(run), "-", "")+strings.Repeat("0", 54), tokenPattern, 256, "start the run in another --dir")
	add("role-arn", k.Role, roleARNPattern, 2048, "name a role with --role, by its name or as arn:aws:iam::"+k.Account+":role/NAME")
	// IAM takes fewer names than Bedrock's pattern (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html).
	if last := &out[len(out)-1]; last.Status == OK && !matches(roleNamePattern, k.roleName()) {
		last.Status, last.Kind = Fault, quarry.BadUsage
		last.Message = fmt.Sprintf("%q is not a role name: a role name has 1 to 64 letters, digits and +=,.@_-", k.roleName())
		last.Fix = "name the role with --role as `aws iam list-roles` lists it"
	} else if last.Status == OK && !strings.Contains(k.Role, "::"+k.Account+":role/") {
		last.Status, last.Kind = Fault, quarry.BadUsage
		last.Message = fmt.Sprintf("%s belongs to another account than the credentials (%s); a role cannot be passed between accounts", k.Role,
			k.Account)
		last.Fix = "name a role of account " + k.Account + " with --role, or use credentials of that account with --profile"
	}
	if k.KMSKey != "" {
		add("kms-key-name", k.KMSKey, kmsKeyPattern, 2048, "name the key with --kms-key by id, ARN or alias, such as alias/NAME")
	}
	return out
}
