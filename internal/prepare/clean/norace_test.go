//go:build !race

package clean_test

const raceDetector = false
