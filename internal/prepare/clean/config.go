package clean

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"quarry"
	"quarry/internal/prepare/clean/rule"
)

// Rules says what is kept and dropped; the zero value is the default of every rule.
type Rules = rule.Settings

// Counts is what each rule dropped from a document.
type Counts = rule.Counts

// A Tally is what one rule dropped.
type Tally = rule.Tally

// Cap is a limit of length. Zero is the default that the field documents, Off is no limit.
type Cap int64

// Off is the cap that limits nothing.
const Off Cap = math.MaxInt64

// ParseCap reads a cap from a setting: a number above 0, or "off".
func ParseCap(s string) (Cap, error) {
	if s == "off" {
		return Off, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("cap %q: want a number above 0, or off", s)
	}
	return Cap(n), nil
}

// DefaultMaxChars is the cap in characters when none is set.
const DefaultMaxChars Cap = 50_000

// What happens to a text beyond the cap.
const (
	LongCut      = "cut"      // the default: its beginning stays
	LongHeadTail = "headtail" // its beginning and its end stay
	LongWhole    = "whole"    // all of it stays, and is not marked as cut
	LongMerge    = "merge"    // all of it stays, and is split into parts that each fit
)

// How a body of HTML is read.
const (
	AsAuto = "auto" // the default: a page when it has <html> or <body>, else a body
	AsBody = "body" // the body of a content system: all of it is the text
	AsPage = "page" // a whole page: its main content has to be found
)

// A Config is the settings of cleaning. The zero value is the default.
type Config struct {
	// As says how HTML is read: AsAuto (also ""), AsBody or AsPage.
	As string
	// Format is how every body is read, whatever its source says; FormatUnknown: as the source says, else as the text looks.
	Format quarry.Format
	// MaxChars caps the characters of a text; 0 means 50,000, Off no cap.
	MaxChars Cap
	// MaxTokens caps the estimated tokens of a text; 0 and Off mean no cap.
	MaxTokens Cap
	// Weights estimate tokens for MaxTokens; the zero value means weights that err on the side of more tokens.
	Weights Weights
	// Long is what happens beyond a cap: LongCut (also ""), LongHeadTail, LongWhole or LongMerge.
	Long string
	// Rules says what is kept and dropped.
	Rules Rules
}

// Validate says which setting cannot be meant.
func (c Config) Validate() error {
	var errs []error
	switch c.As {
	case "", AsAuto, AsBody, AsPage:
	default:
		errs = append(errs, fmt.Errorf("as %q: want %s, %s or %s", c.As, AsAuto, AsBody, AsPage))
	}
	switch c.Format {
	case quarry.FormatUnknown, quarry.FormatHTML, quarry.FormatMarkdown, quarry.FormatText, quarry.FormatPage:
	default:
		errs = append(errs, fmt.Errorf("body format %q: want %s, %s, %s or %s", c.Format, quarry.FormatHTML, quarry.FormatMarkdown, quarry.FormatText, quarry.FormatPage))
	}
	switch c.Long {
	case "", LongCut, LongHeadTail, LongWhole, LongMerge:
	default:
		errs = append(errs, fmt.Errorf("long %q: want %s, %s, %s or %s", c.Long, LongCut, LongHeadTail, LongWhole, LongMerge))
	}
	if c.MaxChars < 0 {
		errs = append(errs, fmt.Errorf("max chars %d: want 0 (%d), a number above 0, or off", c.MaxChars, DefaultMaxChars))
	}
	if c.MaxTokens < 0 {
		errs = append(errs, fmt.Errorf("max tokens %d: want 0 (off), a number above 0, or off", c.MaxTokens))
	}
	if err := c.Rules.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Weights are tokens per count of quarry.CharClasses, in the order of its Each, for a cap that has to be near and need not
// be exact. A count that is part of another one weighs what its characters take more than the other's.
type Weights [quarry.ClassCount]float64

// defaultWeights are on the side of too many tokens: English at 4 characters a token, Japanese at 1.25.
var defaultWeights = Weights{0.55, 0.1, 0.6, 0.75, 0.75, 0.95, 1.2, 0.02}

func (w *Weights) tokens(c quarry.CharClasses) (sum float64) {
	for i, n := range c.Each() {
		sum += w[i] * float64(*n)
	}
	return sum
}
