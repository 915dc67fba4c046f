package offline

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
	"quarry/internal/run/spool"
)

// builtFile lists the input files of a build in its directory.
const builtFile = "shards.json"

// directory is where a build writes.
type directory struct {
	effects *effect.Effects
	path    string
}

// earlier gives the files that the same build wrote into a directory before. The directory of another build, a file that
// no build wrote, and one that was changed since are refused: what is left next to a new list would be submitted with it.
func (d directory) earlier(of string) ([]BuiltFile, error) {
	found, err := os.ReadDir(d.path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(found) == 0 {
		return nil, nil
	}
	refuse := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "build into", Subject: d.path, Err: err,
			Hint: "name a new directory with -o, or move the contents of this one away",
		}
	}
	if err != nil {
		return nil, refuse(err)
	}
	var was Built
	b, err := os.ReadFile(filepath.Join(d.path, builtFile))
	listed := err == nil && json.Unmarshal(b, &was) == nil
	var foreign []string
	for _, f := range found {
		ours := f.Name() == builtFile && listed || spool.Leftover(f.Name()) ||
			slices.ContainsFunc(was.Shards, func(s BuiltFile) bool { return s.File == f.Name() })
		if !ours || f.IsDir() {
			foreign = append(foreign, f.Name())
		}
	}
	switch {
	case len(foreign) > 0:
		return nil, refuse(fmt.Errorf("it holds %s that this build did not write: %s", figure.Count(len(foreign), "file"), someNames(foreign)))
	case listed && was.Of != of:
		return nil, refuse(fmt.Errorf("it holds another build: %s of %s, made from other sources or settings", figure.Count(len(was.Shards), "shard"), figure.Count(was.Records, "record")))
	}
	for _, s := range was.Shards {
		sum, err := spool.Checksum(filepath.Join(d.path, s.File))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, refuse(err)
		}
		if sum != s.CRC64NVME {
			return nil, refuse(fmt.Errorf("%s was changed after it was built", s.File))
		}
	}
	return was.Shards, nil
}

// drop removes the files of a build, its list first.
func (d directory) drop(files []BuiltFile) error {
	if len(files) == 0 {
		return nil
	}
	err := d.effects.Remove(filepath.Join(d.path, builtFile))
	for _, f := range files {
		if f.File == path.Base(f.File) { // the list is a file that anybody can write
			err = errors.Join(err, d.effects.Remove(filepath.Join(d.path, f.File)))
		}
	}
	return err
}

// someNames gives the first names of many.
func someNames(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %s more", figure.Thousands(len(names)-shown))
}
