package catalog

import "slices"

// callsOnly are text models that AWS's pages name with their ids
// (https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html) and that the table does not list, because
// no job takes them, only on-demand calls.
var callsOnly = []string{
	"ai21.jamba-1-5-large-v1:0",
	"ai21.jamba-1-5-mini-v1:0",
	"deepseek.r1-v1:0",
	"meta.llama3-70b-instruct-v1:0",
	"meta.llama3-8b-instruct-v1:0",
	"mistral.mistral-7b-instruct-v0:2",
	"mistral.mistral-large-2402-v1:0",
	"mistral.mistral-large-2407-v1:0", // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-large-2407.html
	"mistral.mistral-small-2402-v1:0",
	"mistral.mixtral-8x7b-instruct-v0:1",
	"mistral.pixtral-large-2502-v1:0", // https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-pixtral-large.html
	"writer.palmyra-x4-v1:0",
	"writer.palmyra-x5-v1:0",
}

// CallsOnly reports whether an id is that of a model that AWS's pages name and that takes no jobs.
func CallsOnly(id string) bool {
	plain, _, ok := Split(id)
	return ok && slices.Contains(callsOnly, plain)
}
