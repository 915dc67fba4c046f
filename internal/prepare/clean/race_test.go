//go:build race

package clean_test

// The race detector's own work grows with memory that is touched, which no ratio of times survives.
const raceDetector = true
