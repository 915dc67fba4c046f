package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/resultline"
	"quarry/internal/compose"
	"quarry/internal/outcome/review"
)

// reviewerMain does what a person does in the pages of quarry ui: reviewer DIR right|wrong|note|correct|remove ID [TEXT].
func reviewerMain() {
	if err := reviewOne(context.Background(), os.Args[1], os.Args[2], quarry.DocumentID(os.Args[3]), append(os.Args[4:], "")[0]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func reviewOne(ctx context.Context, dir, what string, id quarry.DocumentID, text string) error {
	ref, err := answerOf(dir, id)
	if err != nil {
		return err
	}
	d, err := compose.Review(ctx, dir)
	if err != nil {
		return err
	}
	switch what {
	case "correct":
		_, err = d.Override(ctx, review.Override{Ref: ref, Output: json.RawMessage(text), Who: "Ann"})
	case "remove":
		err = d.RemoveOverride(ctx, ref, "Ann")
	case "note":
		_, err = d.Mark(ctx, review.Mark{Ref: ref, Note: text, Who: "Ann"})
	default:
		_, err = d.Mark(ctx, review.Mark{Ref: ref, Verdict: review.Verdict(what), Note: text, Who: "Ann"})
	}
	return err
}

// answerOf names the answer to a document in results.jsonl.
func answerOf(dir string, id quarry.DocumentID) (ref review.Ref, err error) {
	f, err := os.Open(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		return ref, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var reader resultline.Reader
	for lines.Scan() {
		var r quarry.Result
		if err := reader.Read(lines.Bytes(), &r); err != nil {
			return ref, err
		}
		if r.ID == id {
			ref, _ = review.RefOf(&r)
			return ref, nil
		}
	}
	return ref, errors.Join(lines.Err(), errors.New("no such document"))
}
