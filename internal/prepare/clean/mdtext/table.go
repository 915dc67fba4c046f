package mdtext

import "bytes"

// startTable makes the last line of the open paragraph a table's header, when the line is its delimiter row.
func (p *Parser) startTable(line []byte) bool {
	columns, ok := delimiterRow(line)
	last := len(p.lines) - 1
	if !ok || last < p.leaf.from {
		return false
	}
	header := p.text(last)
	if cells(header) != columns || columns == 1 && bytes.IndexByte(header, '|') < 0 && bytes.IndexByte(line, '|') < 0 {
		return false
	}
	head := p.lines[last]
	begin := p.leaf.begin
	p.lines = p.lines[:last]
	p.closeLeaf(head.from)
	p.lines = append(p.lines, head)
	p.leaf = leaf{kind: table, from: len(p.lines) - 1, begin: begin}
	p.started = true
	p.consume()
	return true
}

// delimiterRow counts the columns of `|---|:-:|`.
func delimiterRow(line []byte) (columns int, ok bool) {
	line = trim(line)
	line = bytes.TrimPrefix(line, []byte("|"))
	line = bytes.TrimSuffix(line, []byte("|"))
	for cell := range bytes.SplitSeq(line, []byte("|")) {
		cell = trim(cell)
		cell = bytes.TrimPrefix(cell, []byte(":"))
		cell = bytes.TrimSuffix(cell, []byte(":"))
		if len(cell) == 0 || run(cell, '-') != len(cell) {
			return 0, false
		}
		columns++
	}
	return columns, columns > 0
}

// cells counts the cells of a row.
func cells(row []byte) int {
	n := 0
	for rest := rowContent(row); rest != nil; n++ {
		_, rest = nextCell(rest)
	}
	return n
}

// rowContent takes the outer borders off a row.
func rowContent(row []byte) []byte {
	row = trim(row)
	row = bytes.TrimPrefix(row, []byte("|"))
	if n := len(row); n > 0 && row[n-1] == '|' && (n < 2 || row[n-2] != '\\') {
		row = row[:n-1]
	}
	if row == nil {
		row = []byte{}
	}
	return row
}

// nextCell cuts the first cell off the content of a row; rest is nil after the last one.
func nextCell(content []byte) (cell, rest []byte) {
	for i := 0; i < len(content); i++ {
		switch content[i] {
		case '\\':
			i++
		case '|':
			return trim(content[:i]), content[i+1:]
		}
	}
	return trim(content), nil
}

// writeTable writes a table row by row.
func (p *Parser) writeTable(lines span) {
	p.R.Table()
	for n := lines.from; n < lines.to; n++ {
		p.R.Row()
		for rest := rowContent(p.text(n)); rest != nil; {
			var cell []byte
			cell, rest = nextCell(rest)
			p.R.Cell()
			p.cell = unescapePipes(p.cell[:0], cell)
			p.inlines(p.cell)
			p.R.EndCell()
		}
		p.R.EndRow()
	}
	p.R.Table()
}

// unescapePipes takes the backslash off an escaped pipe, in code too.
func unescapePipes(out, cell []byte) []byte {
	for i := 0; i < len(cell); i++ {
		if cell[i] == '\\' && i+1 < len(cell) && cell[i+1] == '|' {
			continue
		}
		out = append(out, cell[i])
	}
	return out
}
