package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"quarry/internal/base/effect"
)

// Target is where events go.
type Target struct {
	url     *url.URL // nil: a command
	command string
	key     []byte
}

// attemptTime bounds one attempt.
const attemptTime = 20 * time.Second

// ParseTarget reads CMD, URL or env:VAR, whose variable holds one of them. keyVar names the variable of the key that signs requests;
// empty: they are not signed.
func ParseTarget(text, keyVar string, env func(string) (string, bool)) (*Target, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		value, set := env(name)
		if !set || value == "" {
			return nil, fmt.Errorf("the variable %s is not set", name)
		}
		text = value
	}
	t := &Target{}
	scheme, _, hasScheme := strings.Cut(text, "://")
	switch {
	case hasScheme && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")):
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, errors.New("it is not a URL such as https://example.org/hook") // the parser's words repeat it
		}
		t.url = u
	case hasScheme && !strings.ContainsAny(scheme, " \t/'\""):
		return nil, fmt.Errorf("%s is not a scheme of a notification; want http, https or a command", scheme)
	case strings.TrimSpace(text) == "":
		return nil, errors.New("it is empty")
	default:
		t.command = text
	}
	if keyVar == "" {
		return t, nil
	}
	key, set := env(keyVar)
	switch {
	case !set || key == "":
		return nil, fmt.Errorf("the variable %s of the key is not set", keyVar)
	case t.url == nil:
		return nil, errors.New("a key signs requests to a URL, and a command is named")
	}
	t.key = []byte(key)
	return t, nil
}

// String names the target without what may be secret: a URL's login, path and query, a command's arguments.
func (t *Target) String() string {
	if t.url != nil {
		return t.url.Scheme + "://" + t.url.Host
	}
	return "the command " + filepath.Base(strings.Fields(t.command)[0])
}

func (t *Target) send(ctx context.Context, e *effect.Effects, event *Event) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	body, err := json.Marshal(event)
	if err != nil {
		return err
	}
	if t.url != nil {
		return t.post(ctx, e, event.ID, body)
	}
	return t.run(ctx, body)
}

// Sign gives the value of the header Quarry-Signature for a body at a time: t=UNIX,v1=HEX, where HEX is the HMAC-SHA256 of "UNIX.BODY".
func Sign(key, body []byte, at time.Time) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (t *Target) post(ctx context.Context, e *effect.Effects, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", t, errors.New("the request cannot be made"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "quarry")
	req.Header.Set("Quarry-Event-Id", id)
	if t.key != nil {
		req.Header.Set("Quarry-Signature", Sign(t.key, body, time.Now()))
	}
	client := e.HTTPClient(effect.HTTPConfig{MaxConnsPerHost: 1})
	defer client.CloseIdleConnections()
	reply, err := client.Do(req)
	if err != nil {
		return t.unanswered(err)
	}
	_, _ = io.CopyN(io.Discard, reply.Body, 64<<10)
	_ = reply.Body.Close()
	if reply.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %d", t, reply.StatusCode)
	}
	return nil
}

// unanswered words an error of the network: those of net/http repeat the URL.
func (t *Target) unanswered(err error) error {
	var sent *url.Error
	if errors.As(err, &sent) {
		err = sent.Err
	}
	return fmt.Errorf("no answer from %s: %w", t, err)
}

// run gives the event to a command of the shell. Its output is dropped: it may repeat a secret.
func (t *Target) run(ctx context.Context, body []byte) error {
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/C"
	}
	cmd := exec.CommandContext(ctx, shell, flag, t.command)
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %s", t, exit.ProcessState)
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", t, err)
	case err != nil:
		return fmt.Errorf("%s took longer than %s", t, attemptTime)
	}
	return nil
}
