package book

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"quarry"
)

// fact is one value under its name in the ledger. The zero value is a fact that is not kept.
type fact struct {
	name string
	kept
}

// kept is how a value is written and read.
type kept struct {
	write func() (string, error)
	read  func(string) error
}

func decode(facts []fact, texts map[string]string) error {
	for _, f := range facts {
		if texts[f.name] == "" {
			continue
		}
		if err := f.read(texts[f.name]); err != nil {
			return fmt.Errorf("read fact %s of the run: %w", f.name, err)
		}
	}
	return nil
}

func values(facts []fact) (map[string]string, error) {
	texts := make(map[string]string, len(facts))
	for _, f := range facts {
		text, err := f.write()
		if err != nil {
			return nil, fmt.Errorf("write fact %s of the run: %w", f.name, err)
		}
		texts[f.name] = text
	}
	return texts, nil
}

func text[T ~string](v *T) kept {
	return kept{
		func() (string, error) { return string(*v), nil },
		func(text string) error { *v = T(text); return nil },
	}
}

func number[T int | int64](v *T) kept {
	return kept{
		func() (string, error) {
			if *v == 0 {
				return "", nil
			}
			return strconv.FormatInt(int64(*v), 10), nil
		},
		func(text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			*v = T(n)
			return err
		},
	}
}

func duration(v *time.Duration) kept {
	return kept{
		func() (string, error) {
			if *v == 0 {
				return "", nil
			}
			return v.Round(time.Millisecond).String(), nil
		},
		func(text string) (err error) { *v, err = time.ParseDuration(text); return err },
	}
}

func moment(v *time.Time) kept {
	return kept{
		func() (string, error) {
			if v.IsZero() {
				return "", nil
			}
			return quarry.Timestamp(*v), nil
		},
		func(text string) (err error) { *v, err = time.Parse(time.RFC3339, text); return err },
	}
}

// yes is a fact that is kept as long as it is true.
func yes(v *bool) kept {
	return kept{
		func() (string, error) {
			if !*v {
				return "", nil
			}
			return "yes", nil
		},
		func(string) error { *v = true; return nil },
	}
}

// object is a pointer, a slice or a map as JSON; nil is not kept.
func object[T any](v *T) kept {
	return kept{
		func() (string, error) {
			b, err := json.Marshal(v)
			if string(b) == "null" {
				return "", err
			}
			return string(b), err
		},
		func(text string) error { return json.Unmarshal([]byte(text), v) },
	}
}
