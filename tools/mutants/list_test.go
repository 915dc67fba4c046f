package main

import (
	"path/filepath"
	"testing"
)

// The list follows the program: a text that moved or changed is corrected here, not when all mutants are tried at night.
func TestEveryMutantHasItsTextOnce(t *testing.T) {
	t.Parallel()
	for i := range list {
		if _, err := list[i].text(filepath.Join("..", "..")); err != nil {
			t.Error(err)
		}
	}
}
