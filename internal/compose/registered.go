package compose

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/config"
	"quarry/internal/run/book"
)

// A process may register a run in a ledger, and another one send it. Everyone who may write the ledger could have changed what the second
// one finds: it takes no more than sources that its own command allows, and settings that name nothing on its machine.

// Registered is a run that a process continues with the sources and settings of its ledger.
type Registered struct {
	Sources []string
	Records bool // the sources are ready records

	settings, region string // what its pass at hand is sent with, and where
}

// checkDetach refuses to register a run that another process could not continue by its id.
func checkDetach(s *config.Settings, in *RunInput) error {
	refuse := func(why, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "register run", Err: errors.New(why), Hint: hint}
	}
	switch {
	case s.Ledger == "":
		return refuse("--detach leaves the run to another process, which finds it in a ledger, and no ledger is named",
			"add --ledger postgres://USER@HOST/NAME, or omit --detach")
	case in.Known != "":
		return refuse("--known names a file of this machine, which another process could not compare with its own", "omit --detach, or --known")
	case s.Query != "" || s.SourceKey != "":
		return refuse("--query and --source-key-env are for databases and web sites, which a process reads only if its command names them",
			"omit --detach")
	case s.Prices != "":
		return refuse("--prices names a file of this machine, and the cap depends on it", "omit --detach, or --prices")
	}
	for _, name := range sourceNames(in.Sources) {
		if !strings.HasPrefix(name, "s3://") && !filepath.IsAbs(name) {
			return refuse(fmt.Sprintf("its source %s is not one that another process reads for a run of a ledger", name),
				"name objects of S3, or files that all machines have under the same path; or omit --detach, and name the sources in each command")
		}
	}
	return nil
}

// OpenRegistered finds a run in the ledger of the settings, and takes over the settings that the ledger has. allow are the prefixes that sources may have:
// s3://BUCKET/PREFIX, or an absolute directory. Errors are of the kind quarry.BadUsage where the run names other sources, or something
// that a process takes from its own flags only.
func (pr *Program) OpenRegistered(ctx context.Context, l *config.Loaded, allow []string) (_ *Registered, err error) {
	for _, prefix := range allow {
		if !strings.HasPrefix(prefix, "s3://") && !filepath.IsAbs(prefix) {
			return nil, &quarry.Error{
				Kind: quarry.BadUsage, Op: "read", Subject: "--allow-source", Err: fmt.Errorf("%q is neither s3://BUCKET/PREFIX nor an absolute directory", prefix),
				Hint: "name what this process may read for the run",
			}
		}
	}
	from, err := ledger.ReadPostgres(ctx, effect.New(nil), l.Ledger, l.Run)
	if err != nil {
		return nil, err
	}
	head, err := book.Of(from).Head(ctx)
	if err := errors.Join(err, from.Close()); err != nil {
		return nil, err
	}
	refuse := func(why error, hint string) error {
		return &quarry.Error{Kind: quarry.BadUsage, Op: "continue run", Subject: string(l.Run), Err: why, Hint: hint}
	}
	if head.Carried == nil || len(head.Sources) == 0 {
		return nil, refuse(errors.New("its ledger does not say what it is sent with"), "name its sources and settings, as the command did that began it")
	}
	for _, name := range head.Sources {
		if !allowed(name, allow) {
			return nil, refuse(fmt.Errorf("the ledger names the source %s, and this command does not allow it", name),
				"if this process may read it, add --allow-source with it or a prefix of it (s3://BUCKET/PREFIX or an absolute directory); other sources are to be named in the command")
		}
	}
	if err := l.Carry(head.Carried.Settings); err != nil {
		return nil, refuse(err, "someone else changed the ledger, or a newer version wrote it: name the sources and settings of the run in the command")
	}
	if err := l.SameOwn(head.Carried.Own); err != nil {
		return nil, err
	}
	return &Registered{Sources: head.Sources, Records: head.Carried.Records, settings: head.Settings, region: head.Region}, nil
}

// allowed reports whether a source begins with one of the prefixes: in the same bucket, or below the same directory.
func allowed(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if of, ok := strings.CutPrefix(prefix, "s3://"); ok {
			bucket, _, _ := strings.Cut(of, "/")
			if strings.HasPrefix(name+"/", "s3://"+bucket+"/") && strings.HasPrefix(name, prefix) {
				return true
			}
			continue
		}
		if !filepath.IsAbs(name) || !filepath.IsAbs(prefix) {
			continue
		}
		below, err := filepath.Rel(filepath.Clean(prefix), filepath.Clean(name))
		if err == nil && filepath.IsLocal(below) {
			return true
		}
	}
	return false
}

// same refuses to continue with another request, or in another Region, than the run's: its pass would be given up.
func (r *Registered) same(req *Request, region string) error {
	why := ""
	switch {
	case req.Settings != r.settings:
		why = "with the settings of the ledger, and of this command, another request would be sent than the run sends"
	case region != "" && region != r.region:
		why = fmt.Sprintf("it was registered in the Region %s, and this command names %s", r.region, region)
	default:
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "continue run", Err: errors.New(why),
		Hint: "omit settings of the request, and name the Region of the run; or name its sources and settings, as the command did that began it",
	}
}

// carriedBy gives what another process may continue the run of a command with; nil: it has to name sources and settings itself.
func carriedBy(l *config.Loaded, in *RunInput) (*book.Carried, error) {
	if l.Ledger == "" || in.Known != "" {
		return nil, nil
	}
	settings, err := l.Carried()
	return &book.Carried{Settings: settings, Own: l.Own(), Records: in.Records}, err
}

// Continue gives the arguments of the command by which a process continues a run that this one registered, without what the machine
// itself decides: credentials and a profile.
func Continue(l *config.Loaded, run quarry.RunID, sources []string) []string {
	args := []string{"quarry", "run", "--run", string(run), "--ledger", shown(l.Ledger), "--target", l.Target}
	for _, name := range sourceNames(sources) {
		args = append(args, "--allow-source", name)
	}
	for _, s := range config.All() {
		if value, ok := l.Own()[s.Name]; ok && value != s.Default {
			args = append(args, "--"+s.Name, value)
		}
	}
	return args
}
