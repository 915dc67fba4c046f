package standin_test

import (
	"testing"

	"quarry/internal/standin"
)

func BenchmarkStart(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(map[bool]string{false: "without fsync", true: "with fsync"}[sync], func(b *testing.B) {
			for b.Loop() {
				server, err := standin.Start(b.Context(), standin.Config{Dir: b.TempDir(), NoSync: !sync})
				if err != nil {
					b.Fatal(err)
				}
				if err := server.Close(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
