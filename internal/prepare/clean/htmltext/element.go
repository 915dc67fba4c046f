package htmltext

import (
	"bytes"

	"quarry/internal/prepare/clean/rule"
)

// start acts on the start tag of an element that is kept, of the given length in the source.
func (r *Renderer) start(t tag, level uint8, length int) {
	switch t {
	case tagP:
		r.Paragraph()
	case tagA:
		r.W.Link()
		r.supLink = r.supLink || r.at.local
	case tagBlock, tagDialog, tagRoot:
		r.Break(level)
	case tagHeading:
		r.Heading(int(level))
	case tagUL:
		r.List(-1)
	case tagOL:
		r.List(1)
	case tagItem:
		r.Item()
	case tagDT, tagDD:
		r.question = t == tagDT
		r.Definition()
	case tagSummary:
		r.question = true
		r.Break(level)
	case tagButton:
		r.W.Blank()
	case tagTable:
		r.Table()
	case tagRow:
		r.Row()
	case tagCell:
		r.Cell()
	case tagBr:
		r.LineBreak()
	case tagHR:
		r.Break(2)
	case tagImg:
		r.Image(r.at.alt, length)
	case tagPre, tagXmp:
		r.Code()
		if r.at.verse() {
			r.preLines = rule.AllLines
		}
	case tagSup:
		r.superscript()
	case tagOption:
		r.Break(1)
	}
}

// end acts on the end tag of an element that is kept.
func (r *Renderer) end(t tag, level uint8) {
	switch t {
	case tagP:
		r.EndParagraph()
	case tagBlock, tagDialog, tagRoot:
		r.Break(level)
	case tagHeading:
		r.EndHeading()
	case tagUL, tagOL:
		r.EndList()
	case tagItem:
		r.EndItem()
	case tagDT, tagDD:
		r.question = false
		r.EndDefinition()
	case tagSummary:
		r.question = false
		r.Break(level)
	case tagButton:
		r.W.Blank()
	case tagTable:
		r.W.EndRow()
		r.Table()
	case tagRow:
		r.EndRow()
	case tagCell:
		r.EndCell()
	case tagBr:
		r.LineBreak() // HTML5 reads </br> as <br>
	case tagPre, tagXmp:
		r.EndCode()
	case tagSup:
		r.endSuperscript()
	case tagOption:
		r.Break(1)
	}
}

// Image writes the alternative text when a setting keeps it, and counts the image as dropped otherwise.
func (r *Renderer) Image(alt []byte, length int) {
	if !r.Settings.AltText {
		r.Counts.Note(rule.Image, length)
		return
	}
	r.Text(alt)
}

// Code begins a block of code that a setting keeps, EndCode ends it.
func (r *Renderer) Code() {
	r.Break(2)
	r.pre++
	r.preLines = r.Settings.KeptCodeLines()
}

// EndCode ends the block of code.
func (r *Renderer) EndCode() {
	r.pre = max(r.pre-1, 0)
	r.Break(2)
}

// Text writes text of the source, whose character references are decoded.
func (r *Renderer) Text(b []byte) {
	if r.Skipping() {
		return
	}
	if r.pre == 0 {
		for i := 0; i < len(b); {
			if i = r.run(b, i); i < len(b) {
				r.W.Text(b[i : i+1])
				i++
			}
		}
		return
	}
	for len(b) > 0 {
		n := bytes.IndexByte(b, '&')
		if n < 0 {
			r.write(b)
			return
		}
		r.write(b[:n])
		text, length := r.Entities.Decode(b[n:])
		if length == 0 {
			text, length = b[n:n+1], 1
		}
		r.write(text)
		b = b[n+length:]
	}
}

// run writes text from i on, whose references are decoded, up to the next '<', and returns where that is.
func (r *Renderer) run(b []byte, i int) int {
	for {
		i = r.W.Run(b, i)
		if i >= len(b) || b[i] == '<' {
			return i
		}
		text, length := r.Entities.Decode(b[i:])
		if length == 0 {
			text, length = b[i:i+1], 1
		}
		r.W.Text(text)
		i += length
	}
}

func (r *Renderer) write(b []byte) {
	if r.pre == 0 {
		r.W.Text(b)
		return
	}
	for r.preLines > 0 && len(b) > 0 {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			r.W.Verbatim(b)
			return
		}
		r.W.Verbatim(b[:n+1])
		r.preLines--
		b = b[n+1:]
	}
	if len(b) > 0 {
		r.Counts.Note(rule.Code, len(b))
	}
}
