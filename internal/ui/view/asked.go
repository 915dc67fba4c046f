package view

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/ui/records"
)

// Asked is what a page of records shows, as its address says it. An empty member selects nothing; a Pass of 0 is the last one with answers.
type Asked struct {
	Text, In                      string
	Status, Class, Language, Pool string
	Min, Max                      string // dollars
	Pass                          int
	After, Before                 int64
	With, All                     string // of the comparison: RUN or RUN:PASS, and whether answers that are the same are shown
}

// maxText is the longest text that is searched, in bytes.
const maxText = 500

// amount is a decimal number of dollars: an exponent could ask for gigabytes of digits.
var amount = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,12})?$`)

// NewAsked reads the query of an address. Its error names the value that it refuses.
func NewAsked(v url.Values) (*Asked, error) {
	a := &Asked{
		Text: v.Get("text"), In: v.Get("in"), Status: v.Get("status"), Class: v.Get("class"), Language: v.Get("language"), Pool: v.Get("pool"),
		Min: v.Get("min"), Max: v.Get("max"),
	}
	bad := func(name string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "read the address", Subject: name, Err: errors.New("it has a value that cannot be meant")}
	}
	if len(a.Text) > maxText {
		return nil, &quarry.Error{Kind: quarry.BadUsage, Op: "search", Err: fmt.Errorf("the text has more than %s", figure.Count(maxText, "byte"))}
	}
	for name, to := range map[string]*int64{"after": &a.After, "before": &a.Before} {
		if text := v.Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return nil, bad(name)
			}
			*to = n
		}
	}
	if text := v.Get("pass"); text != "" {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return nil, bad("pass")
		}
		a.Pass = int(n)
	}
	for name, text := range map[string]string{"min": a.Min, "max": a.Max} {
		if text != "" && !amount.MatchString(text) {
			return nil, bad(name)
		}
	}
	return a, nil
}

// Query is the same for the index.
func (a *Asked) Query() *records.Query {
	return &records.Query{
		Text: a.Text, In: records.Field(a.In), After: a.After, Before: a.Before,
		Where: records.Filter{
			Status: quarry.Status(a.Status), Class: a.Class, Language: a.Language, Pool: a.Pool, CostMin: dollars(a.Min), CostMax: dollars(a.Max),
		},
	}
}

func dollars(text string) *quarry.USD {
	var u quarry.USD
	if text == "" || u.UnmarshalJSON([]byte(text)) != nil {
		return nil
	}
	return &u
}

// Address is that of a page with the same selection, with changes given as names and values in turn; an empty value takes the name out.
func (a *Asked) Address(page string, changes ...string) string {
	v := url.Values{}
	set := func(name, value string) {
		if v.Del(name); value != "" && value != "0" {
			v.Set(name, value)
		}
	}
	for _, of := range [][2]string{
		{"text", a.Text},
		{"in", a.In},
		{"status", a.Status},
		{"class", a.Class},
		{"language", a.Language},
		{"pool", a.Pool},
		{"min", a.Min},
		{"max", a.Max},
		{"pass", strconv.Itoa(a.Pass)},
		{"with", a.With},
		{"all", a.All},
	} {
		set(of[0], of[1])
	}
	for i := 0; i+1 < len(changes); i += 2 {
		set(changes[i], changes[i+1])
	}
	if len(v) == 0 {
		return page
	}
	return page + "?" + v.Encode()
}
