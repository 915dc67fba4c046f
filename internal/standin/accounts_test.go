package standin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	bedrocktypes "github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"quarry/internal/standin"
)

const (
	ours   = "123456789012" // the account of a line without one
	theirs = "210987654321"
)

// twoAccounts starts a server with a key for each of two accounts.
func twoAccounts(t *testing.T, change func(*standin.Config)) (server *standin.Server, us, them clients) {
	t.Helper()
	server, us = start(t, func(cfg *standin.Config) {
		cfg.KeysFile = keysFile(t, "AKIAOURS our-secret", "AKIATHEIRS their-secret "+theirs, "bearer their-token "+theirs)
		if change != nil {
			change(cfg)
		}
	})
	return server, us, connect(t, server.URL(), credentials.NewStaticCredentialsProvider("AKIATHEIRS", "their-secret", ""))
}

func TestALineOfKeysNamesItsAccount(t *testing.T) {
	t.Parallel()
	_, us, them := twoAccounts(t, nil)
	for account, c := range map[string]clients{ours: us, theirs: them} {
		who, err := c.sts.GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if *who.Account != account || *who.Arn != "arn:aws:iam::"+account+":user/quarry" {
			t.Errorf("GetCallerIdentity = %s in %s, want account %s", *who.Arn, *who.Account, account)
		}
		user, err := c.iam.GetUser(t.Context(), nil)
		if err != nil || *user.User.Arn != *who.Arn {
			t.Errorf("GetUser = %v, %v, want %s", user, err, *who.Arn)
		}
		quota, err := c.quotas.GetServiceQuota(t.Context(), &servicequotas.GetServiceQuotaInput{
			ServiceCode: aws.String("bedrock"), QuotaCode: aws.String(haikuRPM),
		})
		if err != nil || !strings.Contains(*quota.Quota.QuotaArn, ":"+account+":") {
			t.Errorf("GetServiceQuota in %s = %v, %v", account, quota, err)
		}
	}
}

func TestABadLineOfKeysIsNamed(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"AKIA secret 12345":               `line 2: account "12345": want 12 digits`,
		"AKIA secret 123456789012 more":   "line 2: want",
		"bearer token account-of-a-kind1": `line 2: account "account-of-a-kind1"`,
		"AKIAFIRST again 210987654321":    "line 2: the access key id is listed twice",
	} {
		_, err := standin.Start(t.Context(), configured(func(cfg *standin.Config) {
			cfg.Dir, cfg.KeysFile = t.TempDir(), keysFile(t, "AKIAFIRST secret", line)
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", line, err, want)
		}
	}
}

// A name of a bucket is taken for every account; what is in the bucket is its owner's alone.
func TestAccountsDoNotReachEachOthersBuckets(t *testing.T) {
	t.Parallel()
	_, us, them := twoAccounts(t, nil)
	ctx := t.Context()
	prepare(t, us, lines(1))
	upload, err := us.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("parts")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := them.s3.CreateBucket(ctx, newBucket("theirs")); err != nil {
		t.Fatal(err)
	}
	b, key, source := aws.String(bucket), aws.String("in/shard/records.jsonl"), aws.String(bucket+"/in/shard/records.jsonl")
	for name, err := range map[string]error{
		"HeadBucket":         second(them.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b})),
		"GetBucketLocation":  second(them.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b})),
		"ListObjectsV2":      second(them.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: b})),
		"ListObjectVersions": second(them.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: b})),
		"ListUploads":        second(them.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: b})),
		"GetBucketTagging":   second(them.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b})),
		"PutBucketPolicy":    second(them.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(`{}`)})),
		"DeleteBucket":       second(them.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: b})),
		"GetObject":          second(them.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: key})),
		"HeadObject":         second(them.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b, Key: key})),
		"GetObjectTagging":   second(them.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: b, Key: key})),
		"PutObject":          second(them.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: key, Body: strings.NewReader("theirs")})),
		"DeleteObject":       second(them.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: b, Key: key})),
		"DeleteObjects": second(them.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: b, Delete: &s3types.Delete{Objects: []s3types.ObjectIdentifier{{Key: key}}},
		})),
		"CopyObject from it": second(them.s3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String("theirs"), Key: key, CopySource: source})),
		"UploadPart": second(them.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: b, Key: aws.String("parts"), UploadId: upload.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
		})),
		"ListParts": second(them.s3.ListParts(ctx, &s3.ListPartsInput{Bucket: b, Key: aws.String("parts"), UploadId: upload.UploadId})),
		"AbortUpload": second(them.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: b, Key: aws.String("parts"), UploadId: upload.UploadId,
		})),
	} {
		if got := code(err); got != "AccessDenied" && got != "Forbidden" { // an answer to HEAD has no body with a code
			t.Errorf("%s on another account's bucket: %q (%v), want AccessDenied", name, got, err)
		}
	}
	presigned, err := s3.NewPresignClient(them.s3).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, presigned.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := send(t, r); status != http.StatusForbidden || !strings.Contains(body, "AccessDenied") {
		t.Errorf("a presigned URL for another account's object: %d %s, want AccessDenied", status, body)
	}
	want(t, "their bucket with our name", second(them.s3.CreateBucket(ctx, newBucket(bucket))), "BucketAlreadyExists")
	want(t, "our bucket again", second(us.s3.CreateBucket(ctx, newBucket(bucket))), "BucketAlreadyOwnedByYou")
	if got := string(get(t, us, *key)); got != lines(1) {
		t.Errorf("our object is now %q", got)
	}
	for account, tt := range map[string]struct {
		c    clients
		want string
	}{ours: {us, bucket}, theirs: {them, "theirs"}} {
		list, err := tt.c.s3.ListBuckets(ctx, nil)
		if err != nil || len(list.Buckets) != 1 || *list.Buckets[0].Name != tt.want || *list.Owner.ID != account {
			t.Errorf("ListBuckets of %s = %v, %v, want %s", account, list, err, tt.want)
		}
	}
	_, err = us.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b, ExpectedBucketOwner: aws.String(theirs)})
	want(t, "an owner who is not expected", err, "Forbidden")
}

// second gives the error of a call whose answer does not matter.
func second[T any](_ T, err error) error { return err }

func TestAccountsDoNotSeeEachOthersJobs(t *testing.T) {
	t.Parallel()
	server, us, them := twoAccounts(t, func(cfg *standin.Config) { cfg.QuotasFile = quotasFile(t, `{"*":{"min_records":1}}`) })
	ctx := t.Context()
	role := prepare(t, us, lines(3))
	created, err := us.bedrock.CreateModelInvocationJob(ctx, job(role, "nightly"))
	if err != nil {
		t.Fatal(err)
	}
	arn := *created.JobArn
	if done := poll(t, us, arn); done.Status != "Completed" {
		t.Fatalf("our job ends %s: %s", done.Status, aws.ToString(done.Message))
	}
	id := arn[strings.LastIndex(arn, "/")+1:]
	for name, jobID := range map[string]string{
		"its ARN": arn, "its id": id, "its id in their account": strings.Replace(arn, ours, theirs, 1),
	} {
		_, err := them.bedrock.GetModelInvocationJob(ctx, &bedrock.GetModelInvocationJobInput{JobIdentifier: &jobID})
		want(t, "Get by "+name, err, "ResourceNotFoundException")
		_, err = them.bedrock.StopModelInvocationJob(ctx, &bedrock.StopModelInvocationJobInput{JobIdentifier: &jobID})
		want(t, "Stop by "+name, err, "ResourceNotFoundException")
	}
	for _, resource := range []string{arn, strings.Replace(arn, ours, theirs, 1)} {
		_, err := them.bedrock.ListTagsForResource(ctx, &bedrock.ListTagsForResourceInput{ResourceARN: &resource})
		want(t, "ListTagsForResource", err, "ResourceNotFoundException")
		_, err = them.bedrock.TagResource(ctx, &bedrock.TagResourceInput{ResourceARN: &resource, Tags: []bedrocktypes.Tag{}})
		want(t, "TagResource", err, "ResourceNotFoundException")
	}
	list, err := them.bedrock.ListModelInvocationJobs(ctx, nil)
	if err != nil || len(list.InvocationJobSummaries) != 0 {
		t.Errorf("they list %v, %v, want no job", list, err)
	}
	want(t, "a job with our role", second(them.bedrock.CreateModelInvocationJob(ctx, job(role, "theirs"))), "AccessDeniedException")

	// Their role, which may do everything, reaches their own buckets only.
	made, err := them.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("quarry-batch"), AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(bedrockTrust, ours, theirs)),
	})
	if err != nil {
		t.Fatal(err)
	}
	grant(t, them, `"*"`)
	if *made.Role.Arn != "arn:aws:iam::"+theirs+":role/quarry-batch" {
		t.Errorf("their role is %s", *made.Role.Arn)
	}
	in := job(*made.Role.Arn, "nightly") // the same name and token as ours
	created, err = them.bedrock.CreateModelInvocationJob(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	if *created.JobArn == arn {
		t.Error("their token gives our job")
	}
	done := poll(t, them, *created.JobArn)
	if done.Status != "Failed" || !strings.Contains(aws.ToString(done.Message), "Could not validate GetObject permissions") {
		t.Errorf("a job over another account's bucket ends %s (%s), want Failed", done.Status, aws.ToString(done.Message))
	}

	if err := invoke(ctx, them); err != nil {
		t.Fatal(err)
	}
	for query, answers := range map[string]int{"": 3, "&account=" + ours: 3, "&account=" + theirs: 1, "&job=" + arn: 3} {
		if got := answered(t, server, query); got != answers {
			t.Errorf("the bill %q has %d answers, want %d", query, got, answers)
		}
	}
}

func TestAccountsHaveTheirOwnQuotas(t *testing.T) {
	t.Parallel()
	_, us, them := twoAccounts(t, func(cfg *standin.Config) { cfg.QuotasFile = quotasFile(t, `{"*":{"rpm":1}}`) })
	if err := invoke(t.Context(), us); err != nil {
		t.Fatal(err)
	}
	want(t, "our second call of the minute", invoke(t.Context(), us), "ThrottlingException")
	if err := invoke(t.Context(), them); err != nil {
		t.Errorf("their first call: %v", err)
	}
}

func TestAccountsHaveTheirOwnRoles(t *testing.T) {
	t.Parallel()
	server, us, them := twoAccounts(t, nil)
	ctx, name := t.Context(), aws.String("reader")
	trust := func(account string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
			"Principal":{"AWS":"arn:aws:iam::` + account + `:root"}}]}`)
	}
	made, err := us.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust(ours)})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := us.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "GetRole", second(them.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: name})), "NoSuchEntity")
	want(t, "DeleteRole", second(them.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})), "NoSuchEntity")
	want(t, "GetPolicy", second(them.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: policy.Policy.Arn})), "NoSuchEntity")
	want(t, "SimulatePrincipalPolicy", second(them.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: made.Role.Arn, ActionNames: []string{"s3:GetObject"},
	})), "NoSuchEntity")
	roles, err := them.iam.ListRoles(ctx, nil)
	if err != nil || len(roles.Roles) != 0 {
		t.Errorf("they list %v, %v, want no role", roles, err)
	}
	assume := func() (*sts.AssumeRoleOutput, error) {
		return them.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("them")})
	}
	want(t, "AssumeRole of a role that trusts its own account", second(assume()), "AccessDenied")

	// A role that trusts another account lets it in, into the role's account.
	if _, err := us.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: trust(theirs)}); err != nil {
		t.Fatal(err)
	}
	if _, err := us.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: policy.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	session, err := assume()
	if err != nil {
		t.Fatal(err)
	}
	keys := session.Credentials
	visitor := connect(t, server.URL(), credentials.NewStaticCredentialsProvider(*keys.AccessKeyId, *keys.SecretAccessKey, *keys.SessionToken))
	who, err := visitor.sts.GetCallerIdentity(ctx, nil)
	if err != nil || *who.Account != ours {
		t.Fatalf("the session is in %v, %v, want %s", who, err, ours)
	}
	if _, err := us.s3.CreateBucket(ctx, newBucket("shared")); err != nil {
		t.Fatal(err)
	}
	buckets, err := visitor.s3.ListBuckets(ctx, nil)
	if err != nil || len(buckets.Buckets) != 1 {
		t.Errorf("the session lists %v, %v, want our bucket", buckets, err)
	}
}

func TestABearerTokenHasItsAccount(t *testing.T) {
	t.Parallel()
	server, _, _ := twoAccounts(t, nil)
	body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"Describe a stone."}]}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL()+"/model/"+haiku+"/invoke", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer their-token")
	if status, text := send(t, r); status != http.StatusOK {
		t.Fatalf("a call with a bearer token: %d %s", status, text)
	}
	if mine, other := answered(t, server, ""), answered(t, server, "&account="+theirs); mine != 0 || other != 1 {
		t.Errorf("our bill has %d answers and theirs %d, want 0 and 1", mine, other)
	}
}

// On a network address a key reads its own account's bill, and only the first key's account changes the server.
func TestOnANetworkAddressAKeyIsItsAccounts(t *testing.T) {
	t.Parallel()
	server, _, them := twoAccounts(t, func(cfg *standin.Config) { cfg.Addr, cfg.TestClock = "0.0.0.0:0", true })
	if err := invoke(t.Context(), them); err != nil {
		t.Fatal(err)
	}
	bearer := func(method, path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer their-token")
		return send(t, r)
	}
	if status, body := bearer(http.MethodGet, "/_quarry/bill?totals=1", ""); status != http.StatusOK || !strings.Contains(body, `"answered":1`) {
		t.Errorf("their bill: %d %s, want one answer", status, body)
	}
	if status, body := bearer(http.MethodGet, "/_quarry/bill?account="+ours, ""); status != http.StatusForbidden || !strings.Contains(body, theirs) {
		t.Errorf("our bill with their key: %d %s, want 403 that names their account", status, body)
	}
	for _, path := range []string{"clock", "faults", "quotas", "reset", "snapshot"} {
		if status, body := bearer(http.MethodPost, "/_quarry/"+path, "{}"); status != http.StatusForbidden || !strings.Contains(body, ours) {
			t.Errorf("%s with their key: %d %s, want 403 that names the account it needs", path, status, body)
		}
	}
}

// What an account has is there after a restart, also without a key of that account.
func TestAccountsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := keysFile(t, "AKIATHEIRS their-secret "+theirs)
	open := func(file string) (*standin.Server, func()) {
		server, err := standin.Start(t.Context(), configured(func(cfg *standin.Config) { cfg.Dir, cfg.KeysFile = dir, file }))
		if err != nil {
			t.Fatal(err)
		}
		return server, func() {
			if err := server.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}
	}
	as := func(server *standin.Server) clients {
		id, secret := server.Keys()
		return connect(t, server.URL(), credentials.NewStaticCredentialsProvider(id, secret, ""))
	}
	server, stop := open(keys)
	c := as(server)
	prepare(t, c, lines(1))
	if err := invoke(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	stop()
	server, stop = open("") // the printed key, of the other account
	list, err := as(server).s3.ListBuckets(t.Context(), nil)
	if err != nil || len(list.Buckets) != 0 {
		t.Errorf("the other account lists %v, %v, want nothing", list, err)
	}
	if got := answered(t, server, "&account="+theirs); got != 1 {
		t.Errorf("the bill of the account without a key has %d answers, want 1", got)
	}
	stop()
	server, stop = open(keys)
	defer stop()
	roles, err := as(server).iam.ListRoles(t.Context(), nil)
	isBatch := func(r iamtypes.Role) bool { return *r.RoleName == "quarry-batch" }
	if err != nil || !slices.ContainsFunc(roles.Roles, isBatch) {
		t.Errorf("the roles are %v, %v", roles, err)
	}
	if got := string(get(t, as(server), "in/shard/records.jsonl")); got != lines(1) {
		t.Errorf("the object is %q", got)
	}
}

// answered gives the answers on the bill.
func answered(t *testing.T, server *standin.Server, query string) (n int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL()+"/_quarry/bill?totals=1"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, body := send(t, r)
	if _, err := fmt.Sscanf(body, `{"totals":{"answered":%d`, &n); err != nil || status != http.StatusOK {
		t.Fatalf("the bill %q: %d %s", query, status, body)
	}
	return n
}
