package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// browse opens the address that quarry ui printed into a log, follows links, and finds a pattern in the last page:
// [!] browse LOG PATTERN [LINK…]. A LINK is a pattern of an address on the page before.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: browse LOG PATTERN [LINK…]")
	}
	log, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	address := regexp.MustCompile(`https?://\S+token=\S+`).FindString(string(log))
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar}
	page := fetch(ts, client, address)
	server, _, _ := strings.Cut(address, "/?")
	for _, link := range args[2:] {
		found := regexp.MustCompile(`href="(` + link + `)"`).FindStringSubmatch(page)
		if found == nil {
			ts.Fatalf("no link %s in:\n%s", link, page)
		}
		page = fetch(ts, client, server+strings.ReplaceAll(found[1], "&amp;", "&"))
	}
	if regexp.MustCompile(args[1]).MatchString(page) == neg {
		ts.Fatalf("the pattern %q is there: %v:\n%s", args[1], neg, page)
	}
}

func fetch(ts *testscript.TestScript, client *http.Client, address string) string {
	r, err := client.Get(address)
	ts.Check(err)
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	ts.Check(err)
	if r.StatusCode != http.StatusOK {
		ts.Fatalf("GET %s: %s\n%s", address, r.Status, text)
	}
	return string(text)
}
