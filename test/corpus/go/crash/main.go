// Command crash ends in the way that its argument names.
package main

import (
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Order is what the program fails to handle.
type Order struct {
	ID    int
	Items []string
}

// StatusError is an error with a type of its own.
type StatusError struct {
	Code int
	Text string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Text) }

// Color is a Stringer.
type Color int

func (Color) String() string { return "blue" }

// Ship handles the order; it can't.
func (o *Order) Ship(to string) string { return to + o.Items[o.ID] }

func handle(o *Order) string { return o.Ship("Vienna") }

// Max is generic.
func Max[T any](all []T, n int) T { return all[n] }

func ways() map[string]func() {
	return map[string]func(){
		"string":      func() { panic("boom") },
		"error":       func() { panic(errors.New("connection refused")) },
		"wrapped":     func() { panic(fmt.Errorf("load user %d: %w", 42, os.ErrNotExist)) },
		"joined":      func() { panic(errors.Join(errors.New("first cause"), errors.New("second cause"))) },
		"customerror": func() { panic(&StatusError{503, "unavailable"}) },
		"stringer":    func() { panic(Color(3)) },
		"struct":      func() { panic(Order{42, []string{"a", "b c"}}) },
		"int":         func() { panic(42) },
		"multiline":   func() { panic("first line\nsecond line\n\tthird line, indented\n\nfifth line") },
		"nilpanic":    func() { panic(nil) },
		"nilderef":    func() { fmt.Println(handle(nil)) },
		"nilmap":      func() { var m map[string]int; m["a"] = 1 },
		"index":       func() { fmt.Println(handle(&Order{ID: 7, Items: []string{"a"}})) },
		"slice":       func() { n := len(os.Args) + 5; fmt.Println([]int{1, 2, 3}[n:]) },
		"divide":      func() { n := len(os.Args) - 2; fmt.Println(1 / n) },
		"typeassert":  func() { var v any = "text"; fmt.Println(v.(error)) },
		"closeclosed": func() { c := make(chan int); close(c); close(c) },
		"quoted":      func() { panic(`{"level":"info","msg":"not a record"}`) },
		"long":        func() { panic(strings.Repeat("a long message ", 200)) },
		"generic":     func() { fmt.Println(Max([]string{"a"}, len(os.Args)+3)) },
		"closure":     func() { func() { func() { panic("inner") }() }() },
		"method":      func() { (&Order{ID: 3}).Ship("Graz") },
		"deep":        func() { deep(60) },
		"goroutine": func() {
			var wg sync.WaitGroup
			wg.Go(func() { panic("in a goroutine") })
			wg.Wait()
		},
		"indefer": func() {
			defer func() { panic("second, in a deferred call") }()
			panic("first")
		},
		"repanic": func() {
			defer func() { panic(recover()) }()
			panic("again and again")
		},
		"recoverwrap": func() {
			defer func() { panic(fmt.Errorf("wrapped: %v", recover())) }()
			panic("the cause")
		},
		"many": func() {
			for i := range 5 {
				go worker(i)
			}
			time.Sleep(20 * time.Millisecond)
			panic("with company")
		},
		"wait": func() {
			var mu sync.Mutex
			mu.Lock()
			for i := range 20 {
				go worker(i)
			}
			go func() { mu.Lock() }()
			time.Sleep(time.Hour)
		},
		"deadlock":  func() { <-make(chan int) },
		"waitgroup": func() { var wg sync.WaitGroup; wg.Add(1); go func() { select {} }(); wg.Wait() },
		"mapwrites": func() {
			m := map[int]int{}
			for range 4 {
				go func() {
					for i := 0; ; i++ {
						m[i%7] = i
					}
				}()
			}
			time.Sleep(time.Second)
		},
		"overflow": func() { debug.SetMaxStack(1 << 16); fmt.Println(deeper(1)) },
		"unlock":   func() { var mu sync.Mutex; mu.Unlock() },
		"oom":      func() { debug.SetGCPercent(-1); fmt.Println(len(make([]byte, 1<<46))) },
		"race": func() {
			n := 0
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() { n++ })
			}
			wg.Wait()
			os.Exit(n % 2)
		},
		"garbage": func() {
			var keep [][]byte
			for i := range 60 {
				keep = append(keep, make([]byte, 1<<18))
				if i%20 == 0 {
					keep = nil
				}
				time.Sleep(200 * time.Microsecond)
			}
		},
		"exit": func() {},
		"slog": func() {
			l := slog.New(slog.NewJSONHandler(os.Stdout, nil))
			l.Info("server started", "addr", ":8080")
			l.Error("about to fail", "attempt", 3)
			panic(&StatusError{500, "broken"})
		},
		"recovered": func() {
			log.Print("server started")
			func() {
				defer func() { log.Printf("recovered: %v\n%s", recover(), debug.Stack()) }()
				handle(nil)
			}()
			log.Print("going on")
		},
	}
}

func worker(n int) {
	c := make(chan int)
	if n%2 == 0 {
		<-c
	}
	select {
	case c <- n:
	case <-time.After(time.Hour):
	}
}

func deep(n int) {
	if n == 0 {
		panic("at the bottom")
	}
	deep(n - 1)
}

func deeper(n int) int { return deeper(n+1) + n }

func main() {
	way, ok := ways()[os.Args[1]]
	if !ok {
		log.Fatalf("%q is no way to end", os.Args[1])
	}
	way()
}
