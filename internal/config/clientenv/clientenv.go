// Package clientenv makes the environment in which AWS clients use the stand-in and cannot reach AWS.
//
// It owns the names of the variables that decide where a client sends its requests and with whose credentials, and how a
// shell is given them. It reads and changes no environment itself. What always holds: a client that honors
// AWS_ENDPOINT_URL and has this environment sends nothing to AWS, whatever variables and files its user has; the
// credentials are worth nothing at AWS.
package clientenv

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Var is one variable.
type Var struct{ Name, Value string }

// Vars is what is changed in an environment.
type Vars struct {
	Set   []Var
	Unset []string
}

// Shells are the shells that Lines knows.
func Shells() []string { return []string{"sh", "fish", "powershell"} }

// closed is an address at which nothing listens: port 1 of this machine, which only an administrator can open.
const closed = "http://127.0.0.1:1"

// misleading are variables that outweigh AWS_ENDPOINT_URL or the access key, or change where requests go
// (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
var misleading = []string{
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_BEARER_TOKEN_BEDROCK",
	"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_ACCOUNT_ID", "AWS_CA_BUNDLE", "QUARRY_PROFILE",
	"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS",
	"AWS_ENDPOINT_URL_SERVICE_QUOTAS",
}

// For gives the variables for a stand-in at an address, with a key of it. present is the environment that is changed, as
// NAME=VALUE.
func For(address, keyID, secret, region string, present []string) Vars {
	v := Vars{
		Set: []Var{
			{"AWS_ENDPOINT_URL", address},
			{"AWS_ACCESS_KEY_ID", keyID},
			{"AWS_SECRET_ACCESS_KEY", secret},
			{"AWS_REGION", region},
			{"AWS_DEFAULT_REGION", region}, // boto3 and the first version of the AWS CLI read no other (boto/boto3 #3338)
			{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"},
			{"AWS_USE_FIPS_ENDPOINT", "false"},
			{"AWS_USE_DUALSTACK_ENDPOINT", "false"},
			{"AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled"},
			{"AWS_EC2_METADATA_DISABLED", "true"},
			// A profile of a file can name another endpoint, other credentials, or a program that gives some.
			{"AWS_CONFIG_FILE", os.DevNull},
			{"AWS_SHARED_CREDENTIALS_FILE", os.DevNull},
			// Anthropic's SDKs and LiteLLM do not read AWS_ENDPOINT_URL.
			{"ANTHROPIC_BEDROCK_BASE_URL", address},
			{"AWS_BEDROCK_RUNTIME_ENDPOINT", address},
		},
		Unset: slices.Clone(misleading),
	}
	exempt := "127.0.0.1,localhost"
	if u, err := url.Parse(address); err == nil && u.Hostname() != "" && u.Hostname() != "127.0.0.1" {
		exempt += "," + u.Hostname()
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} { // botocore and Node.js send loopback addresses to a proxy
		value := lookup(present, name)
		switch {
		case value == "":
			value = exempt
		case value != exempt && !strings.HasSuffix(value, ","+exempt):
			value += "," + exempt
		}
		v.Set = append(v.Set, Var{name, value})
	}
	for _, pair := range present { // endpoints of services that only newer clients know
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL_") && !slices.Contains(v.Unset, name) {
			v.Unset = append(v.Unset, name)
		}
	}
	return v
}

// Closed gives variables with which every AWS client fails: nothing listens at the address, and the key is none.
func Closed(region string, present []string) Vars {
	return For(closed, "THE-STAND-IN-DID-NOT-START", "none", region, present)
}

func lookup(present []string, name string) string {
	for _, pair := range present {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}
	return ""
}

// Apply gives an environment with the changes made.
func (v Vars) Apply(environment []string) []string {
	out := make([]string, 0, len(environment)+len(v.Set))
	for _, pair := range environment {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(v.Unset, name) && !slices.ContainsFunc(v.Set, func(s Var) bool { return s.Name == name }) {
			out = append(out, pair)
		}
	}
	for _, s := range v.Set {
		out = append(out, s.Name+"="+s.Value)
	}
	return out
}

// Lines gives the changes as commands of a shell, one a line. failed adds a last command that fails.
func (v Vars) Lines(shell string, failed bool) (string, error) {
	var b strings.Builder
	switch shell {
	case "sh":
		for _, s := range v.Set {
			fmt.Fprintf(&b, "export %s=%s\n", s.Name, shWord(s.Value))
		}
		fmt.Fprintf(&b, "unset %s\n", strings.Join(v.Unset, " "))
		if failed {
			b.WriteString("false\n")
		}
	case "fish":
		for _, s := range v.Set {
			fmt.Fprintf(&b, "set -gx %s %s\n", s.Name, fishWord(s.Value))
		}
		for _, name := range v.Unset {
			fmt.Fprintf(&b, "set -e %s\n", name)
		}
		if failed {
			b.WriteString("false\n")
		} else {
			b.WriteString("true\n") // set -e fails where there is no such variable
		}
	case "powershell":
		for _, s := range v.Set {
			fmt.Fprintf(&b, "$Env:%s = '%s'\n", s.Name, strings.ReplaceAll(s.Value, "'", "''"))
		}
		for _, name := range v.Unset {
			fmt.Fprintf(&b, "Remove-Item Env:%s -ErrorAction SilentlyContinue\n", name)
		}
		if failed {
			b.WriteString("throw 'quarry local did not start'\n")
		}
	default:
		return "", fmt.Errorf("shell %q: %w", shell, errShell)
	}
	return b.String(), nil
}

var errShell = errors.New("want sh, fish or powershell")

// plainValue reports whether a shell takes a value as it is.
func plainValue(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:,+=@%-") == ""
}

func shWord(s string) string {
	if plainValue(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func fishWord(s string) string {
	if plainValue(s) {
		return s
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) + "'"
}
