package web_test

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quarry/internal/base/effect"
	"quarry/internal/outcome/review"
	"quarry/internal/ui/web"
)

// post sends a form as a page of the server does, and gives the status and the text of the page that it leads to.
func (w *world) post(t *testing.T, path string, fields url.Values, headers map[string]string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", w.base)
	for name, value := range headers {
		q.Header.Set(name, value)
	}
	r, err := w.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

var hidden = regexp.MustCompile(`name="(secret|digest)" value="([^"]+)"`)

// fields are the hidden ones of a page's forms.
func (w *world) fields(t *testing.T, path string) url.Values {
	t.Helper()
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(w.get(t, path, http.StatusOK), -1) {
		v.Set(m[1], m[2])
	}
	return v
}

// wait makes a run wait for an approval.
func (w *world) wait(t *testing.T, dir string) *review.Dir {
	t.Helper()
	d := &review.Dir{Path: dir, Effects: effect.New(nil)}
	q := review.Question{Text: "send 100 documents?", Documents: 100, Digest: "d1", Asks: review.Rest, Run: "abcdefghij", Pass: 1}
	if err := d.Ask(t.Context(), &q, nil); err == nil {
		t.Fatal("the question was not asked")
	}
	return d
}

func TestAnApprovalIsThatOfTheQuestionThatWasShown(t *testing.T) {
	t.Parallel()
	w := setupWith(t, web.Allow{Approve: true})
	w.login(t)
	address := w.run(t)
	dirs := []*review.Dir{w.wait(t, filepath.Join(w.folder, "archive")), w.wait(t, filepath.Join(w.folder, "blog", "quarry-run"))}
	approvals := func() (n int) {
		for _, d := range dirs {
			if _, given, err := d.Pending(t.Context()); err != nil {
				t.Fatal(err)
			} else if given != nil {
				if n++; given.Who != "ann" || given.Documents != 100 {
					t.Errorf("the approval is %+v", given)
				}
			}
		}
		return n
	}
	fields := w.fields(t, address)
	other := url.Values{"secret": fields["secret"], "digest": {"another"}}
	if status, text := w.post(t, address+"approve", other, nil); status != http.StatusBadRequest || !strings.Contains(text, "another question") || approvals() != 0 {
		t.Errorf("the approval of another question = %d: %s", status, text)
	}
	for name, headers := range map[string]map[string]string{
		"another origin": {"Origin": "https://example.com"}, "no origin": {"Origin": "null"}, "no form": {"Content-Type": "text/plain"},
	} {
		if status, _ := w.post(t, address+"approve", fields, headers); status < 400 || approvals() != 0 {
			t.Errorf("%s: %d, %d approvals", name, status, approvals())
		}
	}
	for name, secret := range map[string]string{"no secret": "", "another secret": "x" + fields.Get("secret")} {
		if status, _ := w.post(t, address+"approve", url.Values{"digest": fields["digest"], "secret": {secret}}, nil); status != http.StatusForbidden || approvals() != 0 {
			t.Errorf("%s: %d, %d approvals", name, status, approvals())
		}
	}
	if status, text := w.post(t, address+"approve", fields, nil); status != http.StatusOK || approvals() != 1 {
		t.Errorf("the approval = %d, %d approvals: %s", status, approvals(), text)
	}
	if status, _ := w.post(t, address+"stop", fields, nil); status != http.StatusOK || w.stopped.Load() == nil {
		t.Errorf("stop = %d", status)
	}
}

func TestNothingChangesUnlessItIsAllowed(t *testing.T) {
	t.Parallel()
	for _, allow := range []web.Allow{{}, {Edit: true}, {Approve: true}} {
		w := setupWith(t, allow)
		w.login(t)
		address := w.run(t)
		if strings.Contains(w.get(t, address, http.StatusOK), `method="post"`) != allow.Approve {
			t.Errorf("%+v: a form is there, or is not", allow)
		}
		fields := url.Values{"secret": {w.Secret()}, "digest": {"d1"}, "mark": {"right"}}
		for path, may := range map[string]bool{"approve": allow.Approve, "stop": allow.Approve, "mark?id=1": allow.Edit, "correct?id=1": allow.Edit} {
			if may {
				continue
			}
			if status, text := w.post(t, address+path, fields, nil); status != http.StatusForbidden || !strings.Contains(text, "--allow") {
				t.Errorf("%+v: POST %s = %d", allow, path, status)
			}
		}
		if w.stopped.Load() != nil {
			t.Errorf("%+v: the run was stopped", allow)
		}
	}
}
