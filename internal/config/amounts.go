package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"quarry"
)

// decimal is an amount as people write one. The parser of Go takes hexadecimal digits, underscores and fractions as well.
var decimal = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)$`)

// amount is a number, an amount of money or a length of time: an empty value is an error wherever it is given, and the default
// of some.
func amount[T any](name, value, def, help string, parse func(string) (T, error), at func(*Settings) *T) Setting {
	s := parsed(name, value, def, help, func(v string) (x T, err error) {
		if v == "" && def == "" {
			return x, nil
		}
		return parse(v)
	}, at)
	s.amount = true
	return s
}

// empty is the error of a value that is given and empty. origin is where: a flag, a variable, or a line of a file.
func (s *Setting) empty(origin string) error {
	want, subject := "a value", ""
	switch {
	case s.Bool:
		want = "true or false"
	case s.Name == "max-usd":
		want = "an amount"
	case s.Name == "by":
		want = "a time"
	case s.amount:
		want = "a number"
	case s.Name == "dir":
		want = "a folder"
	}
	name, isFlag := strings.CutPrefix(origin, "flag ")
	if !isFlag && origin != s.Env() {
		name, subject = s.Key(), origin
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Subject: subject, Err: fmt.Errorf("%s is empty: give %s or leave it out", name, want),
		Hint: s.Name + ": " + s.Help,
	}
}

// deadline is a moment, or the time from the beginning of a run to it.
func deadline(name, def, help string, at func(*Settings) *string) Setting {
	s := amount(name, "TIME", def, help, func(v string) (string, error) {
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return v, nil
		}
		if d, err := time.ParseDuration(v); err != nil || d <= 0 {
			return "", fmt.Errorf("%q is not a time such as 2026-12-01T06:00:00Z or a duration such as 6h or 90m", v)
		}
		return v, nil
	}, at)
	s.value = func(s *Settings) any {
		if by := *at(s); by != "" {
			return by
		}
		return nil
	}
	return s
}

// limit is a number above 0, or off.
func limit(name, def, help string, at func(*Settings) *int) Setting {
	s := amount(name, "N", def, help, func(v string) (int, error) {
		if v == "off" {
			return math.MaxInt, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return 0, fmt.Errorf("%q is not a number above 0 or off", v)
		}
		return n, nil
	}, at)
	s.value = func(s *Settings) any {
		if n := *at(s); n != math.MaxInt {
			return n
		}
		return "off"
	}
	return s
}

func number(name, def, help string, at func(*Settings) *int) Setting {
	return amount(name, "N", def, help, func(v string) (int, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a whole number", v)
		}
		return n, nil
	}, at)
}

// span is a length of time.
func span(name, def, help string, at func(*Settings) *time.Duration) Setting {
	s := amount(name, "DURATION", def, help, func(v string) (time.Duration, error) {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("%q is not a duration such as 90s or 5m", v)
		}
		return d, nil
	}, at)
	s.value = func(s *Settings) any { return at(s).String() }
	return s
}

// fromOne is a number of which there is at least one.
func fromOne(name, def, help string, at func(*Settings) *int) Setting {
	return amount(name, "N", def, help, func(v string) (int, error) {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%q is not a whole number from 1", v)
		}
		return n, nil
	}, at)
}

func number64(name, def, help string, at func(*Settings) *int64) Setting {
	return amount(name, "N", def, help, func(v string) (int64, error) {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a whole number", v)
		}
		return n, nil
	}, at)
}

func fraction(name, def, help string, at func(*Settings) *float64) Setting {
	return amount(name, "SHARE", def, help, func(v string) (float64, error) {
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || strings.ContainsAny(v, "xXnN") || x < 0 || x > 1 {
			return 0, fmt.Errorf("%q is not a number from 0 to 1", v)
		}
		return x, nil
	}, at)
}

func money(name, def, help string, at func(*Settings) **quarry.USD) Setting {
	s := amount(name, "USD", def, help, func(v string) (*quarry.USD, error) {
		digits := strings.TrimPrefix(v, "$")
		r, ok := new(big.Rat).SetString(digits)
		if !ok || !decimal.MatchString(digits) {
			return nil, fmt.Errorf("%q is not an amount of US dollars such as 5 or 12.50", v)
		}
		var usd quarry.USD
		if err := usd.UnmarshalJSON([]byte(r.FloatString(12))); err != nil {
			return nil, fmt.Errorf("%q is larger than an amount can be", v)
		}
		return &usd, nil
	}, at)
	s.value = func(s *Settings) any {
		usd := *at(s)
		if usd == nil {
			return nil
		}
		b, err := usd.MarshalJSON()
		if err != nil {
			return usd.String()
		}
		return json.Number(b)
	}
	return s
}

// ledgerAddress refuses a password: an address is shown.
func ledgerAddress(v string) (string, error) {
	if v == "" {
		return "", nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", errors.New("want postgres://USER@HOST/NAME") // without the value: it may hold a password
	}
	if _, has := u.User.Password(); has || u.Query().Has("password") || u.Query().Has("sslpassword") {
		return "", errors.New("it holds a password, which lists of processes show; set PGPASSWORD or write ~/.pgpass instead")
	}
	return v, nil
}
