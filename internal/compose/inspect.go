package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/base/nearest"
	"quarry/internal/config"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/inspect"
	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/note"
)

// How much Inspect reads.
const (
	InspectAll    = 0
	inspectSample = 1000 // items that are looked at to check a setting
)

// Inspect reads the sources and describes what they hold; limit is the largest number of items, or InspectAll. The
// setting limit applies as well.
func (pr *Program) Inspect(ctx context.Context, s *config.Settings, args []string, limit int64) (*inspect.Report, error) {
	cfg, err := CleanConfig(s)
	if err != nil {
		return nil, BadSetting("clean", err)
	}
	if s.Limit > 0 && (limit == 0 || s.Limit < limit) {
		limit = s.Limit
	}
	if err := pr.CheckFields(ctx, s, args); err != nil {
		return nil, err
	}
	rep, err := pr.inspect(ctx, s, args, limit, clean.New(cfg))
	if err != nil {
		return nil, err
	}
	if !local(args) && len(rep.Fields) > 0 {
		if err := haveFields(rep, s, args); err != nil {
			return nil, err
		}
	}
	switch {
	case rep.Documents > 0 || len(s.Where) == 0:
		return rep, nil
	case slices.Contains(args, "-"):
		return rep, whyNone(rep, s, args)
	}
	return rep, pr.NoDocuments(ctx, s, args)
}

func (pr *Program) inspect(
	ctx context.Context, s *config.Settings, args []string, limit int64, cleaner *clean.Cleaner,
) (*inspect.Report, error) {
	cfg, err := pr.sourceConfig(s, effect.New(nil), false)
	if err != nil {
		return nil, err
	}
	cfg.Notes = new(note.Book)
	in := inspect.New()
	cfg.Observe, cfg.Filtered = in.Observe, in.Filtered
	kinds := make([]string, len(args))
	for i, arg := range args {
		if kinds[i], err = source.KindOf(ctx, arg, cfg); err != nil {
			return nil, err
		}
	}
	sources, err := source.Open(ctx, args, cfg)
	if err != nil {
		return nil, err
	}
	named := make([]inspect.Named, len(sources))
	for i := range sources {
		named[i] = inspect.Named{Source: sources[i], Kind: kinds[i]}
	}
	return in.Read(ctx, named, cleaner, limit)
}

// CheckFields refuses a path of --field that no item has, before all items are named one by one. It looks at the first
// items of sources on this machine's disk; others are read once, when the run reads them.
func (pr *Program) CheckFields(ctx context.Context, s *config.Settings, args []string) error {
	if len(s.Fields) == 0 || !local(args) {
		return nil
	}
	all := *s
	all.Where = nil // a condition may leave out everything, and that is another mistake
	rep, err := pr.inspect(ctx, &all, args, inspectSample, nil)
	if err != nil || len(rep.Fields) == 0 {
		return quietly(err)
	}
	return haveFields(rep, s, args)
}

// haveFields refuses a path of --field that no item has.
func haveFields(rep *inspect.Report, s *config.Settings, args []string) error {
	for part, path := range s.Fields {
		if rep.Has(path) {
			continue
		}
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "use --field", Subject: part + "=" + path,
			Err:  fmt.Errorf("none of the first %s has the field %q%s", figure.Count(rep.Items, "item"), path, didYouMean(path, rep.Names())),
			Hint: rep.Available() + "; all of them: quarry inspect " + strings.Join(args, " "),
		}
	}
	return nil
}

// local reports whether all sources are on this machine's disk, so that they can be read twice.
func local(args []string) bool {
	return !slices.ContainsFunc(args, func(arg string) bool { return arg == "-" || source.Remote(arg) })
}

// quietly leaves an unreadable source to the run itself, which names it in its own words.
func quietly(err error) error {
	var q *quarry.Error
	if err == nil || errors.As(err, &q) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

func didYouMean(name string, names []string) string {
	if near := nearest.Of(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// NoDocuments explains why the conditions left out every item of the sources: a field that does not exist, or a value that
// never occurs. It gives nil where it cannot say, such as for standard input, which was read already.
func (pr *Program) NoDocuments(ctx context.Context, s *config.Settings, args []string) error {
	if len(s.Where) == 0 || slices.Contains(args, "-") {
		return nil
	}
	all := *s
	all.Where = nil
	cfg, err := CleanConfig(&all)
	if err != nil {
		return nil
	}
	// The fields of a text file are in its front matter, which the cleaner reads.
	rep, err := pr.inspect(ctx, &all, args, 100*inspectSample, clean.New(cfg))
	if err != nil {
		return nil
	}
	return whyNone(rep, s, args)
}

// whyNone explains by the fields of all items why none meets the conditions.
func whyNone(rep *inspect.Report, s *config.Settings, args []string) error {
	if len(rep.Fields) == 0 {
		return nil
	}
	hint := "all fields and their values: quarry inspect " + strings.Join(args, " ")
	for _, w := range s.Where {
		c, err := source.ParseCondition(w)
		if err != nil {
			return nil
		}
		f := rep.Field(c.Field)
		switch {
		case f == nil:
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "use --where", Subject: w,
				Err:  fmt.Errorf("no item has the field %q%s", c.Field, didYouMean(c.Field, rep.Names())),
				Hint: rep.Available() + "; " + hint,
			}
		case len(f.Values) > 0 && !f.Takes(c.Value):
			var values []string
			for _, v := range f.Values {
				values = append(values, v.Value)
			}
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "use --where", Subject: w,
				Err:  fmt.Errorf("no item has this value%s", didYouMean(c.Value, values)),
				Hint: "its values are " + f.String() + "; " + hint,
			}
		}
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "use --where", Subject: strings.Join(s.Where, " --where "),
		Err: errors.New("no item meets all conditions"), Hint: hint,
	}
}
