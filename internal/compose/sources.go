package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/aws/account"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/effect"
	"quarry/internal/config"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/s3"
)

// OpenSources opens what was named on the command line.
func (pr *Program) OpenSources(ctx context.Context, s *config.Settings, args []string, records bool) ([]source.Source, error) {
	cfg, err := pr.sourceConfig(s, effect.New(nil), records)
	if err != nil {
		return nil, err
	}
	cfg.Notes = new(note.Book)
	return source.Open(ctx, args, cfg)
}

// sourceConfig says how sources are read. What is asked of others is counted by the effects.
func (pr *Program) sourceConfig(s *config.Settings, e *effect.Effects, records bool) (source.Config, error) {
	cfg := source.Config{
		Fields: s.Fields, From: s.From, MaxItemBytes: s.MaxItemMiB << 20, Records: records, Stdin: pr.Stdin, Query: s.Query,
		HTTP: e.HTTPClient(effect.HTTPConfig{MaxConnsPerHost: 2}), Store: pr.store(s, e),
		Skip: []string{s.Dir, pr.Output},
	}
	for _, w := range s.Where {
		c, err := source.ParseCondition(w)
		if err != nil {
			return cfg, BadSetting("where", err)
		}
		cfg.Where = append(cfg.Where, c)
	}
	if s.SourceKey != "" {
		var ok bool
		if cfg.Secret, ok = pr.Env(s.SourceKey); !ok || cfg.Secret == "" {
			return cfg, BadSetting("source-key-env", fmt.Errorf("the variable %s is not set", s.SourceKey))
		}
	}
	if err := cfg.Validate(); err != nil {
		if strings.HasPrefix(err.Error(), "type ") {
			return cfg, BadSetting("from", err)
		}
		return cfg, BadSetting("field", err)
	}
	return cfg, nil
}

// store gives buckets as sources. They are AWS's, so only the target aws may read them.
func (pr *Program) store(s *config.Settings, e *effect.Effects) func(context.Context, string) (s3.Store, error) {
	return func(ctx context.Context, name string) (s3.Store, error) {
		if s.Target != "aws" {
			return s3.Store{}, &quarry.Error{
				Kind: quarry.BadUsage, Op: "open source", Subject: s3.Scheme + name,
				Err:  errors.New("the target is local, and a bucket is read from AWS"),
				Hint: "add --target aws (which also reads from a `quarry local` that AWS_ENDPOINT_URL names), or copy the objects first: aws s3 cp --recursive",
			}
		}
		cfg := account.Config{Profile: s.Profile, Effects: e}
		if len(s.Regions) > 0 {
			cfg.Region = s.Regions[0]
		}
		c, err := account.Load(ctx, cfg)
		if err != nil {
			return s3.Store{}, err
		}
		b := bucket.New(c, name).InItsRegion(ctx, c)
		return s3.Store{
			List: func(ctx context.Context, prefix, after string) iter.Seq2[s3.Object, error] {
				return func(yield func(s3.Object, error) bool) {
					for o, err := range b.List(ctx, prefix, after) {
						if !yield(s3.Object(o), err) {
							return
						}
					}
				}
			},
			Open: func(ctx context.Context, key, etag string, from, bytes int64) (io.ReadCloser, error) {
				in, err := b.Read(ctx, key, etag, from, bytes)
				switch {
				case errors.Is(err, bucket.ErrNoObject):
					return nil, s3.ErrGone
				case errors.Is(err, bucket.ErrChanged):
					return nil, s3.ErrChanged
				}
				return in, err
			},
		}, nil
	}
}

// sourceNames are the sources as the run remembers them: files by their whole path, so that the folder one is in
// does not matter.
func sourceNames(args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = arg
		scheme, path, table := "", arg, ""
		if rest, ok := strings.CutPrefix(arg, "sqlite:"); ok {
			scheme, path = "sqlite:", rest
		}
		if _, err := os.Stat(path); err != nil {
			if at := strings.IndexByte(path, '#'); at >= 0 {
				path, table = path[:at], path[at:]
			}
		}
		if _, err := os.Stat(path); err == nil {
			if abs, err := filepath.Abs(path); err == nil {
				out[i] = scheme + abs + table
			}
		}
	}
	return out
}
