//go:build race

package site

// raced says that the tests run under the race detector.
const raced = true
