package export

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/base/effect"
)

func TestMoreRowsThanASheetHoldsAreOnFurtherSheets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.xlsx")
	columns, err := Find(t.Context(), strings.NewReader(""), Config{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := createXLSX(effect.New(nil), path, columns)
	if err != nil {
		t.Fatal(err)
	}
	w.(*xlsxWriter).most = 3
	for i := range 5 {
		if err := w.Write(context.Background(), Row{Result: &quarry.Result{ID: quarry.DocumentID(fmt.Sprint("doc-", i)), Status: quarry.StatusOK}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for n, want := range []string{"doc-0 doc-1", "doc-2 doc-3", "doc-4"} {
		f, err := files.Open(fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1))
		if err != nil {
			t.Fatal(err)
		}
		sheet, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if rows := strings.Count(string(sheet), "<row "); rows != 1+len(strings.Fields(want)) || strings.Count(string(sheet), ">status<") != 1 {
			t.Errorf("sheet %d has %d rows: %s", n+1, rows, sheet)
		}
		for id := range strings.FieldsSeq(want) {
			if !strings.Contains(string(sheet), ">"+id+"<") {
				t.Errorf("sheet %d lacks %s", n+1, id)
			}
		}
	}
}
