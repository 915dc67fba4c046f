package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
)

// sqlMain runs statements on a SQLite file: sql FILE STATEMENT….
func sqlMain() {
	db, err := sql.Open("sqlite", os.Args[1])
	for _, statement := range os.Args[2:] {
		if err == nil {
			_, err = db.ExecContext(context.Background(), statement)
		}
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// startSite serves a WordPress site for the rest of the script, whose pages are the files of a folder, 1.json and so on: site
// FOLDER. Its address is in $SITE. What it was asked is a line each in the file `asked`: the page, and the login. A page whose
// file is empty breaks the connection off.
func startSite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: site FOLDER")
	}
	folder, log := ts.MkAbs(args[0]), ts.MkAbs("asked")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" { // the site's page, which names the API
			w.Header().Set("Link", "<http://"+r.Host+`/wp-json/>; rel="https://api.w.org/"`)
			return
		}
		page, since := r.URL.Query().Get("page"), r.URL.Query().Get("modified_after")
		switch {
		case r.URL.Query().Get("per_page") == "1":
			page = "clock"
		case since != "":
			page = "modified"
		case r.URL.Query().Has("after"):
			page = "scheduled"
		}
		f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = fmt.Fprintf(f, "%s %s\n", page, r.Header.Get("Authorization"))
			err = firstOf(err, f.Close())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		files, err := filepath.Glob(filepath.Join(folder, "*.json"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		switch page {
		case "clock", "scheduled":
			_, _ = w.Write([]byte("[]"))
			return
		case "modified":
			_, _ = w.Write(modifiedPosts(files, since))
			return
		}
		body, err := os.ReadFile(filepath.Join(folder, page+".json"))
		if err != nil || len(bytes.TrimSpace(body)) == 0 {
			http.Error(w, "", http.StatusTeapot)
			return
		}
		w.Header().Set("X-WP-TotalPages", fmt.Sprint(len(files)))
		_, _ = w.Write(body)
	}))
	ts.Defer(server.Close)
	ts.Setenv("SITE", server.URL)
}

// modifiedPosts are those of all pages whose member modified is later than a time, and those without one.
func modifiedPosts(files []string, since string) []byte {
	var out []json.RawMessage
	for _, name := range files {
		var posts []json.RawMessage
		b, err := os.ReadFile(name)
		if err != nil || json.Unmarshal(b, &posts) != nil {
			continue
		}
		for _, post := range posts {
			var of struct{ Modified string }
			if json.Unmarshal(post, &of) == nil && (of.Modified == "" || of.Modified > since) {
				out = append(out, post)
			}
		}
	}
	b, _ := json.Marshal(out)
	return b
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// putObjects puts files of the script into a bucket of the stand-in, by their names: put BUCKET FILE….
func putObjects(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: put BUCKET FILE…")
	}
	ctx := context.Background()
	client := effect.New(nil).HTTPClient(effect.HTTPConfig{})
	defer client.CloseIdleConnections()
	cfg, err := account.Load(ctx, account.Config{HTTP: client, Fixed: &account.FixedKeys{
		Endpoint: ts.Getenv("AWS_ENDPOINT_URL"), KeyID: ts.Getenv("AWS_ACCESS_KEY_ID"), Secret: ts.Getenv("AWS_SECRET_ACCESS_KEY"),
	}})
	ts.Check(err)
	b := bucket.New(cfg, args[0])
	ts.Check(b.Make(ctx))
	for _, name := range args[1:] {
		ts.Check(b.PutFile(ctx, filepath.ToSlash(name), ts.MkAbs(name)))
	}
}
