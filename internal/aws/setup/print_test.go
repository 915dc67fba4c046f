package setup_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v4"

	"quarry"
	"quarry/internal/aws/setup"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// variants are the accounts whose printed forms are kept: each has what the others have not.
func variants() map[string]setup.Wants {
	plain, key, global := wants(), wants(), wants()
	key.KMSKey, key.Role, key.KeepForever = keyARN, "arn:aws:iam::123456789012:role/team/quarry-batch", true
	global.Model, global.Account.Region = "global.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1"
	global.Bucket, global.ExpireDays = "quarry-123456789012-us-east-1", 7
	return map[string]setup.Wants{"plain": plain, "key": key, "global": global}
}

const remark = "A remark."

var extensions = map[string]string{"policy": "json", "cli": "sh", "terraform": "tf", "cloudformation": "yaml"}

func TestPrintedForms(t *testing.T) {
	t.Parallel()
	for name, w := range variants() {
		for _, format := range setup.Formats() {
			t.Run(name+" as "+format, func(t *testing.T) {
				t.Parallel()
				text, err := setup.Print(w, format, remark)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join("testdata", name+"."+extensions[format])
				if *update {
					if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
			})
		}
	}
}

// printed are the policies in the form that programs read.
type printed struct{ Trust, Role, Caller, Bucket policyDocument }

type policyDocument struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Condition        map[string]map[string]string
	}
}

func policiesOf(t *testing.T, w setup.Wants) printed {
	t.Helper()
	text, err := setup.Print(w, "policy", "")
	if err != nil {
		t.Fatal(err)
	}
	var out printed
	in := json.NewDecoder(strings.NewReader(text))
	if err := in.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoRightIsOnEverything(t *testing.T) {
	t.Parallel()
	all := variants()
	unknown, application := wants(), wants()
	unknown.Model = "eu.somebody.new-model-v1:0"
	application.Model = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123"
	application.Models = []string{"arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}
	all["a model nobody knows"], all["an application profile"] = unknown, application
	for name, w := range all {
		p := policiesOf(t, w)
		for who, doc := range map[string]policyDocument{"role": p.Role, "caller": p.Caller} {
			for _, s := range doc.Statement {
				for _, action := range s.Action {
					if strings.ContainsAny(action, "*?") {
						t.Errorf("%s, %s: action %s is not spelled out", name, who, action)
					}
				}
				if len(s.Resource) == 0 || len(s.Action) == 0 {
					t.Errorf("%s, %s: statement %s is about nothing", name, who, s.Sid)
				}
				if slices.Contains(s.Resource, "*") != (who == "caller" && s.Sid == "ListOnly") {
					t.Errorf("%s, %s: statement %s is on %v", name, who, s.Sid, s.Resource)
				}
				kms := slices.ContainsFunc(s.Action, func(a string) bool { return strings.HasPrefix(a, "kms:") })
				if kms && (w.KMSKey == "" || !slices.Equal(s.Resource, []string{w.KMSKey})) {
					t.Errorf("%s, %s: statement %s gives %v on %v", name, who, s.Sid, s.Action, s.Resource)
				}
			}
		}
		pass := p.Caller.Statement[slices.IndexFunc(p.Caller.Statement, func(s struct {
			Sid, Effect      string
			Action, Resource []string
			Condition        map[string]map[string]string
		},
		) bool {
			return slices.Contains(s.Action, "iam:PassRole")
		})]
		if pass.Condition["StringEquals"]["iam:PassedToService"] != "bedrock.amazonaws.com" || !slices.Equal(pass.Resource, []string{w.RoleARN()}) {
			t.Errorf("%s: PassRole is %+v", name, pass)
		}
	}
}

func TestModelRights(t *testing.T) {
	t.Parallel()
	const id = "anthropic.claude-haiku-4-5-20251001-v1:0"
	profile := "arn:aws:bedrock:us-west-2:123456789012:inference-profile/"
	model := func(region string) string { return "arn:aws:bedrock:" + region + "::foundation-model/" }
	application := "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123"
	for _, tt := range []struct {
		name, model string
		models      []string
		needs       bool
		want        []string
	}{
		{"a profile the pages know", "us." + id, nil, false, []string{profile + "us." + id, model("us-east-1") + id, model("us-east-2") + id, model("us-west-2") + id}},
		{"its ARN", profile + "us." + id, nil, false, []string{profile + "us." + id, model("us-east-1") + id, model("us-east-2") + id, model("us-west-2") + id}},
		{"a global one needs three", "global." + id, nil, false, []string{profile + "global." + id, model("us-west-2") + id, model("") + id}},
		{"a plain model", "openai.gpt-oss-20b-1:0", nil, false, []string{model("us-west-2") + "openai.gpt-oss-20b-1:0"}},
		{"a model's ARN", model("us-west-2") + "openai.gpt-oss-20b-1:0", nil, false, []string{model("us-west-2") + "openai.gpt-oss-20b-1:0"}},
		{"a profile nobody knows", "us.somebody.new-v1:0", nil, true, []string{profile + "us.somebody.new-v1:0", model("*") + "somebody.new-v1:0"}},
		{
			"and where AWS says it leads", "us.somebody.new-v1:0",
			[]string{model("us-west-2") + "somebody.new-v1:0", model("us-east-1") + "somebody.new-v1:0"},
			true,
			[]string{profile + "us.somebody.new-v1:0", model("us-east-1") + "somebody.new-v1:0", model("us-west-2") + "somebody.new-v1:0"},
		},
		{"a profile that somebody made", application, []string{model("us-west-2") + id, model("us-west-2") + id}, true, []string{application, model("us-west-2") + id}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := wants()
			w.Model, w.Models = tt.model, tt.models
			if got := setup.NeedsModels(w); got != tt.needs {
				t.Errorf("NeedsModels = %v, want %v", got, tt.needs)
			}
			if diff := cmp.Diff(tt.want, policiesOf(t, w).Role.Statement[1].Resource); diff != "" {
				t.Errorf("InvokeModel is allowed on (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplicationProfileNeedsAWS(t *testing.T) {
	t.Parallel()
	w := wants()
	w.Model = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/abc123"
	_, err := setup.Print(w, "policy", "")
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(q.Hint, "--target aws") {
		t.Errorf("Print = %v, want a fault of use that says how to ask AWS", err)
	}
}

// TestTerraform parses what is printed, evaluates it as far as it goes by itself, and wants the same policies in it as in
// the form for programs.
func TestTerraform(t *testing.T) {
	t.Parallel()
	for name, w := range variants() {
		text, err := setup.Print(w, "terraform", remark)
		if err != nil {
			t.Fatal(err)
		}
		file, diags := hclparse.NewParser().ParseHCL([]byte(text), name+".tf")
		if diags.HasErrors() {
			t.Fatalf("%s: %v", name, diags)
		}
		body, ok := file.Body.(*hclsyntax.Body)
		if !ok {
			t.Fatalf("%s: body is a %T", name, file.Body)
		}
		found := map[string]*hclsyntax.Body{}
		for _, b := range body.Blocks {
			found[strings.Join(append([]string{b.Type}, b.Labels...), ".")] = b.Body
		}
		want := []string{
			"output.caller_policy_arn", "output.role_arn", "provider.aws", "resource.aws_iam_policy.caller", "resource.aws_iam_role.quarry", "resource.aws_iam_role_policy.quarry",
			"resource.aws_s3_bucket.quarry", "resource.aws_s3_bucket_lifecycle_configuration.quarry", "resource.aws_s3_bucket_policy.quarry",
			"resource.aws_s3_bucket_public_access_block.quarry",
		}
		if w.KMSKey != "" {
			want = append(want, "resource.aws_s3_bucket_server_side_encryption_configuration.quarry")
		}
		want = append(want, "terraform")
		var got []string
		for k := range found {
			got = append(got, k)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: blocks (-want +got):\n%s", name, diff)
		}
		p := policiesOf(t, w)
		for _, one := range []struct {
			block, attribute string
			want             policyDocument
		}{
			{"resource.aws_iam_role.quarry", "assume_role_policy", p.Trust},
			{"resource.aws_iam_role_policy.quarry", "policy", p.Role},
			{"resource.aws_iam_policy.caller", "policy", p.Caller},
			{"resource.aws_s3_bucket_policy.quarry", "policy", p.Bucket},
		} {
			call, ok := found[one.block].Attributes[one.attribute].Expr.(*hclsyntax.FunctionCallExpr)
			if !ok || call.Name != "jsonencode" || len(call.Args) != 1 {
				t.Errorf("%s: %s of %s is no jsonencode", name, one.attribute, one.block)
				continue
			}
			value, diags := call.Args[0].Value(&hcl.EvalContext{})
			if diags.HasErrors() {
				t.Errorf("%s: %s: %v", name, one.block, diags)
				continue
			}
			var doc policyDocument
			text, err := json.Marshal(plainValue(value))
			if err == nil {
				err = json.Unmarshal(text, &doc)
			}
			if diff := cmp.Diff(one.want, doc); diff != "" || err != nil {
				t.Errorf("%s: %s is another policy, %v (-want +got):\n%s", name, one.block, err, diff)
			}
		}
	}
}

// TestCloudFormation parses what is printed and wants the same policies in it as in the form for programs; cfn-lint, where
// it is there, looks at the rest.
func TestCloudFormation(t *testing.T) {
	t.Parallel()
	for name, w := range variants() {
		text, err := setup.Print(w, "cloudformation", remark)
		if err != nil {
			t.Fatal(err)
		}
		var raw any
		if err := yaml.Unmarshal([]byte(text), &raw); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// Through JSON, where a policy's text that YAML took for a date or a number would show.
		asJSON, err := json.Marshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			AWSTemplateFormatVersion string
			Resources                map[string]struct {
				Type, DeletionPolicy string
				Properties           struct {
					BucketName, RoleName, Path               string
					PublicAccessBlockConfiguration           map[string]bool
					PolicyDocument, AssumeRolePolicyDocument policyDocument
					Policies                                 []struct {
						PolicyName     string
						PolicyDocument policyDocument
					}
				}
			}
		}
		in := json.NewDecoder(bytes.NewReader(asJSON))
		if err := in.Decode(&doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, r := policiesOf(t, w), doc.Resources
		got := printed{Trust: r["Role"].Properties.AssumeRolePolicyDocument, Caller: r["CallerPolicy"].Properties.PolicyDocument, Bucket: r["BucketPolicy"].Properties.PolicyDocument}
		if inline := r["Role"].Properties.Policies; len(inline) == 1 {
			got.Role = inline[0].PolicyDocument
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s: policies (-want +got):\n%s", name, diff)
		}
		if b := r["Bucket"]; b.Properties.BucketName != w.Bucket || b.DeletionPolicy != "Retain" || len(b.Properties.PublicAccessBlockConfiguration) != 4 {
			t.Errorf("%s: bucket %+v", name, b)
		}
	}
	lint, err := exec.LookPath("cfn-lint")
	if err != nil || testing.Short() {
		t.Log("cfn-lint is not on PATH: templates are parsed only")
		return
	}
	out, err := exec.CommandContext(t.Context(), lint, filepath.Join("testdata", "plain.yaml"), filepath.Join("testdata", "key.yaml"), filepath.Join("testdata", "global.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

func TestScriptIsShell(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh on PATH")
	}
	// A program named aws that writes down what it is asked, and finds nothing.
	dir := t.TempDir()
	fake := "#!/bin/sh\nprintf '%s\\n' \"$@\" '---' >>\"$LOG\"\ncase \"$2\" in get-*|head-*) exit 254;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, w := range variants() {
		text, err := setup.Print(w, "cli", remark)
		if err != nil {
			t.Fatal(err)
		}
		log := filepath.Join(dir, name)
		cmd := exec.CommandContext(t.Context(), shell)
		cmd.Stdin = strings.NewReader(text)
		cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "LOG="+log)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		asked, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		documents := map[string]policyDocument{}
		for call := range strings.SplitSeq(string(asked), "\n---\n") {
			args := strings.Split(call, "\n")
			if len(args) < 2 {
				continue
			}
			if _, doc, ok := strings.Cut(call, "\n{"); ok {
				var p policyDocument
				if err := json.Unmarshal([]byte("{"+doc), &p); err != nil {
					t.Errorf("%s: %s has a document that is no JSON: %v", name, args[1], err)
				}
				documents[args[1]] = p
			}
		}
		p := policiesOf(t, w)
		got := printed{documents["create-role"], documents["put-role-policy"], documents["create-policy"], documents["put-bucket-policy"]}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s: policies (-want +got):\n%s", name, diff)
		}
	}
}
