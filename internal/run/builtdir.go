package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/figure"
	"quarry/internal/run/spool"
)

// builtFile lists the input files of a build in its directory.
const builtFile = "shards.json"

// buildID is a digest of what a build is made of: sources and settings, not what the sources hold.
func (r *Run) buildID() (string, error) {
	flags, err := r.flags()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(r.asked.Model + "\n" + r.asked.Settings + "\n" + flags))
	return hex.EncodeToString(sum[:16]), nil
}

// earlierBuild gives the files that the same build wrote into a directory before. The directory of another build, a file that
// no build wrote, and one that was changed since are refused: what is left next to a new list would be submitted with it.
func (r *Run) earlierBuild(dir, id string) ([]BuiltFile, error) {
	found, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(found) == 0 {
		return nil, nil
	}
	refuse := func(err error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "build into", Subject: dir, Err: err,
			Hint: "name a new directory with -o, or move away what is in this one",
		}
	}
	if err != nil {
		return nil, refuse(err)
	}
	var was Built
	b, err := os.ReadFile(filepath.Join(dir, builtFile))
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
	case listed && was.Of != id:
		return nil, refuse(fmt.Errorf("it holds another build: %s of %s, made of other sources or settings", figure.Count(len(was.Shards), "shard"), figure.Count(was.Records, "record")))
	}
	for _, s := range was.Shards {
		sum, err := spool.Checksum(filepath.Join(dir, s.File))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, refuse(err)
		}
		if sum != s.CRC64NVME {
			return nil, refuse(fmt.Errorf("%s was changed since it was built", s.File))
		}
	}
	return was.Shards, nil
}

// dropBuild removes the files of a build, its list first.
func (r *Run) dropBuild(dir string, files []BuiltFile) error {
	if len(files) == 0 {
		return nil
	}
	err := r.effects.Remove(filepath.Join(dir, builtFile))
	for _, f := range files {
		if f.File == path.Base(f.File) { // the list is a file that anybody can write
			err = errors.Join(err, r.effects.Remove(filepath.Join(dir, f.File)))
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
