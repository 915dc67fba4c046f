package collect

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
)

// Tree is output as somebody copied it: any number of files and manifests, in any folders.
type Tree struct {
	Files     []string // by name
	Manifests []quarry.Manifest
}

// OpenTree finds all output below dir, plain or compressed with zstd. That there is none is no error.
func OpenTree(dir string) (Tree, error) {
	var t Tree
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimSuffix(d.Name(), ".zst")
		switch {
		case name == ManifestName || strings.HasSuffix(name, "__"+ManifestName):
			m, err := readManifest(path)
			if err != nil {
				return err
			}
			t.Manifests = append(t.Manifests, *m)
		case strings.HasSuffix(name, outputSuffix):
			t.Files = append(t.Files, path)
		}
		return nil
	})
	if err != nil {
		return t, fmt.Errorf("open output: %w", err)
	}
	slices.Sort(t.Files)
	return t, nil
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
