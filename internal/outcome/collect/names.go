package collect

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes the name of a local file has at most: file systems take 255, and a suffix comes on top.
const maxName = 200

// localNames gives each key below a job's folder a file name of its own. A key is the provider's or a stranger's: it can be
// longer than a file name, climb out of a folder with `..\` on Windows, or differ from another one in nothing but case.
type localNames map[string]bool

// of gives the name for a key: the key with slashes as `__`, or, where that name is not safe or not unique, its readable
// part and a hash of the whole key. It keeps the key's ending, by which output is distinguished from the rest.
func (n localNames) of(key string) string {
	name := strings.ReplaceAll(key, "/", "__")
	if !safeName(name) || strings.Contains(key, "__") || n[strings.ToLower(name)] {
		sum := sha256.Sum256([]byte(key))
		stem := strings.Map(func(r rune) rune {
			if r < ' ' || strings.ContainsRune(unsafeInNames, r) || r == utf8.RuneError {
				return '_'
			}
			return r
		}, strings.TrimSuffix(name, outputSuffix))
		for len(stem) > 80 {
			_, size := utf8.DecodeLastRuneInString(stem)
			stem = stem[:len(stem)-size]
		}
		name = strings.TrimLeft(stem, ".") + "~" + hex.EncodeToString(sum[:8]) + outputSuffix
	}
	n[strings.ToLower(name)] = true
	return name
}

// unsafeInNames are the characters that Windows takes for paths, streams or wildcards.
const unsafeInNames = `\:*?"<>|/`

func safeName(name string) bool {
	if len(name) > maxName || !utf8.ValidString(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, unsafeInNames) {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F }) < 0
}
