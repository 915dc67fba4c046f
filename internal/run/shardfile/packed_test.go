package shardfile

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/run/lines"
)

// fill gives a value to every field.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("a text \x00\xff")
	case reflect.Slice:
		v.SetBytes([]byte(`{"a": 1}`))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1 << 40)
	case reflect.Float64:
		v.SetFloat(0.5)
	}
}

// zeros are the names of a struct's fields without a value.
func zeros(v any) (names []string) {
	of := reflect.ValueOf(v)
	for i := range of.NumField() {
		if of.Field(i).IsZero() {
			names = append(names, of.Type().Field(i).Name)
		}
	}
	return names
}

// TestWhatALineSaysIsKept fails where a field is added that is not kept: what the journal takes from elsewhere is listed here.
func TestWhatALineSaysIsKept(t *testing.T) {
	t.Parallel()
	full := Found{At: 3}
	fill(reflect.ValueOf(&full.Outcome).Elem())
	full.Next = &Queued{Attempt: 2, Class: quarry.ClassTruncated, MaxTokens: 8192, Answer: "an \"answer\"", Complaint: "cut"}
	packed := full.pack(nil)
	var u unpacker
	got, err := u.unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	clear(packed) // nothing of it is used
	if lost, want := zeros(got.Outcome), []string{"Order", "Parts", "Earlier"}; !slices.Equal(lost, want) {
		t.Errorf("of an outcome %v are not kept, want %v", lost, want)
	}
	elsewhere := []string{"ID", "RequestedModel", "Region", "Mode", "Parts", "CostUSD", "SameAs", "Similarity", "Document", "CorrectedBy", "CorrectedAt"}
	if lost := zeros(got.Outcome.Result); !slices.Equal(lost, elsewhere) {
		t.Errorf("of a result %v are not kept, want %v", lost, elsewhere)
	}
	want, from := reflect.ValueOf(&full.Outcome.Result).Elem(), reflect.ValueOf(got.Outcome.Result)
	for i := range from.NumField() {
		if !from.Field(i).IsZero() && !reflect.DeepEqual(from.Field(i).Interface(), want.Field(i).Interface()) {
			t.Errorf("%s is %v, want %v", from.Type().Field(i).Name, from.Field(i), want.Field(i))
		}
	}
	same := got.Outcome.RecordID == full.Outcome.RecordID && got.Outcome.Class == full.Outcome.Class && got.Outcome.Doubled == full.Outcome.Doubled
	if !same || !reflect.DeepEqual(got.Next, full.Next) {
		t.Errorf("unpack gives %+v and %+v, want %+v and %+v", got.Outcome, got.Next, full.Outcome, full.Next)
	}
	empty, err := u.unpack((&Found{}).pack(nil))
	if err != nil || !reflect.DeepEqual(empty, Found{}) {
		t.Errorf("unpack of nothing gives %+v, %v", empty, err)
	}
	packed = full.pack(nil)
	for n := range len(packed) {
		if _, err := u.unpack(packed[:n]); err == nil {
			t.Fatalf("unpack of %d of %d bytes gives no error", n, len(packed))
		}
	}
	if _, err := u.unpack(append(packed, 0)); err == nil {
		t.Error("unpack with a byte too many gives no error")
	}
}

// BenchmarkLoose compares with keeping the line as JSON.
func BenchmarkLoose(b *testing.B) {
	f := Found{Outcome: Outcome{RecordID: "post_1-0123456789ab-a1", Class: quarry.ClassOK, Result: quarry.Result{
		Status: quarry.StatusOK, Attempts: 1, RecordID: "post_1-0123456789ab-a1", Model: "a-model",
		Job: "arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/x", StopReason: "end_turn", Usage: quarry.Usage{InputTokens: 492, OutputTokens: 167},
		Output: json.RawMessage(`{"title_en":"` + strings.Repeat("A title. ", 20) + `","summary_ja":"` + strings.Repeat("要約です。", 40) + `"}`),
	}}}
	b.Run("packed", func(b *testing.B) {
		var u unpacker
		var line []byte
		for b.Loop() {
			line = f.pack(line[:0])
			if _, err := u.unpack(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("JSON", func(b *testing.B) {
		var r lines.Reader
		var line []byte
		for b.Loop() {
			var o Outcome
			line, _ = f.Outcome.AppendLine(line[:0])
			if err := r.Read(line, &o); err != nil {
				b.Fatal(err)
			}
		}
	})
}
