package clean_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/clean"
)

// FuzzClean holds the promises about every text: valid UTF-8 in NFC, nothing invisible, counted right, no panic.
func FuzzClean(f *testing.F) {
	for _, tt := range seedCases {
		f.Add([]byte(tt.in), uint8(0))
	}
	for _, family := range hostileFamilies {
		f.Add(hostileBody(family, 40), uint8(1))
	}
	formats := []quarry.Format{"", html, markdown, text, quarry.FormatPage}
	cleaners := []*clean.Cleaner{
		clean.New(clean.Config{}),
		clean.New(clean.Config{MaxChars: 20, Rules: clean.Rules{FoldWidth: true, AltText: true, OrderedNumbers: true}}),
		clean.New(clean.Config{MaxChars: 60, Long: clean.LongHeadTail, Rules: clean.Rules{Code: "head", CodeLines: 2, KeepURLs: true, KeepForms: true, KeepMedia: true, KeepRuby: true}}),
		clean.New(clean.Config{MaxTokens: 10, As: clean.AsBody, Rules: clean.Rules{Code: "keep", KeepHidden: true, KeepShortcodes: true, KeepTemplates: true, KeepFootnoteMarks: true}}),
	}
	f.Fuzz(func(t *testing.T, body []byte, choice uint8) {
		c := cleaners[int(choice)%len(cleaners)]
		for _, format := range formats {
			out, err := c.Clean(&quarry.Document{Body: body, Format: format})
			if (err == nil) != utf8.Valid(body) {
				t.Fatalf("Clean as %q = %v for valid UTF-8: %v", format, err, utf8.Valid(body))
			}
			if err != nil {
				continue
			}
			if fault := faultIn(&out); fault != "" {
				t.Fatalf("as %q: %s: %q", format, fault, out.Text)
			}
		}
	})
}

// FuzzTextIsIdempotent cleans plain text twice: the second time changes nothing.
func FuzzTextIsIdempotent(f *testing.F) {
	f.Add([]byte("a  b\n\n\n  c\td \u3000 e\u0301"))
	c := clean.New(clean.Config{MaxChars: clean.Off})
	f.Fuzz(func(t *testing.T, body []byte) {
		once, err := c.Clean(&quarry.Document{Body: body, Format: text})
		if err != nil {
			return
		}
		first := bytes.Clone(once.Text)
		twice, err := c.Clean(&quarry.Document{Body: first, Format: text})
		if err != nil || !bytes.Equal(first, twice.Text) {
			t.Fatalf("%q, then %q, %v", first, twice.Text, err)
		}
	})
}

// FuzzScannerAndTree renders HTML both ways: neither panics, and a tree that cannot be built is an error.
func FuzzScannerAndTree(f *testing.F) {
	for _, tt := range seedCases {
		if tt.format == html {
			f.Add([]byte(tt.in))
		}
	}
	w := newTwoWays()
	f.Fuzz(func(t *testing.T, body []byte) {
		if !utf8.Valid(body) {
			return
		}
		w.scanWriter.Reset()
		w.scan.Reset()
		w.scan.Document(body)
		w.scanWriter.Finish()
		w.treeWriter.Reset()
		w.tree.Reset()
		_ = w.tree.Tree(body)
		w.treeWriter.Finish()
	})
}
