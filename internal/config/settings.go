// Package config is the only reader of settings: flags, environment and quarry.yaml, in this order of weight.
//
// It owns the names of all settings, their defaults and where each value came from. It makes nothing of them: the command
// line wires them into the steps' Configs. What always holds: an unknown name is an error that says where it stands; no
// secret is a setting, only the name of the variable that holds one.
package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/catalog"
)

// Settings are the effective settings of a command.
type Settings struct {
	Dir, Target, Model, Mode string
	// Models answer beside Model, whose body they take as it is.
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

	NearDuplicates, ReuseNear, Rescue, Yes, KeepShards, ReplaceSource bool

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

// All gives every setting, in the order in which they are printed. The slice is everybody's: it is not to be changed.
func All() []Setting { return all() }

// Every command looks through them for its flags.
var all = sync.OnceValue(func() []Setting {
	return []Setting{
		text("dir", "quarry-run", "run directory", func(s *Settings) *string { return &s.Dir }),
		choice("target", "local", "where the job runs: `local` (the stand-in inside the process) or aws", []string{"local", "aws"}, func(s *Settings) *string { return &s.Target }),
		text("model", quarry.DefaultModel, "model or inference profile, `ID` or ARN", func(s *Settings) *string { return &s.Model }),
		list("models", "", "further models or profiles of the same family that may answer as well, each a pool of its own in every Region of --region", func(s *Settings) *[]string { return &s.Models }),
		quotaSetting(),
		choice("mode", "batch", "how records are bought: `batch`, flex, ondemand or auto", []string{"batch", "flex", "ondemand", "auto"}, func(s *Settings) *string { return &s.Mode }),
		number("pilot", "100", "documents asked first, drawn from the whole source; 0: none", func(s *Settings) *int { return &s.Pilot }),
		fraction("pilot-min-valid", "0.7", "share of the pilot that must be good before the rest is asked", func(s *Settings) *float64 { return &s.PilotMinValid }),
		choice("structured", "auto", "send the answer's schema along, so that the provider holds the model to it: `auto` (the pilot decides), on or off",
			[]string{"auto", "on", "off"}, func(s *Settings) *string { return &s.Structured }),
		fromOne("attempts", "4", "attempts at each record", func(s *Settings) *int { return &s.Attempts }),
		number64("limit", "0", "read no more than `N` documents; 0: all", func(s *Settings) *int64 { return &s.Limit }),
		choice("long", "cut", "what becomes of a long text: `cut`, whole, headtail, or merge (asked in parts, and the answers merged)", []string{"whole", "cut", "headtail", "merge"}, func(s *Settings) *string { return &s.Long }),
		limit("max-chars", "50000", "characters of a text, or of a part of it, that are asked about, or off", func(s *Settings) *int { return &s.MaxChars }),
		limit("max-text-tokens", "off", "estimated tokens of a text, or of a part of it, that are asked about, or off", func(s *Settings) *int { return &s.MaxTextTokens }),
		number64("refresh-max", "0", "known documents that ask something else now (a changed text, prompt or model) and are asked in one run; 0: all", func(s *Settings) *int64 { return &s.RefreshMax }),
		money("max-usd", "", "cap in US dollars: the run stops before the call that could pass it", func(s *Settings) **quarry.USD { return &s.MaxUSD }),
		deadline("by", "", "when the run is to be done, with --mode auto: a `TIME` such as 2026-12-01T06:00:00Z, or 6h from its beginning", func(s *Settings) *string { return &s.By }),
		text("prices", "", "`FILE` of prices that go before the shipped ones, as \"quarry prices --refresh\" writes it", func(s *Settings) *string { return &s.Prices }),
		flag("near-duplicates", "name documents whose text is nearly an earlier one's, in near-duplicates.jsonl", func(s *Settings) *bool { return &s.NearDuplicates }),
		fraction("near-threshold", "0.85", "share of its text that a document has in common with an earlier one to be a near duplicate", func(s *Settings) *float64 { return &s.NearThreshold }),
		flag("reuse-near-duplicates", "do not ask near duplicates: they get the earlier one's answer", func(s *Settings) *bool { return &s.ReuseNear }),
		flag("rescue", "same as --below-minimum ondemand", func(s *Settings) *bool { return &s.Rescue }),
		choice("below-minimum", "", "records too few for a batch job: `hold` (send them with a later run), ondemand or stop; the default is stop on a run's first pass, then hold",
			[]string{"", "hold", "ondemand", "stop"}, func(s *Settings) *string { return &s.BelowMinimum }),
		flag("yes", "answer yes to every question", func(s *Settings) *bool { return &s.Yes }),
		flag("keep-shards", "keep the input files of collected jobs", func(s *Settings) *bool { return &s.KeepShards }),
		regions("region", "", "AWS Region, or several with commas between; the default is as the SDK finds it, else us-west-2", func(s *Settings) *[]string { return &s.Regions }),
		text("profile", "", "profile of the AWS configuration", func(s *Settings) *string { return &s.Profile }),
		text("bucket", "", "S3 bucket; the default is quarry-<account>-<region>", func(s *Settings) *string { return &s.Bucket }),
		text("role", "quarry-batch", "service role of the jobs, `NAME` or ARN", func(s *Settings) *string { return &s.Role }),
		text("kms-key", "", "KMS key for the output", func(s *Settings) *string { return &s.KMSKey }),
		amount("job-timeout", "0", "hours after which AWS ends a job that is not done, 24 to 168; 0: as AWS sets it", jobTimeout, func(s *Settings) *int { return &s.JobTimeout }),
		ids("vpc-subnets", "subnets of the VPC that jobs reach S3 through, with --vpc-security-groups", 16, func(s *Settings) *[]string { return &s.VPCSubnets }),
		ids("vpc-security-groups", "security groups of the VPC that jobs reach S3 through, with --vpc-subnets", 5, func(s *Settings) *[]string { return &s.VPCSecurityGroups }),
		parsed("bucket-owner", "", "`ACCOUNT` that owns the bucket, where it is another account's", bucketOwner, func(s *Settings) *string { return &s.BucketOwner }),
		number("expire-days", "30", "days until S3 removes what a run left in the bucket; 0: never", func(s *Settings) *int { return &s.ExpireDays }),
		pairs("tag", "tag `k=v` of every job (repeatable)", func(s *Settings) *map[string]string { return &s.Tags }),
		text("from", "", "kind of the sources; the default is told by content, then by extension", func(s *Settings) *string { return &s.From }),
		choice("as", "auto", "what a text is: `body` (of an article), page (a whole web page) or auto", []string{"body", "page", "auto"}, func(s *Settings) *string { return &s.As }),
		choice("body-format", "auto", "format of every `body`: html, markdown, text or page; auto: as the source says, else as the text looks", []string{"auto", "html", "markdown", "text", "page"}, func(s *Settings) *string { return &s.BodyFormat }),
		offer(pairs("field", "where a part of a document stands: `KEY=PATH`, KEY one of id, title, body, url, lang, format (repeatable)", func(s *Settings) *map[string]string { return &s.Fields }),
			"id=", "title=", "body=", "url=", "lang=", "format="),
		list("where", "", "keep only items with `FIELD=VALUE` (repeatable)", func(s *Settings) *[]string { return &s.Where }),
		text("query", "", "what a database that is a source is asked: a `SELECT` whose columns are a document's fields; empty: a table is read", func(s *Settings) *string { return &s.Query }),
		text("source-key-env", "", "name of the `VAR`iable that holds what opens a source: a database's password, or USER:PASSWORD of a web site", func(s *Settings) *string { return &s.SourceKey }),
		number64("max-item-mib", "32", "largest item that is read, in MiB", func(s *Settings) *int64 { return &s.MaxItemMiB }),
		offer(list("backend", "extractive", "model behind the stand-in: `extractive`, echo, openai=URL or anthropic=URL (repeatable)", func(s *Settings) *[]string { return &s.Backends }),
			"extractive", "echo", "openai=", "anthropic="),
		text("backend-model", "", "the model's name at the backend", func(s *Settings) *string { return &s.BackendName }),
		span("backend-wait", "0", "how long to wait for a backend that cannot be reached, like `5m`: at the start (0: not at all) and later (0: a minute)", func(s *Settings) *time.Duration { return &s.BackendWait }),
		text("backend-key-env", "", "name of the `VAR`iable that holds the backend's key", func(s *Settings) *string { return &s.BackendKey }),
		choice("cache", "auto", "prompt caching of on-demand calls: `auto` (where the prompt is long enough for the model and it pays) or off", []string{"auto", "off"}, func(s *Settings) *string { return &s.Cache }),
		number("concurrency", "0", "records in flight at once, at most; 0: what the quotas and the latency need, up to 512, and 64 in the stand-in", func(s *Settings) *int { return &s.Concurrency }),
		number("workers", "0", "workers that prepare and parse; 0: one for each core", func(s *Settings) *int { return &s.Workers }),
	}
})

func text(name, def, help string, at func(*Settings) *string) Setting {
	return Setting{
		Name: name, Default: def, Help: help,
		set:   func(s *Settings, v []string) error { *at(s) = v[len(v)-1]; return nil },
		value: func(s *Settings) any { return *at(s) },
	}
}

// offer adds what a shell can complete where other values are taken too.
func offer(s Setting, values ...string) Setting {
	s.Choices = values
	return s
}

func choice(name, def, help string, of []string, at func(*Settings) *string) Setting {
	c := offer(text(name, def, help, at), of...)
	plain := c.set
	c.set = func(s *Settings, v []string) error {
		if last := v[len(v)-1]; !slices.Contains(of, last) {
			return fmt.Errorf("%q is none of %s", last, strings.TrimPrefix(strings.Join(of, ", "), ", "))
		}
		return plain(s, v)
	}
	return c
}

func parsed[T any](name, def, help string, parse func(string) (T, error), at func(*Settings) *T) Setting {
	return Setting{
		Name: name, Default: def, Help: help,
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
	s := parsed(name, "false", help, func(v string) (bool, error) {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return false, fmt.Errorf("%q is neither true nor false", v)
		}
		return on, nil
	}, at)
	s.Bool = true
	return s
}

func list(name, def, help string, at func(*Settings) *[]string) Setting {
	return Setting{
		Name: name, Default: def, Help: help, Many: true,
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
func regions(name, def, help string, at func(*Settings) *[]string) Setting {
	s := list(name, def, help, at)
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

func pairs(name, help string, at func(*Settings) *map[string]string) Setting {
	return Setting{
		Name: name, Help: help, Many: true,
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
