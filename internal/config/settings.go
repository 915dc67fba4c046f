// Package config is the only reader of settings: flags, environment and quarry.yaml, in this order of weight.
//
// It owns the names of all settings, their defaults and where each value came from. It makes nothing of them: the command
// line wires them into the steps' Configs. What always holds: an unknown name is an error that says where it is; no
// secret is a setting, only the name of the variable that holds one.
package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/catalog"
)

// Settings are the effective settings of a command.
type Settings struct {
	Dir, Target, Model, Mode string
	// Ledger is the address of the Postgres that has the run; empty: a file in Dir.
	Ledger string
	// Files says where the files of a run are kept: dir, or bucket; empty: as the run began, a new one in Dir only without Ledger.
	Files string
	// Run is the run in Ledger. It is no setting: a command takes it from its flags.
	Run quarry.RunID
	// Models answer next to Model, whose body they take as it is.
	Models []string
	// Quotas are those that go over what the account or the table says; a field that is 0 does not.
	Quotas quarry.Quotas

	Pilot         int
	PilotMinValid float64
	Structured    string
	Attempts      int
	Limit         int64
	Long          string
	MaxChars      int
	MaxTextTokens int
	RefreshMax    int64
	MaxUSD        *quarry.USD
	BelowMinimum  string
	By            string
	Prices        string // file of prices that go before the shipped ones

	// NearThreshold is the similarity (0 to 1) from which on two texts are near duplicates.
	NearThreshold float64

	NearDuplicates, ReuseNear, Rescue, Yes, KeepShards, ReplaceSource, Review bool

	Regions []string
	Profile string
	Bucket  string
	Role    string
	KMSKey  string
	// JobTimeout is how many hours a job may take, its wait for a place included; 0: as AWS sets it.
	JobTimeout int
	// VPCSubnets and VPCSecurityGroups are of the VPC that jobs reach S3 through: both or none.
	VPCSubnets, VPCSecurityGroups []string
	// BucketOwner is the account of the bucket, where that is another's.
	BucketOwner string
	// ExpireDays is how long S3 keeps what a run left in the bucket; 0: for ever.
	ExpireDays int
	Tags       map[string]string

	From        string
	As          string
	BodyFormat  string
	Fields      map[string]string
	Where       []string
	MaxItemMiB  int64
	Query       string
	SourceKey   string // name of the variable that holds what opens the source
	Backends    []string
	BackendWait time.Duration
	BackendName string
	Cache       string
	BackendKey  string // name of the variable that holds the key
	Concurrency int
	Workers     int

	Prompt Prompt
	Clean  map[string]any // as it is written in quarry.yaml; the cleaner knows its own rules
	// CleanAt gives FILE:LINE of a rule in the section clean; nil where no file has the section.
	CleanAt func(name string) string
}

// Setting is one named value.
type Setting struct {
	Name    string // of the flag; the same with underscores in quarry.yaml, and QUARRY_… in the environment
	Value   string // what the help calls its value, such as MODE or N; empty for a Bool
	Default string
	Help    string
	Bool    bool
	Many    bool     // may be given more than once
	amount  bool     // a number, an amount or a length of time: an empty value is an error, also of a variable
	Choices []string // what a shell offers: all values of a fixed set, or how values begin (openai=)
	set     func(*Settings, []string) error
	value   func(*Settings) any // as YAML and JSON show it
}

// Env is the name of the variable that sets it.
func (s *Setting) Env() string { return "QUARRY_" + strings.ToUpper(s.Key()) }

// Key is its name in quarry.yaml.
func (s *Setting) Key() string { return strings.ReplaceAll(s.Name, "-", "_") }

func text(name, value, def, help string, at func(*Settings) *string) Setting {
	return Setting{
		Name: name, Value: value, Default: def, Help: help,
		set:   func(s *Settings, v []string) error { *at(s) = v[len(v)-1]; return nil },
		value: func(s *Settings) any { return *at(s) },
	}
}

// offer adds what a shell can complete where other values are taken too.
func offer(s Setting, values ...string) Setting {
	s.Choices = values
	return s
}

func choice(name, value, def, help string, of []string, at func(*Settings) *string) Setting {
	c := offer(text(name, value, def, help, at), of...)
	plain := c.set
	c.set = func(s *Settings, v []string) error {
		if last := v[len(v)-1]; !slices.Contains(of, last) {
			return fmt.Errorf("%q is not one of %s", last, strings.TrimPrefix(strings.Join(of, ", "), ", "))
		}
		return plain(s, v)
	}
	return c
}

func parsed[T any](name, value, def, help string, parse func(string) (T, error), at func(*Settings) *T) Setting {
	return Setting{
		Name: name, Value: value, Default: def, Help: help,
		set: func(s *Settings, v []string) error {
			x, err := parse(v[len(v)-1])
			if err != nil {
				return err
			}
			*at(s) = x
			return nil
		},
		value: func(s *Settings) any { return *at(s) },
	}
}

func flag(name, help string, at func(*Settings) *bool) Setting {
	s := parsed(name, "", "false", help, func(v string) (bool, error) {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return false, fmt.Errorf("%q is not true or false", v)
		}
		return on, nil
	}, at)
	s.Bool = true
	return s
}

func list(name, value, def, help string, at func(*Settings) *[]string) Setting {
	return Setting{
		Name: name, Value: value, Default: def, Help: help, Many: true,
		set: func(s *Settings, v []string) error {
			*at(s) = nil
			for _, one := range v {
				if name == "where" && one != "" { // a value may hold commas
					*at(s) = append(*at(s), one)
					continue
				}
				for _, item := range strings.Split(one, ",") {
					if item != "" {
						*at(s) = append(*at(s), item)
					}
				}
			}
			return nil
		},
		value: func(s *Settings) any { return append([]string{}, *at(s)...) },
	}
}

// regions is a list of AWS Regions.
func regions(name, value, def, help string, at func(*Settings) *[]string) Setting {
	s := list(name, value, def, help, at)
	plain := s.set
	s.set = func(to *Settings, v []string) error {
		if err := plain(to, v); err != nil {
			return err
		}
		for i, region := range *at(to) {
			region = strings.TrimSpace(region)
			if err := catalog.CheckRegion(region); err != nil {
				return err
			}
			(*at(to))[i] = region
		}
		return nil
	}
	return s
}

func pairs(name, value, help string, at func(*Settings) *map[string]string) Setting {
	return Setting{
		Name: name, Value: value, Help: help, Many: true,
		set: func(s *Settings, v []string) error {
			m := map[string]string{}
			for _, pair := range v {
				key, value, ok := strings.Cut(pair, "=")
				if !ok || key == "" {
					return fmt.Errorf("%q is not KEY=VALUE", pair)
				}
				m[key] = value
			}
			*at(s) = m
			return nil
		},
		value: func(s *Settings) any {
			if m := *at(s); m != nil {
				return m
			}
			return map[string]string{}
		},
	}
}
