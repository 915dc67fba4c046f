package contentful

import (
	"bytes"
	"context"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
)

// What is remembered of a file's embedded entries. What is above counts as a reference that is not in the file.
const (
	maxTargets     = 1 << 18
	maxTargetBytes = 64 << 20
)

// collect reads the entries that rich texts of the file embed and that are published. They may be anywhere in it, so it is read twice: for what is
// embedded, and for that. A stream that cannot be read again gives none.
func collect(ctx context.Context, s *sourcejsonl.Objects) map[string][]byte {
	wanted := map[string]bool{}
	err := s.Each(ctx, func(entry []byte) bool {
		if bytes.Contains(entry, []byte(`"embedded-entry-`)) {
			targets(entry, wanted)
		}
		return len(wanted) < maxTargets
	})
	if err != nil || len(wanted) == 0 {
		return nil // the reading that gives documents says why
	}
	found := map[string][]byte{}
	total := 0
	var states states
	var silent []string // of entries that do not say that they are published, which counts where others say so
	_ = s.Each(ctx, func(entry []byte) bool {
		if jsonl.Check(entry) != nil {
			return true
		}
		states.learn([][]byte{entry})
		id, ok := jsonl.Lookup(entry, "sys", "id")
		if !ok || !wanted[string(jsonl.Unescape(nil, id))] {
			return true
		}
		switch sys, _ := jsonl.Lookup(entry, "sys"); {
		case states.of(entry) == item.Archived:
			return true
		case !has(sys, "publishedVersion", "publishedAt"):
			silent = append(silent, string(jsonl.Unescape(nil, id)))
		}
		fields, _ := jsonl.Lookup(entry, "fields")
		if total += len(fields); total > maxTargetBytes {
			return false
		}
		found[string(jsonl.Unescape(nil, id))] = bytes.Clone(fields)
		return true
	})
	for _, id := range silent {
		if states.known {
			delete(found, id)
		}
	}
	return found
}

// targets notes the ids that follow `"target"` in an entry. It may note those of links too.
func targets(entry []byte, wanted map[string]bool) {
	for {
		_, rest, ok := bytes.Cut(entry, []byte(`"target"`))
		if !ok {
			return
		}
		entry = rest
		near := rest[:min(len(rest), 400)]
		if end := bytes.IndexByte(near, '}'); end >= 0 {
			near = near[:end]
		}
		_, value, ok := bytes.Cut(near, []byte(`"id"`))
		if !ok {
			continue
		}
		_, value, _ = bytes.Cut(value, []byte{'"'})
		if id, _, ok := bytes.Cut(value, []byte{'"'}); ok && len(wanted) < maxTargets {
			wanted[string(id)] = true
		}
	}
}
