package ollama_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// trained is the context length that the tiny model claims to be trained with, in tokens.
const trained = 2048

// tinyModel is a Llama model of one layer with random weights and a byte-level vocabulary, in the format of
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Its answers are noise. All else is the server's: usage, stop reasons,
// cut prompts, JSON by grammar.
func tinyModel() []byte {
	const width, hidden = 64, 128
	var tokens []string
	var kinds []int32
	add := func(kind int32, names ...string) {
		for _, name := range names {
			tokens, kinds = append(tokens, name), append(kinds, kind)
		}
	}
	const normal, unknown, control, byteKind = 1, 2, 3, 6
	add(unknown, "<unk>")
	add(control, "<s>", "</s>")
	for i := range 256 {
		add(byteKind, fmt.Sprintf("<0x%02X>", i))
	}
	add(normal, "▁the", "▁a", "▁of", "▁stone", "e", "t", "a", "o", "n", "i", "s", "r", "▁", "{", "}", `"`, ":", ",", ".")
	scores := make([]float32, len(tokens))
	for i := range scores {
		scores[i] = -float32(i)
	}

	var g gguf
	g.text("general.architecture", "llama")
	g.text("general.name", "tiny")
	g.number("general.file_type", 0)
	g.number("llama.block_count", 1)
	g.number("llama.context_length", trained)
	g.number("llama.embedding_length", width)
	g.number("llama.feed_forward_length", hidden)
	g.number("llama.vocab_size", uint32(len(tokens)))
	g.number("llama.attention.head_count", 4)
	g.number("llama.attention.head_count_kv", 4)
	g.number("llama.rope.dimension_count", 16)
	g.value("llama.attention.layer_norm_rms_epsilon", kindFloat, float32(1e-5))
	g.text("tokenizer.ggml.model", "llama")
	g.list("tokenizer.ggml.tokens", kindText, len(tokens))
	for _, t := range tokens {
		g.string(&g.meta, t)
	}
	g.list("tokenizer.ggml.scores", kindFloat, len(scores))
	g.put(&g.meta, scores)
	g.list("tokenizer.ggml.token_type", kindInt, len(kinds))
	g.put(&g.meta, kinds)
	g.number("tokenizer.ggml.bos_token_id", 1)
	g.number("tokenizer.ggml.eos_token_id", 2)
	g.number("tokenizer.ggml.unknown_token_id", 0)

	vocabulary := uint64(len(tokens))
	draw := rand.New(rand.NewPCG(1, 1))
	g.tensor(draw, "token_embd.weight", width, vocabulary)
	g.tensor(nil, "output_norm.weight", width)
	g.tensor(draw, "output.weight", width, vocabulary)
	g.tensor(nil, "blk.0.attn_norm.weight", width)
	for _, name := range []string{"q", "k", "v", "output"} {
		g.tensor(draw, "blk.0.attn_"+name+".weight", width, width)
	}
	g.tensor(nil, "blk.0.ffn_norm.weight", width)
	g.tensor(draw, "blk.0.ffn_gate.weight", width, hidden)
	g.tensor(draw, "blk.0.ffn_up.weight", width, hidden)
	g.tensor(draw, "blk.0.ffn_down.weight", hidden, width)
	return g.bytes()
}

// gguf collects the parts of a file.
type gguf struct {
	meta, infos, data bytes.Buffer
	values, tensors   uint64
}

// The types of metadata values.
const (
	kindUint  = uint32(4)
	kindInt   = uint32(5)
	kindFloat = uint32(6)
	kindText  = uint32(8)
	kindList  = uint32(9)
)

const alignment = 32

func (g *gguf) put(to *bytes.Buffer, v any) {
	if err := binary.Write(to, binary.LittleEndian, v); err != nil {
		panic(err) // a buffer takes everything; a type of no fixed size is a mistake here
	}
}

func (g *gguf) string(to *bytes.Buffer, s string) {
	g.put(to, uint64(len(s)))
	to.WriteString(s)
}

func (g *gguf) key(name string, kind uint32) {
	g.values++
	g.string(&g.meta, name)
	g.put(&g.meta, kind)
}

func (g *gguf) value(name string, kind uint32, v any) {
	g.key(name, kind)
	g.put(&g.meta, v)
}

func (g *gguf) number(name string, n uint32) { g.value(name, kindUint, n) }

func (g *gguf) text(name, s string) {
	g.key(name, kindText)
	g.string(&g.meta, s)
}

func (g *gguf) list(name string, kind uint32, n int) {
	g.value(name, kindList, kind)
	g.put(&g.meta, uint64(n))
}

// tensor adds one of 32-bit floats: random ones, or ones alone where nothing is drawn from.
func (g *gguf) tensor(draw *rand.Rand, name string, shape ...uint64) {
	g.tensors++
	g.string(&g.infos, name)
	g.put(&g.infos, uint32(len(shape)))
	g.put(&g.infos, shape)
	g.put(&g.infos, uint32(0)) // F32
	g.put(&g.infos, uint64(g.data.Len()))
	n := uint64(1)
	for _, d := range shape {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = 1
		if draw != nil {
			values[i] = float32(0.05 * draw.NormFloat64())
		}
	}
	g.put(&g.data, values)
	g.data.Write(make([]byte, -g.data.Len()&(alignment-1)))
}

func (g *gguf) bytes() []byte {
	var out bytes.Buffer
	out.WriteString("GGUF")
	g.put(&out, uint32(3))
	g.put(&out, []uint64{g.tensors, g.values})
	out.Write(g.meta.Bytes())
	out.Write(g.infos.Bytes())
	out.Write(make([]byte, -out.Len()&(alignment-1)))
	out.Write(g.data.Bytes())
	return out.Bytes()
}
