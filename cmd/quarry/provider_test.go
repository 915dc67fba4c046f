package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"
)

// What may happen to a run from outside while it is at work.

// loggedMain runs a command whose words go to a file, where the script can wait for them; its exit code is the last line:
// logged FILE COMMAND…
func loggedMain() {
	f, err := os.Create(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdout, cmd.Stderr = f, f
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	err = cmd.Start()
	if err == nil {
		go func() {
			for s := range interrupts {
				_ = cmd.Process.Signal(s)
			}
		}()
		err = cmd.Wait()
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(f, "exit code %d\n", cmd.ProcessState.ExitCode())
	if err := f.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// untilSaid waits until a file holds a pattern: until FILE PATTERN.
func untilSaid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: until FILE PATTERN")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	var text []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		text, _ = os.ReadFile(ts.MkAbs(args[0]))
		if want.Match(text) {
			return
		}
		if i := strings.Index(string(text), "\nexit code "); i >= 0 {
			break
		}
	}
	ts.Fatalf("it never said %q, but:\n%s", args[1], text)
}

// wind moves the jobs' clock forward, ten minutes at a time, until a file holds a pattern: wind FILE PATTERN. So a
// state that lasts an hour ends soon, and a day does not go by unseen.
func wind(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: wind FILE PATTERN")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	var text []byte
	for range 150 {
		if text, _ = os.ReadFile(ts.MkAbs(args[0])); want.Match(text) {
			return
		}
		posts("/_quarry/clock", "advance")(ts, false, []string{"10m"})
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("it never said %q, but:\n%s", args[1], text)
}

// posts tells the stand-in something: advance 26h; fault throttle=1, fault none.
func posts(path, member string) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: one value for %s", path)
		}
		if args[0] == "none" {
			args[0] = ""
		}
		body, err := json.Marshal(map[string]string{member: args[0]})
		ts.Check(err)
		resp, err := http.Post(ts.Getenv("AWS_ENDPOINT_URL")+path, "application/json", strings.NewReader(string(body)))
		ts.Check(err)
		ts.Check(resp.Body.Close())
		if resp.StatusCode != http.StatusOK {
			ts.Fatalf("%s %s: %s", path, body, resp.Status)
		}
	}
}

// rights gives the operator the caller's rights of a file, or takes them all: rights FILE|none.
func rights(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rights FILE|none")
	}
	cfg, done := administrator(ts)
	defer done()
	roles, ctx := iam.NewFromConfig(cfg), context.Background()
	role, policy := aws.String("operator"), aws.String("caller")
	if args[0] == "none" {
		_, err := roles.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: policy})
		ts.Check(err)
		return
	}
	_, err := roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: policy, PolicyDocument: callerRights(ts, args[0])})
	ts.Check(err)
}

// callerRights reads what setup prints for the caller.
func callerRights(ts *testscript.TestScript, file string) *string {
	var printed struct{ Caller json.RawMessage }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &printed))
	return aws.String(string(printed.Caller))
}

// rolePolicy gives the service role a policy in the place of its own ones, or none: rolepolicy FILE|none.
func rolePolicy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rolepolicy FILE|none")
	}
	cfg, done := administrator(ts)
	defer done()
	roles, ctx, role := iam.NewFromConfig(cfg), context.Background(), aws.String("quarry-batch")
	all, err := roles.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: role})
	ts.Check(err)
	for _, name := range all.PolicyNames {
		_, err := roles.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: &name})
		ts.Check(err)
	}
	if args[0] != "none" {
		_, err = roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("script"), PolicyDocument: aws.String(ts.ReadFile(args[0]))})
		ts.Check(err)
	}
}

// removeBucket takes a bucket away with all that is in it: removebucket NAME.
func removeBucket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: removebucket NAME")
	}
	cfg, done := administrator(ts)
	defer done()
	client, ctx := s3.NewFromConfig(cfg), context.Background()
	for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &args[0]}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		ts.Check(err)
		for _, o := range page.Contents {
			_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &args[0], Key: o.Key})
			ts.Check(err)
		}
	}
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &args[0]})
	ts.Check(err)
}

// paidOnce wants the provider's bill to have so many records, none of them answered twice: paidonce N.
func paidOnce(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: paidonce N")
	}
	resp, err := http.Get(ts.Getenv("AWS_ENDPOINT_URL") + "/_quarry/bill")
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	var bill struct {
		Records map[string]struct{ Answered int }
	}
	ts.Check(json.NewDecoder(resp.Body).Decode(&bill))
	n := 0
	for id, r := range bill.Records {
		if n += min(r.Answered, 1); r.Answered > 1 {
			ts.Fatalf("record %s was answered and billed %d times", id, r.Answered)
		}
	}
	if fmt.Sprint(n) != args[0] {
		ts.Fatalf("%d records were answered and billed, want %s", n, args[0])
	}
}

// administrator acts with the key that the stand-in printed, whichever user the script acts as.
func administrator(ts *testscript.TestScript) (aws.Config, func()) {
	transport := &http.Transport{}
	return aws.Config{
		Region: ts.Getenv("AWS_REGION"), BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL")), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(ts.Getenv("ADMIN_ID"), ts.Getenv("ADMIN_SECRET"), ""),
	}, transport.CloseIdleConnections
}
