package account_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/base/effect"
)

// bare gives an environment without AWS settings, whose metadata service is at an address.
func bare(t *testing.T, metadata string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
}

func whoAmI(t *testing.T) (time.Duration, error) {
	t.Helper()
	c, err := account.Load(t.Context(), account.Config{Effects: effect.New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = account.WhoAmI(t.Context(), c)
	return time.Since(began), err
}

func kindOf(err error) (quarry.ErrorKind, string) {
	var q *quarry.Error
	if !errors.As(err, &q) {
		return -1, ""
	}
	return q.Kind, q.Hint
}

func TestMissingCredentialsAreReportedInOneLineAndSoon(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refusing.Close()
	for name, endpoint := range map[string]string{"silent": "http://" + silent.Addr().String(), "closed": "http://127.0.0.1:1", "refusing": refusing.URL} {
		t.Run(name, func(t *testing.T) {
			bare(t, endpoint)
			took, err := whoAmI(t)
			kind, hint := kindOf(err)
			if kind != quarry.Denied || !strings.Contains(err.Error(), "no AWS credentials are set") || strings.Contains(err.Error(), "IMDS") || !strings.Contains(hint, "AWS_PROFILE") {
				t.Errorf("WhoAmI = %v (%v, %s)", err, kind, hint)
			}
			if took > 4*time.Second { // one second on a machine that does nothing else
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAnAddressThatRefusesIsReportedAtOnce(t *testing.T) {
	bare(t, "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	took, err := whoAmI(t)
	kind, hint := kindOf(err)
	if kind != quarry.Provider || !strings.Contains(err.Error(), "no answer from http://127.0.0.1:1: ") || !strings.Contains(hint, "AWS_ENDPOINT_URL") || took > 3*time.Second {
		t.Errorf("WhoAmI = %v (%v, %s) after %v", err, kind, hint, took)
	}
}

func TestAClockThatIsWrongIsNoDenial(t *testing.T) {
	const answer = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/u</Arn>` +
		`<UserId>u</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
	const refusal = `<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired</Message></Error></ErrorResponse>`
	for _, tt := range []struct {
		name    string
		off     time.Duration
		status  int
		want    string // empty: no error
		isClock bool
	}{
		{"ahead, answered all the same", -6 * time.Hour, http.StatusOK, "6 h 0 min later than AWS's", true},
		{"behind, refused", 6 * time.Hour, http.StatusForbidden, "6 h 0 min earlier than AWS's", true},
		{"some minutes", 3 * time.Minute, http.StatusOK, "", false},
		{"right, and refused", 0, http.StatusForbidden, "SignatureDoesNotMatch: Signature expired", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(tt.off).UTC().Format(http.TimeFormat))
				w.Header().Set("Content-Type", "text/xml")
				w.WriteHeader(tt.status)
				text := answer
				if tt.status != http.StatusOK {
					text = refusal
				}
				_, _ = w.Write([]byte(text))
			}))
			defer server.Close()
			bare(t, "http://127.0.0.1:1")
			t.Setenv("AWS_ACCESS_KEY_ID", "id")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			t.Setenv("AWS_ENDPOINT_URL", server.URL)
			t.Setenv("AWS_MAX_ATTEMPTS", "2")
			_, err := whoAmI(t)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			_, hint := kindOf(err)
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, account.ErrClock) != tt.isClock || tt.isClock != strings.Contains(hint, "clock") {
				t.Errorf("WhoAmI = %v, hint %q", err, hint)
			}
		})
	}
}

func TestACancelledQuestionGivesItsCause(t *testing.T) {
	bare(t, "http://127.0.0.1:1")
	c, err := account.Load(t.Context(), account.Config{Effects: effect.New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := account.WhoAmI(ctx, c); !errors.Is(err, why) {
		t.Errorf("WhoAmI = %v", err)
	}
}
