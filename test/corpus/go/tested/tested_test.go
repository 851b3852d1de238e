// Package tested has tests of all outcomes.
package tested

import (
	"fmt"
	"log"
	"testing"
	"time"
)

func TestOK(t *testing.T) {
	t.Log("fine")
	fmt.Println("a line on standard output")
}

func TestLog(t *testing.T) {
	log.Print("through package log")
	t.Log("key=value", 42)
}

func TestSub(t *testing.T) {
	t.Run("case one", func(t *testing.T) { t.Errorf("got %d, want %d", 1, 2) })
	t.Run("case/two", func(t *testing.T) { t.Log("first\nsecond\n  third") })
	t.Run("parallel", func(t *testing.T) {
		t.Parallel()
		t.Fatal("failed:\n\twith a second line")
	})
}

func TestSkip(t *testing.T) { t.Skip("not today") }

func TestPanic(*testing.T) {
	var m map[string]int
	m["a"] = 1
}

func TestSlow(*testing.T) { time.Sleep(time.Minute) }

func BenchmarkAppend(b *testing.B) {
	for b.Loop() {
		_ = append([]byte(nil), "text"...)
	}
}

func BenchmarkSprint(b *testing.B) {
	for b.Loop() {
		_ = fmt.Sprint(42)
	}
}
