package setup_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"quarry"
	"quarry/internal/aws/setup"
)

// makeTheirs makes a bucket of the wanted name that someone else has used and set up in their way.
func (w *world) makeTheirs() {
	w.t.Helper()
	name := &w.want.Bucket
	_, err := w.s3.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region}})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestSettingsOfOthersStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.makeTheirs()
	name := &w.want.Bucket
	theirs := `{"Version":"2008-10-17","Id":"theirs","Statement":{"Sid":"Read","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + *name + `/*"}}`
	if _, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: &theirs}); err != nil {
		t.Fatal(err)
	}
	_, err := w.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
		ID: aws.String("logs"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(365)},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(false), RestrictPublicBuckets: aws.Bool(false),
	}})
	if err != nil {
		t.Fatal(err)
	}
	done, _ := w.apply()
	if !contains(done, "blocked public access to bucket "+*name+": BlockPublicPolicy, RestrictPublicBuckets") || contains(done, "created bucket") {
		t.Errorf("did %q", done)
	}

	policy, err := w.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: name})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Version, ID string
		Statement   []struct{ Sid, Effect string }
	}
	if err := json.Unmarshal([]byte(*policy.Policy), &doc); err != nil || len(doc.Statement) != 2 || doc.Statement[0].Sid != "Read" || doc.Statement[1].Sid != "QuarryTLSOnly" || doc.Version != "2008-10-17" || doc.ID != "theirs" {
		t.Errorf("policy %s, %v", *policy.Policy, err)
	}
	rules, err := w.s3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: name})
	if err != nil || len(rules.Rules) != 3 || *rules.Rules[0].ID != "logs" || *rules.Rules[0].Expiration.Days != 365 {
		t.Errorf("rules %v, %v", rules, err)
	}
}

func TestDamagedBucketIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply()
	name := &w.want.Bucket
	open := strings.Replace(`{"Version":"2012-10-17","Statement":[{"Sid":"QuarryTLSOnly","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::B/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`, "B", *name, 1)
	if _, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: &open}); err != nil {
		t.Fatal(err)
	}
	if done, _ := w.apply(); len(done) != 1 || !strings.Contains(done[0], "restored statement QuarryTLSOnly") || !strings.Contains(done[0], "+ Action s3:*, - Action s3:GetObject") {
		t.Errorf("narrowed policy: did %q", done)
	}
	// The same in S3's other notations is no damage.
	same := strings.NewReplacer(`"Principal":"*"`, `"Principal":{"AWS":["*"]}`, `"s3:GetObject"`, `"s3:*"`, `"arn:aws:s3:::`+*name+`/*"`, `["arn:aws:s3:::`+*name+`/*","arn:aws:s3:::`+*name+`"]`, `"false"`, `false`).Replace(open)
	if _, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: name, Policy: &same}); err != nil {
		t.Fatal(err)
	}
	if p := w.look(); len(p.Changes) > 0 {
		t.Errorf("another notation of the policy wants %q", p.Lines())
	}
	w.want.ExpireDays = 7
	if done, _ := w.apply(); len(done) != 1 || !strings.Contains(done[0], "restored lifecycle rule quarry-expire") || !strings.Contains(done[0], "after 7 days") {
		t.Errorf("other days: did %q", done)
	}
	w.want.KeepForever = true
	if done, _ := w.apply(); len(done) != 1 || !strings.Contains(done[0], "objects under quarry/ stay") {
		t.Errorf("for ever: did %q", done)
	}
	if _, err := w.s3.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: name}); err != nil {
		t.Fatal(err)
	}
	if done, _ := w.apply(); len(done) != 1 || !strings.Contains(done[0], "blocked public access") {
		t.Errorf("no public access block: did %q", done)
	}
}

func TestKeyOfTheBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.makeTheirs()
	w.apply()
	w.want.KMSKey = "11111111-2222-3333-4444-555555555555"
	done, _ := w.apply()
	if len(done) != 2 || !strings.Contains(done[0], "encrypted new objects of bucket "+w.want.Bucket+" with "+keyARN+"; until now: AES256") || !strings.Contains(done[1], "added statement Key") {
		t.Errorf("a key: did %q", done)
	}
	if !strings.Contains(squeezeAll(w.rights(ours)), `"kms:ViaService":"s3.us-west-2.amazonaws.com"`) {
		t.Error("the role may use the key beside S3")
	}
	// A run that names no key still needs the one that the bucket has.
	w.want.KMSKey = ""
	p := w.look()
	if len(p.Changes) > 0 || !contains(p.Notes, "encrypts with "+keyARN) || p.Wants.KMSKey != keyARN {
		t.Errorf("without a key: %q, notes %q", p.Lines(), p.Notes)
	}
	other := strings.Replace(keyARN, "1111", "9999", 1)
	w.want.KMSKey = other
	done, _ = w.apply()
	if len(done) != 2 || !strings.Contains(done[0], "until now: "+keyARN) || !strings.Contains(done[1], "+ Resource "+other+", - Resource "+keyARN) {
		t.Errorf("another key: did %q", done)
	}
}

func TestBucketOfAnotherRegion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.makeTheirs()
	w.want.Account.Region, w.cfg.Region = "eu-west-1", "eu-west-1"
	_, err := setup.Look(t.Context(), w.cfg, calls(w.cfg, w.want.Bucket), w.want)
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "it is in us-west-2, the jobs are to run in eu-west-1") {
		t.Errorf("Look = %v, want a fault of use that names both Regions", err)
	}
}
