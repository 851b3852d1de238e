package receive

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// stall begins requests whose bodies never come whole.
func stall(t *testing.T, url string, n, declared, sent int) (answers chan string) {
	t.Helper()
	answers = make(chan string, n)
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", NativePath, declared, strings.Repeat("x", sent))
			p, _ := io.ReadAll(c)
			answers <- string(p)
		}()
	}
	return answers
}

func await(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited 20 s in vain")
		}
	}
}

// TestSlowBodiesGiveWay takes all places with bodies that do not come, and all
// memory; a body that comes gets both.
func TestSlowBodiesGiveWay(t *testing.T) {
	for name, h := range map[string]*Handler{
		"places": {MaxRequests: 8},
		"memory": {MaxBytes: 2 * 8 * firstBytes, MaxBody: 2 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			h.Store, h.ReadTimeout = new(fakeStore), time.Hour
			url := serve(t, h)
			answers := stall(t, url, 8, 1<<20, 10)
			await(t, func() bool { return h.Stats.Open.Load() == 8 })
			for range 3 {
				good := "1 " + strings.Repeat("x", 300_000) + "\n"
				await(t, func() bool {
					code, a, _ := do(t, "POST", url+NativePath, "", strings.NewReader(good))
					if code != 200 && code != 503 {
						t.Errorf("got %d %q", code, a)
					}
					return code == 200
				})
			}
			if h.Stats.Slow.Load() == 0 {
				t.Error("nothing gave way")
			}
			if a := <-answers; !strings.HasPrefix(a, "HTTP/1.1 503 ") || !strings.Contains(a, errSlow.Error()) {
				t.Errorf("who gave way was told %q", a)
			}
		})
	}
}

// TestDeclaredLengthIsNotBelieved declares far more than there is memory for.
func TestDeclaredLengthIsNotBelieved(t *testing.T) {
	h := &Handler{Store: new(fakeStore), ReadTimeout: time.Hour, MaxBytes: 2 * 16 * firstBytes, MaxBody: 1 << 30}
	url := serve(t, h)
	stall(t, url, 8, 1<<30, 10)
	await(t, func() bool {
		h.wire.mu.Lock()
		defer h.wire.mu.Unlock()
		return h.wire.used == 8*firstBytes
	})
	if code, a, _ := do(t, "POST", url+NativePath, "", strings.NewReader("1 x\n")); code != 200 {
		t.Errorf("got %d %q", code, a)
	}
	if n := h.Stats.Slow.Load(); n != 0 {
		t.Errorf("%d gave way although there was room", n)
	}
}
