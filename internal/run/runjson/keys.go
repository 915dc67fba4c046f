package runjson

import (
	"crypto/sha256"
	"encoding/hex"

	"quarry"
)

// Key is the key of run.json.
func Key(id quarry.RunID) string { return id.Prefix() + "run.json" }

// InputKey is the key of a shard's input file. Each has a prefix of its own, since Bedrock takes every .jsonl under a folder.
func InputKey(id quarry.RunID, shard quarry.ShardID) string {
	return id.Prefix() + "in/" + string(shard) + "/" + string(shard) + ".jsonl"
}

// OutputPrefix is the prefix of the output of a shard's jobs, which must not be under that of the input.
func OutputPrefix(id quarry.RunID, shard quarry.ShardID) string {
	return id.Prefix() + "out/" + string(shard) + "/"
}

// IndexPrefix is the prefix of the parts of the index and their notes.
func IndexPrefix(id quarry.RunID) string { return id.Prefix() + "index/" }

// Endings of the names below IndexPrefix, after the shard's id.
const (
	PartEnding = ".jsonl.zst"
	NoteEnding = ".json"
)

// PartKey is the key of a shard's part of the index.
func PartKey(id quarry.RunID, shard quarry.ShardID) string {
	return IndexPrefix(id) + string(shard) + PartEnding
}

// NoteKey is the key of a shard's note.
func NoteKey(id quarry.RunID, shard quarry.ShardID) string {
	return IndexPrefix(id) + string(shard) + NoteEnding
}

// Token is the clientRequestToken of a job: the same name and the same input file, by its digest, give the same one.
func Token(jobName, digest string) string {
	sum := sha256.Sum256([]byte(jobName + "\n" + digest))
	return hex.EncodeToString(sum[:])
}
