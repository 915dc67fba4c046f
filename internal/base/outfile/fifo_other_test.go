//go:build !unix

package outfile_test

import "errors"

func makeFIFO(string) error { return errors.New("no FIFOs here") }
