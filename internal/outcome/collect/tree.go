package collect

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
)

// Tree is output as a person copied it: any number of files and manifests, in any folders, of any number of jobs.
type Tree struct {
	Files     []File // by path
	Manifests []quarry.Manifest
	Unread    []string // why manifests cannot be read, each with its path
}

// File is one output file of a tree.
type File struct {
	Path string
	Job  string // the folder of the job that it is of, which distinguishes two jobs
}

// OpenTree finds all output below dir, plain or compressed. That there is none is no error.
//
// A job's folder holds its manifest; the output files below it are of that job. Where no folder above a file has a manifest,
// the file's own folder tells the job.
func OpenTree(dir string) (Tree, error) {
	var t Tree
	manifests := map[string]bool{} // by folder, and by the name in front of __ in a flat folder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := plainName(d.Name())
		prefix, flat := strings.CutSuffix(name, "__"+ManifestName)
		switch {
		case name == ManifestName || flat:
			job := filepath.Dir(path)
			if flat {
				job = filepath.Join(job, prefix) + "__"
			}
			manifests[job] = true
			m, err := readManifest(path)
			if err != nil {
				t.Unread = append(t.Unread, unread(path, err))
				return nil
			}
			t.Manifests = append(t.Manifests, *m)
		case strings.HasSuffix(name, outputSuffix):
			t.Files = append(t.Files, File{Path: path})
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("open output: %w", err)
	}
	slices.SortFunc(t.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range t.Files {
		t.Files[i].Job = jobOf(dir, t.Files[i].Path, manifests)
	}
	return t, nil
}

// plainName is a file's name without the ending of its compression.
func plainName(name string) string {
	for _, ending := range []string{".zst", ".gz"} {
		name = strings.TrimSuffix(name, ending)
	}
	return name
}

// jobOf is the folder of the job that an output file is of.
func jobOf(root, path string, manifests map[string]bool) string {
	own := filepath.Dir(path)
	for name := filepath.Base(path); ; {
		i := strings.LastIndex(name, "__")
		if i < 0 {
			break
		}
		name = name[:i]
		if job := filepath.Join(own, name) + "__"; manifests[job] {
			return job
		}
	}
	for folder := own; ; folder = filepath.Dir(folder) {
		if manifests[folder] {
			return folder
		}
		if folder == filepath.Clean(root) || folder == filepath.Dir(folder) {
			return own
		}
	}
}

// Sum adds up what the manifests count; nil where there is none.
func (t *Tree) Sum() *quarry.Manifest {
	if len(t.Manifests) == 0 {
		return nil
	}
	var sum quarry.Manifest
	for _, m := range t.Manifests {
		sum.TotalRecordCount += m.TotalRecordCount
		sum.ProcessedRecordCount += m.ProcessedRecordCount
		sum.SuccessRecordCount += m.SuccessRecordCount
		sum.ErrorRecordCount += m.ErrorRecordCount
		sum.InputTokenCount += m.InputTokenCount
		sum.OutputTokenCount += m.OutputTokenCount
	}
	return &sum
}
