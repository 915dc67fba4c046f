package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
)

// maxManifestBytes bounds what is read of a manifest; Bedrock's has about 200 bytes.
const maxManifestBytes = 1 << 20

// maxCount is the largest count that is believed: a job has at most millions of records of a million tokens.
const maxCount = 1_000_000_000_000_000

// readManifest reads a manifest strictly: an object whose counts are whole numbers from 0 on. A count that is read wrongly
// would make paid answers look complete, so what is in doubt is an error.
func readManifest(path string) (*quarry.Manifest, error) {
	r, err := OpenOutput(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(io.LimitReader(r, maxManifestBytes+1))
	if err != nil {
		return nil, err
	}
	return parseManifest(text)
}

func parseManifest(text []byte) (*quarry.Manifest, error) {
	if len(text) > maxManifestBytes {
		return nil, fmt.Errorf("it has more than %s", figure.Count(maxManifestBytes, "byte"))
	}
	text = bytes.TrimSpace(text)
	switch {
	case len(text) == 0:
		return nil, errors.New("it is empty")
	case text[0] != '{':
		return nil, fmt.Errorf("it is not a JSON object: %s", jsonl.Quote(text))
	}
	if err := jsonl.Check(text); err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	var m quarry.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return nil, fmt.Errorf("%s is not a whole number: %s", kind.Field, kind.Value)
		}
		return nil, err
	}
	for _, n := range []int64{m.TotalRecordCount, m.ProcessedRecordCount, m.SuccessRecordCount, m.ErrorRecordCount, m.InputTokenCount, m.OutputTokenCount} {
		if n < 0 || n > maxCount {
			return nil, fmt.Errorf("it counts %d", n)
		}
	}
	return &m, nil
}

// unread says in one line why the manifest of that name cannot be read.
func unread(name string, err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Sprintf("%s cannot be read: %v", name, err)
}
