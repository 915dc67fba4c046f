package cli

import (
	"context"
	"errors"
	"strings"

	"quarry"
	"quarry/internal/base/fields"
	"quarry/internal/base/figure"
	"quarry/internal/compose"
	"quarry/internal/config"
	"quarry/internal/outcome/publish"
)

// publisher makes what the flags ask for.
func (a *App) publisher(ctx context.Context, s *config.Settings, o *publishOptions, open *compose.Closers) (*publish.Publisher, error) {
	bad := func(subject string, err error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "publish", Subject: subject, Err: err, Hint: hint}
	}
	switch {
	case o.to.Target == "":
		return nil, bad("", errors.New("no target named"), "name one with --to: "+strings.Join(compose.PublishTargets(), ", "))
	case o.undo && (len(o.maps)+len(o.where) > 0 || o.reviewed):
		return nil, bad("--undo", errors.New("it takes back everything that the run published to the target"), "omit --map, --where and --reviewed")
	case !o.undo && len(o.maps) == 0:
		return nil, bad("", errors.New("no field named"), "say what is written where: --map 'FIELD={{.output.NAME}}'")
	}
	var maps []publish.Map
	for _, text := range o.maps {
		m, err := publish.ParseMap(text)
		if err != nil {
			return nil, bad("--map", err, "such as --map 'description={{.output.summary_en}}'")
		}
		for i := range maps {
			if maps[i].Field == m.Field {
				return nil, bad("--map "+m.Field, errors.New("the field is named twice"), "give one template for each field")
			}
		}
		maps = append(maps, m)
	}
	where, err := fields.ParseFilter(o.where)
	if err != nil {
		return nil, bad("--where", err, "such as --where document.lang=ja")
	}
	to := o.to
	to.OnlyLook = o.dryRun
	p, err := a.parts().Publisher(ctx, s, a.shared, to, open)
	if err != nil {
		return nil, err
	}
	p.Maps, p.Where, p.Force, p.Undo = maps, where, o.force, o.undo
	return p, p.CheckMaps()
}

// leftAlone is the error of articles that were left as they are; nil: there are none.
func leftAlone(out *publish.Outcome) error {
	var what []string
	if out.Changed > 0 {
		what = append(what, figure.Clause(out.Changed, "article", "was", "were")+" changed by someone else")
	}
	if out.Failed > 0 {
		what = append(what, figure.Count(out.Failed, "article")+" could not be written")
	}
	if len(what) == 0 {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadItems, Op: "publish to " + out.Target, Err: errors.New(strings.Join(what, ", ")), Hint: publishHint(out),
	}
}

func publishHint(out *publish.Outcome) string {
	if out.Changed == 0 {
		return "see the reasons above"
	}
	return "send changed articles again: rerun quarry run; write a field that someone else changed with --force"
}
