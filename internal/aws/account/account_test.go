package account_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/base/effect"
)

// sts is a server that answers GetCallerIdentity.
func sts(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(server.Close)
	return server.URL
}

func identity(arn, id string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>`+arn+
			`</Arn><UserId>AID</UserId><Account>`+id+`</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}
}

func fixed(t *testing.T, url string, e *effect.Effects) (account.Identity, error) {
	t.Helper()
	c, err := account.Load(t.Context(), account.Config{
		HTTP: e.HTTPClient(effect.HTTPConfig{}), Backoff: time.Millisecond, Fixed: &account.FixedKeys{Endpoint: url, KeyID: "AKIAFIXED", Secret: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return account.WhoAmI(t.Context(), c)
}

func TestFixedKeysAreTheWholeAnswer(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "other", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"AWS_BEARER_TOKEN_BEDROCK": "token", "AWS_PROFILE": "none-such",
	} {
		t.Setenv(name, value)
	}
	var authorization string
	url := sts(t, func(w http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Authorization")
		identity("arn:aws-us-gov:iam::123456789012:user/a", "123456789012")(w, r)
	})
	id, err := fixed(t, url, effect.New(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(authorization, "Credential=AKIAFIXED/") || !strings.Contains(authorization, "/"+account.DefaultRegion+"/sts/") {
		t.Errorf("the call is signed by %q, want the fixed key in %s", authorization, account.DefaultRegion)
	}
	if id.Account != "123456789012" || id.Partition != "aws-us-gov" || id.RoleARN("jobs") != "arn:aws-us-gov:iam::123456789012:role/jobs" {
		t.Errorf("identity %+v, role %s", id, id.RoleARN("jobs"))
	}
	if arn := "arn:aws:iam::1:role/path/x"; id.RoleARN(arn) != arn {
		t.Errorf("RoleARN of an ARN = %s", id.RoleARN(arn))
	}
}

func TestWhyTheAccountIsUnknown(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct {
		url  string
		kind quarry.ErrorKind
		says string
	}{
		"a key that is not taken": {sts(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error></ErrorResponse>`)
		}), quarry.Denied, "InvalidClientTokenId: The security token is invalid."},
		"a closed port": {closed.URL, quarry.Provider, strings.TrimPrefix(closed.URL, "http://")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := fixed(t, c.url, effect.New(nil))
			var q *quarry.Error
			if !errors.As(err, &q) || q.Kind != c.kind || !strings.Contains(err.Error(), c.says) || q.Hint == "" {
				t.Errorf("WhoAmI = %v, want an error that says %q and a hint", err, c.says)
			}
		})
	}
}

func TestAnAnswerWithoutAnAccountIsAnError(t *testing.T) {
	t.Parallel()
	for _, arn := range []string{"", "arn:aws:iam", "arn:aws:iam::1:user/a"} {
		id := "1"
		if strings.Count(arn, ":") == 5 {
			id = ""
		}
		if got, err := fixed(t, sts(t, identity(arn, id)), effect.New(nil)); err == nil {
			t.Errorf("ARN %q, account %q: %+v, want an error", arn, id, got)
		}
	}
}

// A call is made again for as long as the server is busy, but not where the process was ended.
func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url := sts(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 6 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		identity("arn:aws:iam::123456789012:user/a", "123456789012")(w, r)
	})
	if _, err := fixed(t, url, effect.New(nil)); err != nil || asked.Load() != 6 {
		t.Errorf("%d calls, %v, want an answer to the sixth", asked.Load(), err)
	}
	died := errors.New("died")
	var tries atomic.Int64
	_, err := fixed(t, url, effect.New(func(effect.Point) error { tries.Add(1); return died }))
	if !errors.Is(err, died) && !errors.Is(err, effect.ErrHook) || tries.Load() != 1 {
		t.Errorf("a process that was ended made %d calls: %v", tries.Load(), err)
	}
}

func TestSettingsOfAProfileAndOfTheEnvironment(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "config")
	text := "[profile far]\nregion = ap-northeast-1\naws_access_key_id = AKIAFAR\naws_secret_access_key = x\n[profile bare]\noutput = json\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": file, "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "none"), "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	load := func(cfg account.Config) (region string, keys bool) {
		t.Helper()
		cfg.Effects = effect.New(nil)
		c, err := account.Load(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return c.Region, account.HasCredentials(ctx, c)
	}
	if region, keys := load(account.Config{Profile: "far"}); region != "ap-northeast-1" || !keys {
		t.Errorf("profile far: Region %s, keys %v", region, keys)
	}
	if region, _ := load(account.Config{Profile: "far", Region: "eu-central-1"}); region != "eu-central-1" {
		t.Errorf("Region %s, want the one of the flag", region)
	}
	if region, keys := load(account.Config{Profile: "bare"}); region != account.DefaultRegion || keys {
		t.Errorf("profile bare: Region %s, keys %v, want %s and none", region, keys, account.DefaultRegion)
	}
	_, err := account.Load(t.Context(), account.Config{Profile: "none-such", Effects: effect.New(nil)})
	var q *quarry.Error
	if !errors.As(err, &q) || q.Kind != quarry.BadUsage || !strings.Contains(err.Error(), "none-such") {
		t.Errorf("Load with an unknown profile = %v, want a usage error that names it", err)
	}
}
