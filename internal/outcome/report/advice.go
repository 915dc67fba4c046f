package report

import (
	"cmp"
	"maps"
	"slices"

	"quarry"
	"quarry/internal/base/shown"
)

// trouble is one kind of error and how many documents ended with it.
type trouble struct {
	Kind    string
	Count   string
	Share   string
	Meaning string
	Advice  string
	// Examples are ids of documents.
	Examples string
}

// advised says of each kind what happened and what a person can do about it.
func advised(kind string) (meaning, advice string) {
	switch kind {
	case string(quarry.ClassTruncated):
		return "The answer reached max_tokens before it was complete, in every attempt.",
			"Raise max_tokens. That changes every request, so all documents would be sent and paid for again: put these documents into a separate run, with another --dir."
	case string(quarry.ClassRefused):
		return "The model declined to answer.",
			"Read these documents in failed.jsonl. Another model (--model) or a system prompt that says what the texts are for may answer them."
	case string(quarry.ClassNotJSON):
		return "The answer holds no JSON, although JSON was requested.",
			"Name the keys in the prompt, or choose a model that accepts a schema; failed.jsonl has the answers."
	case string(quarry.ClassSchema):
		return "The answer is JSON, but the schema rejects it.",
			"failed.jsonl names the member at fault. Relax the schema where it asks for too much, or make the prompt more precise."
	case string(quarry.ClassWrongLanguage):
		return "A part of the answer is in the wrong language or is missing.",
			"Name the language of each key in the prompt; small models often need it in that language."
	case string(quarry.ClassAnotherInput):
		return "Lines of output echo the request of another record, so their answers are not used.",
			"They are billed and kept in raw/. Ask the provider. A run in another --dir sends and pays for these documents again."
	case string(quarry.ClassRecordError):
		return "The provider refused these records permanently.",
			"Read the provider's messages in failed.jsonl, fix what they name, then rerun the same command."
	case string(quarry.ClassPromptCut):
		return "The back end truncated the prompt to its context size and answered a part of the document.",
			"Start it with a larger context (OLLAMA_CONTEXT_LENGTH, --max-model-len, --ctx-size) and rerun the same command, or cut the texts with --max-text-tokens."
	case string(quarry.ClassThrottled):
		return "A quota or the provider's capacity was used up, in every attempt.",
			"Rerun the same command later, or raise --attempts. Nothing was paid for these."
	case string(quarry.ClassDown):
		return "The model or its server failed or could not be reached, in every attempt.",
			"Check that the model's server runs, then rerun the same command. Nothing was paid for these."
	case string(quarry.ClassNoReply):
		return "Two on-demand calls for each of these had no reply. Both may have been answered and billed, so there was no third call.",
			"Check the network, then rerun the same command, which sends each once more. The provider's bill shows what was paid; quarry audit names the records."
	case string(quarry.ClassMissing):
		return "The output holds no line for these records.",
			"Rerun the same command. The provider's bill shows whether they were paid for; quarry audit compares what is known."
	case string(quarry.ClassUnreadable):
		return "The output has lines of these records, but neither an answer nor an error can be read from them.",
			"failed.jsonl names the file and line of each. The provider's bill shows whether they were paid for. Rerunning the same command sends them again."
	case string(quarry.ClassDuplicate):
		return "The provider gave more than one line for a record; one was kept.", "Nothing to do: the output names both."
	case quarry.KindEmpty:
		return "No text was left after cleaning, so nothing was sent to the model.",
			"Nothing to do if the documents hold only pictures; otherwise quarry clean --stats shows what was removed from each."
	case quarry.KindBelowMinimum:
		return "Too few records were left for one more job.",
			"Rerun the same command with --rescue, which sends them on demand, at the on-demand price."
	}
	return "", "failed.jsonl has the message of each document."
}

// maxTroubles bounds the table of errors: kinds are few, unless a provider makes them up.
const maxTroubles = 40

// troubles lists the kinds of error, the most frequent first. The number of kinds left out is given too.
func troubles(r *Report) ([]trouble, int) {
	kinds := slices.SortedFunc(maps.Keys(r.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Errors[b], r.Errors[a]), cmp.Compare(a, b))
	})
	left := max(0, len(kinds)-maxTroubles)
	var list []trouble
	for _, kind := range kinds[:len(kinds)-left] {
		t := trouble{Kind: orUnknown(shown.Line(kind, 80)), Count: number(r.Errors[kind]), Share: share(r.Errors[kind], r.Documents.Total)}
		t.Meaning, t.Advice = advised(kind)
		list = append(list, t)
	}
	return list, left
}
