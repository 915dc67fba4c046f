package shardfile

import "quarry"

// Part is one line of a shard's part of the index: which document a record is for. It is in the bucket before the shard's job
// exists, so that another machine can take the job over.
type Part struct {
	ID       quarry.DocumentID `json:"id"`
	Order    int64             `json:"order"`
	RecordID quarry.RecordID   `json:"record_id"`
	Sent     Texts             `json:"sent,omitzero"`   // of its modelInput: compared with the echo in the output
	Tried    int               `json:"tried,omitempty"` // attempts made in earlier passes
	Bad      int               `json:"bad,omitempty"`   // of Tried, those that gave an answer which did not pass its checks: they count
	// Unreached counts attempts whose job was stopped or expired before it looked at the record.
	Unreached int `json:"unreached,omitempty"`
	// Plain: an attempt was refused for the answer schema it carried, so the next ones go without; the refused one counts
	// as none.
	Plain bool `json:"plain,omitempty"`
	// Resent: a call of an earlier attempt had no reply and was made again, which is done once for a record.
	Resent   bool                `json:"resent,omitempty"`
	Parts    int                 `json:"parts,omitempty"` // of a long document: in how many it is sent
	Document quarry.DocumentInfo `json:"document"`
	Cleaned  *Cleaned            `json:"cleaned,omitempty"` // what cleaning left out
	Sample   *Sampled            `json:"sample,omitempty"`  // of the pilot's documents
}

// Cleaned says what cleaning changed in a document, in the record's line of the shard's part of the index.
type Cleaned struct {
	Mode    string              `json:"mode"`              // body or page
	Source  int64               `json:"source"`            // bytes before
	Text    int64               `json:"text"`              // and after
	Cut     bool                `json:"cut,omitempty"`     // at the cap of length
	Dropped map[string][2]int64 `json:"dropped,omitempty"` // rule → how often, and how many bytes of the source
}

// Sampled is what is kept of a pilot's document with its record: the characters that its tokens are compared with, and the text
// that a person sees with its answer.
type Sampled struct {
	Classes  quarry.CharClasses `json:"classes"`
	Japanese bool               `json:"japanese,omitempty"`
	Head     string             `json:"head,omitempty"` // the first line of its text
}
