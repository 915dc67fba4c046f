package runjson

import (
	"crypto/sha256"
	"encoding/hex"

	"quarry"
)

// Key is where run.json lies.
func Key(id quarry.RunID) string { return id.Prefix() + "run.json" }

// InputKey is where a shard's input file lies. Each has a prefix of its own, since Bedrock takes every .jsonl under a folder.
func InputKey(id quarry.RunID, shard quarry.ShardID) string {
	return id.Prefix() + "in/" + string(shard) + "/" + string(shard) + ".jsonl"
}

// OutputPrefix is where the output of a shard's jobs goes, which must not lie under input.
func OutputPrefix(id quarry.RunID, shard quarry.ShardID) string {
	return id.Prefix() + "out/" + string(shard) + "/"
}

// IndexPrefix is where the parts of the index lie, and the notes beside them.
func IndexPrefix(id quarry.RunID) string { return id.Prefix() + "index/" }

// Endings of the names below IndexPrefix, behind the shard's id.
const (
	PartEnding = ".jsonl.zst"
	NoteEnding = ".json"
)

// PartKey is where a shard's part of the index lies.
func PartKey(id quarry.RunID, shard quarry.ShardID) string {
	return IndexPrefix(id) + string(shard) + PartEnding
}

// NoteKey is where a shard's note lies.
func NoteKey(id quarry.RunID, shard quarry.ShardID) string {
	return IndexPrefix(id) + string(shard) + NoteEnding
}

// Token is the clientRequestToken of a job: the same name and the same input file, by its digest, give the same one.
func Token(jobName, digest string) string {
	sum := sha256.Sum256([]byte(jobName + "\n" + digest))
	return hex.EncodeToString(sum[:])
}
