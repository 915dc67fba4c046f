package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"quarry"
)

func TestAnUploadThatArrivesDamagedIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, code string
		damaged    int32 // uploads that S3 refuses
		calls      int32 // that are made
		kind       quarry.ErrorKind
		want       string
	}{
		{"a bit flipped once", "BadDigest", 1, 2, 0, ""},
		{"three times", "XAmzContentChecksumMismatch", 3, 4, 0, ""},
		{"the hash of the body", "XAmzContentSHA256Mismatch", 1, 2, 0, ""},
		{"each time", "BadDigest", 100, 4, quarry.Provider, "damaged in 4 tries"},
		{"a refusal of another kind", "AccessDenied", 100, 1, quarry.Denied, "AccessDenied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			var last atomic.Value
			b := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				last.Store(string(body))
				if calls.Add(1) <= tt.damaged {
					w.Header().Set("Content-Type", "application/xml")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", tt.code)
				}
			})
			r := bytes.NewReader([]byte("skipped, sent"))
			if _, err := r.Seek(int64(len("skipped, ")), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			err := b.Put(t.Context(), "k", r)
			if n := calls.Load(); n != tt.calls {
				t.Errorf("%d calls, want %d", n, tt.calls)
			}
			if sent, _ := last.Load().(string); !strings.Contains(sent, "sent") || strings.Contains(sent, "skipped") {
				t.Errorf("sent %q", sent)
			}
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var q *quarry.Error
			if !errors.As(err, &q) || q.Kind != tt.kind || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Put = %v, want %q of kind %v", err, tt.want, tt.kind)
			}
		})
	}
}
