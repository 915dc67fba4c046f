package report

import (
	"cmp"
	"maps"
	"slices"

	"quarry"
)

// trouble is one kind of error and how many documents ended with it.
type trouble struct {
	Kind    string
	Count   string
	Share   string
	Meaning string
	Advice  string
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
		return "The answer holds no JSON, though JSON was asked for.",
			"Name the keys in the prompt, or choose a model that takes a schema; failed.jsonl has what was said instead."
	case string(quarry.ClassSchema):
		return "The answer is JSON, but the schema rejects it.",
			"failed.jsonl names the member at fault. Relax the schema where it asks for too much, or make the prompt more precise."
	case string(quarry.ClassWrongLanguage):
		return "A part of the answer is in another language than was asked for, or is missing.",
			"Say the language of each key in the prompt; small models often need it in that language."
	case string(quarry.ClassAnotherInput):
		return "Lines of output echo the request of another record, so their answers are not taken.",
			"They are paid and kept in raw/. Ask the provider; a run in another --dir asks these documents, and pays for them, again."
	case string(quarry.ClassRecordError):
		return "The provider refused these records for good.",
			"Read the provider's messages in failed.jsonl, fix what they name, then rerun the same command."
	case string(quarry.ClassPromptCut):
		return "The back end cut the prompt to what its context holds, and answered a part of the document.",
			"Start it with a larger context (OLLAMA_CONTEXT_LENGTH, --max-model-len, --ctx-size) and run the same command again, or cut the texts with --max-text-tokens."
	case string(quarry.ClassThrottled):
		return "A quota or the provider's capacity was used up, in every attempt.",
			"Rerun the same command later, or raise --attempts. Nothing was paid for these."
	case string(quarry.ClassDown):
		return "The model or its server failed or could not be reached, in every attempt.",
			"Check that the model's server runs, then rerun the same command. Nothing was paid for these."
	case string(quarry.ClassNoReply):
		return "Two on-demand calls for each of these had no reply. Both may have been answered and paid, so no third was made.",
			"Check the network, then run the same command again, which asks each once more. The provider's bill decides what was paid; quarry audit names the records."
	case string(quarry.ClassMissing):
		return "The output holds no line for these records.",
			"Run the same command again. The provider's bill decides whether they were paid for: quarry audit compares what is known."
	case string(quarry.ClassUnreadable):
		return "The output has lines of these records with neither an answer nor an error that can be read.",
			"failed.jsonl names the file and line of each. The provider's bill decides whether they were paid for; running the same command again asks them again."
	case string(quarry.ClassDuplicate):
		return "The provider gave more than one line for a record; one was kept.", "Nothing: the output names both."
	case quarry.KindEmpty:
		return "Nothing was left of the text after cleaning, so the model was not asked.",
			"Nothing, if the documents hold only pictures; else quarry clean --stats says what was cut from each."
	case quarry.KindBelowMinimum:
		return "Too few records were left for one more job.",
			"Run the same command with --rescue: it asks them on demand, at the on-demand price."
	}
	return "", "failed.jsonl has the message of each document."
}

// maxTroubles bounds the table of errors: kinds are few, unless a provider makes them up.
const maxTroubles = 40

// troubles lists the kinds of error, the most frequent first. The number of kinds left out is given beside.
func troubles(r *Report) ([]trouble, int) {
	kinds := slices.SortedFunc(maps.Keys(r.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Errors[b], r.Errors[a]), cmp.Compare(a, b))
	})
	left := max(0, len(kinds)-maxTroubles)
	var list []trouble
	for _, kind := range kinds[:len(kinds)-left] {
		t := trouble{Kind: orUnknown(clean(kind, 80)), Count: number(r.Errors[kind]), Share: share(r.Errors[kind], r.Documents.Total)}
		t.Meaning, t.Advice = advised(kind)
		list = append(list, t)
	}
	return list, left
}
