package export

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/figure"
)

// What a worksheet holds
// (https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3). The largest
// number is rounded down; digits after the 15th are lost in it.
const (
	sheetRows      = 1_048_576
	cellCharacters = 32_767 // in UTF-16
	cellInteger    = 999_999_999_999_999
	cellLargest    = 9.9e307
)

// xlsxWriter writes a workbook of Office Open XML (ECMA-376): the table on one sheet, and on further sheets, each with the names of
// the columns, where it has more rows than a sheet holds. Texts are cells of the type text, so none is a formula; numbers and
// booleans are cells of their types where Excel keeps every digit, texts otherwise. Null and missing are no cell.
type xlsxWriter struct {
	rower
	out    *atomicfile.Writer
	zip    *zip.Writer
	sheet  io.Writer
	sheets int
	rows   int // on this sheet
	most   int // on a sheet
	line   []byte
}

func createXLSX(e *effect.Effects, path string, columns *Columns) (Writer, error) {
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	w := &xlsxWriter{rower: rower{columns: columns}, out: out, zip: zip.NewWriter(out), most: sheetRows}
	if err := w.begin(); err != nil {
		out.Abort()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return w, nil
}

const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainNS    = `http://schemas.openxmlformats.org/spreadsheetml/2006/main`
	relNS     = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	packageNS = `http://schemas.openxmlformats.org/package/2006/`
	ooxmlType = `application/vnd.openxmlformats-officedocument.spreadsheetml.`
)

// begin starts a sheet.
func (w *xlsxWriter) begin() (err error) {
	w.sheets++
	w.rows = 0
	if w.sheet, err = w.zip.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", w.sheets)); err != nil {
		return err
	}
	if _, err := io.WriteString(w.sheet, xmlHead+`<worksheet xmlns="`+mainNS+`"><sheetData>`); err != nil {
		return err
	}
	w.open()
	for i := range w.columns.all {
		w.text(i, w.columns.all[i].name)
	}
	return w.close()
}

func (w *xlsxWriter) end() error {
	_, err := io.WriteString(w.sheet, `</sheetData></worksheet>`)
	return err
}

// Write adds a row.
func (w *xlsxWriter) Write(_ context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	if w.rows == w.most {
		if err := w.end(); err != nil {
			return err
		}
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.open()
	for i := range cells {
		c, col := &cells[i], &w.columns.all[i]
		switch {
		case c.absent():
		case col.kind == boolean:
			w.value(i, ` t="b"`, strconv.FormatInt(c.n, 10))
		case col.figure, col.kind == integer && c.n <= cellInteger && c.n >= -cellInteger, col.kind == double && fits(c.f):
			w.value(i, "", c.asText())
		default:
			s := c.asText()
			if n := characters(s); n > cellCharacters {
				return fmt.Errorf("%s of document %.80q has %s, a cell of xlsx at most %s: %w", col.name, r.ID,
					figure.Count(int64(n), "character"), figure.Thousands(cellCharacters), ErrUnfit)
			}
			w.text(i, s)
		}
	}
	return w.close()
}

func fits(f float64) bool {
	return f == 0 || math.Abs(f) <= cellLargest && math.Abs(f) >= 1/cellLargest
}

func (w *xlsxWriter) open() {
	w.rows++
	w.line = append(strconv.AppendInt(append(w.line[:0], `<row r="`...), int64(w.rows), 10), `">`...)
}

func (w *xlsxWriter) close() error {
	_, err := w.sheet.Write(append(w.line, `</row>`...))
	return err
}

func (w *xlsxWriter) value(column int, kind, s string) {
	w.line = append(w.name(append(w.line, `<c r="`...), column), `"`...)
	w.line = append(append(append(append(w.line, kind...), `><v>`...), s...), `</v></c>`...)
}

func (w *xlsxWriter) text(column int, s string) {
	w.line = append(w.name(append(w.line, `<c r="`...), column), `" t="inlineStr"><is><t xml:space="preserve">`...)
	w.line = append(appendXML(w.line, s), `</t></is></c>`...)
}

// name appends the name of a cell of this row, such as AB7.
func (w *xlsxWriter) name(dst []byte, column int) []byte {
	var letters [3]byte
	at := len(letters)
	for n := column + 1; n > 0; n = (n - 1) / 26 {
		at--
		letters[at] = byte('A' + (n-1)%26)
	}
	return strconv.AppendInt(append(dst, letters[at:]...), int64(w.rows), 10)
}

// characters counts as Excel does, in UTF-16.
func characters(s string) int {
	if len(s) <= cellCharacters {
		return len(s) // not more than this
	}
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// appendXML appends a text as an ST_Xstring (ECMA-376 part 1, 22.9.2.19): what XML cannot hold is written _xHHHH_, and the underscore of a
// text that looks like one is written that way too. A carriage return is a reference, since a parser of XML makes a line feed of it.
func appendXML(dst []byte, s string) []byte {
	for i, r := range s {
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '\r':
			dst = append(dst, "&#13;"...)
		case r == '_' && escaped(s[i:]):
			dst = append(dst, "_x005F_"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			dst = fmt.Appendf(dst, "_x%04X_", r)
		default:
			dst = append(dst, string(r)...)
		}
	}
	return dst
}

// escaped reports whether a text begins like the escape of a character.
func escaped(s string) bool {
	return len(s) >= 7 && s[:2] == "_x" && s[6] == '_' && strings.Trim(s[2:6], "0123456789abcdefABCDEF") == ""
}

// Close makes the file appear.
func (w *xlsxWriter) Close(context.Context) error {
	if err := w.finish(); err != nil {
		w.out.Abort()
		return fmt.Errorf("write xlsx: %w", err)
	}
	return w.out.Commit()
}

// finish writes the last sheet's end and the parts that name the sheets.
func (w *xlsxWriter) finish() error {
	if err := w.end(); err != nil {
		return err
	}
	var types, book, links strings.Builder
	for n := 1; n <= w.sheets; n++ {
		name := "results"
		if n > 1 {
			name = fmt.Sprintf("results %d", n)
		}
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, n, ooxmlType)
		fmt.Fprintf(&book, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, name, n, n)
		fmt.Fprintf(&links, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, n, relNS, n)
	}
	relationships := func(list string) string {
		return `<Relationships xmlns="` + packageNS + `relationships">` + list + `</Relationships>`
	}
	for _, part := range [][2]string{
		{"xl/workbook.xml", `<workbook xmlns="` + mainNS + `" xmlns:r="` + relNS + `"><sheets>` + book.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", relationships(links.String())},
		{"_rels/.rels", relationships(`<Relationship Id="rId1" Type="` + relNS + `/officeDocument" Target="xl/workbook.xml"/>`)},
		{"[Content_Types].xml", `<Types xmlns="` + packageNS + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + ooxmlType + `sheet.main+xml"/>` + types.String() + `</Types>`},
	} {
		out, err := w.zip.Create(part[0])
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, xmlHead+part[1]); err != nil {
			return err
		}
	}
	return w.zip.Close()
}

// Abort throws the file away.
func (w *xlsxWriter) Abort() { w.out.Abort() }
