package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// browser is what looks at the pages of quarry ui.
type browser struct {
	ts     *testscript.TestScript
	client http.Client
	server string // the address of the first page, without its last /
	page   string // the text of the last page
}

// browse opens the address that quarry ui printed into a log, follows links, and finds a pattern in the last page:
// [!] browse LOG PATTERN [LINK…] [NAME=VALUE…]. A LINK is a pattern of an address on the page before; NAME=VALUE are fields of a form (NAME= keeps its value), which is
// the first one of the last page that has them all.
//
// A link that is missing is looked for again, from the first page on: the index of the records may still be made. With -until before LOG the pattern, and
// the form's page, are awaited too. -keep FILE keeps the last page, and -from FILE takes the form of a page that was kept. A form that comes too late is
// answered with a page (409) too.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	again := len(args) > 0 && args[0] == "-until"
	if again {
		args = args[1:]
	}
	var keep, from string
	if len(args) > 1 && args[0] == "-keep" {
		keep, args = args[1], args[2:]
	}
	if len(args) > 1 && args[0] == "-from" {
		from, args = args[1], args[2:]
	}
	if len(args) < 2 {
		ts.Fatalf("usage: browse [-until] [-keep FILE] [-from FILE] LOG PATTERN [LINK…] [NAME=VALUE…]")
	}
	pattern := regexp.MustCompile(args[1])
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		late := time.Now().After(deadline)
		page, err := walk(ts, args, from)
		if notYet := (*notYet)(nil); errors.As(err, &notYet) && !late && (again || notYet.link) {
			continue
		}
		ts.Check(err)
		if keep != "" {
			ts.Check(os.WriteFile(ts.MkAbs(keep), []byte(page), 0o600))
		}
		if pattern.MatchString(page) != neg {
			return
		}
		if !again || late {
			ts.Fatalf("the pattern %q is there: %v:\n%s", args[1], neg, page)
		}
	}
}

// notYet is a walk that ended before a form was sent: nothing is changed, so it may be tried again.
type notYet struct {
	link bool // a page lacks a link
	what string
}

func (e *notYet) Error() string { return e.what }

// walk gives the last page. A form is that of the page in the file from, if it is named.
func walk(ts *testscript.TestScript, args []string, from string) (string, error) {
	log, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	address := regexp.MustCompile(`https?://\S+token=\S+`).FindString(string(log))
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	b := &browser{ts: ts, client: http.Client{Jar: jar}}
	b.server, _, _ = strings.Cut(address, "/?")
	if err := b.read(b.client.Get(address)); err != nil {
		return "", err
	}
	at := slices.IndexFunc(args[2:], func(a string) bool { return !strings.HasPrefix(a, "/") })
	if at < 0 {
		at = len(args) - 2
	}
	for _, link := range args[2 : 2+at] {
		found := regexp.MustCompile(`href="(` + link + `)"`).FindStringSubmatch(b.page)
		if found == nil {
			return "", &notYet{link: true, what: fmt.Sprintf("no link %s in:\n%s", link, b.page)}
		}
		if err := b.read(b.client.Get(b.server + html.UnescapeString(found[1]))); err != nil {
			return "", err
		}
	}
	if from != "" {
		b.page = ts.ReadFile(from)
	}
	if fields := args[2+at:]; len(fields) > 0 {
		if err := b.submit(fields); err != nil {
			return "", err
		}
	}
	return b.page, nil
}

func (b *browser) read(r *http.Response, err error) error {
	b.ts.Check(err)
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	b.ts.Check(err)
	if b.page = string(text); r.StatusCode != http.StatusOK && r.StatusCode != http.StatusConflict {
		return &notYet{what: fmt.Sprintf("%s: %s\n%s", r.Request.URL, r.Status, text)}
	}
	return nil
}

var (
	forms    = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"[^>]*>(.*?)</form>`)
	hidden   = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	textarea = regexp.MustCompile(`(?s)<textarea name="([^"]*)"[^>]*>\n?(.*?)</textarea>`)
)

// submit sends a form with the fields that it has and those that are given.
func (b *browser) submit(given []string) error {
	for _, form := range forms.FindAllStringSubmatch(b.page, -1) {
		v := url.Values{}
		for _, of := range append(hidden.FindAllStringSubmatch(form[2], -1), textarea.FindAllStringSubmatch(form[2], -1)...) {
			v.Set(of[1], html.UnescapeString(of[2]))
		}
		whole := true
		for _, field := range given {
			name, value, _ := strings.Cut(field, "=")
			whole = whole && strings.Contains(form[2], `name="`+name+`"`)
			if value != "" { // otherwise the value that it has
				v.Set(name, value)
			}
		}
		if !whole {
			continue
		}
		q, err := http.NewRequest(http.MethodPost, b.server+html.UnescapeString(form[1]), strings.NewReader(v.Encode()))
		b.ts.Check(err)
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("Origin", b.server)
		err = b.read(b.client.Do(q))
		if refused := (*notYet)(nil); errors.As(err, &refused) {
			return errors.New(refused.what) // it was sent
		}
		return err
	}
	return &notYet{what: fmt.Sprintf("no form with %v in:\n%s", given, b.page)}
}
