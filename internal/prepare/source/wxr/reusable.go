package wxr

import (
	"bytes"
	"context"
	"slices"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/stream"
)

// reference begins the mark by which a post refers to a reusable block: `<!-- wp:block {"ref":553} /-->`.
var reference = []byte("<!-- wp:block {")

const (
	maxReusable      = 8        // how deep reusable blocks may refer to one another
	maxReusableBytes = 64 << 20 // of all reusable blocks of a file; those after them are not resolved
	maxResolved      = 1 << 20  // bytes that reusable blocks may put into one post
)

// collect reads the reusable blocks of the file that everybody may read: published ones without a password, as WordPress itself
// shows no others (render_block_core_block, https://developer.wordpress.org/reference/functions/render_block_core_block/). They
// may be anywhere in the file, so all of it is looked through once, when the first reference is met. A stream that cannot be read
// again gives none.
func (s *Source) collect(ctx context.Context, file stream.File, f feed) map[string][]byte {
	found := map[string][]byte{}
	total := 0
	f.reusable = nil
	_ = s.chunks(ctx, file, quarry.Position{}, func(c cut.Chunk) bool {
		if !bytes.Contains(c.Data, []byte("wp_block")) {
			return true
		}
		for it := range c.Items() {
			if !bytes.Contains(it.Text, []byte("wp_block")) {
				continue
			}
			obj, reason := f.object(nil, it.Text, &scratch{})
			if reason != "" || !shared(obj) {
				continue
			}
			body := []byte(value(obj, "content"))
			if total += len(body); total > maxReusableBytes {
				return false
			}
			found[value(obj, "post_id")] = body
		}
		return true
	}) // a file that cannot be read again keeps its references; the reading that gives documents says why
	return found
}

// shared reports whether an item is a reusable block that every reader of a post sees.
func shared(obj []byte) bool {
	_, protected := jsonl.Lookup(obj, "protected")
	return value(obj, "post_type") == "wp_block" && value(obj, "status") == "publish" && !protected
}

// A resolver puts reusable blocks in the place of the references to them. What is not in the file keeps its mark, which the cleaner
// counts. The same holds for the reference of a block to itself, and for one that is nested deeper or is longer than the bounds.
type resolver struct {
	blocks map[string][]byte
	open   []string // the ids of the blocks that are being put in
	spent  int      // bytes of blocks that were put in
	out    []byte
}

// resolve gives a post's text with its reusable blocks in it. The id is that of the item that holds the text.
func resolve(text []byte, id string, blocks map[string][]byte) []byte {
	r := resolver{blocks: blocks, open: []string{id}, out: make([]byte, 0, len(text)*2)}
	r.write(text)
	return r.out
}

func (r *resolver) write(text []byte) {
	for {
		n := bytes.Index(text, reference)
		if n < 0 {
			break
		}
		length := bytes.Index(text[n:], []byte("-->"))
		if length < 0 {
			break
		}
		end := n + length + len("-->")
		r.out = append(r.out, text[:n]...)
		if !r.insert(refersTo(text[n+len(reference)-1 : end])) {
			r.out = append(r.out, text[n:end]...)
		}
		text = text[end:]
	}
	r.out = append(r.out, text...)
}

// insert puts a block in, and reports false for one that is not there to be read or that may not be put in here.
func (r *resolver) insert(id string) bool {
	body, ok := r.blocks[id]
	if !ok || len(r.open) > maxReusable || slices.Contains(r.open, id) || r.spent+len(body) > maxResolved {
		return false
	}
	r.spent += len(body)
	r.open = append(r.open, id)
	r.out = append(r.out, "\n\n"...)
	r.write(body)
	r.out = append(r.out, "\n\n"...)
	r.open = r.open[:len(r.open)-1]
	return true
}

// refersTo gives the id in the attributes of a reference; it is empty where they name none.
func refersTo(attributes []byte) string {
	if at := bytes.LastIndexByte(attributes, '}'); at > 0 {
		attributes = attributes[:at+1]
	}
	if jsonl.Check(attributes) != nil {
		return ""
	}
	id, _ := jsonl.Lookup(attributes, "ref")
	return string(bytes.Trim(id, `"`))
}
