package clientenv_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"quarry/internal/config/clientenv"
)

var users = []string{
	"HOME=/home/ann", "AWS_PROFILE=prod", "AWS_DEFAULT_PROFILE=prod", "AWS_ENDPOINT_URL_S3=https://s3.example.com", "AWS_ENDPOINT_URL_SSO_OIDC=https://x.example.com", "AWS_SESSION_TOKEN=t",
	"AWS_CA_BUNDLE=/etc/ca", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_USE_FIPS_ENDPOINT=true", "AWS_BEARER_TOKEN_BEDROCK=secret", "AWS_ACCESS_KEY_ID=AKIAREAL",
	"AWS_WEB_IDENTITY_TOKEN_FILE=/token", "AWS_ROLE_ARN=arn:aws:iam::1:role/x", "AWS_CONFIG_FILE=/home/ann/.aws/config", "NO_PROXY=it's.example.com", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.2/x",
}

func TestNothingOfTheUsersLeadsToAWS(t *testing.T) {
	t.Parallel()
	v := clientenv.For("http://127.0.0.1:4566", "key", "secret", "us-west-2", users)
	got := map[string]string{}
	for _, pair := range v.Apply(users) {
		name, value, _ := strings.Cut(pair, "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = value
	}
	want := map[string]string{
		"HOME": "/home/ann", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false", "AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": "false", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "NO_PROXY": "it's.example.com,127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
		"AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled", "ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:4566", "AWS_BEDROCK_RUNTIME_ENDPOINT": "http://127.0.0.1:4566",
	}
	for name, value := range got {
		if want[name] != value {
			t.Errorf("%s = %q, want %q", name, value, want[name])
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is not set", name)
		}
	}
}

func TestTwiceIsOnce(t *testing.T) {
	t.Parallel()
	once := clientenv.For("http://127.0.0.1:4566", "key", "secret", "us-west-2", users).Apply(users)
	twice := clientenv.For("http://127.0.0.1:4566", "key", "secret", "us-west-2", once).Apply(once)
	slices.Sort(once)
	slices.Sort(twice)
	if !slices.Equal(once, twice) {
		t.Errorf("once %q\ntwice %q", once, twice)
	}
}

// A shell that runs the lines has the environment that a child would have.
func TestAShellRunsTheLines(t *testing.T) {
	t.Parallel()
	for _, failed := range []bool{false, true} {
		for shell, program := range map[string][]string{"sh": {"sh", "-c"}, "fish": {"fish", "-N", "-c"}, "powershell": {"pwsh", "-NoProfile", "-Command"}} {
			path, err := exec.LookPath(program[0])
			if err != nil {
				continue
			}
			v := clientenv.For("http://127.0.0.1:4566", "key", "secret", "us-west-2", users)
			if failed {
				v = clientenv.Closed("us-west-2", users)
			}
			lines, err := v.Lines(shell, failed)
			if err != nil {
				t.Fatal(err)
			}
			if (exec.Command(path, append(program[1:], lines)...).Run() != nil) != failed {
				t.Errorf("%s: the last line fails: want %v", shell, failed)
			}
			show := strings.TrimSuffix(strings.TrimSuffix(lines, "false\n"), "throw 'quarry local did not start'\n") + "env | grep -i -E '^(AWS|NO_PROXY|ANTHROPIC|QUARRY)'"
			cmd := exec.Command(path, append(program[1:], show)...)
			cmd.Env = append(slices.Clone(users), "PATH="+os.Getenv("PATH"))
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", shell, err)
			}
			got := strings.Split(strings.TrimSpace(string(out)), "\n")
			var want []string
			for _, pair := range v.Apply(users) {
				if !strings.HasPrefix(pair, "HOME=") {
					want = append(want, pair)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s has %q, want %q", shell, got, want)
			}
		}
	}
	if _, err := (clientenv.Vars{}).Lines("tcsh", false); err == nil {
		t.Error("Lines(tcsh) gives no error")
	}
}
