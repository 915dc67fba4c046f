package prompt

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AnswerLimit reads the limit of answer tokens out of a body of any shape, 0 where it says none. Unlike MaxTokens it
// looks no further than it must, which in bodies of this package is not as far as the text: it is for every call.
func AnswerLimit(modelInput []byte) int64 {
	limit, err := limitIn(jsontext.NewDecoder(bytes.NewReader(modelInput), jsontext.AllowDuplicateNames(true),
		jsontext.AllowInvalidUTF8(true)))
	if err != nil {
		return 0
	}
	return limit
}

// limitIn reads an object from its brace on.
func limitIn(d *jsontext.Decoder) (int64, error) {
	if _, err := d.ReadToken(); err != nil {
		return 0, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return 0, err
		}
		text := name.String()
		switch value := d.PeekKind(); {
		case (text == "inferenceConfig" || text == "inference_config") && value == '{':
			if limit, err := limitIn(d); limit > 0 || err != nil {
				return limit, err
			}
			if _, err := d.ReadToken(); err != nil { // the closing brace
				return 0, err
			}
			continue
		case value != '0':
		case text == "max_tokens", text == "max_completion_tokens", text == "max_gen_len", text == "maxTokens", text == "max_new_tokens":
			v, err := d.ReadValue()
			if err != nil {
				return 0, err
			}
			return strconv.ParseInt(string(v), 10, 64)
		}
		if err := d.SkipValue(); err != nil {
			return 0, err
		}
	}
	return 0, nil
}
